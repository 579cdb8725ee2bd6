package steps

import (
	"sync"
	"time"
)

// rateSpan is over how long a stretch of sending a rate is taken.
const rateSpan = 30 * time.Second

// rates remembers how fast each account took bytes of late from this process, so
// that an upload can tell beforehand how long it will take. It is forgotten with
// the process.
type rates struct {
	mu  sync.Mutex
	all map[string]*rate
}

type rate struct {
	sending int       // sends under way
	since   time.Time // when the present stretch began
	bytes   int64     // of sends that ended in it
	last    float64   // bytes per second
}

// begin notes that a send begins. The returned function notes its end.
func (r *rates) begin(account string, now func() time.Time) (end func(sent int64)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.all == nil {
		r.all = map[string]*rate{}
	}
	if r.all[account] == nil {
		r.all[account] = &rate{}
	}
	of := r.all[account]
	if of.sending == 0 {
		of.since, of.bytes = now(), 0
	}
	of.sending++
	return func(sent int64) {
		r.mu.Lock()
		defer r.mu.Unlock()
		of.sending--
		of.bytes += sent
		span := now().Sub(of.since)
		if span <= 0 || of.bytes == 0 {
			return
		}
		of.last = float64(of.bytes) / span.Seconds()
		if span >= rateSpan {
			of.since, of.bytes = now(), 0
		}
	}
}

// of is the rate of an account, in bytes per second; 0 where nothing was sent to
// it yet.
func (r *rates) of(account string) float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if of := r.all[account]; of != nil {
		return of.last
	}
	return 0
}
