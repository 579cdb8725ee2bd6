package truvideo

import (
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

// What TruVideo does not document, and we assume. The IDs are those of
// docs/vendors/truvideo.md.
var assumed = struct {
	poll      upload.Schedule
	partsPath string
}{
	// TV-5: fifteen minutes after complete was accepted.
	poll: upload.Schedule{
		Waits:    spec.Seconds(2, 3, 5, 8, 15),
		Deadline: 15 * time.Minute,
	},
	// TV-3: the documentation speaks of a request for more URLs without showing
	// it; the vendor's iOS SDK has this one: fresh URLs of the lowest part
	// numbers that are not stored yet.
	partsPath: "/upload/%s/parts?count=%d",
	// TV-1: fileType in any case; we send upper case, as documented.
	// TV-2: expiresAt may be RFC 3339, Unix seconds or milliseconds, or absent;
	//       see moment.
	// TV-4: the body of complete's answer is not relied upon; a second complete
	//       answers with the state that the first one led to.
	// TV-6: a 401 makes nothing, so start may be repeated once after a login; an
	//       unknown session answers 400.
}
