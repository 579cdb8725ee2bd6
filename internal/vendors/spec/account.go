package spec

import (
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// Account is a configured account at a vendor, with its credentials. It exists in
// activities only and is never stored.
type Account struct {
	Name     string
	Vendor   string
	BaseURL  string
	LoginURL string
	// Settings are the account's other settings by the names that its vendor's
	// Spec gives them.
	Settings map[string]string
	MaxBytes int64
	// Convert says that pictures which the vendor does not take are converted.
	Convert bool
	// Patience is for how long an outage is waited out; 0: not at all.
	Patience time.Duration
	// Rate is requests per second of the whole fleet, and Burst how many may
	// come at once; Rate 0 sets no limit. Quotas are of windows that are too long to
	// set a pace.
	Rate   float64
	Burst  int
	Quotas []upload.Quota
	// Own are the limits that the configuration sets for the account.
	Own OwnLimits
	// Policy says which addresses may be reached for this account: its own API, and the
	// URLs that the vendor issues.
	Policy egress.Policy
}

// On reports whether a yes-or-no setting is on.
func (a Account) On(setting string) bool { return a.Settings[setting] == "true" }

// URL joins the base URL and a path of the vendor's.
func (a Account) URL(path string) string { return strings.TrimRight(a.BaseURL, "/") + path }

// Home reports whether a URL is at the account's own address, with the scheme, host and
// port of its base URL. Credentials go to no other, whoever names it.
func (a Account) Home(raw string) bool { return SameOrigin(raw, a.BaseURL) }

// SameOrigin reports whether two URLs have the same scheme, host and port. One that is
// not valid, or contains a user name, has none.
func SameOrigin(a, b string) bool {
	one, other := originOf(a), originOf(b)
	return one != "" && one == other
}

func originOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.User != nil || u.Hostname() == "" {
		return ""
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	return u.Scheme + "://" + net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}
