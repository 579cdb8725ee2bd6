package trustoo

// Assumptions of the contract that this folder puts into practice:
//
//	TT-1  all three HMAC headers, Timestamp within 900 s; lenient mode takes the
//	      Public-Token alone. Errors are HTTP 200 with a code and data null, or by
//	      a switch 401 (16), 400 (3), 429 (8), 500 (13)
//	TT-2  token response in the envelope: access_token, refresh_token, token_type,
//	      expires_in (7200), scope
//	TT-3  credentials live 300 s
//	TT-4  the callback is valid, goes to the sandbox, is signed with the sandbox's
//	      own key from its own key host, and is answered with the object's URL;
//	      seed mode hands out the page's malformed text
//	TT-5  get_video_upload_url gives upload_url, url and expire; off by default
//	TT-6  neither type nor size of an image is checked
const (
	clockSlack   = 900                         // TT-1, seconds
	tokenLife    = 7200                        // TT-2, seconds
	policyLife   = 300                         // TT-3, seconds
	keyHost      = "/gosspublic/"              // TT-4
	callbackPath = "/trustoo-app/oss/callback" // TT-4
	videoPath    = "get_video_upload_url"      // TT-5
	callbackBody = "filename=${object}&size=${size}&mimeType=${mimeType}&height=${imageInfo.height}&width=${imageInfo.width}"
	// seedCallback is what the vendor's page shows: no JSON, and no URL.
	seedCallback = "eyJjYWxsYmFja1VybCI6IiIsImNhbGxiYWNrQm9keSI6ImZpbGVuYW1lPSR7b2JqZWN0fS4uLn0="
)
