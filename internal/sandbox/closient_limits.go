package sandbox

import (
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// closientLimits counts requests of each key in two windows, which survive a
// restart as a vendor's would.
type closientLimits struct {
	s     *Sandbox
	mu    sync.Mutex
	table *table[closientWindows] // by key
}

type closientWindows struct {
	Minute window `json:"minute"`
	Day    window `json:"day"`
}

const (
	closientMinute = time.Minute
	closientDay    = 24 * time.Hour
)

func newClosientLimits(s *Sandbox, mem *memory) (*closientLimits, error) {
	t, err := newTable[closientWindows](s.journal, mem, "closient.window")
	return &closientLimits{s: s, table: t}, err
}

// keyOf is whom a request is counted for.
func (l *closientLimits) keyOf(c *call) string {
	if key := c.r.Header.Get("X-API-Key"); key != "" {
		return key
	}
	return c.r.Header.Get("Authorization")
}

func (l *closientLimits) now(key string) closientWindows {
	w, _ := l.table.get(key)
	age := l.s.clock.age()
	return closientWindows{Minute: w.Minute.roll(age, closientMinute), Day: w.Day.roll(age, closientDay)}
}

// take counts a request, or refuses it.
func (l *closientLimits) take(c *call, t *closient) *answer {
	set := l.s.Settings().Closient
	if set.PerMinute <= 0 && set.PerDay <= 0 {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	key, age := l.keyOf(c), l.s.clock.age()
	w := l.now(key)
	rest := 0
	if set.PerMinute > 0 && w.Minute.Count >= set.PerMinute {
		rest = w.Minute.rest(age, closientMinute)
	}
	if set.PerDay > 0 && w.Day.Count >= set.PerDay {
		rest = max(rest, w.Day.rest(age, closientDay))
	}
	if rest > 0 {
		a := t.envelope(refusal{status: http.StatusTooManyRequests, message: "Rate limit exceeded"}, "", rest)
		return l.headers(set, w, a).with("Retry-After", strconv.Itoa(rest))
	}
	w.Minute.Count++
	w.Day.Count++
	l.table.put(key, w)
	return nil
}

// show adds the headers that every answer carries.
func (l *closientLimits) show(c *call, a *answer) *answer {
	set := l.s.Settings().Closient
	if set.PerMinute <= 0 && set.PerDay <= 0 {
		return a
	}
	return l.headers(set, l.now(l.keyOf(c)), a)
}

// headers tell of the window in which less is left.
func (l *closientLimits) headers(set ClosientSettings, w closientWindows, a *answer) *answer {
	age := l.s.clock.age()
	limit, left, reset := set.PerMinute, max(0, set.PerMinute-w.Minute.Count), w.Minute.rest(age, closientMinute)
	policy := fmt.Sprintf("%d;w=60", set.PerMinute)
	if set.PerDay > 0 {
		policy += fmt.Sprintf(", %d;w=86400", set.PerDay)
		if dayLeft := max(0, set.PerDay-w.Day.Count); set.PerMinute <= 0 || dayLeft < left {
			limit, left, reset = set.PerDay, dayLeft, w.Day.rest(age, closientDay)
		}
	}
	at := l.s.clock.wall().Add(time.Duration(reset) * time.Second).Unix()
	return a.with("RateLimit-Policy", policy).
		with("RateLimit-Limit", strconv.Itoa(limit)).with("X-RateLimit-Limit", strconv.Itoa(limit)).
		with("RateLimit-Remaining", strconv.Itoa(left)).with("X-RateLimit-Remaining", strconv.Itoa(left)).
		with("RateLimit-Reset", strconv.Itoa(reset)).with("X-RateLimit-Reset", strconv.FormatInt(at, 10))
}
