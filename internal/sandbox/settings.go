package sandbox

import (
	"time"

	"go.uber.org/zap"
)

// Options are fixed when a sandbox starts.
type Options struct {
	// Listen is the loopback address to serve at; empty: 127.0.0.1 and a free
	// port. URLs handed out before a restart stay good if the same address is
	// given again.
	Listen string
	// Dir keeps the vendors' memory and all bytes; a start on the same folder
	// goes on where the last one stopped, however that ended. Empty: a temporary
	// folder that Close removes.
	Dir string
	// Host is the host name in all URLs that the sandbox hands out, where the one
	// of Listen is not how others reach it, as between containers.
	Host string
	// StorageHost is the host name in URLs of storage hosts, for a test in which
	// vendor and storage must differ; empty: that of the vendors. It has to lead
	// to the same address.
	StorageHost string
	// Discard keeps sizes and checksums of what arrives, but no bytes, and starts
	// no S3 gateway. Signatures of storage requests are then looked for but not
	// verified, images are judged by their first bytes only, and S3 is not
	// available as a source.
	Discard bool
	// DirectStorage hands out URLs that lead straight to the S3 gateway, which is
	// quicker; faults, the settable clock, violations and the request log do not
	// reach such requests, and the URLs do not survive a restart.
	DirectStorage bool
	// SkipSHA256 leaves checksums of received bytes out of the ledger. It saves
	// most of the processor time that a received byte costs.
	SkipSHA256 bool
	// LogLimit is how many requests are kept for Requests, the latest ones; 0
	// means 100,000.
	LogLimit int
	// Settings of the vendors; nil means DefaultSettings. They are not kept over a
	// restart.
	Settings *Settings
	// Faults are rules as ParseRule takes them.
	Faults []string
	// Logger hears of failures of the sandbox itself; nil: nobody does.
	Logger *zap.Logger
}

// Settings are the switches of the vendors; they can be changed while the sandbox
// runs. Durations of a grant or a token hold for those handed out afterwards.
type Settings struct {
	Trustana TrustanaSettings `json:"trustana"`
	Trustoo  TrustooSettings  `json:"trustoo"`
	Sitoo    SitooSettings    `json:"sitoo"`
	Closient ClosientSettings `json:"closient"`
	TruVideo TruVideoSettings `json:"truvideo"`
	// TerminalPolls is how many answers with a final state a medium may be asked
	// for before another question is a violation.
	TerminalPolls int `json:"terminal_polls"`
}

// DefaultSettings are the values that the vendors or the assumptions name, with
// processing short enough to watch.
func DefaultSettings() Settings {
	return Settings{
		Trustana:      trustanaDefaults(),
		Trustoo:       trustooDefaults(),
		Sitoo:         sitooDefaults(),
		Closient:      closientDefaults(),
		TruVideo:      truvideoDefaults(),
		TerminalPolls: 2,
	}
}

// Instant returns the settings with all processing done at once: before the
// answer to the request that ends a transfer.
func (s Settings) Instant() Settings {
	s.Trustana.Processing = 0
	s.Sitoo.Queue, s.Sitoo.Processing = 0, 0
	s.TruVideo.Processing = 0
	return s
}

// Unlimited returns the settings without rate limits.
func (s Settings) Unlimited() Settings {
	s.Trustana.RequestsPerSecond = 0
	s.Closient.PerMinute, s.Closient.PerDay = 0, 0
	return s
}

// TrustanaSettings are the switches of Trustana.
type TrustanaSettings struct {
	GrantLife  Duration `json:"grant_life"` // of a presigned URL
	Processing Duration `json:"processing"` // from the PUT to the fileId
	// SignContentType is the strict mode of TA-4.
	SignContentType bool `json:"sign_content_type"`
	// RequestsPerSecond and Burst are for each key; 0 requests: no limit.
	RequestsPerSecond float64 `json:"requests_per_second"`
	Burst             int     `json:"burst"`
	// AnyBytes processes what is no image, too.
	AnyBytes bool `json:"any_bytes"`
}

// TrustooSettings are the switches of Trustoo and of the OSS behind it.
type TrustooSettings struct {
	PolicyLife Duration `json:"policy_life"` // of upload credentials
	TokenLife  Duration `json:"token_life"`  // of an OAuth access token
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

// SitooSettings are the switches of Sitoo.
type SitooSettings struct {
	GrantLife    Duration `json:"grant_life"`
	DownloadLife Duration `json:"download_life"`
	Queue        Duration `json:"queue"`      // uploaded lasts as long
	Processing   Duration `json:"processing"` // and processing as long after that
	MaxBytes     int64    `json:"max_bytes"`
	// SkipImages makes every upload ready without looking at its bytes.
	SkipImages bool `json:"skip_images"`
}

// ClosientSettings are the switches of Closient.
type ClosientSettings struct {
	// Envelope is "a" (an error object) or "b" (problem+json).
	Envelope string `json:"envelope"`
	// PerMinute and PerDay are for each key; 0: no limit, and no headers of it.
	PerMinute int   `json:"per_minute"`
	PerDay    int   `json:"per_day"`
	MaxBytes  int64 `json:"max_bytes"`
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

// TruVideoSettings are the switches of TruVideo.
type TruVideoSettings struct {
	URLLife     Duration `json:"url_life"`
	TokenLife   Duration `json:"token_life"`
	SessionLife Duration `json:"session_life"`
	Processing  Duration `json:"processing"`
	// InitialURLs caps how many URLs a start hands out; 0: all.
	InitialURLs int `json:"initial_urls"`
	// PartsStatus, if not 0, is what the call for more URLs answers: 404 or 405.
	PartsStatus int `json:"parts_status"`
}

func seconds(n int) Duration { return Duration(time.Duration(n) * time.Second) }
