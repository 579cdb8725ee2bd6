package output

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/mediaferry/mediaferry/internal/report"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// Printer writes results: a line of JSON each, or text for people, whose
// failures are explained on standard error.
type Printer struct {
	Out, Err io.Writer
	JSON     bool
}

// Item prints how an upload ended.
func (p Printer) Item(r upload.Result) error { return p.Line(Line{Result: r}) }

// Line prints how an upload ended, or what it waits for.
func (p Printer) Line(line Line) error {
	r := line.Result
	if p.JSON {
		line.Result = Advised(r)
		return p.Object(line)
	}
	state := string(r.State)
	if r.Paused {
		state += " (paused)"
	}
	if _, err := say(p.Out, "%-12s %-10s %s  %s\n", state, r.To, OrDash(string(r.MediaID)), r.Source); err != nil {
		return err
	}
	if r.Error != nil {
		p.explain(r)
	}
	if r.Note != "" {
		_, _ = say(p.Err, "  note: %s\n", r.Note)
	}
	return nil
}

// Started prints an upload that the command does not wait for, by its ID.
func (p Printer) Started(r upload.Result) error {
	if p.JSON {
		return p.Object(r)
	}
	_, err := say(p.Out, "%-12s %-10s %s  %s\n", "started", r.To, r.UploadID, r.Source)
	return err
}

// Advised is a result that says what to do where it waits for a person's decision.
func Advised(r upload.Result) upload.Result {
	if r.State != upload.StateUnconfirmed || r.Error == nil || strings.Contains(string(r.Error.Hint), "mediaferry decide") {
		return r
	}
	failure := *r.Error
	if failure.Hint != "" {
		failure.Hint += "; "
	}
	failure.Hint += upload.Text("check at the vendor, then: " + decideCommand(r.UploadID))
	r.Error = &failure
	return r
}

func decideCommand(id string) string {
	return "mediaferry decide " + upload.Argument(id) + " ready|retry|fail --because TEXT"
}

// explain says why an upload is not ready, and what to do.
func (p Printer) explain(r upload.Result) {
	e := r.Error
	_, _ = say(p.Err, "mediaferry: %s: %s\n", r.Source, failureLine(e))
	if e.Hint != "" {
		_, _ = say(p.Err, "  %s\n", string(e.Hint))
	} else {
		_, _ = say(p.Err, "  to see what was tried: mediaferry show %s\n", upload.Argument(r.UploadID))
	}
	if r.State == upload.StateUnconfirmed {
		_, _ = say(p.Err, "  check at the vendor, then: %s\n", decideCommand(r.UploadID))
	}
}

// failureLine is why an upload is not ready, in one line.
func failureLine(e *upload.Failure) string {
	text := string(e.Kind)
	if e.Step != "" {
		text += " at " + string(e.Step)
	}
	text += ": " + strings.TrimPrefix(e.Message, string(e.Step)+": ")
	if e.RequestID != "" && !strings.Contains(text, string(e.RequestID)) { // the reason of a pause names it, too
		text += " (request " + string(e.RequestID) + ")"
	}
	return text
}

// Object prints one JSON object on a line.
func (p Printer) Object(v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.Out, "%s\n", report.VisibleJSON(raw))
	return err
}

// Table prints rows in columns. The first row is the head.
func (p Printer) Table(rows [][]string) error {
	w := tabwriter.NewWriter(p.Out, 0, 4, 2, ' ', 0)
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = Visible(cell)
		}
		if _, err := fmt.Fprintln(w, strings.Join(cells, "\t")); err != nil {
			return err
		}
	}
	return w.Flush()
}
