package steps

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/flow"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
)

const (
	// tryLease is how long the item that makes the next call during an outage is the
	// only one.
	tryLease = time.Minute
	// trySpare is for how long after that call is due the item that made the last one
	// leaves it to others.
	trySpare = 3 * time.Second
	// waiterSpan is the time between two items that look whether an outage is over, on
	// average over all that wait: each look is a call of an activity, which costs.
	waiterSpan = 2 * time.Second
	// waiterMost is the longest time between two looks of one item.
	waiterMost = time.Hour
	// ownOfBatch is how many rows of a batch have workflows of their own at once, as a rule.
	ownOfBatch = 16
)

// OutOfOrder says that a call was not made because one of the account's other sides is
// out of order, and somebody else tries or it is not time yet. It is no fault of the
// item's, and counts as no attempt.
type OutOfOrder struct {
	Account string
	Outage  ledger.Outage
	After   time.Duration // until it is worth asking again
}

func (o *OutOfOrder) Error() string {
	return fmt.Sprintf("account %s: %s has not answered since %s: %s", o.Account, peerWords(o.Outage.Peer),
		o.Outage.Since.UTC().Format(time.TimeOnly)+" UTC", o.Outage.Last.Message)
}

// peerWords names one of an account's other sides to people.
func peerWords(peer upload.Peer) string {
	switch peer {
	case upload.PeerLogin:
		return "the login"
	case upload.PeerStore:
		return "the store"
	}
	return "the vendor"
}

// outages are what this process knows of the accounts' other sides.
type outages struct {
	mu    sync.Mutex
	known map[string][]ledger.Outage // by account, as the ledger had it last
	told  map[string]time.Time       // by account: when it was noted last that its vendor does as it is asked
	rows  map[peerKey]*failures
}

type peerKey struct {
	account string
	peer    upload.Peer
}

// failures are those of one peer that came one after the other.
type failures struct {
	n        int64
	since    time.Time // when the first of these calls began
	answered time.Time // when the other side answered last
}

// learn takes note of what the ledger says of an account.
func (o *outages) learn(state ledger.AccountState) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.known == nil {
		o.known = map[string][]ledger.Outage{}
	}
	o.known[state.Name] = state.Outages
}

// of is the present or last outage of a peer.
func (o *outages) of(key peerKey) (ledger.Outage, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, one := range o.known[key.account] {
		if one.Peer == key.peer {
			return one, true
		}
	}
	return ledger.Outage{}, false
}

// put replaces what is known of a peer.
func (o *outages) put(account string, outage ledger.Outage) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.known == nil {
		o.known = map[string][]ledger.Outage{}
	}
	var others []ledger.Outage
	for _, one := range o.known[account] {
		if one.Peer != outage.Peer {
			others = append(others, one)
		}
	}
	o.known[account] = append(others, outage)
}

// failed counts a call that failed, and returns how many have, since when. A call that
// began before the other side answered last says nothing new.
func (o *outages) failed(key peerKey, began time.Time) (n int64, since time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.rows == nil {
		o.rows = map[peerKey]*failures{}
	}
	row := o.rows[key]
	if row == nil {
		row = &failures{}
		o.rows[key] = row
	}
	if began.Before(row.answered) {
		return row.n, row.since
	}
	if row.n == 0 {
		row.since = began
	}
	row.n++
	return row.n, row.since
}

// succeeded notes that the other side answers.
func (o *outages) succeeded(key peerKey, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if row := o.rows[key]; row != nil {
		row.n, row.answered = 0, now
	}
}

// peerOf is whom a step calls.
func peerOf(do flow.Do, p *upload.Progress) upload.Peer {
	if do == flow.DoSend && p.Session.Store != upload.StoreVendor {
		return upload.PeerStore
	}
	return upload.PeerVendor
}

// Admit says whether an item may make its next step as far as outages go: nil where it
// may. During an outage one item at a time may; for all others it is *OutOfOrder, or
// the failure that ends their patience. since is when the step was to be made first.
// Where a store is out of order, no session is opened for it either.
func (s *Steps) Admit(ctx context.Context, w Work, do flow.Do, since time.Time) error {
	peers := []upload.Peer{peerOf(do, w.Progress)}
	if do == flow.DoPrepare {
		peers = append(peers, upload.PeerStore)
	}
	for _, peer := range peers {
		out, err := s.AdmitCall(ctx, ledger.OutageCall{Account: w.Caller.Account.Name, Peer: peer, Caller: w.Item.UploadID})
		if err != nil {
			return err
		}
		if out == nil {
			continue
		}
		if over := w.Flow.Waited(w.Progress, w.Progress.At(), out.Since(since), s.Now(), out.Outage.Last); over != nil {
			return over
		}
		return out
	}
	return nil
}

// Since is since when a call has been waiting that was to be made first at a time.
func (o *OutOfOrder) Since(first time.Time) time.Time {
	if o.Outage.Since.After(first) {
		return o.Outage.Since
	}
	return first
}

// AdmitCall says whether a caller may call one of an account's other sides; nil where it
// may.
func (s *Steps) AdmitCall(ctx context.Context, c ledger.OutageCall) (*OutOfOrder, error) {
	key := peerKey{c.Account, c.Peer}
	o, known := s.outages.of(key)
	if !known || o.Over() {
		return nil, nil
	}
	now := s.Now()
	due := !o.Next.After(now) && (o.Trying == c.Caller || !o.TryingTo.After(now))
	if due {
		granted, err := s.Ledger.TryOutage(ctx, c, tryLease, trySpare)
		if err != nil {
			return nil, FromLedger(ctx, err)
		}
		if granted {
			o.Trying, o.TryingTo = c.Caller, now.Add(tryLease)
			s.outages.put(c.Account, o)
			return nil, nil
		}
	}
	return &OutOfOrder{Account: c.Account, Outage: o, After: max(worthAsking(o, c.Caller, now).Sub(now), time.Second)}, nil
}

