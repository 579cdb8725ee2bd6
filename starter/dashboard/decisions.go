package dashboard

import (
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
)

const decisionsShown = 50

// decision is an upload that waits for one: what was sent, beside what the vendor said.
type decision struct {
	itemCard
	Session *sessionFacts `json:"session"`
	Picture bool          `json:"-"` // there may be one of what was sent
	Lists   bool          `json:"-"` // the vendor can be asked what it has
	Fields  []fieldCell   `json:"-"`
	Told    any           `json:"fields"`
}

type decisionsBody struct {
	Decisions []decision       `json:"decisions"`
	Batches   map[string]int64 `json:"batches"`
	Batch     string           `json:"-"`
	Total     int64            `json:"total"`
	Next      upload.Text      `json:"next"`
}

func decisionList(v *visit) (view, error) {
	counts, err := v.Ledger.UndecidedBatches(v.ctx())
	if err != nil {
		return view{}, err
	}
	body := decisionsBody{Decisions: []decision{}, Batches: counts, Batch: v.query("batch")}
	for batch, n := range counts {
		if body.Batch == "" || batch == body.Batch {
			body.Total += n
		}
	}
	f := ledger.Filter{State: upload.StateUnconfirmed, Batch: body.Batch, After: v.query("after"), Limit: decisionsShown + 1}
	var entries []ledger.Entry
	for entry, err := range v.Ledger.List(v.ctx(), f) {
		if err != nil {
			return view{}, err
		}
		entries = append(entries, entry)
	}
	if len(entries) > decisionsShown {
		entries = entries[:decisionsShown]
		body.Next = upload.Text(v.next(entries[decisionsShown-1].Result.UploadID))
	}
	cards, err := itemCards(v, entries)
	if err != nil {
		return view{}, err
	}
	t := &table{Name: "decisions", Header: itemHeader}
	for i, card := range cards {
		t.add(itemRow(card)...)
		body.Decisions = append(body.Decisions, decided(v, entries[i], card))
	}
	return view{Title: "Decisions", Menu: "decisions", Template: "decisions", Body: body, Table: t}, nil
}
