// Package metrics owns the metrics of mediaferry: their names, labels and buckets, the
// registry that holds them, and how those that the ledger knows are read from it.
//
// What is counted is for those to say who know that it happened, and once. It knows no
// vendor and no Temporal, makes no labels of what strangers write (no ID of an item, no
// path, no message), and never makes a scrape wait for a database. A nil *Metrics
// counts nothing, which is what programs have that serve none.
package metrics

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/notify"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// Buckets, in seconds. Each costs a series for each set of labels, so there are few; they
// lie where what is measured goes from good to bad.
var (
	uploadBuckets  = []float64{10, 120, 1800}  // an image, a small film, a large one
	stepBuckets    = []float64{1, 10, 120}     // a call, an image's bytes, a film's
	requestBuckets = []float64{0.3, 1, 10}     // calls are cut off after 30 s
	permitBuckets  = []float64{1, 10}          // an activity waits for up to 20 s
	ledgerBuckets  = []float64{.005, .05, 0.5} // a file, a database nearby, trouble
)

// Metrics are those of one process.
type Metrics struct {
	registry *prometheus.Registry

	uploads        *prometheus.CounterVec
	uploadDuration *prometheus.HistogramVec
	stepDuration   *prometheus.HistogramVec
	sent, wasted   *prometheus.CounterVec
	requests       *prometheus.CounterVec
	requestTime    *prometheus.HistogramVec
	storeRequests  *prometheus.CounterVec
	throttled      *prometheus.CounterVec
	permitWait     *prometheus.HistogramVec
	renewals       *prometheus.CounterVec
	ledgerTime     *prometheus.HistogramVec
	ledgerErrors   prometheus.Counter
	reportsFailed  prometheus.Counter
	notifications  *prometheus.CounterVec
}

// New returns metrics that start empty, with those of the process and of Go beside them.
func New(version, revision string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	info := m.gauge("build_info")
	info.WithLabelValues(version, revision).Set(1)

	m.uploads = m.counter("uploads_total")
	m.uploadDuration = m.histogram("upload_duration_seconds", uploadBuckets)
	m.stepDuration = m.histogram("step_duration_seconds", stepBuckets)
	m.sent, m.wasted = m.counter("sent_bytes_total"), m.counter("wasted_bytes_total")
	m.requests = m.counter("vendor_requests_total")
	m.requestTime = m.histogram("vendor_request_duration_seconds", requestBuckets)
	m.storeRequests = m.counter("store_requests_total")
	m.throttled = m.counter("throttled_total")
	m.permitWait = m.histogram("permit_wait_seconds", permitBuckets)
	m.renewals = m.counter("url_renewals_total")
	m.ledgerTime = m.histogram("ledger_duration_seconds", ledgerBuckets)
	m.ledgerErrors = m.counter("ledger_errors_total").WithLabelValues()
	m.reportsFailed = m.counter("reports_failed_total").WithLabelValues()
	m.notifications = m.counter("notifications_total")
	for _, event := range upload.Events() { // there before they grow, so that the first one is seen
		m.notifications.WithLabelValues(string(event), notify.OutcomeSent)
		m.notifications.WithLabelValues(string(event), notify.OutcomeGivenUp)
	}
	return m
}

// Registry holds all metrics; others' may be added.
func (m *Metrics) Registry() *prometheus.Registry { return m.registry }

func (m *Metrics) counter(name string) *prometheus.CounterVec {
	f := family(name)
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: f.Name, Help: f.Help}, f.Labels)
	m.registry.MustRegister(v)
	return v
}

func (m *Metrics) gauge(name string) *prometheus.GaugeVec {
	f := family(name)
	v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: f.Name, Help: f.Help}, f.Labels)
	m.registry.MustRegister(v)
	return v
}

func (m *Metrics) histogram(name string, buckets []float64) *prometheus.HistogramVec {
	f := family(name)
	v := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: f.Name, Help: f.Help, Buckets: buckets}, f.Labels)
	m.registry.MustRegister(v)
	return v
}

