package sitoo

import (
	"time"
)

// Assumptions of the contract that this file and sitoo_media.go put into
// practice:
//
//	SI-1  the request names file_name and content_type
//	SI-2  the expiry is upload_expires_at
//	SI-3  the cursor is next_cursor, absent on the last page; limit 1 to 100
//	SI-4  every upload-url is a new file_id; 409 comes from faults only
//	SI-5  before ready, file_size is absent and content_type the declared one;
//	      failed has no reason; URLs are absent before ready
//	SI-6  uploaded lasts 0.2 s, processing 1 s; bytes that do not decode as
//	      declared fail
//	SI-7  the policy pins bucket, key, Content-Type, the x-amz-* fields and 1 to
//	      20,971,520 bytes; success_action_status is not set
//	SI-8  400 INVALID_REQUEST, 401 and 403 ACCESS_DENIED, 404 FILE_NOT_FOUND, 500
//	      INTERNAL_ERROR
const (
	nameField   = "file_name"            // SI-1
	typeField   = "content_type"         // SI-1
	expiryField = "upload_expires_at"    // SI-2
	cursorField = "next_cursor"          // SI-3
	limitMost   = 100                    // SI-3
	queue       = 200 * time.Millisecond // SI-6
	processing  = time.Second            // SI-6
	maxBytes    = 20 << 20               // SI-7
	keyPrefix   = "uploads/10020/"       // SI-7
)
