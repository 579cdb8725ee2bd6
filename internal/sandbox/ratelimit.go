package sandbox

import (
	"math"
	"sync"
	"time"
)

// buckets are token buckets by key, filled by the sandbox's clock.
type buckets struct {
	clock *clock

	mu    sync.Mutex
	level map[string]*bucketLevel
}

type bucketLevel struct {
	tokens float64
	at     int64 // age
}

func newBuckets(c *clock) *buckets { return &buckets{clock: c, level: map[string]*bucketLevel{}} }

// take takes one token of a bucket that gains rate tokens a second up to burst.
// Without one left it says how long to wait. A rate of 0 is no limit.
func (b *buckets) take(key string, rate float64, burst int) (time.Duration, bool) {
	if rate <= 0 {
		return 0, true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.clock.age()
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

func (b *buckets) clear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.level = map[string]*bucketLevel{}
}

// window counts requests of one key in a span of time that begins with the first
// of them.
type window struct {
	Began int64 `json:"began"` // age
	Count int   `json:"count"`
}

// roll begins a new span where the last one is over.
func (w window) roll(now int64, span time.Duration) window {
	if w.Count == 0 || now-w.Began >= span.Milliseconds() {
		return window{Began: now}
	}
	return w
}

// rest is how long the span still lasts, in whole seconds, rounded up.
func (w window) rest(now int64, span time.Duration) int {
	return int(math.Ceil(float64(span.Milliseconds()-(now-w.Began)) / 1000))
}
