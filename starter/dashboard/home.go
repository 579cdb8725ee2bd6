package dashboard

import (
	"slices"
	"sort"
	"time"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/waits"
	"github.com/mediaferry/mediaferry/internal/wiring"
	"github.com/mediaferry/mediaferry/starter/output"
	"github.com/mediaferry/mediaferry/starter/views"
)

const (
	stillFor   = 5 * time.Minute // without any change, an upload is worth a look
	mostStill  = 10
	mostListed = 50
	workersAgo = time.Hour // how long a worker is shown that is gone
)

// homeBody answers: does anything need me, what is in trouble, what runs?
type homeBody struct {
	Decisions []undecided      `json:"decisions"`
	Accounts  []accountCard    `json:"accounts"` // that a person has to look at
	Held      []batchCard      `json:"held"`
	Workers   *waits.Wait      `json:"workers"` // why nothing goes on; null while a worker is there
	Troubles  []trouble        `json:"trouble"`
	Limited   []accountCard    `json:"limited"` // accounts that wait, without a person
	Still     []itemCard       `json:"still"`
	Old       []workerCard     `json:"old_workers"`
	Reports   []failedReport   `json:"reports"`
	Running   []batchCard      `json:"running"`
	Singles   map[string]int64 `json:"singles"`            // open uploads outside of batches, by state
	Temporal  string           `json:"temporal,omitempty"` // why Temporal cannot be asked
}

// undecided are unconfirmed items of one batch, or of none.
type undecided struct {
	Batch string        `json:"batch"`
	Items int64         `json:"items"`
	Since upload.Moment `json:"since"` // of the one that waits for longest
}

// trouble is what keeps items, and what to do about it.
type trouble struct {
	waits.Rows
	Batch string      `json:"batch,omitempty"`
	Do    string      `json:"do"`
	State waits.State `json:"account_state,omitempty"` // where all of the account wait for the same
}

func home(v *visit) (view, error) {
	var b homeBody
	for _, fill := range []func(*visit, *homeBody) error{fillDecisions, fillBatches, fillAccounts, fillSingles, fillReports, fillStill, fillWorkers} {
		if err := fill(v, &b); err != nil {
			return view{}, err
		}
	}
	b.Temporal = v.page.pulse.temporalDown()
	b.join()
	sort.SliceStable(b.Troubles, func(i, j int) bool { return b.Troubles[i].Rows.Rows > b.Troubles[j].Rows.Rows })
	return view{Title: "Now", Menu: "now", Template: "home", Body: b, Table: b.table()}, nil
}

func fillDecisions(v *visit, b *homeBody) error {
	counts, err := v.Ledger.UndecidedBatches(v.ctx())
	b.Decisions = []undecided{}
	if err != nil {
		return err
	}
	for batch, n := range counts {
		since, err := v.Ledger.UndecidedSince(v.ctx(), batch)
		if err != nil {
			return err
		}
		b.Decisions = append(b.Decisions, undecided{batch, n, upload.Moment{Time: since}})
	}
	sort.Slice(b.Decisions, func(i, j int) bool { return b.Decisions[i].Batch < b.Decisions[j].Batch })
	return nil
}

// fillBatches adds the batches that have not ended, and what keeps their rows.
func fillBatches(v *visit, b *homeBody) error {
	b.Held, b.Running, b.Troubles = []batchCard{}, []batchCard{}, []trouble{}
	open, err := v.Ledger.Batches(v.ctx(), ledger.BatchFilter{Open: true, Limit: mostListed})
	if err != nil {
		return err
	}
	for _, one := range open {
		card, err := cardOf(v, one)
		if err == nil && card.ETA != nil && *card.ETA > 0 {
			card.EtaBecause, err = etaOf(v, card, one)
		}
		if err != nil {
			return err
		}
		if one.Paused || one.State == upload.BatchHeld {
			b.Held = append(b.Held, card)
		} else {
			b.Running = append(b.Running, card)
		}
		for _, w := range card.Waits {
			b.addTrouble(w, one.ID)
		}
	}
	return nil
}

// reportsWithin is for how long a report that could not be written is in trouble.
const reportsWithin = 7 * 24 * time.Hour

// failedReport is a batch that has ended and whose report could not be written.
type failedReport struct {
	Batch  string        `json:"batch"`
	Place  string        `json:"place"`
	Reason string        `json:"reason"`
	Since  upload.Moment `json:"since"`
	Do     string        `json:"do"`
}

// fillReports adds batches that have ended and whose reports could not be written: a disk
// may be full.
func fillReports(v *visit, b *homeBody) error {
	b.Reports = []failedReport{}
	failed, err := v.Ledger.FailedReports(v.ctx(), v.now.Add(-reportsWithin), mostListed)
	target, unknown := wiring.Results(v.Config, v.Data)
	for _, f := range failed {
		one := failedReport{
			Batch: f.Batch, Place: "its place", Reason: f.Because, Since: upload.Moment{Time: f.At},
			Do: "Correct the cause, then write the report yourself: mediaferry batch report " + upload.Argument(f.Batch) + " --format html -o FILE",
		}
		if unknown == nil { // else doctor says what is wrong with it
			one.Place = target.Display(f.Batch)
		}
		b.Reports = append(b.Reports, one)
	}
	return err
}

