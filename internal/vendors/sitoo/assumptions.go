package sitoo

import (
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

// What Sitoo does not document, and we assume. The IDs are those of
// docs/vendors/sitoo.md.
var assumed = struct {
	poll     upload.Schedule
	maxBytes int64
}{
	// SI-6: five minutes, after which processing is taken for stuck.
	poll: upload.Schedule{
		Waits:    spec.Seconds(1, 2, 4, 8, 15),
		Deadline: 5 * time.Minute,
	},
	maxBytes: 20 << 20, // SI-7: no limit is published
	// SI-1: file_name and content_type are named after the answer's properties;
	//       see formRequest.
	// SI-2: the expiry is upload_expires_at, or expires_at, in Unix seconds; see
	//       grant.
	// SI-4: each upload-url makes a new file_id; one without bytes stays
	//       uploading and does no harm.
	// SI-5: file_size and content_type are of the processed JPEG, so they are
	//       not compared with the source.
	// SI-8: which status comes with which error_code; the status decides.
}
