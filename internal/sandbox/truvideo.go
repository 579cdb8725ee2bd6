package sandbox

import (
	"errors"
	"net/http"
	"strings"
	"time"
)

// Assumptions of the contract that the files truvideo*.go put into practice:
//
//	TV-1  fileType is compared without regard to case; an unknown one is 400
//	TV-2  expiresAt is ISO 8601 in UTC; start hands out all URLs unless capped
//	TV-3  GET /upload/{id}/parts?count=N gives fresh URLs for the lowest numbers
//	      that storage does not have, up to amountOfParts
//	TV-4  complete answers 202 with uploadId, mediaId and status, again while it is
//	      pending or completed, 400 after FAILED; missing, double or wrongly
//	      counted numbers are 400, a wrong ETag or a short part ends in FAILED;
//	      GET lists {partNumber, eTag}; PARTIAL with the first part
//	TV-5  completion takes 1 s; sessions live 24 h, then 400
//	TV-6  every start is a new session; a 401 makes nothing; an unknown uploadId
//	      is 400; no rate limit
const (
	truvideoAnyCase    = true                   // TV-1
	truvideoTimeFormat = "2006-01-02T15:04:05Z" // TV-2
	truvideoPartsMost  = 10_000                 // TV-3
	truvideoAccepted   = http.StatusAccepted    // TV-4
	truvideoProcessing = 1                      // TV-5, seconds
	truvideoSession    = 24 * 3600              // TV-5, seconds
	truvideoUnknown    = http.StatusBadRequest  // TV-6
)

const (
	kindTruVideo     = "truvideo.upload"
	truvideoURLLife  = 20 * 60   // seconds
	truvideoToken    = 24 * 3600 // seconds
	truvideoMaxParts = 120
	truvideoMaxPart  = 600 << 20
	truvideoMaxMeta  = 16 << 20
	truvideoLoginAge = 30 * time.Minute
)

func truvideoDefaults() TruVideoSettings {
	return TruVideoSettings{
		URLLife: seconds(truvideoURLLife), TokenLife: seconds(truvideoToken), SessionLife: seconds(truvideoSession),
		Processing: seconds(truvideoProcessing),
	}
}

// truvideoTypes are the file types by extension, with the media type in which
// their parts should come.
func truvideoTypes() map[string]string {
	return map[string]string{
		"MP4": "video/mp4", "MOV": "video/quicktime", "AVI": "video/x-msvideo", "MKV": "video/x-matroska", "FLV": "video/x-flv",
		"WMV": "video/x-ms-wmv", "3GPP": "video/3gpp", "WEBM": "video/webm", "JPG": "image/jpeg", "JPEG": "image/jpeg",
		"PNG": "image/png", "SVG": "image/svg+xml", "MP3": "audio/mpeg", "WAV": "audio/wav", "AAC": "audio/aac",
		"FLAC": "audio/flac", "PDF": "application/pdf",
	}
}

// truvideo answers for TruVideo's Upload V3 and its login.
type truvideo struct {
	s      *Sandbox
	table  *table[truvideoUpload] // by uploadId
	parts  *table[truvideoPart]   // by uploadId and number
	tokens *table[truvideoLogin]  // by the token's ID
	byKey  *index                 // storage key to uploadId
}

type truvideoUpload struct {
	Medium
	S3UploadID  string           `json:"s3_upload_id"`
	Amount      int              `json:"amount"`
	FileType    string           `json:"file_type"`
	Title       string           `json:"title"`
	Creator     string           `json:"creator"`
	Started     int64            `json:"started"`        // age
	Stamps      map[string]int64 `json:"stamps"`         // X-Amz-Date of URLs to the age at which they were made
	Dead        map[string]bool  `json:"dead,omitempty"` // X-Amz-Date/part of URLs that a fault made expired
	Completed   []claim          `json:"completed,omitempty"`
	CompletedAt int64            `json:"completed_at"` // age; 0: not asked for
	Due         int64            `json:"due"`
	Result      string           `json:"result"` // COMPLETED or FAILED, once known
	Fate        fate             `json:"fate,omitempty"`
	FateReason  string           `json:"fate_reason,omitempty"`
	Polls       int              `json:"polls"`
}

// claim is a part as complete lists it.
type claim struct {
	Number int    `json:"n"`
	ETag   string `json:"e"`
}

type truvideoPart struct {
	UploadID string `json:"upload_id"`
	Part
}

type truvideoLogin struct {
	Account string `json:"account"`
	Issued  int64  `json:"issued"` // age
	Life    int64  `json:"life"`   // milliseconds
}

func newTruVideo(s *Sandbox, mem *memory) (*truvideo, error) {
	t := &truvideo{s: s, byKey: newIndex()}
	var errs [3]error
	t.table, errs[0] = newTable[truvideoUpload](s.journal, mem, kindTruVideo)
	t.parts, errs[1] = newTable[truvideoPart](s.journal, mem, "truvideo.part")
	t.tokens, errs[2] = newTable[truvideoLogin](s.journal, mem, "truvideo.token")
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	for _, u := range t.table.all() {
		t.byKey.set(u.Key, u.UploadID)
	}
	return t, nil
}