// addTrouble adds what keeps rows, unless it is shown elsewhere: what waits for a person or
// for an account that a person has to look at.
func (b *homeBody) addTrouble(w waits.Rows, batch string) {
	if !w.Trouble() || w.For == upload.ForPerson || w.For == upload.ForAccount || w.For == upload.ForWorker {
		return
	}
	b.Troubles = append(b.Troubles, trouble{Rows: w, Batch: batch, Do: views.Advice(w.Wait, w.To)})
}

// fillAccounts adds the accounts that wait.
func fillAccounts(v *visit, b *homeBody) error {
	b.Accounts, b.Limited = []accountCard{}, []accountCard{}
	cards, err := accountCards(v)
	for _, card := range cards {
		switch {
		case card.Waiting == nil:
		case card.Waiting.For == upload.ForPerson:
			b.Accounts = append(b.Accounts, card)
		default:
			b.Limited = append(b.Limited, card)
		}
	}
	return err
}

// fillSingles adds the open uploads that belong to no batch.
func fillSingles(v *visit, b *homeBody) error {
	known, err := v.waits()
	if err != nil {
		return err
	}
	all, err := known.OfBatch(v.ctx(), ledger.Batch{})
	if err != nil {
		return err
	}
	for _, w := range all {
		b.addTrouble(w, "")
	}
	open, err := v.Ledger.OpenRows(v.ctx(), "")
	b.Singles = map[string]int64{}
	for _, one := range open {
		b.Singles[string(one.State)] += one.Rows
	}
	return err
}

func fillStill(v *visit, b *homeBody) error {
	b.Still = []itemCard{}
	entries, err := v.Ledger.Still(v.ctx(), v.now.Add(-stillFor), mostStill)
	if err != nil {
		return err
	}
	cards, err := itemCards(v, entries)
	for _, card := range cards {
		if w := card.Waiting; w == nil || w.For != upload.ForPerson && w.For != upload.ForAccount { // a person knows of those
			b.Still = append(b.Still, card)
		}
	}
	return err
}

// fillWorkers adds why nothing goes on, and workers that are older than the ledger.
func fillWorkers(v *visit, b *homeBody) error {
	b.Old = []workerCard{}
	known, err := v.waits()
	if err != nil {
		return err
	}
	if b.Workers = known.NoWorker(); b.Workers != nil && len(b.Running)+len(b.Held) == 0 && len(b.Singles) == 0 {
		b.Workers = nil // and nothing has to
	}
	cards, err := workerCards(v, wiring.WorkerAge)
	for _, card := range cards {
		if card.Older || card.Outdated {
			b.Old = append(b.Old, card)
		}
	}
	return err
}

// Needs is how many things need a person.
func (b homeBody) Needs() int {
	n := len(b.Accounts) + len(b.Held)
	for _, d := range b.Decisions {
		if d.Items > 0 {
			n++
		}
	}
	return n
}

// Apart are accounts that wait, but for those whose rows tell the same.
func (b homeBody) Apart() []accountCard {
	var apart []accountCard
	for _, card := range b.Limited {
		same := func(one trouble) bool { return one.State != "" && one.To == card.Account.Account }
		if !slices.ContainsFunc(b.Troubles, same) {
			apart = append(apart, card)
		}
	}
	return apart
}

// join tells those troubles that are of a whole account.
func (b *homeBody) join() {
	for i := range b.Troubles {
		for _, card := range b.Limited {
			if card.Account.Account == b.Troubles[i].To && card.Waiting.Reason == b.Troubles[i].Reason {
				b.Troubles[i].State = card.State
			}
		}
	}
}

// Trouble is how many things are in trouble.
func (b homeBody) Trouble() int {
	n := len(b.Troubles) + len(b.Apart()) + len(b.Still) + len(b.Old) + len(b.Reports)
	if b.Workers != nil {
		n++
	}
	if b.Temporal != "" {
		n++
	}
	return n
}

// table are the troubles as CSV.
func (b homeBody) table() *table {
	t := &table{Name: "trouble", Header: []string{"for", "reason", "since", "next_try_at", "to", "rows", "batch", "do"}}
	for _, one := range b.Troubles {
		t.add(append(waitCells(&one.Wait), one.To, number(one.Rows.Rows), one.Batch, one.Do)...)
	}
	return t
}

// words of a wait for a page.
func waitWords(w *waits.Wait, now time.Time) string {
	if w == nil {
		return ""
	}
	return output.WaitWords(*w, now)
}
