package activities

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/mediaferry/mediaferry/internal/ledger"
)

// errCalled says that a row goes no step further with its page: a person wants
// something of it.
var errCalled = errors.New("it is called out of its page")

// callouts are the rows that people call out of a page. Each is answered by whoever
// has it in hand: the row itself, between two steps, or else whoever hears of it.
type callouts struct {
	mu       sync.Mutex
	wanted   map[string]ledger.Callout // by upload ID
	inHand   map[string]context.CancelFunc
	answered map[string]bool
}

func (s *callouts) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wanted, s.inHand, s.answered = map[string]ledger.Callout{}, map[string]context.CancelFunc{}, map[string]bool{}
}

// take takes a row in hand, and reports whether it may go on with its page.
func (s *callouts) take(id string, cancel context.CancelFunc) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.answered[id] {
		return false
	}
	s.inHand[id] = cancel
	return true
}

// drop lets a row go that has ended, or waits for its page to come back.
func (s *callouts) drop(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.inHand, id)
}

// note keeps calls, and returns those of rows that nobody has in hand. Of the
// others those that are canceled need not wait for a step in progress.
func (s *callouts) note(calls []ledger.Callout) (idle []ledger.Callout) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, call := range calls {
		id := call.UploadID
		s.wanted[id] = call
		cancel, busy := s.inHand[id]
		switch {
		case busy && call.Want == ledger.WantCancel:
			cancel()
		case !busy && !s.answered[id]:
			s.answered[id] = true
			idle = append(idle, call)
		}
	}
	return idle
}

func (s *callouts) of(id string) (ledger.Callout, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	call, found := s.wanted[id]
	return call, found
}

// hear looks who is called out of the page, and answers for those whose turn has
// not come, or that wait for the page to come back.
func (c *carrier) hear(ctx context.Context) {
	calls, err := c.Ledger.Callouts(ctx, c.runID)
	if err != nil {
		c.fail(ctx, err)
		return
	}
	for _, call := range c.calls.note(calls) {
		row, err := c.Ledger.Row(ctx, call.UploadID)
		if err != nil {
			c.fail(ctx, err)
			return
		}
		if row.RunID != c.runID || row.Result.State.Ended() {
			continue
		}
		c.forgetLeft(call.UploadID)
		newPacked(c, row).answer(ctx)
	}
}

// forgetLeft takes a row from those for whose sake the page comes back.
func (c *carrier) forgetLeft(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left = slices.DeleteFunc(c.left, func(r *packed) bool { return r.item.UploadID == id })
}

// takeOn goes on with a row in the background, unless that was called out
// meanwhile.
func (c *carrier) takeOn(ctx context.Context, all *sync.WaitGroup, r *packed, do func(context.Context)) bool {
	id := r.entry.Result.UploadID
	ctx, cancel := context.WithCancel(ctx)
	if !c.calls.take(id, cancel) {
		cancel()
		return false
	}
	all.Go(func() {
		defer cancel()
		defer c.calls.drop(id)
		do(ctx)
	})
	return true
}

// called reports whether a person wants something of the row.
func (r *packed) called() bool {
	_, called := r.calls.of(r.entry.Result.UploadID)
	return called
}

// answer does what a person wants of the row.
func (r *packed) answer(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	call, _ := r.calls.of(r.entry.Result.UploadID)
	var err error
	if call.Want == ledger.WantCancel {
		record := r.canceled()
		err = r.record(ctx, record.Result, record.Fingerprint)
	} else {
		err = r.goAlone(ctx, call.Because())
	}
	if err != nil {
		r.fail(ctx, err)
		r.postponed()
	}
}

// nap waits until the vendor is to be asked again, but not for a row that is called.
func (r *packed) nap(ctx context.Context) error {
	for wait := r.due(); wait > 0 && !r.called(); {
		if err := r.pause(ctx, min(wait, pageWatch)); err != nil {
			return err
		}
		wait = min(wait-pageWatch, r.due()) // which others may have moved forward
	}
	return ctx.Err()
}

// leaveBehind has the page come back for a row that the vendor processes.
func (r *packed) leaveBehind() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.left = append(r.left, r)
}
