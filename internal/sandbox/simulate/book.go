package simulate

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Request is one request that the sandbox has seen, whatever became of it.
type Request struct {
	N    int64     `json:"n"`    // counts from 1, in order of arrival
	Time time.Time `json:"time"` // when its header was read
	// Answered is when the answer was ready to be sent.
	Answered time.Time `json:"answered"`
	Vendor   string    `json:"vendor"`
	Call     string    `json:"call"`
	Method   string    `json:"method"`
	Path     string    `json:"path"` // with the query, but without what signs it
	// Status is what was answered; 0 where the connection was cut.
	Status int `json:"status"`
	// Length is the Content-Length, -1 where there was none; BytesIn is what was
	// read of the body.
	Length  int64 `json:"length"`
	BytesIn int64 `json:"bytes_in"`
	// Subject is the medium, session or key that the call was about, where known.
	Subject string `json:"subject,omitempty"`
	// Storage says that the path stands for a storage host or a download host.
	Storage bool `json:"storage,omitempty"`
	// Credentials are the names of headers with credentials that came along.
	Credentials []string `json:"credentials,omitempty"`
	// SHA256 is of the bytes that storage kept of this request.
	SHA256 string `json:"sha256,omitempty"`
	// Fault is the rule that was applied.
	Fault string `json:"fault,omitempty"`
}

// Violation is a request, or a part of one, that a right client would not send.
type Violation struct {
	Time    time.Time `json:"time"`
	Vendor  string    `json:"vendor"`
	Call    string    `json:"call"`
	Kind    string    `json:"kind"`
	Detail  string    `json:"detail"`
	Request int64     `json:"request"` // N of the Request; counts anew after a restart
}

// Book keeps the latest requests and all violations.
type Book struct {
	counter atomic.Int64
	noted   atomic.Int64

	mu       sync.Mutex
	limit    int
	requests []Request // a ring once it is full
	start    int

	Violations *Table[Violation]
}

const (
	kindViolation   = "violation"
	defaultLogLimit = 100_000
)

func newBook(w *World, limit int) (*Book, error) {
	if limit <= 0 {
		limit = defaultLogLimit
	}
	v, err := NewTable[Violation](w, kindViolation)
	if err != nil {
		return nil, err
	}
	return &Book{limit: limit, Violations: v}, nil
}

func (b *Book) next() int64 { return b.counter.Add(1) }

// Add notes a request.
func (b *Book) Add(r Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.requests) < b.limit {
		b.requests = append(b.requests, r)
		return
	}
	b.requests[b.start] = r
	b.start = (b.start + 1) % b.limit
}

// List gives the requests to a vendor, or all, by arrival.
func (b *Book) List(vendor string) []Request {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]Request, 0, len(b.requests))
	for _, r := range b.requests {
		if vendor == "" || r.Vendor == vendor {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(x, y Request) int { return int(x.N - y.N) })
	return out
}

func (b *Book) violate(v Violation) {
	b.Violations.Put(strconv.FormatInt(v.Time.UnixNano(), 36)+"-"+strconv.FormatInt(b.noted.Add(1), 36), v)
}

// Reset forgets requests and violations.
func (b *Book) Reset() {
	b.mu.Lock()
	b.requests, b.start = nil, 0
	b.mu.Unlock()
	b.Violations.Clear()
}

// credentialsIn lists those of the headers with credentials that are there.
func credentialsIn(h http.Header, headers []string) []string {
	var found []string
	for _, name := range headers {
		if h.Get(name) != "" {
			found = append(found, name)
		}
	}
	return found
}

// displayPath is a URL without what signs it.
func displayPath(u *url.URL) string {
	q := u.Query()
	for name := range q {
		lower := strings.ToLower(name)
		if strings.HasPrefix(lower, "x-amz-") || slices.Contains([]string{
			"signature", "ossaccesskeyid", "security-token", "key-pair-id", "expires",
		}, lower) {
			q.Del(name)
		}
	}
	if len(q) == 0 {
		return u.EscapedPath()
	}
	return u.EscapedPath() + "?" + q.Encode()
}
