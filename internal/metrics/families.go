package metrics

// Family is one metric as it is documented.
type Family struct {
	Name   string
	Type   string // counter, gauge or histogram
	Labels []string
	Help   string
}

// prefix begins the name of every metric of ours.
const prefix = "mediaferry_"

const (
	counter   = "counter"
	gauge     = "gauge"
	histogram = "histogram"
)

// families are all metrics, in the order of the documentation.
var families = []Family{
	{"build_info", gauge, []string{"version", "revision"}, "Which program this is; always 1."},
	{"uploads_total", counter, []string{"account", "vendor", "way", "state", "kind"}, "Uploads that ended, by how and why; counted by the process whose record the ledger took."},
	{"upload_duration_seconds", histogram, []string{"vendor", "way", "state"}, "Time from when a run began with an upload to its end."},
	{"step_duration_seconds", histogram, []string{"vendor", "step"}, "Time of one execution of a step, failed ones included."},
	{"sent_bytes_total", counter, []string{"account", "vendor"}, "Bytes of media that the other side acknowledged, repeats included."},
	{"wasted_bytes_total", counter, []string{"account", "vendor", "cause"}, "Bytes among those sent of which nothing became, by why."},
	{"vendor_requests_total", counter, []string{"account", "vendor", "call", "status"}, "Requests to vendors, by the answer's status; none where no answer came."},
	{"vendor_request_duration_seconds", histogram, []string{"vendor", "call"}, "Time from a request to a vendor to its whole answer."},
	{"store_requests_total", counter, []string{"store", "status"}, "Requests with bytes of media to stores that vendors point to."},
	{"throttled_total", counter, []string{"account"}, "Answers that say that an account calls too often."},
	{"permit_wait_seconds", histogram, []string{"account"}, "Time that a call waited because of a rate; calls that need not wait do not count."},
	{"url_renewals_total", counter, []string{"vendor"}, "Signed URLs or sessions that were asked for because others ran out."},
	{"account_state", gauge, []string{"account", "state"}, "1 for the state that an account is in."},
	{"items", gauge, []string{"account", "state"}, "Items in the ledger."},
	{"waiting_items", gauge, []string{"account", "for"}, "Items that wait, by for what."},
	{"oldest_waiting_seconds", gauge, []string{"account"}, "How long the oldest of an account's items has been waiting."},
	{"batch_rows", gauge, []string{"batch", "state"}, "Rows of batches that have not ended."},
	{"decisions_pending", gauge, nil, "Unconfirmed items, of which a person has to decide."},
	{"ledger_duration_seconds", histogram, []string{"operation"}, "Time that the ledger's database took."},
	{"ledger_errors_total", counter, nil, "Operations that the ledger's database did not carry out."},
	{"reports_failed_total", counter, nil, "Reports of batches that could not be written."},
	{"notifications_total", counter, []string{"event", "outcome"}, "Attempts to deliver a notification."},
	{"bandwidth_limit_bytes", gauge, nil, "Bytes per second that this process may send; 0: no limit."},
	{"encryption_key_info", gauge, []string{"key_id"}, "The keys that this process has; the first encrypts."},
}

// Families lists all metrics.
func Families() []Family {
	all := make([]Family, len(families))
	for i, f := range families {
		f.Name = prefix + f.Name
		all[i] = f
	}
	return all
}

// family is a metric by its name without the prefix; a programmer's mistake has no name,
// which the registry refuses.
func family(name string) Family {
	for _, f := range Families() {
		if f.Name == prefix+name {
			return f
		}
	}
	return Family{}
}
