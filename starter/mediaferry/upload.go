package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
	"github.com/mediaferry/mediaferry/internal/wiring"
	"github.com/mediaferry/mediaferry/starter/exit"
)

type uploadFlags struct {
	to, id string
	set    []string
	again  bool
	detach bool
	json   bool
	settle time.Duration
}

// settleMost is the longest that a source may be waited for to stop growing.
const settleMost = 24 * time.Hour

func (a *app) uploadCommand() *cobra.Command {
	var f uploadFlags
	cmd := &cobra.Command{
		Use:   "upload --to ACCOUNT [flags] SOURCE...",
		Short: "upload files and wait for their media IDs",
		Long: `upload sends each SOURCE (a path, https://, s3://BUCKET/KEY or oss://BUCKET/KEY) to an
account and waits until the vendor has made a medium of it.

The same command again attaches to what still runs, prints what is ready, and runs
what failed once more; it never sends anything twice. --again does, on purpose.
The vendor's own fields are given with --set; see: mediaferry vendors NAME.

Exit status: 0 all are ready, 3 some are not, 2 misused, 1 could not run.`,
		Example: `  mediaferry upload --to trustana --set 'skuIds=SKU1|SKU2' img/shoe.jpg
  mediaferry upload --to truvideo --set title=Walkaround --set tags.brand=Jeep tour.mp4
  mediaferry upload --to sitoo --set 'entity_id=S1|SKU|DAMAGED|7' --json https://host/a.png`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return exit.Misused("no SOURCE is given")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, sources []string) error { return a.upload(cmd.Context(), f, sources) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.to, "to", "", "the `ACCOUNT` that receives the media")
	flags.StringArrayVar(&f.set, "set", nil, "a field of the vendor's, `NAME=VALUE`; lists are split at |")
	flags.StringVar(&f.id, "id", "", "the upload's own `ID`; default: made from source and fields")
	flags.BoolVar(&f.again, "again", false, "upload what is ready once more, as another medium")
	flags.BoolVar(&f.detach, "detach", false, "print the UPLOAD_IDs and return; a running engine goes on")
	flags.BoolVar(&f.json, "json", false, "print one JSON object for each SOURCE when it has ended")
	flags.DurationVar(&f.settle, "settle", 0, "wait until a file was left alone for `TIME`, such as 30s; default: refuse one that grows")
	_ = cmd.RegisterFlagCompletionFunc("to", a.completeAccounts)
	return cmd
}

func (a *app) upload(ctx context.Context, f uploadFlags, args []string) error {
	if err := a.openConfig(); err != nil {
		return err
	}
	items, err := a.uploadItems(f, args)
	if err != nil {
		return err
	}
	if f.detach && !a.engineRuns(ctx) {
		return &exit.UsageError{Text: "--detach needs a running engine", Hint: "start one in another terminal: mediaferry up"}
	}
	a.parting = "interrupted; the same command goes on with it"
	if err := a.openEngine(ctx, engineOptions{}); err != nil {
		return err
	}
	crew, err := a.crew(ctx, items)
	if err != nil {
		return err
	}
	if f.detach && (!crew.uploads || len(crew.missing) > 0) {
		return &exit.UsageError{Text: "--detach needs a worker that goes on", Hint: "start one in another terminal: mediaferry up"}
	}
	if err := a.able(crew, items); err != nil {
		return err
	}
	if err := a.hire(ctx, crew); err != nil {
		return err
	}
	if err := a.estimate(ctx, items); err != nil {
		return err
	}
	follow, err := a.start(ctx, items)
	if err != nil {
		return err
	}
	p := a.Printer(f.json)
	if f.detach {
		return a.detach(ctx, follow, p)
	}
	return a.follow(ctx, follow, p)
}