// worthAsking is when a caller may be the one that makes the next call, or learn how
// that went.
func worthAsking(o ledger.Outage, caller string, now time.Time) time.Time {
	switch {
	case o.TryingTo.After(now): // as a rule it takes no minute
		return now.Add(trySpare)
	case o.Trying == caller:
		return o.Next.Add(trySpare)
	}
	return o.Next
}

// HasOutage reports whether one of an account's other sides is out of order, as far as this
// process knows.
func (s *Steps) HasOutage(account string) bool {
	s.outages.mu.Lock()
	defer s.outages.mu.Unlock()
	return slices.ContainsFunc(s.outages.known[account], func(o ledger.Outage) bool { return !o.Over() })
}

// heard takes note of what a call that began at a time says about the other side.
func (s *Steps) heard(ctx context.Context, c ledger.OutageCall, began time.Time, err error) {
	var e *upload.Error
	if err != nil && !errors.As(err, &e) || ctx.Err() != nil {
		return
	}
	if e != nil && e.Peer != "" && e.Peer != c.Peer { // a source's own rows wait for it alone, and a login is heard of where tokens are renewed
		return
	}
	switch {
	case flow.OutOfOrder(e) && (e.Strange || e.Status < http.StatusBadRequest || egress.MayPass(e.Status)): // another 4xx is of this call alone
		s.outage(ctx, c, began, *e)
	case flow.Answers(e):
		s.answers(ctx, peerKey{c.Account, c.Peer}, began)
		if e == nil && c.Peer == upload.PeerVendor {
			s.noteOK(ctx, c.Account)
		}
	}
}

// noteOK notes now and then that an account's vendor does as it is asked.
func (s *Steps) noteOK(ctx context.Context, account string) {
	if !s.outages.untold(account, s.Now()) {
		return
	}
	if err := s.Ledger.Answered(ctx, account); err != nil { // it is noted again in a minute
		s.Log.Warn("could not note an answer", zap.String("account", account), zap.Error(err))
	}
}

// untold reports whether a vendor's answer is to be noted, and takes that for done.
func (o *outages) untold(account string, now time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if age := now.Sub(o.told[account]); age >= 0 && age < ledger.AnsweredEvery {
		return false
	}
	if o.told == nil {
		o.told = map[string]time.Time{}
	}
	o.told[account] = now
	return true
}

// outage counts a call that nobody answered, and begins an outage, or prolongs it.
func (s *Steps) outage(ctx context.Context, c ledger.OutageCall, began time.Time, e upload.Error) {
	key := peerKey{c.Account, c.Peer}
	n, since := s.outages.failed(key, began)
	last := upload.Error{Kind: e.Kind, Step: e.Step, Message: e.Message, Status: e.Status, Code: e.Code, RequestID: e.RequestID, RetryAfter: e.RetryAfter}
	o, known := s.outages.of(key)
	var err error
	switch {
	case known && !o.Over() && o.Trying == c.Caller:
		pause := flow.Pause(last, key.account, o.Tries+1)
		o.Tries, o.Next, o.TryingTo, o.Last = o.Tries+1, s.Now().Add(pause), time.Time{}, last
		err = s.Ledger.FailOutage(ctx, c, pause, last)
	case known && !o.Over(), n < upload.OutageAfter:
		return
	default:
		o = ledger.Outage{Peer: key.peer, Since: since, Tries: n, Next: s.Now().Add(flow.Pause(last, key.account, n)), Trying: c.Caller, Last: last}
		var begun bool
		if begun, err = s.Ledger.BeginOutage(ctx, key.account, o); !begun && err == nil {
			return
		}
	}
	if err != nil { // the next call says it again
		s.Log.Warn("could not save an outage", zap.String("account", key.account), zap.Error(err))
		return
	}
	s.outages.put(key.account, o)
}

// answers ends the outage of another side that answers again.
func (s *Steps) answers(ctx context.Context, key peerKey, began time.Time) {
	s.outages.succeeded(key, s.Now())
	o, known := s.outages.of(key)
	if !known || o.Over() || began.Before(o.Since) {
		return
	}
	if _, err := s.Ledger.EndOutage(ctx, key.account, key.peer); err != nil { // the next call says it again
		s.Log.Warn("could not save the end of an outage", zap.String("account", key.account), zap.Error(err))
		return
	}
	o.Ended = s.Now()
	s.outages.put(key.account, o)
}

// unasked takes note of the last outage of the vendor, in which nobody could ask it.
func (s *Steps) unasked(w Work) {
	o, known := s.outages.of(peerKey{w.Caller.Account.Name, upload.PeerVendor})
	if known && o.Over() {
		w.Flow.Unasked(w.Progress, o.Since, o.Ended)
	}
}

// Waiter has an item with a workflow of its own ask again whether an outage is over:
// when the next call is due, and the later the more items wait.
func (s *Steps) Waiter(ctx context.Context, o *OutOfOrder, item upload.Item, n int) error {
	waiting := int64(ownOfBatch)
	if item.Batch == "" {
		var err error
		if waiting, err = s.Ledger.SinglesAtWork(ctx, o.Account); err != nil {
			return FromLedger(ctx, err)
		}
	}
	span := min(time.Duration(waiting)*2*waiterSpan, waiterMost)
	return &Later{Why: o.Error(), After: o.After + time.Duration(upload.Share(item.UploadID, n)*float64(span))}
}
