package metrics

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mediaferry/mediaferry/internal/upload"
)

const (
	// snapshotAge is how old a snapshot may be that a scrape tells of: several who scrape
	// cost no more than one.
	snapshotAge = 5 * time.Second
	// readMost bounds the reading of a snapshot.
	readMost = 10 * time.Second
	// scrapeMost is how long a scrape waits for a snapshot. After that it tells of the
	// last one, and of none where that is older than snapshotMost.
	scrapeMost   = time.Second
	snapshotMost = time.Minute
)

// Serve adds what is read when somebody asks: what the ledger knows, by read; the limit
// of bandwidth, in bytes per second or 0; and the keys that this process has.
func (m *Metrics) Serve(read func(context.Context) (Snapshot, error), bandwidth func() int64, keys []string) {
	limit := family("bandwidth_limit_bytes")
	m.registry.MustRegister(
		&gauges{read: read, failed: m.ledgerErrors, now: time.Now, wait: scrapeMost},
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: limit.Name, Help: limit.Help}, func() float64 { return float64(bandwidth()) }),
	)
	info := m.gauge("encryption_key_info")
	for _, id := range keys {
		info.WithLabelValues(id).Set(1)
	}
}

// gauges tells of snapshots of the ledger.
type gauges struct {
	read   func(context.Context) (Snapshot, error)
	failed prometheus.Counter
	now    func() time.Time
	wait   time.Duration

	mu      sync.Mutex
	last    Snapshot
	reading chan struct{} // closed when the reading ends that is under way; nil: none is
}

// Describe lists nothing: which gauges there are depends on the ledger.
func (g *gauges) Describe(chan<- *prometheus.Desc) {}

// Collect tells of a snapshot.
func (g *gauges) Collect(out chan<- prometheus.Metric) {
	s, found := g.snapshot()
	if !found {
		return
	}
	tell := func(name string, value float64, labels ...string) {
		f := family(name)
		out <- prometheus.MustNewConstMetric(prometheus.NewDesc(f.Name, f.Help, f.Labels, nil), prometheus.GaugeValue, value, labels...)
	}
	for account, state := range s.Accounts {
		tell("account_state", 1, account, string(state))
	}
	undecided := int64(0)
	for _, n := range s.Items {
		tell("items", float64(n.Items), n.Account, string(n.State))
		if n.State == upload.StateUnconfirmed {
			undecided += n.Items
		}
	}
	tell("decisions_pending", float64(undecided))
	for account, waiting := range s.Waiting {
		for why, n := range waiting {
			tell("waiting_items", float64(n), account, string(why))
		}
	}
	for account := range s.Accounts { // 0 where nothing waits, so that an alert can tell it from no data
		waited := time.Duration(0)
		if at, waits := s.Oldest[account]; waits {
			waited = max(g.now().Sub(at), 0)
		}
		tell("oldest_waiting_seconds", waited.Seconds(), account)
	}
	for batch, rows := range s.Rows {
		for state, n := range rows {
			tell("batch_rows", float64(n), batch, string(state))
		}
	}
}

// snapshot is one that is new enough. It waits for no longer than a scrape may.
func (g *gauges) snapshot() (Snapshot, bool) {
	if reading := g.begin(); reading != nil {
		timer := time.NewTimer(g.wait)
		defer timer.Stop()
		select {
		case <-reading:
		case <-timer.C:
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.last, !g.last.At.IsZero() && g.now().Sub(g.last.At) < snapshotMost
}

// begin has a snapshot read, unless the last one is new, and returns the end of that.
func (g *gauges) begin() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if age := g.now().Sub(g.last.At); age >= 0 && age < snapshotAge {
		return nil
	}
	if g.reading == nil {
		g.reading = make(chan struct{})
		go g.renew(g.reading)
	}
	return g.reading
}

// renew reads a snapshot. The ledger counts its own failures, but not that it took too
// long.
func (g *gauges) renew(done chan struct{}) {
	ctx, cancel := context.WithTimeout(context.Background(), readMost)
	defer cancel()
	s, err := g.read(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		g.failed.Inc()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if err == nil {
		g.last = s
	}
	g.reading = nil
	close(done)
}
