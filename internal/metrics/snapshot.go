package metrics

import (
	"context"
	"slices"
	"time"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/waits"
)

// Snapshot is what the ledger knew at one moment.
type Snapshot struct {
	At       time.Time
	Items    []ledger.AccountItems
	Accounts map[string]waits.State
	Waiting  map[string]map[upload.WaitFor]int64 // by account
	Oldest   map[string]time.Time                // by account
	Rows     map[string]map[upload.State]int64   // by batch
}

// batchesMost is of how many batches rows are told, the newest ones.
const batchesMost = 20

// Books is where a snapshot comes from.
type Books struct {
	Ledger *ledger.Ledger
	// Accounts lists those of the configuration: an account that was never used is
	// active.
	Accounts func() []string
	// Workers are those that live.
	Workers func(ctx context.Context) (waits.Workers, error)
	Now     func() time.Time
}

// Read takes a snapshot.
func (b Books) Read(ctx context.Context) (Snapshot, error) {
	s := Snapshot{
		At: b.Now(), Accounts: map[string]waits.State{}, Waiting: map[string]map[upload.WaitFor]int64{}, Rows: map[string]map[upload.State]int64{},
	}
	states, err := b.Ledger.Accounts(ctx)
	if err != nil {
		return s, err
	}
	for _, name := range b.Accounts() {
		s.Accounts[name] = waits.StateActive
	}
	known := map[string]ledger.AccountState{}
	for _, state := range states {
		if _, used := s.Accounts[state.Name]; used || state.Paused || state.LastOK.After(s.At.Add(-usedWithin)) {
			s.Accounts[state.Name] = waits.StateOf(state)
		}
		known[state.Name] = state
	}
	workers, err := b.Workers(ctx)
	if err != nil {
		return s, err
	}
	fleet, err := b.Ledger.Fleet(ctx)
	if err != nil {
		return s, err
	}
	s.Items, s.Oldest = withFailures(fleet.Items, s.Accounts), fleet.Oldest
	s.count(fleet, func(account string) waits.Around {
		state := known[account]
		state.Name = account
		return waits.Around{Account: state, Workers: &workers, Now: s.At}
	})
	return s, nil
}

// usedWithin is within what time an account was used that the configuration of this
// process does not have, but that of another worker may.
const usedWithin = 24 * time.Hour

// withFailures adds that nothing failed and nothing is unconfirmed, where it is so: what
// is watched for its growth must be there before it grows.
func withFailures(items []ledger.AccountItems, accounts map[string]waits.State) []ledger.AccountItems {
	for account := range accounts {
		for _, state := range []upload.State{upload.StateFailed, upload.StateUnconfirmed} {
			if !slices.ContainsFunc(items, func(one ledger.AccountItems) bool { return one.Account == account && one.State == state }) {
				items = append(items, ledger.AccountItems{Account: account, State: state})
			}
		}
	}
	return items
}

// count adds up what items wait for.
func (s *Snapshot) count(f ledger.Fleet, around func(account string) waits.Around) {
	add := func(b waits.Batch, c waits.Counted) {
		for _, rows := range waits.OfBatch(b, c, around) {
			if s.Waiting[rows.To] == nil {
				s.Waiting[rows.To] = map[upload.WaitFor]int64{}
			}
			s.Waiting[rows.To][rows.For] += rows.Rows
		}
	}
	for i, b := range f.Batches {
		if i < batchesMost {
			for _, state := range []upload.State{upload.StateReady, upload.StateFailed, upload.StateUnconfirmed} {
				b.Rows[state] += 0 // it is told of also while there is none
			}
			s.Rows[b.ID] = b.Rows
		}
		add(waits.Batch{Batch: b.Batch, Since: b.Since}, waits.Counted{Open: b.Open, Troubles: b.Troubles})
	}
	add(waits.Batch{}, waits.Counted{Open: f.Singles, Troubles: f.SingleTroubles})
}
