package truvideo

import (
	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
)

// Settings are the switches of TruVideo.
type Settings struct {
	URLLife     simulate.Duration `json:"url_life"`
	TokenLife   simulate.Duration `json:"token_life"`
	SessionLife simulate.Duration `json:"session_life"`
	Processing  simulate.Duration `json:"processing"`
	// InitialURLs caps how many URLs a start hands out; 0: all.
	InitialURLs int `json:"initial_urls"`
	// PartsStatus, if not 0, is what the call for more URLs answers: 404 or 405.
	PartsStatus int `json:"parts_status"`
}

// Defaults are the settings at the start.
func (t *Vendor) Defaults() simulate.Switches {
	return &Settings{
		URLLife: simulate.Seconds(urlLife), TokenLife: simulate.Seconds(tokenLife), SessionLife: simulate.Seconds(sessionLife),
		Processing: simulate.Seconds(processing),
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
func (s *Settings) Unlimited() {} // it limits nobody