// uploadItems makes an item of each source, or says all that is wrong with the
// command line.
func (a *app) uploadItems(f uploadFlags, sources []string) ([]upload.Item, error) {
	if f.to == "" {
		hint := "no account is configured; put a mediaferry.yaml here, or try: mediaferry demo"
		if names := a.config.AccountNames(); len(names) > 0 {
			hint = "the accounts are: " + strings.Join(names, ", ")
		}
		return nil, &exit.UsageError{Text: "--to is missing", Hint: hint}
	}
	account, err := a.config.Profile(f.to)
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
	if f.settle < 0 || f.settle > settleMost {
		return nil, exit.Misused("--settle %s is out of range, want 0s to %s", f.settle, "24h")
	}
	if f.id != "" && len(sources) > 1 {
		return nil, exit.Misused("--id names one upload, and %d sources are given", len(sources))
	}
	if f.id != "" {
		if err := upload.CheckID(f.id); err != nil {
			return nil, exit.Misused("--id: %s", err)
		}
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
			return nil, exit.Misused("%s", err)
		case !utf8.ValidString(source): // histories are JSON, and would name another file
			return nil, &exit.UsageError{Text: fmt.Sprintf("source %q has a name that is not UTF-8", source), Hint: "rename the file, or a folder above it"}
		}
		item := upload.Item{Account: account.Name, Vendor: account.Vendor, Base: account.BaseURL, Source: source, Fields: fields, Again: f.again, ID: f.id, Settle: f.settle}
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

// setFields reads --set.
func setFields(spec *spec.Spec, set []string) (upload.Fields, error) {
	var names []string
	values := map[string]string{}
	for _, pair := range set {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return nil, exit.Misused("--set %q is not NAME=VALUE", pair)
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

// crew is who there is to carry items, and what is missing.
type crew struct {
	uploads bool     // a living worker carries uploads
	missing []string // roots of this host that no living worker reads
}

// crew finds out who can carry the items, and gives each local one the queue of
// the worker that reads it.
func (a *app) crew(ctx context.Context, items []upload.Item) (crew, error) {
	workers, err := a.ledger.Workers(ctx, wiring.WorkerAge)
	if err != nil {
		return crew{}, err
	}
	c := crew{uploads: wiring.Carried(workers)}
	host, err := a.host()
	if err != nil {
		return c, err
	}
	for i := range items {
		if !items[i].Local() {
			continue
		}
		queue, found := wiring.Queue(workers, host, items[i].Source)
		if !found {
			root, err := a.ownRoot(items[i].Source)
			if err != nil {
				return c, err
			}
			queue = upload.HostQueue(host, root)
			if !slices.Contains(c.missing, root) {
				c.missing = append(c.missing, root)
			}
		}
		items[i].Queue = queue
	}
	return c, nil
}

// ownRoot is the root of this command's own that covers a path.
func (a *app) ownRoot(path string) (string, error) {
	roots, err := a.roots()
	if err != nil {
		return "", err
	}
	for _, root := range roots {
		if wiring.Covers(root, path) {
			return root, nil
		}
	}
	return "", &exit.UsageError{Text: fmt.Sprintf("%s lies outside of sources.local_roots, which are %s", path, strings.Join(roots, ", ")), Hint: "move the file there, or add its folder in the configuration"}
}

// able refuses, before anything is started, items for whose account this process
// would lack the credentials.
func (a *app) able(c crew, items []upload.Item) error {
	for _, item := range items {
		if c.uploads {
			return nil // the worker's own configuration counts
		}
		if _, err := a.config.Account(item.Account); err != nil {
			return err
		}
	}
	return nil
}

// hire makes this process do what nobody else does. What it does already, it does
// although it may not be heard of: its ledger may have been out of reach.
func (a *app) hire(ctx context.Context, c crew) error {
	uploads := !c.uploads && !a.uploads
	roots := slices.DeleteFunc(slices.Clone(c.missing), func(root string) bool { return slices.Contains(a.reads, root) })
	if !uploads && len(roots) == 0 {
		return nil
	}
	a.log.Info("this command does the work itself", zap.Bool("uploads", uploads), zap.Strings("roots", roots))
	return a.work(ctx, uploads, roots)
}
