package metrics

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/waits"
)

var noon = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// everything has each metric in it once.
func everything(t *testing.T) *Metrics {
	t.Helper()
	m := New("1.2.3", "abc")
	m.Ended(ledger.ItemChange{Account: "shop", Vendor: "acme", Way: upload.WayPacked, RunID: "r", State: upload.StateFailed, Kind: upload.KindRejected, Took: 2 * time.Second})
	m.Step("acme", upload.StepPrepare, time.Second)
	m.Sent("shop", "acme", 100)
	m.Wasted("shop", "acme", CauseAnswer, 40)
	m.Request(Request{Account: "shop", Vendor: "acme", Call: "prepare", Status: 429, Took: time.Second})
	m.StoreRequest(upload.StoreS3, 0)
	m.Throttled("shop")
	m.PermitWait("shop", time.Second)
	m.Renewed("acme")
	m.LedgerTook(ledger.OperationRead, time.Millisecond)
	m.Notified(upload.EventBatchEnded, "sent")
	m.Serve(func(context.Context) (Snapshot, error) {
		return Snapshot{
			At: time.Now(), Items: []ledger.AccountItems{{Account: "shop", State: upload.StateUnconfirmed, Items: 3}},
			Accounts: map[string]waits.State{"shop": waits.StateDenied},
			Waiting:  map[string]map[upload.WaitFor]int64{"shop": {upload.ForPerson: 3}},
			Oldest:   map[string]time.Time{"shop": time.Now().Add(-time.Hour)},
			Rows:     map[string]map[upload.State]int64{"spring": {upload.StateReady: 7}},
		}, nil
	}, func() int64 { return 1000 }, []string{"k1"})
	return m
}

func TestEachMetricIsAsItIsDocumented(t *testing.T) {
	found, err := everything(t).Registry().Gather()
	require.NoError(t, err)
	var names []string
	for _, f := range found {
		if !strings.HasPrefix(f.GetName(), prefix) {
			continue
		}
		names = append(names, f.GetName())
		want := family(strings.TrimPrefix(f.GetName(), prefix))
		require.Equal(t, want.Help, f.GetHelp(), f.GetName())
		require.Equal(t, strings.ToUpper(want.Type), f.GetType().String(), f.GetName())
		for _, metric := range f.GetMetric() {
			var labels []string
			for _, label := range metric.GetLabel() {
				labels = append(labels, label.GetName())
			}
			require.ElementsMatch(t, want.Labels, labels, f.GetName())
		}
	}
	var all []string
	for _, f := range Families() {
		all = append(all, f.Name)
	}
	slices.Sort(all)
	require.Equal(t, all, names)
}

func TestAStatusIsALabelOfFew(t *testing.T) {
	labels := map[string]bool{}
	for status := -1; status < 1000; status++ {
		labels[statusClass(status)] = true
	}
	require.Len(t, labels, 12)
	for status, want := range map[int]string{0: "none", 200: "2xx", 307: "3xx", 400: "4xx", 401: "401", 429: "429", 500: "5xx", 503: "503", 999: "other"} {
		require.Equal(t, want, statusClass(status))
	}
}

func TestNilCountsNothing(t *testing.T) {
	var m *Metrics
	m.Ended(ledger.ItemChange{})
	m.Step("", "", 0)
	m.Sent("", "", 1)
	m.Wasted("", "", "", 1)
	m.Request(Request{})
	m.StoreRequest("", 0)
	m.Throttled("")
	m.PermitWait("", 1)
	m.Renewed("")
	m.LedgerTook("", 0)
	m.LedgerFailed()
	m.ReportFailed()
	m.Notified("", "")
}

// A scrape waits for no database: it tells of the last snapshot while that is young.
func TestAScrapeDoesNotWaitForTheLedger(t *testing.T) {
	now, answers := noon, make(chan error)
	began := make(chan struct{}, 1)
	g := &gauges{
		failed: prometheus.NewCounter(prometheus.CounterOpts{Name: "x"}), now: func() time.Time { return now },
		read: func(context.Context) (Snapshot, error) {
			began <- struct{}{}
			return Snapshot{At: now}, <-answers
		},
	}
	read := func(err error) { // the reading that is under way ends so
		g.mu.Lock()
		reading := g.reading
		g.mu.Unlock()
		answers <- err
		<-reading
	}
	_, found := g.snapshot()
	require.False(t, found, "nothing was read yet, and nobody waits for it")
	<-began
	_, found = g.snapshot()
	require.False(t, found)
	read(nil)
	s, found := g.snapshot()
	require.True(t, found)
	require.Equal(t, noon, s.At)

	now = noon.Add(snapshotAge)
	s, found = g.snapshot()
	require.True(t, found, "the last one is good while the next is read")
	require.Equal(t, noon, s.At)
	<-began
	read(errors.New("no database"))
	now = noon.Add(snapshotMost - time.Second)
	_, found = g.snapshot()
	require.True(t, found)
	<-began
	read(context.DeadlineExceeded)
	now = noon.Add(snapshotMost)
	_, found = g.snapshot()
	require.False(t, found, "what is old is not told as if it were so")
	<-began
	read(nil)
}
