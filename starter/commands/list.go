package commands

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/waits"
	"github.com/mediaferry/mediaferry/starter/exit"
	"github.com/mediaferry/mediaferry/starter/output"
	"github.com/mediaferry/mediaferry/starter/views"
)

type listCommand struct{ *given }

type listFlags struct {
	state, account, kind, batch, since string
	waiting                            string
	longer                             time.Duration
	limit                              int
	json                               bool
}

func (c listCommand) command() *cobra.Command {
	var f listFlags
	cmd := &cobra.Command{
		Use:   "list [flags]",
		Short: "list uploads",
		Long: `list prints the uploads in the ledger, latest first; rows of a batch are in the manifest's
order. For an upload that waits, it shows for what and for how long. It needs no running worker or
engine.

--waiting lists the uploads that wait for one thing: vendor (its login or store, too), rate (a limit
or quota), line (network or proxy), source, account (paused or denied), host (a worker that can
read the source), worker, person (paused, held or unconfirmed), processing, turn, or any.`,
		Example: `  mediaferry list --state failed --kind rejected
  mediaferry list --waiting vendor --for-longer-than 10m
  mediaferry list --account trustana --since 24h --json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.Shown(c.run(cmd.Context(), f)) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.state, "state", "", "list only uploads in `STATE`: "+output.Join(upload.States()))
	flags.StringVar(&f.account, "account", "", "list only uploads to `ACCOUNT`")
	flags.StringVar(&f.kind, "kind", "", "list only failures of `KIND`: "+output.Join(upload.Kinds()))
	flags.StringVar(&f.batch, "batch", "", "list only rows of `BATCH`")
	flags.StringVar(&f.since, "since", "", "list only uploads that changed since `T`: 2h, 7d, 2026-11-22 or an RFC 3339 time")
	flags.StringVar(&f.waiting, "waiting", "", "list only uploads that wait `FOR`: any, "+output.Join(upload.WaitFors()))
	flags.DurationVar(&f.longer, "for-longer-than", 0, "list only uploads that have waited for longer than `TIME`, for example 10m")
	flags.IntVar(&f.limit, "limit", 0, "list at most `N` uploads")
	flags.BoolVar(&f.json, "json", false, "print one JSON object per line")
	return cmd
}

func (c listCommand) run(ctx context.Context, f listFlags) error {
	filter, err := f.filter(time.Now())
	if err != nil {
		return err
	}
	if err := c.OpenResults(ctx); err != nil {
		return err
	}
	known, err := views.ReadWaits(ctx, c.Ledger)
	if err != nil {
		return err
	}
	p := c.Printer(f.json)
	rows := [][]string{{"STATE", "ACCOUNT", "MEDIA ID", "SIZE", "CHANGED", "WAITS FOR", "UPLOAD ID"}}
	found := 0
	for entry, err := range c.Ledger.List(ctx, filter) {
		if err != nil {
			return err
		}
		waiting, err := known.Of(ctx, entry)
		if err != nil {
			return err
		}
		if !f.waits(waiting, time.Now()) {
			continue
		}
		r := entry.Result
		r.Paused = r.Paused || known.Account(r.To).Paused && !r.State.Ended()
		if f.json {
			if err := p.Object(output.Line{Result: output.Advised(r), Waiting: waiting}); err != nil {
				return err
			}
		} else {
			rows = append(rows, []string{output.StateWords(r), r.To, output.OrDash(string(r.MediaID)), output.KnownSize(r.Size), output.Ago(entry.UpdatedAt, time.Now()), output.ShortWait(waiting, time.Now()), r.UploadID})
		}
		if found++; found == f.limit {
			break
		}
	}
	switch {
	case found == 0:
		return c.noUploads(ctx, f)
	case f.json:
		return nil
	}
	return c.Paged(func(out io.Writer) error {
		p.Out = out
		return p.Table(rows)
	})
}

// anything is the word for whatever an upload waits for.
const anything = "any"

// waits reports whether an upload that waits so is to be listed.
func (f listFlags) waits(w *waits.Wait, now time.Time) bool {
	switch {
	case f.waiting == "" && f.longer == 0:
		return true
	case w == nil, f.waiting != "" && f.waiting != anything && f.waiting != string(w.For):
		return false
	case f.longer == 0:
		return true
	}
	return !w.Since.IsZero() && now.Sub(w.Since.Time) > f.longer
}

// noUploads says that a list is empty. One of an account or of a batch that there
// is not is more likely misspelt.
func (c listCommand) noUploads(ctx context.Context, f listFlags) error {
	if f.account != "" {
		if _, err := c.Config.Profile(f.account); err != nil {
			return err
		}
	}
	if f.batch != "" {
		if _, err := c.Batch(ctx, f.batch); err != nil {
			return err
		}
	}
	if !f.json {
		c.Say("no uploads")
	}
	return nil
}

func (f listFlags) filter(now time.Time) (ledger.Filter, error) {
	filter := ledger.Filter{State: upload.State(f.state), Account: f.account, Kind: upload.Kind(f.kind), Batch: f.batch}
	if f.state != "" && !slices.Contains(upload.States(), filter.State) {
		return filter, exit.Misused("unknown --state %q; use one of %s", f.state, output.Join(upload.States()))
	}
	if f.kind != "" && !slices.Contains(upload.Kinds(), filter.Kind) {
		return filter, exit.Misused("unknown --kind %q; use one of %s", f.kind, output.Join(upload.Kinds()))
	}
	if f.waiting != "" && f.waiting != anything && !slices.Contains(upload.WaitFors(), upload.WaitFor(f.waiting)) {
		return filter, exit.Misused("unknown --waiting %q; use any or one of %s", f.waiting, output.Join(upload.WaitFors()))
	}
	if f.limit < 0 || f.longer < 0 {
		return filter, exit.Misused("--limit and --for-longer-than must not be negative")
	}
	if filter.Waiting = f.waiting != "" || f.longer > 0; !filter.Waiting {
		filter.Limit = f.limit
	}
	if f.since == "" {
		return filter, nil
	}
	since, err := parseSince(f.since, now)
	filter.Since = since
	return filter, err
}

// parseSince reads a length of time, or a moment.
func parseSince(text string, now time.Time) (time.Time, error) {
	var days int
	if n, err := fmt.Sscanf(text, "%dd", &days); err == nil && n == 1 && text == fmt.Sprintf("%dd", days) {
		return now.AddDate(0, 0, -days), nil
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, exit.Misused("--since %q is not a time; use for example 2h, 7d, 2026-11-22 or 2026-11-22T10:00:00Z", text)
}
