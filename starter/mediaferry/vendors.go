package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/internal/vendors"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

func (a *app) vendorsCommand() *cobra.Command {
	var template string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "vendors [NAME] [flags]",
		Short: "list the vendors, their fields, limits and settings",
		Long: `vendors lists what media each vendor takes. With a NAME it prints the vendor's fields
for --set and manifests, the settings of its accounts, and its flow; with --template
the head of a manifest for it.`,
		Example: `  mediaferry vendors
  mediaferry vendors closient
  mediaferry vendors truvideo --template csv > videos.csv`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return misused("unexpected argument %q", args[1])
			}
			return nil
		},
		ValidArgs: vendors.Names(),
		RunE: func(_ *cobra.Command, args []string) error {
			p := printer{out: a.stdout, err: a.stderr, json: asJSON}
			chosen, err := chosenVendors(args)
			if err != nil {
				return err
			}
			switch {
			case template != "":
				return p.template(template, chosen)
			case asJSON:
				return p.specs(chosen)
			case len(args) == 0:
				return p.overview(chosen)
			}
			return p.spec(chosen[0])
		},
	}
	cmd.Flags().StringVar(&template, "template", "", "print a manifest's head as csv or jsonl, `FORMAT`")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object a line")
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
		return nil, misused("%s", err)
	}
	return specs, nil
}

func (p printer) overview(specs []*spec.Spec) error {
	rows := [][]string{{"VENDOR", "MEDIA", "UP TO", "FIELDS"}}
	for _, s := range specs {
		for i, r := range s.Takes {
			row := []string{"", mediaWords(r), size(r.MaxBytes), where(r)}
			if i == 0 {
				row[0], row[3] = s.Name, strings.Join(s.FieldNames(), ", ")
			}
			rows = append(rows, row)
		}
	}
	return p.table(rows)
}

// mediaWords are media types, shortened: image/jpeg becomes jpeg.
func mediaWords(r spec.Range) string {
	var words []string
	for _, t := range r.Types {
		_, word, _ := strings.Cut(t, "/")
		words = append(words, strings.TrimPrefix(strings.TrimSuffix(word, "+xml"), "x-"))
	}
	return strings.Join(words, " ")
}

// where is on which condition a vendor takes media; "" for always.
func where(r spec.Range) string {
	if r.Setting == "" {
		return ""
	}
	return "where the account sets " + r.Setting + ": true"
}

func (p printer) spec(s *spec.Spec) error {
	if _, err := fmt.Fprintf(p.out, "%s: %s\n%s\n\nfields\n", s.Title, s.Flow, s.Docs); err != nil {
		return err
	}
	var rows [][]string
	for _, f := range s.Fields {
		doc := f.Doc
		if len(f.Choices) > 0 {
			doc += "; one of " + strings.Join(f.Choices, ", ")
		}
		if f.Required {
			doc += "; required"
		}
		rows = append(rows, []string{"  " + f.Name, string(f.Type), doc})
	}
	if err := p.table(rows); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(p.out, "\nmedia"); err != nil {
		return err
	}
	rows = nil
	for _, r := range s.Takes {
		rows = append(rows, []string{"  up to " + size(r.MaxBytes), strings.Join(r.Types, ", "), where(r)})
	}
	if err := p.table(rows); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(p.out, "\naccount (base_url, by default %s)\n", s.BaseURL); err != nil {
		return err
	}
	rows = nil
	for _, setting := range s.Settings {
		doc := setting.Doc
		if setting.Default != "" {
			doc += "; default " + setting.Default
		}
		rows = append(rows, []string{"  " + setting.Name, doc})
	}
	return p.table(rows)
}

// vendorLine is a vendor as `vendors --json` prints it.
type vendorLine struct {
	Vendor  string      `json:"vendor"`
	Title   string      `json:"title"`
	Flow    string      `json:"flow"`
	Docs    string      `json:"docs"`
	BaseURL string      `json:"base_url"`
	Media   []mediaLine `json:"media"`
	Fields  []fieldLine `json:"fields"`
}

type mediaLine struct {
	Types    []string `json:"types"`
	MaxBytes int64    `json:"max_bytes"`
	Setting  string   `json:"setting,omitempty"`
}

type fieldLine struct {
	Name     string   `json:"name"`
	Type     string   `json:"type"`
	Required bool     `json:"required"`
	Choices  []string `json:"choices,omitempty"`
	Doc      string   `json:"doc"`
}

func (p printer) specs(specs []*spec.Spec) error {
	for _, s := range specs {
		line := vendorLine{Vendor: s.Name, Title: s.Title, Flow: s.Flow, Docs: s.Docs, BaseURL: s.BaseURL}
		for _, r := range s.Takes {
			line.Media = append(line.Media, mediaLine(r))
		}
		for _, f := range s.Fields {
			line.Fields = append(line.Fields, fieldLine{f.Name, string(f.Type), f.Required, f.Choices, f.Doc})
		}
		if err := p.object(line); err != nil {
			return err
		}
	}
	return nil
}

// template prints the columns that a manifest for the vendors may have, the
// required ones first.
func (p printer) template(format string, specs []*spec.Spec) error {
	columns := []string{"source", "to", "id", "content_type", "sha256"}
	for _, required := range []bool{true, false} {
		for _, s := range specs {
			for _, f := range s.Fields {
				if f.Required == required && !slices.Contains(columns, f.Name) {
					columns = append(columns, f.Name)
				}
			}
		}
	}
	switch format {
	case "csv":
		_, err := fmt.Fprintln(p.out, strings.Join(columns, ","))
		return err
	case "jsonl":
		var b strings.Builder
		for i, c := range columns {
			if i > 0 {
				b.WriteString(",")
			}
			fmt.Fprintf(&b, "%q:%s", c, p.blank(c, specs))
		}
		_, err := fmt.Fprintf(p.out, "{%s}\n", b.String())
		return err
	}
	return misused("--template %q is unknown, want csv or jsonl", format)
}

// blank is a column's empty value in JSON.
func (p printer) blank(column string, specs []*spec.Spec) string {
	for _, s := range specs {
		if f, ok := s.Field(column); ok {
			switch f.Type {
			case spec.List:
				return "[]"
			case spec.Object:
				return "{}"
			case spec.Boolean, spec.Integer:
				return "null"
			}
		}
	}
	return `""`
}
