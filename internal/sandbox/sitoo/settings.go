package sitoo

import (
	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
)

// Settings are the switches of Sitoo.
type Settings struct {
	GrantLife    simulate.Duration `json:"grant_life"`
	DownloadLife simulate.Duration `json:"download_life"`
	Queue        simulate.Duration `json:"queue"`      // uploaded lasts as long
	Processing   simulate.Duration `json:"processing"` // and processing as long after that
	MaxBytes     int64             `json:"max_bytes"`
	// SkipImages makes every upload ready without looking at its bytes.
	SkipImages bool `json:"skip_images"`
}

// Defaults are the settings at the start.
func (t *Vendor) Defaults() simulate.Switches {
	return &Settings{
		GrantLife: simulate.Seconds(grantLife), DownloadLife: simulate.Seconds(downloadLife),
		Queue: simulate.Duration(queue), Processing: simulate.Duration(processing), MaxBytes: maxBytes,
	}
}

func (t *Vendor) settings() Settings { return simulate.SettingsOf[Settings](t.w) }

// Clone is a pointer to a copy.
func (s *Settings) Clone() simulate.Switches {
	c := *s
	return &c
}

// Instant takes the time out of processing.
func (s *Settings) Instant() { s.Queue, s.Processing = 0, 0 }

// Unlimited takes the rate limits away.
func (s *Settings) Unlimited() {} // it limits nobody