// Ended counts the end of an upload, which the ledger has. Its duration counts where a
// run had it.
func (m *Metrics) Ended(c ledger.ItemChange) {
	if m == nil {
		return
	}
	m.uploads.WithLabelValues(c.Account, c.Vendor, string(c.Way), string(c.State), string(c.Kind)).Inc()
	if c.RunID != "" {
		m.uploadDuration.WithLabelValues(c.Vendor, string(c.Way), string(c.State)).Observe(c.Took.Seconds())
	}
}

// Step measures one execution of a step, however it went.
func (m *Metrics) Step(vendor string, step upload.Step, took time.Duration) {
	if m != nil {
		m.stepDuration.WithLabelValues(vendor, string(step)).Observe(took.Seconds())
	}
}

// Sent counts bytes of media that the other side acknowledged, repeats included.
func (m *Metrics) Sent(account, vendor string, bytes int64) {
	if m != nil && bytes > 0 {
		m.sent.WithLabelValues(account, vendor).Add(float64(bytes))
	}
}

// Cause is why bytes were sent in vain.
type Cause string

// CauseAnswer: a call's answer was lost, and a search found nothing of it. CauseProcessing:
// the vendor took the bytes and could not process them. Any other cause is the kind of
// the failure with which the send ended.
const (
	CauseAnswer     Cause = "answer"
	CauseProcessing Cause = "processing"
	CauseStopped    Cause = "stopped" // the worker, or the upload, was stopped meanwhile
)

// Wasted counts bytes of those that Sent counts, of which nothing became.
func (m *Metrics) Wasted(account, vendor string, why Cause, bytes int64) {
	if m != nil && bytes > 0 {
		m.wasted.WithLabelValues(account, vendor, string(why)).Add(float64(bytes))
	}
}

// Request is a call of a vendor's API, or bytes that the vendor itself takes.
type Request struct {
	Account, Vendor, Call string
	Status                int // 0: the answer did not come
	Took                  time.Duration
}

// Request counts a request that was sent.
func (m *Metrics) Request(r Request) {
	if m == nil {
		return
	}
	m.requests.WithLabelValues(r.Account, r.Vendor, r.Call, statusClass(r.Status)).Inc()
	m.requestTime.WithLabelValues(r.Vendor, r.Call).Observe(r.Took.Seconds())
}

// StoreRequest counts a request to a store with bytes of a medium; status 0 is one whose
// answer did not come.
func (m *Metrics) StoreRequest(store upload.Store, status int) {
	if m != nil {
		m.storeRequests.WithLabelValues(string(store), statusClass(status)).Inc()
	}
}

// statusClass is a status as a label: those by themselves that ask for different
// measures.
func statusClass(status int) string {
	switch status {
	case 401, 403, 404, 429, 503:
		return strconv.Itoa(status)
	case 0:
		return "none"
	}
	if status < 100 || status > 599 {
		return "other"
	}
	return strconv.Itoa(status/100) + "xx"
}

// Throttled counts an answer that says that an account calls too often.
func (m *Metrics) Throttled(account string) {
	if m != nil {
		m.throttled.WithLabelValues(account).Inc()
	}
}

// PermitWait measures how long a call waited for its permit. Calls that need not wait do
// not count.
func (m *Metrics) PermitWait(account string, wait time.Duration) {
	if m != nil && wait > 0 {
		m.permitWait.WithLabelValues(account).Observe(wait.Seconds())
	}
}

// Renewed counts URLs that took the place of others that ran out.
func (m *Metrics) Renewed(vendor string) {
	if m != nil {
		m.renewals.WithLabelValues(vendor).Inc()
	}
}

// LedgerTook measures an operation of the ledger's database.
func (m *Metrics) LedgerTook(of ledger.Operation, took time.Duration) {
	if m != nil {
		m.ledgerTime.WithLabelValues(string(of)).Observe(took.Seconds())
	}
}

// LedgerFailed counts an operation that the ledger's database did not carry out.
func (m *Metrics) LedgerFailed() {
	if m != nil {
		m.ledgerErrors.Inc()
	}
}

// ReportFailed counts a report that could not be written.
func (m *Metrics) ReportFailed() {
	if m != nil {
		m.reportsFailed.Inc()
	}
}

// Notified counts an attempt to deliver a notification, with one of notify's outcomes.
func (m *Metrics) Notified(event upload.Event, outcome string) {
	if m != nil {
		m.notifications.WithLabelValues(string(event), outcome).Inc()
	}
}