func (t *truvideo) name() string { return "truvideo" }

func (t *truvideo) reset() {
	for _, u := range t.table.all() {
		_ = t.s.store.abort(t.s.life, "truvideo", u.Key, u.S3UploadID) // gone already where it was finished
		t.s.store.remove("truvideo", u.Key)
	}
	t.table.clear()
	t.parts.clear()
	t.byKey.clear()
}

func (t *truvideo) routes() []route {
	id := func(c *call) string { return t.subjectOfID(c.path["upload_id"]) }
	return []route{
		{call: "login", method: http.MethodPost, pattern: "/truvideo-login/api/login", handle: t.login, refuse: t.refuse},
		{call: "start", method: http.MethodPost, pattern: "/truvideo/upload/start", handle: t.guarded(t.start), refuse: t.refuse},
		{call: "parts", method: http.MethodGet, pattern: "/truvideo/upload/{upload_id}/parts", handle: t.guarded(t.moreURLs), refuse: t.refuse, subject: id},
		{call: "complete", method: http.MethodPost, pattern: "/truvideo/upload/{upload_id}/complete", handle: t.guarded(t.complete), refuse: t.refuse, subject: id},
		{call: "status", method: http.MethodGet, pattern: "/truvideo/upload/{upload_id}", handle: t.guarded(t.status), refuse: t.refuse, subject: id},
	}
}

func (t *truvideo) refuse(c *call, f refusal) *answer {
	if f.message == "" {
		f.message = http.StatusText(f.status)
	}
	if f.code == "" {
		f.code = "error." + strings.ToLower(strings.ReplaceAll(http.StatusText(f.status), " ", "_"))
	}
	path := c.r.URL.Path
	path = strings.TrimPrefix(strings.TrimPrefix(path, "/truvideo-login"), "/truvideo")
	return jsonAnswer(f.status, map[string]any{
		"type": "about:blank", "title": http.StatusText(f.status), "status": f.status, "detail": f.message,
		"instance": path, "message": f.code, "params": "",
	}).with("Content-Type", "application/problem+json")
}

func (t *truvideo) bad(c *call, code, message string) *answer {
	return t.refuse(c, refusal{status: http.StatusBadRequest, code: code, message: message})
}

// guarded wants the token of a login.
func (t *truvideo) guarded(next func(*call, string) *answer) func(*call) *answer {
	return func(c *call) *answer {
		token, ok := strings.CutPrefix(c.r.Header.Get("Authorization"), "Bearer ")
		if !ok {
			c.violation("missing-credentials", "the header Authorization: Bearer is missing")
		}
		claims, signed := readJWT(t.s.identity.TokenKey, token)
		id, _ := claims["jti"].(string)
		login, known := t.tokens.get(id)
		if !signed || !known || claims["typ"] != "access" || t.s.clock.passed(login.Issued, Duration(time.Duration(login.Life)*time.Millisecond)) {
			return t.refuse(c, refusal{status: http.StatusUnauthorized, code: "error.unauthorized", message: "Full authentication is required to access this resource"})
		}
		cred, ok := t.s.creds.table.get("truvideo/" + login.Account)
		if !ok || cred.State == CredentialRevoked || cred.State == CredentialExpired {
			return t.refuse(c, refusal{status: http.StatusUnauthorized, code: "error.unauthorized", message: "The token has been revoked"})
		}
		if cred.State == CredentialForbidden {
			return t.refuse(c, refusal{status: http.StatusForbidden, code: "error.forbidden", message: "Access is denied"})
		}
		return next(c, login.Account)
	}
}

// session finds an upload that is still there; an unknown one is 400 (TV-6), and
// so is one after its time (TV-5).
func (t *truvideo) session(c *call) (truvideoUpload, *answer) {
	id := c.path["upload_id"]
	c.log.Subject = id
	u, ok := t.table.get(id)
	if !ok || t.s.clock.passed(u.Started, t.s.Settings().TruVideo.SessionLife) {
		return u, t.refuse(c, refusal{status: truvideoUnknown, code: "error.invalid_upload_id", message: "Invalid uploadId"})
	}
	return u, nil
}

func (t *truvideo) subjectOfID(id string) string {
	u, _ := t.table.get(id)
	return strings.Join([]string{u.Key, u.Title, u.UploadID, u.MediaID}, "\n")
}

func (t *truvideo) subjectOf(key string) string { return t.subjectOfID(t.byKey.get(key)) }

// issued is the age at which a URL was made.
func (t *truvideo) issued(key, stamp, part string) (int64, bool) {
	u, ok := t.table.get(t.byKey.get(key))
	if !ok {
		return 0, false
	}
	if u.Dead[stamp+"/"+part] {
		return longAgo, true
	}
	age, known := u.Stamps[stamp]
	return age, known
}
