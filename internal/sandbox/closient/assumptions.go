package closient

import (
	"net/http"
)

// Assumptions of the contract that this file, closient_post.go and
// closient_limits.go put into practice:
//
//	CL-1  nothing is recognised as sent before: a second POST is a second image
//	CL-2  priority of a new row is the number of rows there are
//	CL-3  10 MiB, beyond it 413; what is no supported image, a long title or a
//	      path of the wrong shape is 422
//	CL-4  an organization or product that is not ours is 404; no permission is 403
//	CL-5  envelope (a) unless switched to (b); a day begins with the first request
//	CL-6  deleting the primary image makes no other one primary
const (
	maxBytes       = 10 << 20                       // CL-3
	badBody        = http.StatusUnprocessableEntity // CL-3
	tooLarge       = http.StatusRequestEntityTooLarge
	elsewhere      = http.StatusNotFound      // CL-4
	readOnly       = http.StatusForbidden     // CL-4
	envelopeA      = "a"                      // CL-5
	organizationID = "SandboxBrand2345678923" // of the sandbox; nobody names one
)
