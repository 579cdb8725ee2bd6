package dashboard

import (
	"slices"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/starter/output"
)

const itemsShown = 100

// itemCard is an upload in a list, as `list --json` prints it.
type itemCard struct {
	output.Line
	UpdatedAt upload.Moment `json:"updated_at"`
}

func itemCards(v *visit, entries []ledger.Entry) ([]itemCard, error) {
	known, err := v.waits()
	if err != nil {
		return nil, err
	}
	cards := []itemCard{}
	for _, e := range entries {
		waiting, err := known.Of(v.ctx(), e)
		if err != nil {
			return nil, err
		}
		r := e.Result
		r.Paused = r.Paused || known.Account(r.To).Paused && !r.State.Ended()
		cards = append(cards, itemCard{output.Line{Result: output.Advised(r), Waiting: waiting}, upload.Moment{Time: e.UpdatedAt}})
	}
	return cards, nil
}

// itemsBody is a page of a list of uploads.
type itemsBody struct {
	Items  []itemCard    `json:"items"`
	Next   upload.Text   `json:"next"` // the URL of the next page
	Filter ledger.Filter `json:"-"`
	Text   string        `json:"-"` // what was searched for
	// Message is like those with which the chosen items failed.
	Message string `json:"-"`
	Within  string `json:"-"` // the batch on whose page the list is
	First   bool   `json:"-"` // it is the first page
}

// States, Kinds and Fors are what can be chosen.
func (itemsBody) States() []upload.State { return upload.States() }

// Kinds are the kinds of failures.
func (itemsBody) Kinds() []upload.Kind { return upload.Kinds() }

func itemList(v *visit) (view, error) {
	body, err := listItems(v, v.query("batch"))
	if err != nil {
		return view{}, err
	}
	return view{Title: "Uploads", Menu: "items", Template: "items", Body: body, Table: body.table(v, "uploads")}, nil
}

// listItems lists what the URL chooses.
func listItems(v *visit, batch string) (itemsBody, error) {
	f := ledger.Filter{
		State: upload.State(v.query("state")), Account: v.query("account"), Kind: upload.Kind(v.query("kind")), Batch: batch,
		After: v.query("after"), Limit: itemsShown + 1,
	}
	body := itemsBody{Items: []itemCard{}, Filter: f, Text: v.query("q"), Within: v.r.PathValue("id"), First: f.After == ""}
	if err := checkFilter(f); err != nil {
		return body, err
	}
	var err error
	if body.Message = v.query("message"); body.Message != "" {
		if f.Cause, err = v.Ledger.CauseOf(v.ctx(), body.Message); err != nil {
			return body, err
		}
		body.Filter = f
	}
	if format(v.r) == "csv" && body.Text == "" {
		return body, nil // its table reads them
	}
	var entries []ledger.Entry
	if body.Text != "" {
		entries, err = search(v, body.Text)
	} else {
		for entry, fault := range v.Ledger.List(v.ctx(), f) {
			if err = fault; err != nil {
				break
			}
			entries = append(entries, entry)
		}
	}
	if err != nil {
		return body, err
	}
	if f.Limit > 0 && len(entries) > itemsShown && body.Text == "" {
		entries = entries[:itemsShown]
		body.Next = upload.Text(v.next(entries[itemsShown-1].Result.UploadID))
	}
	body.Items, err = itemCards(v, entries)
	return body, err
}

func checkFilter(f ledger.Filter) error {
	switch {
	case f.State != "" && !slices.Contains(upload.States(), f.State):
		return &problem{400, "unknown state " + string(f.State), "use one of " + output.Join(upload.States())}
	case f.Kind != "" && !slices.Contains(upload.Kinds(), f.Kind):
		return &problem{400, "unknown kind " + string(f.Kind), "use one of " + output.Join(upload.Kinds())}
	}
	return nil
}

// search looks for an upload ID, also as Temporal writes it, a row's own ID, a medium, a
// source, or what a vendor's fields name.
func search(v *visit, text string) ([]ledger.Entry, error) {
	text = strings.TrimPrefix(text, "/items/")
	found, err := v.Ledger.Find(v.ctx(), ledger.Search{Text: text, Limit: itemsShown})
	if name := upload.NameOfWorkflow(text); err == nil && len(found) == 0 && name != text {
		found, err = v.Ledger.Find(v.ctx(), ledger.Search{Text: name, Limit: itemsShown})
	}
	if err != nil || len(found) >= itemsShown {
		return found, err
	}
	more, err := v.Ledger.FindTerms(v.ctx(), text, itemsShown)
	for _, one := range more {
		known := slices.ContainsFunc(found, func(e ledger.Entry) bool { return e.Result.UploadID == one.Result.UploadID })
		if !known && len(found) < itemsShown {
			found = append(found, one)
		}
	}
	return found, err
}

// itemHeader names the columns of a list of uploads.
var itemHeader = []string{
	"upload_id", "item", "batch", "line", "to", "vendor", "source", "state", "way", "media_id", "size", "bytes_sent", "started_at", "finished_at",
	"error.kind", "error.step", "error.message", "error.hint", "error.vendor_request_id", "waiting.for", "waiting.reason", "waiting.since", "waiting.next_try_at",
}

// itemRow is an upload as a row of CSV.
func itemRow(c itemCard) []string {
	r := c.Result
	failed := upload.Failure{}
	if r.Error != nil {
		failed = *r.Error
	}
	var finished time.Time
	if r.FinishedAt != nil {
		finished = *r.FinishedAt
	}
	return append([]string{
		r.UploadID, r.Item, string(r.Batch), number(int64(r.Line)), r.To, string(r.Vendor), r.Source, string(r.State), string(r.Way), string(r.MediaID),
		number(int64(r.Size)), number(r.BytesSent), stamp(r.StartedAt.Time), stamp(finished),
		string(failed.Kind), string(failed.Step), failed.Message, string(failed.Hint), string(failed.RequestID),
	}, waitCells(c.Waiting)...)
}

// table is all that the URL chooses as CSV, and not only what one page shows of it.
func (b itemsBody) table(v *visit, name string) *table {
	t := &table{Name: name, Header: itemHeader}
	if b.Text != "" {
		for _, card := range b.Items {
			t.add(itemRow(card)...)
		}
		return t
	}
	t.Each = func(write func([]string) error) error {
		f := b.Filter
		f.After, f.Limit = "", 0
		for entry, err := range v.Ledger.List(v.ctx(), f) {
			if err != nil {
				return err
			}
			cards, err := itemCards(v, []ledger.Entry{entry})
			if err == nil {
				err = write(itemRow(cards[0]))
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	return t
}
