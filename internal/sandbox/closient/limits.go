package closient

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
)

// keyLimits counts requests of each key in two windows, which survive a
// restart as a vendor's would.
type keyLimits struct {
	w     *simulate.World
	mu    sync.Mutex
	table *simulate.Table[keyWindows] // by key
}

type keyWindows struct {
	Minute simulate.Window `json:"minute"`
	Day    simulate.Window `json:"day"`
}

const (
	minuteWindow = time.Minute
	dayWindow    = 24 * time.Hour
)

func newKeyLimits(w *simulate.World) (*keyLimits, error) {
	t, err := simulate.NewTable[keyWindows](w, "closient.window")
	return &keyLimits{w: w, table: t}, err
}

// keyOf is whom a request is counted for.
func (l *keyLimits) keyOf(c *simulate.Call) string {
	if key := c.HTTP.Header.Get("X-API-Key"); key != "" {
		return key
	}
	return c.HTTP.Header.Get("Authorization")
}

func (l *keyLimits) now(key string) keyWindows {
	w, _ := l.table.Get(key)
	age := l.w.Clock.Age()
	return keyWindows{Minute: w.Minute.Roll(age, minuteWindow), Day: w.Day.Roll(age, dayWindow)}
}

// take counts a request, or refuses it.
func (l *keyLimits) take(c *simulate.Call, t *Vendor) *simulate.Answer {
	set := simulate.SettingsOf[Settings](l.w)
	if set.PerMinute <= 0 && set.PerDay <= 0 {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	key, age := l.keyOf(c), l.w.Clock.Age()
	w := l.now(key)
	rest := 0
	if set.PerMinute > 0 && w.Minute.Count >= set.PerMinute {
		rest = w.Minute.Rest(age, minuteWindow)
	}
	if set.PerDay > 0 && w.Day.Count >= set.PerDay {
		rest = max(rest, w.Day.Rest(age, dayWindow))
	}
	if rest > 0 {
		a := t.envelope(simulate.Refusal{Status: http.StatusTooManyRequests, Message: "Rate limit exceeded"}, "", rest)
		return l.headers(set, w, a).With("Retry-After", strconv.Itoa(rest))
	}
	w.Minute.Count++
	w.Day.Count++
	l.table.Put(key, w)
	return nil
}

// show adds the headers that every answer carries.
func (l *keyLimits) show(c *simulate.Call, a *simulate.Answer) *simulate.Answer {
	set := simulate.SettingsOf[Settings](l.w)
	if set.PerMinute <= 0 && set.PerDay <= 0 {
		return a
	}
	return l.headers(set, l.now(l.keyOf(c)), a)
}

// headers tell of the window in which less is left.
func (l *keyLimits) headers(set Settings, w keyWindows, a *simulate.Answer) *simulate.Answer {
	age := l.w.Clock.Age()
	limit, left, reset := set.PerMinute, max(0, set.PerMinute-w.Minute.Count), w.Minute.Rest(age, minuteWindow)
	if set.PerDay > 0 {
		if dayLeft := max(0, set.PerDay-w.Day.Count); set.PerMinute <= 0 || dayLeft < left {
			limit, left, reset = set.PerDay, dayLeft, w.Day.Rest(age, dayWindow)
		}
	}
	at := l.w.Clock.Wall().Add(time.Duration(reset) * time.Second).Unix()
	return a.With("RateLimit-Policy", set.policy()).
		With("RateLimit-Limit", strconv.Itoa(limit)).With("X-RateLimit-Limit", strconv.Itoa(limit)).
		With("RateLimit-Remaining", strconv.Itoa(left)).With("X-RateLimit-Remaining", strconv.Itoa(left)).
		With("RateLimit-Reset", strconv.Itoa(reset)).With("X-RateLimit-Reset", strconv.FormatInt(at, 10))
}
