package transfer

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Bandwidth limits the bytes per second of all sends of a process together. It
// may be changed while they run, and may differ by time of day. It is safe for
// concurrent use.
type Bandwidth struct {
	now func() time.Time

	mu     sync.Mutex
	table  Timetable
	bucket *rate.Limiter
	rate   int64 // in force
}

// Timetable says which rate holds from which time of day on.
type Timetable []Slot

// Slot is a rate that holds from a time of day until the next slot's.
type Slot struct {
	From time.Duration // since midnight, local time
	Rate int64         // bytes per second; 0: no limit
}

// ParseTimetable reads a limit: "10M" for always, "off" for none, or times of day
// with the rate that begins then, "08:00,512k 19:00,10M 23:00,off". Rates are
// bytes per second, with k, M, G for powers of 1000 and Ki, Mi, Gi for powers of
// 1024.
func ParseTimetable(text string) (Timetable, error) {
	fields := strings.Fields(text)
	if len(fields) == 0 {
		return nil, nil
	}
	if len(fields) == 1 && !strings.Contains(fields[0], ",") {
		limit, err := ParseRate(fields[0])
		return Timetable{{Rate: limit}}, err
	}
	var table Timetable
	for _, field := range fields {
		clock, rest, ok := strings.Cut(field, ",")
		if !ok {
			return nil, fmt.Errorf("limit %q must have the form HH:MM,RATE", field)
		}
		at, err := time.Parse("15:04", clock)
		if err != nil {
			return nil, fmt.Errorf("limit %q: %q is not a time of day; use HH:MM", field, clock)
		}
		limit, err := ParseRate(rest)
		if err != nil {
			return nil, err
		}
		table = append(table, Slot{From: time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute, Rate: limit})
	}
	slices.SortStableFunc(table, func(a, b Slot) int { return int(a.From - b.From) })
	return table, nil
}

// ParseRate reads bytes per second, or "off".
func ParseRate(text string) (int64, error) {
	if strings.EqualFold(text, "off") {
		return 0, nil
	}
	digits := strings.TrimRightFunc(text, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
	factor, known := map[string]float64{
		"": 1, "k": 1e3, "m": 1e6, "g": 1e9, "ki": 1 << 10, "mi": 1 << 20, "gi": 1 << 30,
	}[strings.TrimSuffix(strings.ToLower(text[len(digits):]), "b")]
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil || !known || n <= 0 || n*factor < 1 || n*factor > math.MaxInt32*1024 {
		return 0, fmt.Errorf("rate %q is not a number of bytes per second; use for example 512k, 10M, 1.5Gi or off", text)
	}
	return int64(n * factor), nil
}

// At is the rate at a time of day; before the first slot, the last of the day
// before still holds.
func (t Timetable) At(now time.Time) int64 {
	if len(t) == 0 {
		return 0
	}
	clock := time.Duration(now.Hour())*time.Hour + time.Duration(now.Minute())*time.Minute
	current := t[len(t)-1]
	for _, slot := range t {
		if slot.From <= clock {
			current = slot
		}
	}
	return current.Rate
}

// String is the table as ParseTimetable reads it.
func (t Timetable) String() string {
	words := make([]string, 0, len(t))
	for _, slot := range t {
		word := "off"
		if slot.Rate > 0 {
			word = strconv.FormatInt(slot.Rate, 10)
		}
		if len(t) > 1 {
			word = fmt.Sprintf("%02d:%02d,%s", int(slot.From.Hours()), int(slot.From.Minutes())%60, word)
		}
		words = append(words, word)
	}
	if len(words) == 0 {
		return "off"
	}
	return strings.Join(words, " ")
}

// NewBandwidth returns a Bandwidth with a table, by the given clock.
func NewBandwidth(table Timetable, now func() time.Time) *Bandwidth {
	return &Bandwidth{now: now, table: table, bucket: rate.NewLimiter(rate.Inf, burstMost), rate: 0}
}

// How many bytes may pass at once: a tenth of a second's, within these bounds. A wait
// for more is made of pieces, so that those who wait take turns.
const (
	burstLeast = 4 << 10
	burstMost  = 256 << 10
)

// Set changes the table; it holds at once for sends that run.
func (b *Bandwidth) Set(table Timetable) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.table = table
}

// Table is the table in force.
func (b *Bandwidth) Table() Timetable {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.table)
}

// Now is the limit in force, in bytes per second; 0: there is none.
func (b *Bandwidth) Now() int64 {
	if b == nil {
		return 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.table.At(b.now())
}

// Wait returns when n more bytes may pass. A nil Bandwidth lets all pass.
func (b *Bandwidth) Wait(ctx context.Context, n int) error {
	if b == nil {
		return nil
	}
	for n > 0 {
		bucket := b.current()
		piece := min(n, bucket.Burst())
		switch err := bucket.WaitN(ctx, piece); {
		case err == nil:
			n -= piece
		case ctx.Err() != nil || piece <= bucket.Burst(): // else the rate has changed meanwhile
			return err
		}
	}
	return nil
}

// current applies the rate of the hour.
func (b *Bandwidth) current() *rate.Limiter {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now := b.table.At(b.now()); now != b.rate {
		b.rate = now
		limit, burst := rate.Inf, burstMost
		if now > 0 {
			limit, burst = rate.Limit(now), int(min(max(now/10, burstLeast), burstMost))
		}
		b.bucket.SetLimit(limit)
		b.bucket.SetBurst(burst)
	}
	return b.bucket
}
