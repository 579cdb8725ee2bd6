package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/mediaferry/mediaferry/internal/report"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// printer writes results: a line of JSON each, or text for people, whose
// failures are explained on standard error.
type printer struct {
	out, err io.Writer
	json     bool
}

// item prints how an upload ended, or what it waits for.
func (p printer) item(r upload.Result) error {
	if p.json {
		return p.object(advised(r))
	}
	state := string(r.State)
	if r.Paused {
		state += " (paused)"
	}
	if _, err := fmt.Fprintf(p.out, "%-12s %-10s %s  %s\n", state, r.To, visible(orDash(string(r.MediaID))), visible(r.Source)); err != nil {
		return err
	}
	if r.Error != nil {
		p.explain(r)
	}
	if r.Note != "" {
		_, _ = fmt.Fprintf(p.err, "  note: %s\n", r.Note)
	}
	return nil
}

// started prints an upload that nobody waits for, by the name under which it can
// be asked for.
func (p printer) started(r upload.Result) error {
	if p.json {
		return p.object(r)
	}
	_, err := fmt.Fprintf(p.out, "%-12s %-10s %s  %s\n", "started", r.To, r.UploadID, visible(r.Source))
	return err
}

// advised is a result that says what to do where it waits for a person's decision.
func advised(r upload.Result) upload.Result {
	if r.State != upload.StateUnconfirmed || r.Error == nil || strings.Contains(string(r.Error.Hint), "mediaferry decide") {
		return r
	}
	failure := *r.Error
	if failure.Hint != "" {
		failure.Hint += "; "
	}
	failure.Hint += upload.Text("look at the vendor, then: " + decideCommand(r.UploadID))
	r.Error = &failure
	return r
}

func decideCommand(id string) string {
	return "mediaferry decide " + id + " ready|retry|fail --because TEXT"
}

// explain tells why an upload is not ready, and what to do.
func (p printer) explain(r upload.Result) {
	e := r.Error
	_, _ = fmt.Fprintf(p.err, "mediaferry: %s: %s\n", visible(r.Source), visible(because(e)))
	if e.Hint != "" {
		_, _ = fmt.Fprintf(p.err, "  %s\n", visible(string(e.Hint)))
	} else {
		_, _ = fmt.Fprintf(p.err, "  what was tried: mediaferry show %s\n", r.UploadID)
	}
	if r.State == upload.StateUnconfirmed {
		_, _ = fmt.Fprintf(p.err, "  look at the vendor, then: %s\n", decideCommand(r.UploadID))
	}
}

// because is why an upload is not ready, in one line.
func because(e *upload.Failure) string {
	text := string(e.Kind)
	if e.Step != "" {
		text += " at " + string(e.Step)
	}
	text += ": " + strings.TrimPrefix(e.Message, string(e.Step)+": ")
	if e.RequestID != "" {
		text += " (request " + string(e.RequestID) + ")"
	}
	return text
}

// object prints one JSON object on a line.
func (p printer) object(v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.out, "%s\n", raw)
	return err
}

// table prints rows in columns. The first row is the head.
func (p printer) table(rows [][]string) error {
	w := tabwriter.NewWriter(p.out, 0, 4, 2, ' ', 0)
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = visible(cell)
		}
		if _, err := fmt.Fprintln(w, strings.Join(cells, "\t")); err != nil {
			return err
		}
	}
	return w.Flush()
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// size is a number of bytes as people read it.
func size(n int64) string { return report.Size(n) }

// ago is how long something has been, in one unit.
func ago(t time.Time, now time.Time) string {
	if t.IsZero() {
		return "-"
	}
	d := max(now.Sub(t), 0) // the moment may be by another clock
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds ago", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh ago", int(d.Hours()))
	}
	return fmt.Sprintf("%dd ago", int(d.Hours()/24))
}
