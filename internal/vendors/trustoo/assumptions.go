package trustoo

import "time"

// What Trustoo does not document, and we assume. The IDs are those of
// docs/vendors/trustoo.md.
var assumed = struct {
	maxBytes   int64
	types      []string
	videoPath  string
	policyLife time.Duration
}{
	maxBytes: 20 << 20, // TT-6: no limit is published
	types:    []string{"image/jpeg", "image/png", "image/gif", "image/webp"},
	// TT-5: the path and answer of the video endpoint, which appears in the
	// documentation's menu only; off unless the account sets video: true.
	videoPath: "/api/v1/openapi/get_video_upload_url",
	// TT-3: how long a policy lives that does not say so.
	policyLife: 5 * time.Minute,
	// TT-1: refusals come with HTTP 200 and a code, or with a status; the code
	//       decides where there is one.
	// TT-2: the shape of the token's answer; see tokens and tokensOf.
	// TT-3: a policy that has expired on arrival is worth one attempt, and expire
	//       is held against the answer's own Date; see wire.Answer.Expiry.
	// TT-4: only OSS needs to understand the callback; it is passed on unchanged.
}
