package trustana

import (
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

// What Trustana does not document, and we assume. The IDs are those of
// docs/vendors/trustana.md.
var assumed = struct {
	poll     upload.Schedule
	maxBytes int64
	rate     float64
}{
	// TA-5: not yet, never and unknown all answer 404, so only a deadline ends
	// the wait: ten minutes after the PUT.
	poll: upload.Schedule{
		Waits:    spec.Seconds(5, 2, 5, 8, 13, 20, 30),
		Deadline: 10 * time.Minute,
	},
	maxBytes: 50 << 20, // TA-8: no limit is published
	rate:     5,        // TA-7: below the limit that the vendor seems to have
	// TA-1: refusals have the envelope {errorCode, message}; see refusal.
	// TA-2: prepare answers 200; any 2xx is taken.
	// TA-3: skuIds and addToMediaGallery may be left out.
	// TA-4: the URL signs host alone, or also content-type; the right
	//       Content-Type satisfies both.
	// TA-9: the search of attributes answers {} with the envelope of every success.
	// TA-6: a prepare without a PUT leaves nothing visible, so it may be repeated.
}
