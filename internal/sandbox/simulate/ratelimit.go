package simulate

import (
	"math"
	"sync"
	"time"
)

// TokenBuckets are token buckets by key, filled by the sandbox's clock.
type TokenBuckets struct {
	clock *Clock

	mu    sync.Mutex
	level map[string]*bucketLevel
}

type bucketLevel struct {
	tokens float64
	at     int64 // age
}

// NewTokenBuckets fills them by a clock.
func NewTokenBuckets(c *Clock) *TokenBuckets {
	return &TokenBuckets{clock: c, level: map[string]*bucketLevel{}}
}

// Take takes one token of a bucket that gains rate tokens a second up to burst.
// Without one left it says how long to wait. A rate of 0 is no limit.
func (b *TokenBuckets) Take(key string, rate float64, burst int) (time.Duration, bool) {
	if rate <= 0 {
		return 0, true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.clock.Age()
	l, ok := b.level[key]
	if !ok {
		l = &bucketLevel{tokens: float64(burst), at: now}
		b.level[key] = l
	}
	l.tokens = math.Min(float64(burst), l.tokens+rate*float64(now-l.at)/1000)
	l.at = now
	if l.tokens < 1 {
		return time.Duration((1 - l.tokens) / rate * float64(time.Second)), false
	}
	l.tokens--
	return 0, true
}

// Clear fills all buckets.
func (b *TokenBuckets) Clear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.level = map[string]*bucketLevel{}
}

// Window counts requests of one key in a span of time that begins with the first
// of them.
type Window struct {
	Began int64 `json:"began"` // age
	Count int   `json:"count"`
}

// Roll begins a new span where the last one is over.
func (w Window) Roll(now int64, span time.Duration) Window {
	if w.Count == 0 || now-w.Began >= span.Milliseconds() {
		return Window{Began: now}
	}
	return w
}

// Rest is how long the span still lasts, in whole seconds, rounded up.
func (w Window) Rest(now int64, span time.Duration) int {
	return int(math.Ceil(float64(span.Milliseconds()-(now-w.Began)) / 1000))
}
