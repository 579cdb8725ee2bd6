package shard

import (
	"context"
	"slices"
	"sync"

	"github.com/mediaferry/mediaferry/internal/ledger"
)

// requests are the rows that people call out of a shard. Each is answered by whoever
// has it in hand: the row itself, between two steps, or else whoever hears of it.
type detachRequests struct {
	mu       sync.Mutex
	wanted   map[string]ledger.DetachRequest // by upload ID
	inHand   map[string]context.CancelFunc
	answered map[string]bool
}

func (s *detachRequests) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wanted, s.inHand, s.answered = map[string]ledger.DetachRequest{}, map[string]context.CancelFunc{}, map[string]bool{}
}

// take takes a row in hand, and reports whether it may go on with its shard.
func (s *detachRequests) take(id string, cancel context.CancelFunc) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.answered[id] {
		return false
	}
	s.inHand[id] = cancel
	return true
}

// drop lets a row go that has ended, or waits for its shard to come back.
func (s *detachRequests) drop(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.inHand, id)
}

// note keeps calls, and returns those of rows that nobody has in hand. Of the
// others those that are canceled need not wait for a step in progress.
func (s *detachRequests) note(calls []ledger.DetachRequest) (idle []ledger.DetachRequest) {
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

func (s *detachRequests) of(id string) (ledger.DetachRequest, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	call, found := s.wanted[id]
	return call, found
}

// receive reads which rows are requested, and answers for those whose turn has
// not come, or that wait for the shard to come back.
func (c *carrier) receive(ctx context.Context) {
	calls, err := c.Ledger.DetachRequests(ctx, c.attempt.Run.ID)
	if err != nil {
		c.fail(ctx, err)
		return
	}
	for _, call := range c.requests.note(calls) {
		row, err := c.Ledger.ReadProgress(ctx, call.UploadID)
		if err != nil {
			c.fail(ctx, err)
			return
		}
		if row.RunID != c.attempt.Run.ID || row.Result.State.Ended() {
			continue
		}
		c.forgetProcessing(call.UploadID)
		newRow(c, row).obeyRequest(ctx)
	}
}

// forgetProcessing takes a row from those for whose sake the shard comes back.
func (c *carrier) forgetProcessing(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.processing = slices.DeleteFunc(c.processing, func(r *row) bool { return r.item.UploadID == id })
}

// takeOn goes on with a row in the background, unless that was called out
// meanwhile.
func (c *carrier) takeOn(ctx context.Context, all *sync.WaitGroup, r *row, do func(context.Context)) bool {
	id := r.entry.Result.UploadID
	ctx, cancel := context.WithCancel(ctx)
	if !c.requests.take(id, cancel) {
		cancel()
		return false
	}
	all.Go(func() {
		defer cancel()
		defer c.requests.drop(id)
		do(ctx)
	})
	return true
}

// hasRequest reports whether a person wants something of the row.
func (r *row) hasRequest() bool {
	_, requested := r.requests.of(r.entry.Result.UploadID)
	return requested
}

// obeyRequest does what a person wants of the row.
func (r *row) obeyRequest(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	call, _ := r.requests.of(r.entry.Result.UploadID)
	var err error
	if call.Want == ledger.WantCancel {
		record := r.canceled()
		err = r.record(ctx, record.Result, record.Fingerprint)
	} else {
		err = r.detach(ctx, call.Because())
	}
	if err != nil {
		r.fail(ctx, err)
		r.countWaiting()
	}
}

// nap waits until the vendor is to be polled, but not for a row that is requested.
func (r *row) nap(ctx context.Context) error {
	for wait := r.due(); wait > 0 && !r.hasRequest(); {
		if err := r.Pause(ctx, min(wait, shardWatch)); err != nil {
			return err
		}
		wait = min(wait-shardWatch, r.due()) // which others may have moved forward
	}
	return ctx.Err()
}

// pollInNextAttempt has the shard come back for a row that the vendor processes.
func (r *row) pollInNextAttempt() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.processing = append(r.processing, r)
}
