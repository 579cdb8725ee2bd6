package simulate

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"
)

// Clock keeps two times apart, because a test can age what the sandbox has
// handed out but cannot age the clock of the client that holds it.
//
// Age is real time plus all advances: grants, tokens, sessions and processing
// are measured with it. Wall is what the vendors' own clocks show: it dates
// answers and judges the time stamps in requests; it differs from real time
// by the skew alone.
type Clock struct {
	mu      sync.Mutex
	advance time.Duration
	skew    time.Duration
	journal *Journal
}

// clockState is how the clock is kept over a restart.
type clockState struct {
	Advance Duration `json:"advance"`
	Skew    Duration `json:"skew"`
}

const kindClock = "clock"

func (c *Clock) restore(e map[string]json.RawMessage) error {
	raw, ok := e[kindClock]
	if !ok {
		return nil
	}
	var s clockState
	if err := json.Unmarshal(raw, &s); err != nil {
		return fmt.Errorf("read the clock: %w", err)
	}
	c.advance, c.skew = time.Duration(s.Advance), time.Duration(s.Skew)
	return nil
}

// Age is the time by which lifetimes are measured, in milliseconds since 1970.
func (c *Clock) Age() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.advance).UnixMilli()
}

// Wall is the time that the vendors show.
func (c *Clock) Wall() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.skew).UTC()
}

// Calendar is the vendors' date: a day passes where a day was advanced over.
func (c *Clock) Calendar() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.advance + c.skew).UTC()
}

// Passed reports whether life has gone by since the age at which something was
// handed out.
func (c *Clock) Passed(issued int64, life Duration) bool {
	return c.Age()-issued > time.Duration(life).Milliseconds()
}

// Add lets time go by.
func (c *Clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance += d
	c.save()
}

// SetSkew puts the vendors' clocks off.
func (c *Clock) SetSkew(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.skew = d
	c.save()
}

// Reset sets the clock right.
func (c *Clock) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance, c.skew = 0, 0
	c.save()
}

// Offsets are how far the clocks are off.
func (c *Clock) Offsets() (advance, skew time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.advance, c.skew
}

func (c *Clock) save() {
	c.journal.put(kindClock, kindClock, clockState{Duration(c.advance), Duration(c.skew)})
}

// Duration is a time.Duration that reads "1m30s" or a number of seconds from
// JSON, and writes the former.
type Duration time.Duration

// MarshalJSON writes the duration as time.Duration prints it.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(d).String()) }

// UnmarshalJSON reads a duration as Go writes it, or a number of seconds.
func (d *Duration) UnmarshalJSON(b []byte) error {
	var seconds float64
	if json.Unmarshal(b, &seconds) == nil {
		*d = Duration(seconds * float64(time.Second))
		return nil
	}
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("duration %s: use a text like %q or a number of seconds", b, "90s")
	}
	v, err := time.ParseDuration(s)
	if err != nil {
		return fmt.Errorf("duration %q: use a text like %q or a number of seconds", s, "90s")
	}
	*d = Duration(v)
	return nil
}

// String prints the duration as Go does.
func (d Duration) String() string { return time.Duration(d).String() }

// Milliseconds is the duration in milliseconds.
func (d Duration) Milliseconds() int64 { return time.Duration(d).Milliseconds() }
