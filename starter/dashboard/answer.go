package dashboard

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/config"
	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/report"
	"github.com/mediaferry/mediaferry/internal/sheet"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/waits"
	"github.com/mediaferry/mediaferry/starter/exit"
)

// view is what a page shows: as HTML by its template, as JSON, and where it has a table,
// as CSV.
type view struct {
	Title    string
	Menu     string // the entry of the menu to which it belongs
	Template string
	Body     any // of the HTML
	JSON     any // nil: Body
	Table    *table
	Status   int  // 0: 200
	Still    bool // it is not loaded again by itself
}

// table is what a view gives as CSV.
type table struct {
	Name   string
	Header []string
	Rows   [][]string
	// Each gives the rows of a table that is too long to be held; nil: Rows are all.
	Each func(write func([]string) error) error
}

func (t *table) add(cells ...string) { t.Rows = append(t.Rows, cells) }

// problem is why a request cannot be answered.
type problem struct {
	status     int
	text, hint string
}

func (p *problem) Error() string { return p.text }

func notFound(text, hint string) error { return &problem{http.StatusNotFound, text, hint} }

// format is how the caller wants to be answered.
func format(r *http.Request) string {
	if f := r.URL.Query().Get("format"); f != "" {
		return f
	}
	accept := r.Header.Get("Accept")
	switch {
	case strings.Contains(accept, "text/html"):
		return "html"
	case strings.Contains(accept, "application/json"):
		return "json"
	case strings.Contains(accept, "text/csv"):
		return "csv"
	}
	return "html"
}

// write answers with a view.
func (p *Page) write(w http.ResponseWriter, v *visit, shown view) {
	status := shown.Status
	if status == 0 {
		status = http.StatusOK
	}
	switch f := format(v.r); {
	case f == "json", f == "html" && shown.Template == "":
		body := shown.JSON
		if body == nil {
			body = shown.Body
		}
		writeJSON(w, status, body)
	case f == "csv" && shown.Table != nil:
		w.Header().Set("Content-Type", "text/csv; charset=utf-8")
		w.Header().Set("Content-Disposition", `attachment; filename="`+shown.Table.Name+`.csv"`)
		if err := writeCSV(w, shown.Table); err != nil && v.ctx().Err() == nil {
			p.o.Log.Warn("a table could not be written to its end", zap.String("path", v.r.URL.Path), zap.Error(err))
			panic(http.ErrAbortHandler) //nolint:forbidigo // the caller must see that the table is cut off
		}
	case f == "html":
		p.render(w, v, shown, status)
	default:
		p.fail(w, v, &problem{http.StatusNotAcceptable, "this view is not available as " + f, "use html or json, or csv for a table"})
	}
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(body); err != nil {
		http.Error(w, "the answer could not be written as JSON", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(report.VisibleJSON(text.Bytes())) // the caller is gone
}

func writeCSV(w http.ResponseWriter, t *table) error {
	_, _ = w.Write([]byte(sheet.Mark)) // the caller is gone
	out := sheet.NewWriter(w)
	write := func(row []string) error {
		for i := range row {
			row[i] = upload.Visible(row[i])
		}
		return out.Write(row)
	}
	err := out.Write(t.Header)
	if err == nil && t.Each != nil {
		err = t.Each(write)
	}
	for _, row := range t.Rows {
		if err != nil {
			break
		}
		err = write(row)
	}
	return errors.Join(err, out.Flush())
}

// failure is a problem as it is shown.
type failure struct {
	Error string      `json:"error"`
	Hint  upload.Text `json:"hint"`
}

// fail answers with why there is nothing else to show.
func (p *Page) fail(w http.ResponseWriter, v *visit, err error) {
	if v.r.Context().Err() != nil {
		return // nobody waits for it
	}
	known := understand(err)
	if known.status == http.StatusInternalServerError {
		p.o.Log.Warn("the page could not be shown", zap.String("path", v.r.URL.Path), zap.Error(err))
	}
	body := failure{Error: egress.Redact(known.text), Hint: upload.Text(known.hint)}
	if f := format(v.r); f != "html" {
		writeJSON(w, known.status, body)
		return
	}
	p.render(w, v, view{Title: http.StatusText(known.status), Template: "problem", Body: body}, known.status)
}

// understand says what an error means for a request.
func understand(err error) *problem {
	var known *problem
	var misuse *exit.UsageError
	var batch *ledger.BatchNotFoundError
	var item *ledger.NotFoundError
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &batch):
		return &problem{http.StatusNotFound, "unknown batch " + batch.ID, "the batches are listed at /batches"}
	case errors.As(err, &item):
		return &problem{http.StatusNotFound, "unknown upload " + item.UploadID, "search for it at /items"}
	case errors.Is(err, config.ErrUnknownAccount):
		return &problem{http.StatusNotFound, err.Error(), "the accounts are listed at /accounts"}
	case errors.As(err, &misuse) && strings.HasPrefix(misuse.Text, "unknown "):
		return &problem{http.StatusNotFound, misuse.Text, misuse.Hint}
	case errors.As(err, &misuse):
		return &problem{http.StatusBadRequest, misuse.Text, misuse.Hint}
	case ledger.Passing(err):
		return &problem{http.StatusServiceUnavailable, "the ledger cannot be read now: " + err.Error(), "the page is loaded again by itself"}
	}
	return &problem{http.StatusInternalServerError, err.Error(), "the log of this program says more"}
}

// waitTable are waits as cells.
func waitCells(w *waits.Wait) []string {
	if w == nil {
		return []string{"", "", "", ""}
	}
	return []string{string(w.For), w.Reason, stamp(w.Since.Time), stamp(w.NextTryAt.Time)}
}
