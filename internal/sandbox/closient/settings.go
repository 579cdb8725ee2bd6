package closient

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
)

// Settings are the switches of Closient.
type Settings struct {
	// Envelope is "a" (an error object) or "b" (problem+json).
	Envelope string `json:"envelope"`
	// PerMinute and PerDay are for each key; 0: no limit, and no headers of it.
	PerMinute int `json:"per_minute"`
	PerDay    int `json:"per_day"`
	// Policy is what RateLimit-Policy says instead of the two; "" for them.
	Policy   string `json:"policy"`
	MaxBytes int64  `json:"max_bytes"`
	// Organizations that the key belongs to; their products are Products, or any
	// GTIN if Products is empty.
	Organizations []string `json:"organizations"`
	// ReadOnly organizations are those of Organizations where the key may look
	// but not change anything.
	ReadOnly []string `json:"read_only"`
	Products []string `json:"products"`
	// AnyBytes takes what is no image, too.
	AnyBytes bool `json:"any_bytes"`
}

// Defaults are the settings at the start.
func (t *Vendor) Defaults() simulate.Switches {
	return &Settings{
		Envelope: envelopeA, PerMinute: perMinute, PerDay: perDay, MaxBytes: maxBytes,
		Organizations: []string{organizationID},
	}
}

func (t *Vendor) settings() Settings { return simulate.SettingsOf[Settings](t.w) }

// Clone is a pointer to a copy.
func (s *Settings) Clone() simulate.Switches {
	c := *s
	return &c
}

// Instant takes the time out of processing.
func (s *Settings) Instant() {} // nothing here takes time

// Unlimited takes the rate limits away.
func (s *Settings) Unlimited() { s.PerMinute, s.PerDay = 0, 0 }

// policy is what every answer tells of the limits: of each window that there is.
func (s *Settings) policy() string {
	var windows []string
	if s.PerMinute > 0 {
		windows = append(windows, fmt.Sprintf("%d;w=60", s.PerMinute))
	}
	if s.PerDay > 0 {
		windows = append(windows, fmt.Sprintf("%d;w=86400", s.PerDay))
	}
	return cmp.Or(s.Policy, strings.Join(windows, ", "))
}
