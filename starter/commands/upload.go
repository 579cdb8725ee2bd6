package commands

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/internal/transfer"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
	"github.com/mediaferry/mediaferry/starter/exit"
	"github.com/mediaferry/mediaferry/starter/opening"
)

type uploadCommand struct{ *given }

type uploadFlags struct {
	to, id string
	set    []string
	again  bool
	detach bool
	json   bool
	settle time.Duration
	limit  string

	patience string
}

// settleMost is the longest that a source may be waited for to stop growing.
const settleMost = 24 * time.Hour

func (c uploadCommand) command() *cobra.Command {
	var f uploadFlags
	cmd := &cobra.Command{
		Use:   "upload --to ACCOUNT [flags] SOURCE...",
		Short: "upload files and wait for their media IDs",
		Long: `upload sends each SOURCE (a path, https://, s3://BUCKET/KEY or oss://BUCKET/KEY) to an account
and waits until the vendor has processed it.

You can run the same command again: it attaches to running uploads, prints the results of
finished ones, and retries failed ones. To send a file a second time, use --again.
An upload that is running keeps the --bwlimit and --patience that it was started with.
Use --set for the vendor's own fields; "mediaferry vendors NAME" lists them.

Exit status: 0 all are ready, 3 some are not, 2 misused, 1 could not run.`,
		Example: `  mediaferry upload --to trustana --set 'skuIds=SKU1|SKU2' img/shoe.jpg
  mediaferry upload --to truvideo --set title=Tour --set tags.car=Jeep tour.mp4
  mediaferry upload --to sitoo --set 'entity_id=S1|SKU|NEW|7' https://host/c.png`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return exit.Misused("SOURCE is missing")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, sources []string) error { return c.run(cmd.Context(), f, sources) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.to, "to", "", "upload to `ACCOUNT`")
	flags.StringArrayVar(&f.set, "set", nil, "set a field of the vendor, as `NAME=VALUE`; lists are split at |")
	flags.StringVar(&f.id, "id", "", "use `ID` for the upload (default: derived from source and fields)")
	flags.BoolVar(&f.again, "again", false, "upload again even if an earlier upload is ready")
	flags.BoolVar(&f.detach, "detach", false, "print the UPLOAD_IDs and return; a running engine does the work")
	flags.BoolVar(&f.json, "json", false, "print one JSON object per SOURCE when its upload has ended")
	flags.StringVar(&f.patience, "patience", "", "wait out an outage for `TIME` before the upload fails: 24h, 90m or 0 (default: the account's)")
	flags.StringVar(&f.limit, "bwlimit", "", "limit this upload to `RATE` bytes per second and worker: 512k, 10M or off (default: off)")
	flags.DurationVar(&f.settle, "settle", 0, "wait until a file has not changed for `TIME`, for example 30s (default: refuse a growing file)")
	return cmd
}

func (c uploadCommand) run(ctx context.Context, f uploadFlags, args []string) error {
	if err := c.OpenConfig(); err != nil {
		return err
	}
	items, err := c.uploadItems(f, args)
	if err != nil {
		return err
	}
	if f.detach && !c.EngineRuns(ctx) {
		return &exit.UsageError{Text: "--detach needs a running engine", Hint: "to start one, run in another terminal: mediaferry up"}
	}
	c.Work = "the upload"
	if !f.detach {
		if known, err := c.uploads.Known(ctx, items); err != nil || known != nil {
			return c.printKnown(known, f.json, err)
		}
	}
	if err := c.OpenEngine(ctx, opening.EngineOptions{}); err != nil {
		return err
	}
	missing, err := c.workers.Assign(ctx, items)
	if err != nil {
		return err
	}
	if f.detach && missing.Any() {
		return &exit.UsageError{Text: "--detach needs a running worker", Hint: "to start one, run in another terminal: mediaferry up"}
	}
	if err := c.workers.CheckCredentials(missing, items); err != nil {
		return err
	}
	if err := c.workers.Ensure(ctx, missing); err != nil {
		return err
	}
	if err := c.uploads.Estimate(ctx, items); err != nil {
		return err
	}
	follow, err := c.uploads.Start(ctx, items)
	if err != nil {
		return err
	}
	p := c.Printer(f.json)
	if f.detach {
		return c.uploads.Detach(ctx, follow, p)
	}
	return c.uploads.Wait(ctx, follow, p)
}

