package views

import (
	"context"
	"time"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
	"github.com/mediaferry/mediaferry/internal/waits"
	"github.com/mediaferry/mediaferry/internal/wiring"
)

// Waits finds out what uploads wait for: it reads once what is of all of them alike,
// and asks for no more than an upload at a time needs.
type Waits struct {
	ledger   *ledger.Ledger
	accounts map[string]ledger.AccountState
	workers  waits.Workers
	holders  map[string]string // of serial keys
	batches  map[string]*waits.Batch
	now      time.Time
}

// ReadWaits reads what is known of accounts and workers now.
func ReadWaits(ctx context.Context, l *ledger.Ledger) (*Waits, error) {
	w := &Waits{ledger: l, accounts: map[string]ledger.AccountState{}, batches: map[string]*waits.Batch{}, now: time.Now()}
	states, err := w.ledger.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	for _, state := range states {
		w.accounts[state.Name] = state
	}
	if w.workers, err = wiring.LiveWorkers(ctx, w.ledger); err != nil {
		return nil, err
	}
	w.holders, err = w.ledger.SerialHolders(ctx)
	return w, err
}

// Account is the state of an account.
func (w *Waits) Account(name string) ledger.AccountState {
	state := w.accounts[name]
	state.Name = name
	return state
}

func (w *Waits) around(account string) waits.Around {
	return waits.Around{Account: w.Account(account), Workers: &w.workers, Now: w.now}
}

// Of is what an upload waits for; nil where it waits for nothing.
func (w *Waits) Of(ctx context.Context, e ledger.Entry) (*waits.Wait, error) {
	r := e.Result
	if r.State.Ended() && r.State != upload.StateUnconfirmed {
		return nil, nil //nolint:nilnil // it waits for nothing
	}
	queue, err := e.Queue(ctx)
	if err != nil {
		return nil, err
	}
	item := waits.Item{
		Argument: upload.Argument(r.UploadID), State: r.State, Paused: r.Paused, Held: e.RunID != "", Queue: queue,
		Own: e.Waiting, Failure: r.Error, Changed: e.UpdatedAt,
	}
	if holder := w.holders[e.SerialKey]; e.SerialKey != "" && holder != r.UploadID && (r.State == upload.StateWaiting || r.State == upload.StatePreparing) {
		item.Behind = holder
	}
	if vendor, err := vendors.Find(string(r.Vendor)); err == nil {
		item.Polls = vendor.Spec().Policy.Poll
	}
	if r.Batch != "" {
		b, err := w.batch(ctx, string(r.Batch))
		if err != nil {
			return nil, err
		}
		item.Batch = b
	}
	return w.around(r.To).Of(item), nil
}

// batch is what is known of a batch; nil where the ledger has lost it.
func (w *Waits) batch(ctx context.Context, id string) (*waits.Batch, error) {
	if b, known := w.batches[id]; known {
		return b, nil
	}
	found, err := w.ledger.Batch(ctx, id)
	if err != nil {
		return nil, nil //nolint:nilnil,nilerr // the row's own state is known all the same
	}
	b, err := w.known(ctx, found)
	w.batches[id] = b
	return b, err
}

// known adds since when a batch rests.
func (w *Waits) known(ctx context.Context, found ledger.Batch) (*waits.Batch, error) {
	b := &waits.Batch{Batch: found}
	if !found.Paused && found.State != upload.BatchHeld {
		return b, nil
	}
	events, err := w.ledger.BatchEvents(ctx, found.ID)
	for _, event := range events {
		if event.What == ledger.EventPause || event.What == ledger.EventHold {
			b.Since = event.At
		}
	}
	return b, err
}

// OfBatch is what the rows of a batch wait for.
func (w *Waits) OfBatch(ctx context.Context, found ledger.Batch) ([]waits.Rows, error) {
	b, err := w.known(ctx, found)
	if err != nil {
		return nil, err
	}
	var c waits.Counted
	if c.Open, err = w.ledger.OpenRows(ctx, b.ID); err != nil || len(c.Open) == 0 {
		return []waits.Rows{}, err
	}
	if c.Troubles, err = w.ledger.Troubles(ctx, b.ID); err != nil {
		return nil, err
	}
	return waits.OfBatch(*b, c, w.around), nil
}

// RestsSince is since when a batch is paused or held; zero where it is not.
func (w *Waits) RestsSince(ctx context.Context, found ledger.Batch) (time.Time, error) {
	b, err := w.known(ctx, found)
	if err != nil {
		return time.Time{}, err
	}
	return b.Since, nil
}

// NoWorker is why nothing goes on at all; nil while some worker carries uploads.
func (w *Waits) NoWorker() *waits.Wait { return waits.NoWorker(w.workers) }
