// Package waits says what an item, a row, a batch or an account waits for, since when,
// what came last and when it is tried again. It is the only place that does; every view
// shows what it says. It asks nobody: what it says follows from what the ledger has of
// the account, and from what the item's own last call came to.
package waits

import (
	"fmt"
	"time"

	"github.com/mediaferry/mediaferry/internal/flow"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// Wait is what something waits for. The names of its JSON are stable.
type Wait struct {
	For    upload.WaitFor `json:"for"`
	Reason string         `json:"reason"`
	// Since is when it began, as far as that is known.
	Since upload.Moment `json:"since"`
	// Until is when it ends by itself, where that is known.
	Until upload.Moment `json:"until"`
	// NextTryAt is when the next call is made, where that is known.
	NextTryAt upload.Moment   `json:"next_try_at"`
	Tries     int64           `json:"tries"` // calls that failed since, one after the other
	LastError *upload.Failure `json:"last_error"`
}

// Trouble reports whether something keeps an upload that is not its ordinary course.
func (w Wait) Trouble() bool { return w.For != upload.ForProcessing && w.For != upload.ForTurn }

// State is in what state an account is.
type State string

// The states of an account.
const (
	StateActive      State = "active"
	StatePaused      State = "paused"      // by a person
	StateDenied      State = "denied"      // by its vendor
	StateUnavailable State = "unavailable" // one of its other sides does not answer
	StateThrottled   State = "throttled"   // its vendor asked for a pause, or a quota is used up
)

// StateOf is the state of an account.
func StateOf(s ledger.AccountState) State {
	_, out := outage(s, upload.PeerVendor, upload.PeerLogin, upload.PeerStore)
	switch {
	case s.Paused && s.By == upload.ByItself:
		return StateDenied
	case s.Paused:
		return StatePaused
	case out:
		return StateUnavailable
	case !s.Slow.Until.IsZero():
		return StateThrottled
	}
	return StateActive
}

// Account is what an account waits for; nil where it waits for nothing.
func Account(s ledger.AccountState) *Wait {
	if s.Paused {
		w := ofPause(s)
		w.For = upload.ForPerson
		return w
	}
	if o, out := outage(s, upload.PeerVendor, upload.PeerLogin, upload.PeerStore); out {
		return ofOutage(o)
	}
	return ofSlow(s)
}

// outage is the first of these of an account's other sides that does not answer.
func outage(s ledger.AccountState, peers ...upload.Peer) (ledger.Outage, bool) {
	for _, peer := range peers {
		if o, out := s.Out(peer); out {
			return o, true
		}
	}
	return ledger.Outage{}, false
}

func ofOutage(o ledger.Outage) *Wait {
	last := o.Last
	return &Wait{
		For: flow.WaitsFor(last), Reason: last.Message, Since: moment(o.Since), NextTryAt: moment(o.Next), Tries: o.Tries,
		LastError: upload.FailureOf(&last),
	}
}

func ofSlow(s ledger.AccountState) *Wait {
	if s.Slow.Until.IsZero() {
		return nil
	}
	reason := s.Slow.Because
	if reason == "" {
		reason = "account " + s.Name + " has reached its rate limit"
	}
	return &Wait{
		For: upload.ForRate, Reason: reason, Since: moment(s.Slow.Since), Until: moment(s.Slow.Until), NextTryAt: moment(s.Slow.Until),
	}
}

// Quota is what an account waits for whose requests in a window are used up.
func Quota(account string, q upload.Quota, resets time.Time) *Wait {
	return &Wait{
		For: upload.ForRate, Reason: fmt.Sprintf("account %s has used up its %d requests in %s", account, q.Limit, q.Window),
		Until: moment(resets), NextTryAt: moment(resets),
	}
}

func ofPause(s ledger.AccountState) *Wait {
	return &Wait{For: upload.ForAccount, Reason: "account " + s.Name + " is paused: " + s.Because, Since: moment(s.Since)}
}

func moment(t time.Time) upload.Moment { return upload.Moment{Time: t.UTC()} }
