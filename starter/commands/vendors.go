package commands

import (
	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/internal/vendors"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
	"github.com/mediaferry/mediaferry/starter/exit"
)

type vendorsCommand struct{ *given }

func (c vendorsCommand) command() *cobra.Command {
	var template string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "vendors [NAME] [flags]",
		Short: "list the vendors, their fields, limits and settings",
		Long: `vendors lists the media types that each vendor accepts. With a NAME it prints the vendor's
fields for --set and manifests, the settings of its accounts, and the steps of an upload. With
--template it prints the header of a manifest for the vendor.`,
		Example: `  mediaferry vendors
  mediaferry vendors closient
  mediaferry vendors truvideo --template csv > videos.csv`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return exit.Misused("unexpected argument %q", args[1])
			}
			return nil
		},
		ValidArgsFunction: first(words(vendors.Names()...)),
		RunE: func(_ *cobra.Command, args []string) error {
			p := c.Printer(asJSON)
			chosen, err := chosenVendors(args)
			if err != nil {
				return err
			}
			switch {
			case template == "csv", template == "jsonl":
				return p.Template(template == "jsonl", chosen)
			case template != "":
				return exit.Misused("unknown --template %q; use csv or jsonl", template)
			case asJSON:
				return p.VendorObjects(chosen)
			case len(args) == 0:
				return p.Vendors(chosen)
			}
			return p.Vendor(chosen[0])
		},
	}
	cmd.Flags().StringVar(&template, "template", "", "print a manifest header as `FORMAT`: csv or jsonl")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per line")
	return cmd
}

func chosenVendors(args []string) ([]*spec.Spec, error) {
	var specs []*spec.Spec
	for _, v := range vendors.All() {
		if len(args) == 0 || v.Spec().Name == args[0] {
			specs = append(specs, v.Spec())
		}
	}
	if len(specs) == 0 {
		_, err := vendors.Find(args[0])
		return nil, exit.Misused("%s", err)
	}
	return specs, nil
}
