package trustana

import (
	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
)

// Settings are the switches of Trustana.
type Settings struct {
	GrantLife  simulate.Duration `json:"grant_life"` // of a presigned URL
	Processing simulate.Duration `json:"processing"` // from the PUT to the fileId
	// SignContentType is the strict mode of TA-4.
	SignContentType bool `json:"sign_content_type"`
	// RequestsPerSecond and Burst are for each key; 0 requests: no limit.
	RequestsPerSecond float64 `json:"requests_per_second"`
	Burst             int     `json:"burst"`
	// AnyBytes processes what is no image, too.
	AnyBytes bool `json:"any_bytes"`
}

// Defaults are the settings at the start.
func (t *Vendor) Defaults() simulate.Switches {
	return &Settings{
		GrantLife: simulate.Seconds(grantLife), Processing: simulate.Seconds(delay),
		RequestsPerSecond: rate, Burst: burst,
	}
}

func (t *Vendor) settings() Settings { return simulate.SettingsOf[Settings](t.w) }

// Clone is a pointer to a copy.
func (s *Settings) Clone() simulate.Switches {
	c := *s
	return &c
}

// Instant takes the time out of processing.
func (s *Settings) Instant() { s.Processing = 0 }

// Unlimited takes the rate limits away.
func (s *Settings) Unlimited() { s.RequestsPerSecond = 0 }
