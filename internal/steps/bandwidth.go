package steps

import (
	"context"
	"sync"
	"time"

	"github.com/mediaferry/mediaferry/internal/transfer"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// limitAge is how old a batch's limit may be.
const limitAge = time.Second

// limits are the limits of bandwidth of batches and uploads in this process, beside
// that of the process itself.
type limits struct {
	mu      sync.Mutex
	batches map[string]*batchBandwidth
	uploads map[string]*uploadBandwidth
}

// batchBandwidth is the limit of one batch, as of late.
type batchBandwidth struct {
	*transfer.Bandwidth
	mu      sync.Mutex
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
		batch = func(ctx context.Context, n int) error { return s.batchBandwidth(ctx, item.Batch).Wait(ctx, n) }
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
func (l *limits) batch(id string, now func() time.Time) *batchBandwidth {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.batches == nil {
		l.batches = map[string]*batchBandwidth{}
	}
	if l.batches[id] == nil {
		l.batches[id] = &batchBandwidth{Bandwidth: transfer.NewBandwidth(nil, now)}
	}
	return l.batches[id]
}

// LimitBatch notes what a batch's limit is now, in bytes per second; 0: none.
func (s *Steps) LimitBatch(id string, rate int64) { s.limits.batch(id, s.Now).note(rate, s.Now()) }

func (b *batchBandwidth) note(rate int64, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.Set(transfer.Timetable{{Rate: rate}})
	b.asOf, b.reading = now, false
}

// stale reports whether the caller is to read the limit anew.
func (b *batchBandwidth) stale(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.reading || now.Sub(b.asOf).Abs() < limitAge {
		return false
	}
	b.reading = true
	return true
}

// batchBandwidth is a batch's limit as the ledger has it. Where that cannot be read,
// the last one holds.
func (s *Steps) batchBandwidth(ctx context.Context, id string) *batchBandwidth {
	b := s.limits.batch(id, s.Now)
	if !b.stale(s.Now()) {
		return b
	}
	rate := b.Table().At(s.Now())
	if batch, err := s.Ledger.Batch(ctx, id); err == nil {
		rate = batch.Limits.Bandwidth
	}
	b.note(rate, s.Now())
	return b
}
