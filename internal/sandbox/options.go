package sandbox

import (
	"go.uber.org/zap"
)

// Options are fixed when a sandbox starts.
type Options struct {
	// Listen is the address to serve at, on loopback unless there is a Host; empty:
	// 127.0.0.1 and a free port. URLs handed out before a restart stay good if the same address is
	// given again.
	Listen string
	// Dir keeps the vendors' memory and all bytes; a start on the same folder
	// goes on where the last one stopped, however that ended. Empty: a temporary
	// folder that Close removes.
	Dir string
	// Token is what callers of the control API present as "Authorization: Bearer";
	// empty: nothing, for a test whose process is the only one that knows the address.
	Token string
	// Host is the host name in all URLs that the sandbox hands out, where the one
	// of Listen is not how others reach it, as between containers. The control API
	// then answers requests from this machine's loopback alone.
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
	// Settings of the vendors, which begin with DefaultSettings; nil means these.
	// They are not kept over a restart.
	Settings *Settings
	// Faults are rules as ParseRule takes them.
	Faults []string
	// Logger hears of failures of the sandbox itself; nil: nobody does.
	Logger *zap.Logger
}
