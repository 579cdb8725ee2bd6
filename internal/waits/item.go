package waits

import (
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/flow"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// moving is for how long after its last bytes a transfer is taken for one that moves.
const moving = 10 * time.Second

// Item is what is known of an item.
type Item struct {
	// Argument is how a command names it.
	Argument string
	State    upload.State
	Paused   bool            // by a person
	Held     bool            // a run holds it
	Queue    string          // of those who can read its source; empty: every worker
	Own      *upload.Wait    // after its own last call
	Failure  *upload.Failure // of one that is unconfirmed
	Changed  time.Time       // when anything of it changed last, its bytes too
	Batch    *Batch          // nil for one that belongs to none
	Polls    upload.Schedule // of its vendor
	Behind   string          // the item that keeps another one from being sent; empty: none does
}

// Batch is what is known of an item's batch.
type Batch struct {
	ledger.Batch
	Since time.Time // when it was paused or held; zero where that is not known
}

// Workers are those that live, and when the last of them was heard of.
type Workers struct {
	Uploads bool            // one of them calls vendors
	Queues  map[string]bool // which they poll
	Seen    time.Time
}

// Around is what an item's wait follows from, beside the item itself.
type Around struct {
	Account ledger.AccountState
	Workers *Workers // nil where they are not known
	Now     time.Time
}

// Of is what an item waits for; nil where it waits for nothing. What needs a person
// stands above what somebody has to start, and that above what passes by itself.
func (a Around) Of(i Item) *Wait {
	if i.State.Ended() {
		return undecided(i)
	}
	for _, rule := range []func(Item) *Wait{
		paused, a.paused, a.worker, source, a.outage, a.host, a.slow, own, a.processing, a.turn,
	} {
		if w := rule(i); w != nil {
			return w
		}
	}
	return nil
}

// undecided is what an item waits for of which nobody knows whether it arrived.
func undecided(i Item) *Wait {
	if i.State != upload.StateUnconfirmed {
		return nil
	}
	return &Wait{
		For:    upload.ForPerson,
		Reason: "nobody knows whether the file is at the vendor; check there, then: mediaferry decide " + i.Argument + " ready|retry|fail --because TEXT",
		Since:  moment(i.Changed), LastError: i.Failure,
	}
}

// paused is the wait of an item, or of its batch, that a person paused.
func paused(i Item) *Wait {
	b := i.Batch
	switch {
	case i.Paused:
		return &Wait{For: upload.ForPerson, Reason: "it is paused; to continue: mediaferry resume " + i.Argument, Since: moment(i.Changed)}
	case b == nil:
		return nil
	case b.State == upload.BatchHeld:
		return b.wait("is held")
	case b.Paused:
		return b.wait("is paused")
	}
	return nil
}

func (b *Batch) wait(how string) *Wait {
	reason := "batch " + b.ID + " " + how
	if b.Because != "" {
		reason += ": " + strings.TrimSuffix(b.Because, ".")
	}
	return &Wait{For: upload.ForPerson, Reason: reason + ". To continue: mediaferry batch resume " + b.ID, Since: moment(b.Since)}
}

func (a Around) paused(Item) *Wait {
	if !a.Account.Paused {
		return nil
	}
	return ofPause(a.Account)
}

func (a Around) worker(Item) *Wait {
	if a.Workers == nil {
		return nil
	}
	return NoWorker(*a.Workers)
}

// NoWorker is what everything waits for while no worker carries uploads; nil while one
// does.
func NoWorker(w Workers) *Wait {
	if w.Uploads {
		return nil
	}
	return &Wait{For: upload.ForWorker, Reason: "no worker is running; start one with: mediaferry up", Since: moment(w.Seen)}
}

// outage is the wait of an item whose next call goes to somebody who does not answer.
func (a Around) outage(i Item) *Wait {
	peers := []upload.Peer{upload.PeerVendor, upload.PeerLogin, upload.PeerStore}
	switch i.State {
	case upload.StateTransferring:
		peers = []upload.Peer{upload.PeerStore}
		if a.still(i) { // its bytes may go to the vendor itself, or it needs another URL
			peers = []upload.Peer{upload.PeerStore, upload.PeerVendor, upload.PeerLogin}
		}
	case upload.StateCompleting, upload.StateProcessing:
		peers = []upload.Peer{upload.PeerVendor, upload.PeerLogin}
	}
	o, out := outage(a.Account, peers...)
	if !out {
		return nil
	}
	return ofOutage(o)
}

// still reports whether nothing of an item has moved of late.
func (a Around) still(i Item) bool { return a.Now.Sub(i.Changed) > moving }

// host is the wait of an item whose source nobody reads.
func (a Around) host(i Item) *Wait {
	reads := i.State == upload.StateWaiting || i.State == upload.StatePreparing || i.State == upload.StateTransferring && a.still(i)
	if a.Workers == nil || i.Queue == "" || !reads || a.Workers.Queues[upload.QueueKey(i.Queue)] {
		return nil
	}
	return &Wait{For: upload.ForHost, Reason: "no worker " + upload.Readers(i.Queue) + " is running", Since: moment(i.Changed)}
}

// slow is the wait of an item whose next call goes to a vendor that asked for a pause.
func (a Around) slow(i Item) *Wait {
	w := ofSlow(a.Account)
	if w == nil || i.State == upload.StateTransferring && !a.still(i) {
		return nil
	}
	if i.Own != nil && flow.WaitsFor(i.Own.Last) == upload.ForRate {
		last := i.Own.Last
		w.Tries, w.LastError = int64(i.Own.Tries), upload.FailureOf(&last)
	}
	return w
}

// source is the wait of an item whose source is out of order: it calls nobody else then.
func source(i Item) *Wait {
	if w := own(i); w != nil && w.For == upload.ForSource {
		return w
	}
	return nil
}

// own is what an item waits for after its own last call failed.
func own(i Item) *Wait { return Call(i.Own) }

// Call is what a call waits for that failed and is made again; nil for nil.
func Call(w *upload.Wait) *Wait {
	if w == nil {
		return nil
	}
	last := w.Last
	if last.Step == "" {
		last.Step = w.Step
	}
	return &Wait{
		For: flow.WaitsFor(last), Reason: last.Message, Since: moment(w.Since), NextTryAt: moment(w.Next),
		Tries: int64(w.Tries), LastError: upload.FailureOf(&last),
	}
}

// processing is the wait of an item that the vendor works on.
func (a Around) processing(i Item) *Wait {
	if i.State != upload.StateProcessing {
		return nil
	}
	return &Wait{
		For: upload.ForProcessing, Reason: "the vendor is processing the file", Since: moment(i.Changed), NextTryAt: moment(a.poll(i)),
	}
}

// poll is about when an item's vendor is asked next: at its pace, which began when the
// last byte was sent.
func (a Around) poll(i Item) time.Time {
	if i.Changed.IsZero() || len(i.Polls.Waits) == 0 {
		return time.Time{}
	}
	at := i.Changed
	for n := 1; !at.After(a.Now); n++ {
		wait := i.Polls.Waits[min(n, len(i.Polls.Waits))-1]
		if n > len(i.Polls.Waits) { // the last one repeats
			return at.Add((a.Now.Sub(at)/wait + 1) * wait)
		}
		at = at.Add(wait)
	}
	return at
}

// turn is the wait of an item that others go before.
func (a Around) turn(i Item) *Wait {
	if i.Behind != "" {
		return &Wait{For: upload.ForTurn, Reason: "another image of the same product is sent first: " + i.Behind, Since: moment(i.Changed)}
	}
	if i.State != upload.StateWaiting || i.Held {
		return nil
	}
	reason := "other uploads are sent first"
	switch {
	case i.Batch == nil:
	case i.Batch.State == upload.BatchLoading:
		reason = "batch " + i.Batch.ID + " is still being loaded"
	default:
		reason = "other rows of batch " + i.Batch.ID + " are sent first"
	}
	return &Wait{For: upload.ForTurn, Reason: reason, Since: moment(i.Changed)}
}
