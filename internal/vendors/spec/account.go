package spec

import (
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