// printKnown prints what earlier runs made ready.
func (c uploadCommand) printKnown(known []upload.Result, asJSON bool, err error) error {
	for _, result := range known {
		if err == nil {
			err = c.Printer(asJSON).Item(result)
		}
	}
	return err
}

// uploadItems makes an item of each source, or says all that is wrong with the
// command line.
func (c uploadCommand) uploadItems(f uploadFlags, sources []string) ([]upload.Item, error) {
	if f.to == "" {
		hint := "no accounts are configured; write a configuration with: mediaferry init, or try: mediaferry demo"
		if names := c.Config.AccountNames(); len(names) > 0 {
			hint = "configured accounts: " + strings.Join(names, ", ")
		}
		return nil, &exit.UsageError{Text: "--to is missing", Hint: hint}
	}
	account, err := c.Config.Profile(f.to)
	if err != nil {
		return nil, err
	}
	vendor, err := vendors.Find(account.Vendor)
	if err != nil {
		return nil, err
	}
	fields, err := setFields(vendor.Spec(), f.set)
	if err != nil {
		return nil, err
	}
	limits, err := f.check(sources)
	if err != nil {
		return nil, err
	}
	here, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("current folder: %w", err)
	}
	var items []upload.Item
	for _, given := range sources {
		source, err := upload.CanonicalSource(given, here)
		switch {
		case err != nil:
			return nil, misusedSource(err)
		case !utf8.ValidString(source): // histories are JSON, and would name another file
			return nil, &exit.UsageError{Text: fmt.Sprintf("the name of source %q is not valid UTF-8", source), Hint: "rename the file, or a folder above it"}
		}
		item := upload.Item{Account: account.Name, Vendor: account.Vendor, Base: account.BaseURL, Source: source, Fields: fields, Again: f.again, ID: f.id, Settle: f.settle, Bandwidth: limits.Bandwidth, Patience: limits.Patience}
		if item.ID == "" {
			item.ID = upload.DeriveID(account.Name, source, fields)
		}
		item.UploadID = upload.SingleUploadID(account.Name, item.ID)
		if slices.ContainsFunc(items, func(i upload.Item) bool { return i.UploadID == item.UploadID }) {
			return nil, exit.Misused("source %s is given twice", upload.DisplaySource(source))
		}
		items = append(items, item)
	}
	return items, nil
}

// misusedSource is the error of a text that is not a source.
func misusedSource(err error) error {
	usage := exit.Misused("%s", err)
	var written *upload.SourceError
	if errors.As(err, &written) {
		usage.Hint = written.Hint
	}
	return usage
}

// check says which flag is wrong, and reads --bwlimit and --patience.
func (f uploadFlags) check(sources []string) (limits upload.Limits, err error) {
	if f.settle < 0 || f.settle > settleMost {
		return limits, exit.Misused("--settle must be 0s to 24h, got %s", f.settle)
	}
	if f.id != "" && len(sources) > 1 {
		return limits, exit.Misused("--id can name only one upload, but %d sources are given", len(sources))
	}
	if f.id != "" {
		if err := upload.CheckID(f.id); err != nil {
			return limits, exit.Misused("--id: %s", err)
		}
	}
	if f.limit != "" {
		if limits.Bandwidth, err = transfer.ParseRate(f.limit); err != nil {
			return limits, exit.Misused("--bwlimit: %s", err)
		}
	}
	if f.patience != "" {
		limits.Patience, err = parsePatience(f.patience)
	}
	return limits, err
}

// setFields reads --set.
func setFields(spec *spec.Spec, set []string) (upload.Fields, error) {
	var names []string
	values := map[string]string{}
	for _, pair := range set {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return nil, exit.Misused("--set %q must have the form NAME=VALUE", pair)
		}
		if _, twice := values[name]; twice {
			return nil, exit.Misused("--set %s is given twice", name)
		}
		names = append(names, name)
		values[name] = value
	}
	fields, problems := spec.ParseFields(names, values)
	if len(problems) == 0 {
		return fields, nil
	}
	var lines []string
	for _, p := range problems {
		line := "--set " + p.Error()
		if p.Hint != "" {
			line += " (" + p.Hint + ")"
		}
		lines = append(lines, line)
	}
	return nil, &exit.UsageError{Text: strings.Join(lines, "\n  "), Hint: "see: mediaferry vendors " + spec.Name}
}
