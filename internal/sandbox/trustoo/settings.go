package trustoo

import (
	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
)

// Settings are the switches of Trustoo and of the OSS behind it.
type Settings struct {
	PolicyLife simulate.Duration `json:"policy_life"` // of upload credentials
	TokenLife  simulate.Duration `json:"token_life"`  // of an OAuth access token
	// Lenient accepts a Public-Token without Sign and Timestamp.
	Lenient bool `json:"lenient"`
	// ErrorStatus answers errors with 4xx and 5xx instead of 200.
	ErrorStatus bool `json:"error_status"`
	// RotateRefreshTokens makes every refresh token good for one use.
	RotateRefreshTokens bool `json:"rotate_refresh_tokens"`
	// SeedCallback hands out the malformed callback of the vendor's page.
	SeedCallback bool `json:"seed_callback"`
	// Video turns the video endpoint on.
	Video bool `json:"video"`
	// ShopID is part of the key prefix.
	ShopID string `json:"shop_id"`
}

// Defaults are the settings at the start.
func (t *Vendor) Defaults() simulate.Switches {
	return &Settings{PolicyLife: simulate.Seconds(policyLife), TokenLife: simulate.Seconds(tokenLife), ShopID: shopID}
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
func (s *Settings) Unlimited() {} // it limits nobody
