package steps

import (
	"context"
	"sync"
	"time"

	"github.com/mediaferry/mediaferry/internal/transfer"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

// limitAge is how old a batch's limit may be.
const limitAge = time.Second

// limits are what people set for batches and uploads, as far as it counts in each
// worker: bandwidth, beside that of the process itself, and patience.
type limits struct {
	mu      sync.Mutex
	batches map[string]*batchLimits
	uploads map[string]*uploadBandwidth
}

// batchLimits are what a person set for one batch, as of late.
type batchLimits struct {
	*transfer.Bandwidth
	mu      sync.Mutex
	limits  upload.Limits
	asOf    time.Time
	reading bool
}

// uploadBandwidth is the limit of one upload, as long as anything of it is being sent.
type uploadBandwidth struct {
	*transfer.Bandwidth
	users int
}

// Limit returns what the bytes of an item wait for: the limit of its upload, that of
// its batch, and that of this process. Call release when the send has ended.
func (s *Steps) Limit(item upload.Item) (wait func(ctx context.Context, n int) error, release func()) {
	release = func() {}
	var own, batch func(ctx context.Context, n int) error
	if item.Bandwidth > 0 {
		own, release = s.limits.upload(item, s.Now)
	}
	if item.Batch != "" {
		batch = func(ctx context.Context, n int) error { return s.batchLimits(ctx, item.Batch).Wait(ctx, n) }
	}
	return func(ctx context.Context, n int) error {
		for _, limit := range []func(context.Context, int) error{own, batch, s.Bandwidth.Wait} {
			if limit == nil {
				continue
			}
			if err := limit(ctx, n); err != nil {
				return err
			}
		}
		return nil
	}, release
}

// upload is the limit that all sends of one upload share.
func (l *limits) upload(item upload.Item, now func() time.Time) (wait func(context.Context, int) error, release func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.uploads == nil {
		l.uploads = map[string]*uploadBandwidth{}
	}
	u := l.uploads[item.UploadID]
	if u == nil {
		u = &uploadBandwidth{Bandwidth: transfer.NewBandwidth(nil, now)}
		l.uploads[item.UploadID] = u
	}
	u.Set(transfer.Timetable{{Rate: item.Bandwidth}})
	u.users++
	return u.Wait, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if u.users--; u.users == 0 {
			delete(l.uploads, item.UploadID)
		}
	}
}

// batch is the limit that all sends of one batch share.
func (l *limits) batch(id string, now func() time.Time) *batchLimits {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.batches == nil {
		l.batches = map[string]*batchLimits{}
	}
	if l.batches[id] == nil {
		l.batches[id] = &batchLimits{Bandwidth: transfer.NewBandwidth(nil, now)}
	}
	return l.batches[id]
}

// LimitBatch notes what a batch's limits are now, for everything in this process.
func (s *Steps) LimitBatch(id string, limits upload.Limits) {
	s.limits.batch(id, s.Now).note(limits, s.Now())
}

func (b *batchLimits) note(limits upload.Limits, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.Set(transfer.Timetable{{Rate: limits.Bandwidth}})
	b.limits = limits
	b.asOf, b.reading = now, false
}

// LimitsOf are a batch's limits as LimitBatch noted them last.
func (s *Steps) LimitsOf(batch string) upload.Limits { return s.limits.batch(batch, s.Now).now() }

func (b *batchLimits) now() upload.Limits {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.limits
}

// unread ends a reading that failed: the last limits hold for another while.
func (b *batchLimits) unread(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asOf, b.reading = now, false
}

// stale reports whether the caller is to read the limit anew.
func (b *batchLimits) stale(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.reading || now.Sub(b.asOf).Abs() < limitAge {
		return false
	}
	b.reading = true
	return true
}

// batchLimits are a batch's limits as the ledger has them. Where that cannot be read,
// the last ones hold.
func (s *Steps) batchLimits(ctx context.Context, id string) *batchLimits {
	b := s.limits.batch(id, s.Now)
	if !b.stale(s.Now()) {
		return b
	}
	if batch, err := s.Ledger.Batch(ctx, id); err == nil {
		b.note(batch.Limits, s.Now())
	} else {
		b.unread(s.Now())
	}
	return b
}

// Patience is how long outages of an item are waited out: as its upload or its batch
// says, and else its account.
func (s *Steps) Patience(ctx context.Context, account spec.Account, item upload.Item) time.Duration {
	switch {
	case item.Patience != nil:
		return *item.Patience
	case item.Batch == "":
		return account.Patience
	}
	if p := s.batchLimits(ctx, item.Batch).now().Patience; p != nil {
		return *p
	}
	return account.Patience
}
