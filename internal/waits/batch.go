package waits

import (
	"cmp"
	"slices"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// Rows is what some rows of a batch wait for, as `batch status --json` prints it.
type Rows struct {
	Wait
	To   string `json:"to"` // the account
	Rows int64  `json:"rows"`
}

// Counted is what the ledger has of a batch's rows.
type Counted struct {
	Open     []ledger.OpenRows
	Troubles []ledger.Trouble
}

// OfBatch is what the rows of a batch wait for that have not ended, or are unconfirmed:
// those first that need a person. around tells what is known of an account.
func OfBatch(b Batch, c Counted, around func(account string) Around) []Rows {
	all := []Rows{}
	add := func(route upload.Route, n int64, item Item) {
		if n <= 0 {
			return
		}
		item.Queue, item.Argument = route.Queue, "UPLOAD_ID"
		if b.ID != "" { // else they are uploads of no batch
			item.Batch, item.Argument = &b, "--batch "+b.ID
		}
		if w := around(route.Account).Of(item); w != nil {
			all = merged(all, Rows{*w, route.Account, n})
		}
	}
	for _, t := range c.Troubles {
		add(t.Route, t.Rows, Item{State: t.State, Own: &t.Wait, Held: t.State != upload.StateWaiting})
	}
	for _, open := range c.Open {
		left := open.Rows
		for _, t := range c.Troubles {
			if t.Route == open.Route && t.State == open.State {
				left -= t.Rows
			}
		}
		item := Item{State: open.State}
		if open.State == upload.StateWaiting {
			item.Changed = b.StartedAt
		}
		paused := min(open.Paused, left)
		add(open.Route, left-paused, item)
		item.Paused = true
		add(open.Route, paused, item)
	}
	order := upload.WaitFors()
	slices.SortStableFunc(all, func(x, y Rows) int {
		return cmp.Or(cmp.Compare(slices.Index(order, x.For), slices.Index(order, y.For)), cmp.Compare(y.Rows, x.Rows), cmp.Compare(x.To, y.To))
	})
	return all
}

// merged adds rows to those that wait for the same.
func merged(all []Rows, one Rows) []Rows {
	for i := range all {
		r := &all[i]
		if r.To != one.To || r.For != one.For || r.Reason != one.Reason {
			continue
		}
		r.Rows += one.Rows
		r.Tries = max(r.Tries, one.Tries)
		if !one.Since.IsZero() && (r.Since.IsZero() || one.Since.Before(r.Since.Time)) {
			r.Since = one.Since
		}
		if !one.NextTryAt.IsZero() && (r.NextTryAt.IsZero() || one.NextTryAt.Before(r.NextTryAt.Time)) {
			r.NextTryAt = one.NextTryAt
		}
		if r.LastError == nil {
			r.LastError = one.LastError
		}
		return all
	}
	return append(all, one)
}
