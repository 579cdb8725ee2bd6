package activities

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/mediaferry/mediaferry/internal/ledger"
)

// errDetachRequested says that a row goes no step further with its shard: a person wants
// something of it.
var errDetachRequested = errors.New("a person requested that it be detached")

// detachRequests are what people want of single rows of a shard. Each is answered by
// whoever works on the row: the row itself, between two steps, or else the watcher.
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

// note keeps requests, and returns those of rows that nobody has in hand. Of the
// others those that are canceled need not wait for a step in progress.
func (s *detachRequests) note(requests []ledger.DetachRequest) (idle []ledger.DetachRequest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, request := range requests {
		id := request.UploadID
		s.wanted[id] = request
		cancel, busy := s.inHand[id]
		switch {
		case busy && request.Want == ledger.WantCancel:
			cancel()
		case !busy && !s.answered[id]:
			s.answered[id] = true
			idle = append(idle, request)
		}
	}
	return idle
}

func (s *detachRequests) of(id string) (ledger.DetachRequest, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	request, found := s.wanted[id]
	return request, found
}

// hear reads the detach requests of the shard, and answers those of rows whose turn
// has not come, or that wait for the next attempt of the shard.
func (c *carrier) hear(ctx context.Context) {
	requests, err := c.Ledger.DetachRequests(ctx, c.runID)
	if err != nil {
		c.fail(ctx, err)
		return
	}
	for _, request := range c.requests.note(requests) {
		row, err := c.Ledger.ReadProgress(ctx, request.UploadID)
		if err != nil {
			c.fail(ctx, err)
			return
		}
		if row.RunID != c.runID || row.Result.State.Ended() {
			continue
		}
		c.forgetLeft(request.UploadID)
		newPacked(c, row).answer(ctx)
	}
}

// forgetLeft takes a row from those for whose sake the shard comes back.
func (c *carrier) forgetLeft(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left = slices.DeleteFunc(c.left, func(r *packed) bool { return r.item.UploadID == id })
}

// takeOn goes on with a row in the background, unless a detach request was
// answered for it meanwhile.
func (c *carrier) takeOn(ctx context.Context, all *sync.WaitGroup, r *packed, do func(context.Context)) bool {
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

// requested reports whether a person wants something of the row.
func (r *packed) requested() bool {
	_, requested := r.requests.of(r.entry.Result.UploadID)
	return requested
}

// answer does what a person wants of the row.
func (r *packed) answer(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	request, _ := r.requests.of(r.entry.Result.UploadID)
	var err error
	if request.Want == ledger.WantCancel {
		record := r.canceled()
		err = r.record(ctx, record.Result, record.Fingerprint)
	} else {
		err = r.detach(ctx, request.Because())
	}
	if err != nil {
		r.fail(ctx, err)
		r.postponed()
	}
}

// nap waits until the vendor is to be asked again, but not while a request waits.
func (r *packed) nap(ctx context.Context) error {
	for wait := r.due(); wait > 0 && !r.requested(); {
		if err := r.pause(ctx, min(wait, shardWatch)); err != nil {
			return err
		}
		wait = min(wait-shardWatch, r.due()) // which others may have moved forward
	}
	return ctx.Err()
}

// leaveBehind has the shard come back for a row that the vendor processes.
func (r *packed) leaveBehind() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.left = append(r.left, r)
}
