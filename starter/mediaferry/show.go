package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
)

func (a *app) showCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show [flags] UPLOAD_ID",
		Short: "tell the story of one upload",
		Long: `show prints what is known of one upload, and what happened to it step by step. The
story is read from the workflow's history, for as long as Temporal keeps it; without
a running engine, what the ledger knows is printed alone.`,
		Example: `  mediaferry show upload/trustana/shoe
  mediaferry show upload/trustana/shoe --json`,
		Args: oneUpload,
		RunE: func(cmd *cobra.Command, args []string) error { return a.show(cmd.Context(), args[0], asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as one JSON object")
	cmd.ValidArgsFunction = a.completeUploads
	return cmd
}

func oneUpload(_ *cobra.Command, args []string) error {
	switch len(args) {
	case 0:
		return &usageError{text: "no UPLOAD_ID is given", hint: "mediaferry list prints them"}
	case 1:
		return nil
	}
	return misused("unexpected argument %q", args[1])
}

func (a *app) show(ctx context.Context, id string, asJSON bool) error {
	if err := a.openLedger(ctx); err != nil {
		return err
	}
	entry, err := a.entry(ctx, id)
	if err != nil {
		return err
	}
	account, err := a.ledger.Account(ctx, entry.Result.To)
	if err != nil {
		return err
	}
	p := printer{out: a.stdout, err: a.stderr, json: asJSON}
	runs := a.engineRuns(ctx)
	status, err := a.running(ctx, entry, runs)
	if err != nil {
		return err
	}
	waiting, err := a.waiting(ctx, id)
	if err != nil {
		return err
	}
	result := newest(entry.Result, status)
	if account.Paused && !result.State.Ended() {
		result = onHold(result, account, waiting)
	}
	result = advised(result)
	if words := waitInWords(waiting, time.Now()); words != "" && !result.Paused {
		if status == nil {
			status = &upload.Status{}
		}
		if status.Waiting == "" {
			status.Waiting = words
		}
	}
	if asJSON {
		return p.object(shown{result, lineOf(status)})
	}
	if err := p.card(entry, result, status); err != nil {
		return err
	}
	if !runs {
		a.say("no engine runs, so only the ledger's part of the story can be told")
		return nil
	}
	if a.temporal == nil {
		if err := a.openEngine(ctx, engineOptions{}); err != nil {
			return err
		}
	}
	return a.story(ctx, entry, p)
}

// running asks an upload that has not ended how far it is; nil where it has, or
// where nobody carries it.
func (a *app) running(ctx context.Context, entry ledger.Entry, engine bool) (*upload.Status, error) {
	r := entry.Result
	if !engine || entry.WorkflowID == "" || r.Way == upload.WayPacked || r.State.Ended() || !a.carried(ctx) {
		return nil, nil //nolint:nilnil // there is nobody to ask, which is no failure
	}
	if a.temporal == nil {
		if err := a.openEngine(ctx, engineOptions{}); err != nil {
			return nil, err
		}
	}
	status, err := a.statusOf(ctx, entry.WorkflowID, entry.RunID)
	if err != nil || status.Result.UploadID != r.UploadID {
		return nil, ctx.Err() // the ledger knows enough
	}
	return &status, nil
}

// newest is what ledger and workflow know together: the ledger hears of bytes
// while they move, the workflow of everything else first.
func newest(result upload.Result, status *upload.Status) upload.Result {
	if status == nil || status.Result.State == "" {
		return result
	}
	fresh := status.Result
	fresh.BytesSent = max(fresh.BytesSent, result.BytesSent)
	fresh.Paused = fresh.Paused || status.Paused
	return fresh
}

// shown is a result with what a running upload tells of itself.
type shown struct {
	upload.Result
	Status *statusLine `json:"status,omitempty"`
}

// statusLine is a status without the result, which stands beside it.
type statusLine struct {
	upload.Status
	Result *struct{} `json:"result,omitempty"` // never set: it hides that of the status
}

func lineOf(status *upload.Status) *statusLine {
	if status == nil {
		return nil
	}
	return &statusLine{Status: *status}
}

// entry reads one item. An unknown ID is a misuse that names near ones.
func (a *app) entry(ctx context.Context, id string) (ledger.Entry, error) {
	entry, err := a.ledger.Get(ctx, id)
	var unknown *ledger.NotFoundError
	if !errors.As(err, &unknown) {
		return entry, err
	}
	hint := "mediaferry list prints the uploads that there are"
	if len(unknown.Near) > 0 {
		hint = "did you mean " + strings.Join(unknown.Near, ", ") + "?"
	}
	return entry, &usageError{text: fmt.Sprintf("unknown upload %q", id), hint: hint}
}

// spanOf is when an upload began and ended, in words; "" for what has not been.
func spanOf(r upload.Result) (began, ended string) {
	if !r.StartedAt.IsZero() {
		began = r.StartedAt.Local().Format(time.DateTime)
	}
	if r.FinishedAt == nil {
		return began, ""
	}
	ended = r.FinishedAt.Local().Format(time.DateTime)
	if began != "" {
		ended += ", after " + r.FinishedAt.Sub(r.StartedAt.Time).Round(time.Millisecond).String()
	}
	return began, ended
}

// card prints what is known of an upload, a line for each thing. status is nil
// where it does not run.
func (p printer) card(entry ledger.Entry, r upload.Result, status *upload.Status) error {
	rows := [][]string{
		{"upload", r.UploadID},
		{"state", describe(r)},
		{"account", fmt.Sprintf("%s (%s)", orDash(r.To), orDash(string(r.Vendor)))},
		{"source", r.Source},
	}
	add := func(name, value string) {
		if value != "" && value != "0" {
			rows = append(rows, []string{name, value})
		}
	}
	add("content", entry.Fingerprint)
	add("media", string(r.MediaID))
	add("address", string(r.MediaURL))
	add("sha256", string(r.SHA256))
	add("crc64", string(r.CRC64))
	if r.Size > 0 {
		add("sent", fmt.Sprintf("%s of %s", size(r.BytesSent), size(int64(r.Size))))
	}
	rows = append(rows, under(status, time.Now())...)
	began, ended := spanOf(r)
	add("started", began)
	add("finished", ended)
	add("attempts", fmt.Sprintf("prepare %d, transfer %d, complete %d, poll %d", r.Attempts.Prepare, r.Attempts.Transfer, r.Attempts.Complete, r.Attempts.Poll))
	if entry.Runs > 1 {
		add("runs", fmt.Sprint(entry.Runs))
	}
	if e := r.Error; e != nil {
		add("error", because(e))
		add("hint", string(e.Hint))
	}
	add("note", r.Note)
	return p.table(rows)
}
