// Package truvideo simulates TruVideo's Upload V3 and its login: uploads in parts to
// signed URLs, joined when the client says so.
package truvideo

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
)

const (
	kindUpload = "truvideo.upload"
	urlLife    = 20 * 60   // seconds
	tokenLife  = 24 * 3600 // seconds
	maxParts   = 120
	maxPart    = 600 << 20
	maxMeta    = 16 << 20
	loginAge   = 30 * time.Minute
)

// mediaTypes are the file types by extension, with the media type in which
// their parts should come.
func mediaTypes() map[string]string {
	return map[string]string{
		"MP4": "video/mp4", "MOV": "video/quicktime", "AVI": "video/x-msvideo", "MKV": "video/x-matroska", "FLV": "video/x-flv",
		"WMV": "video/x-ms-wmv", "3GPP": "video/3gpp", "WEBM": "video/webm", "JPG": "image/jpeg", "JPEG": "image/jpeg",
		"PNG": "image/png", "SVG": "image/svg+xml", "MP3": "audio/mpeg", "WAV": "audio/wav", "AAC": "audio/aac",
		"FLAC": "audio/flac", "PDF": "application/pdf",
	}
}

// Vendor answers for TruVideo's Upload V3 and its login.
type Vendor struct {
	w      *simulate.World
	table  *simulate.Table[uploadSession] // by uploadId
	parts  *simulate.Table[storedPart]    // by uploadId and number
	tokens *simulate.Table[issuedToken]   // by the token's ID
	byKey  *simulate.Index                // storage key to uploadId
}

type uploadSession struct {
	simulate.Medium
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
	Fate        simulate.Fate    `json:"fate,omitempty"`
	FateReason  string           `json:"fate_reason,omitempty"`
	Polls       int              `json:"polls"`
}

// claim is a part as complete lists it.
type claim struct {
	Number int    `json:"n"`
	ETag   string `json:"e"`
}

type storedPart struct {
	UploadID string `json:"upload_id"`
	simulate.Part
}

type issuedToken struct {
	Account string `json:"account"`
	Issued  int64  `json:"issued"` // age
	Life    int64  `json:"life"`   // milliseconds
}

// Open restores what the vendor remembers.
func (t *Vendor) Open(w *simulate.World) error {
	t.w, t.byKey = w, simulate.NewIndex()
	var errs [3]error
	t.table, errs[0] = simulate.NewTable[uploadSession](w, kindUpload)
	t.parts, errs[1] = simulate.NewTable[storedPart](w, "truvideo.part")
	t.tokens, errs[2] = simulate.NewTable[issuedToken](w, "truvideo.token")
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	for _, u := range t.table.All() {
		t.byKey.Set(u.Key, u.UploadID)
	}
	return nil
}

// Reset forgets media and sessions.
func (t *Vendor) Reset() {
	for _, u := range t.table.All() {
		_ = t.w.Store.Abort(t.w.Life, vendorName, u.Key, u.S3UploadID) // gone already where it was finished
		t.w.Store.Remove(vendorName, u.Key)
	}
	t.table.Clear()
	t.parts.Clear()
	t.byKey.Clear()
}

// Routes are the calls that the vendor answers.
func (t *Vendor) Routes() []simulate.Route {
	id := func(c *simulate.Call) string { return t.subjectOfID(c.Path["upload_id"]) }
	return []simulate.Route{
		{Call: "login", Method: http.MethodPost, Pattern: "/truvideo-login/api/login", Handle: t.login, Refuse: t.refuse},
		{Call: "start", Method: http.MethodPost, Pattern: "/truvideo/upload/start", Handle: t.guarded(t.start), Refuse: t.refuse},
		{Call: "parts", Method: http.MethodGet, Pattern: "/truvideo/upload/{upload_id}/parts", Handle: t.guarded(t.moreURLs), Refuse: t.refuse, Subject: id},
		{Call: "complete", Method: http.MethodPost, Pattern: "/truvideo/upload/{upload_id}/complete", Handle: t.guarded(t.complete), Refuse: t.refuse, Subject: id},
		{Call: "status", Method: http.MethodGet, Pattern: "/truvideo/upload/{upload_id}", Handle: t.guarded(t.status), Refuse: t.refuse, Subject: id},
	}
}

func (t *Vendor) refuse(c *simulate.Call, f simulate.Refusal) *simulate.Answer {
	if f.Message == "" {
		f.Message = http.StatusText(f.Status)
	}
	if f.Code == "" {
		f.Code = "error." + strings.ToLower(strings.ReplaceAll(http.StatusText(f.Status), " ", "_"))
	}
	path := c.HTTP.URL.Path
	path = strings.TrimPrefix(strings.TrimPrefix(path, "/truvideo-login"), "/truvideo")
	return simulate.JSON(f.Status, map[string]any{
		"type": "about:blank", "title": http.StatusText(f.Status), "status": f.Status, "detail": f.Message,
		"instance": path, "message": f.Code, "params": "",
	}).With("Content-Type", "application/problem+json")
}

func (t *Vendor) bad(c *simulate.Call, code, message string) *simulate.Answer {
	return t.refuse(c, simulate.Refusal{Status: http.StatusBadRequest, Code: code, Message: message})
}

// guarded wants the token of a login.
func (t *Vendor) guarded(next func(*simulate.Call, string) *simulate.Answer) func(*simulate.Call) *simulate.Answer {
	return func(c *simulate.Call) *simulate.Answer {
		token, ok := strings.CutPrefix(c.HTTP.Header.Get("Authorization"), "Bearer ")
		if !ok {
			c.Violation("missing-credentials", "the header Authorization: Bearer is missing")
		}
		claims, signed := readJWT(t.w.Identity.TokenKey, token)
		id, _ := claims["jti"].(string)
		login, known := t.tokens.Get(id)
		if !signed || !known || claims["typ"] != "access" || t.w.Clock.Passed(login.Issued, simulate.Duration(time.Duration(login.Life)*time.Millisecond)) {
			return t.refuse(c, simulate.Refusal{Status: http.StatusUnauthorized, Code: "error.unauthorized", Message: "Full authentication is required to access this resource"})
		}
		cred, ok := t.w.Credentials.Get(vendorName, login.Account)
		if !ok || cred.State == simulate.CredentialRevoked || cred.State == simulate.CredentialExpired {
			return t.refuse(c, simulate.Refusal{Status: http.StatusUnauthorized, Code: "error.unauthorized", Message: "The token has been revoked"})
		}
		if cred.State == simulate.CredentialForbidden {
			return t.refuse(c, simulate.Refusal{Status: http.StatusForbidden, Code: "error.forbidden", Message: "Access is denied"})
		}
		return next(c, login.Account)
	}
}

// session finds an upload that is still there; an unknown one is 400 (TV-6), and
// so is one after its time (TV-5).
func (t *Vendor) session(c *simulate.Call) (uploadSession, *simulate.Answer) {
	id := c.Path["upload_id"]
	c.Log.Subject = id
	u, ok := t.table.Get(id)
	if !ok || t.w.Clock.Passed(u.Started, t.settings().SessionLife) {
		return u, t.refuse(c, simulate.Refusal{Status: unknown, Code: "error.invalid_upload_id", Message: "Invalid uploadId"})
	}
	return u, nil
}

func (t *Vendor) subjectOfID(id string) string {
	u, _ := t.table.Get(id)
	return strings.Join([]string{u.Key, u.Title, u.UploadID, u.MediaID}, "\n")
}

func (t *Vendor) subjectOf(key string) string { return t.subjectOfID(t.byKey.Get(key)) }

// grantOver says that the URL of a part has run out.
func (t *Vendor) grantOver(c *simulate.Call, stamp string, life simulate.Duration) bool {
	issued, known := t.issued(c.Path["key"], stamp, c.Query.Get("partNumber"))
	return known && t.w.Clock.Passed(issued, life)
}

// issued is the age at which a URL was made.
func (t *Vendor) issued(key, stamp, part string) (int64, bool) {
	u, ok := t.table.Get(t.byKey.Get(key))
	if !ok {
		return 0, false
	}
	if u.Dead[stamp+"/"+part] {
		return simulate.LongAgo, true
	}
	age, known := u.Stamps[stamp]
	return age, known
}

// partKey is a part's ID in the table.
func partKey(uploadID string, n int) string { return uploadID + "/" + strconv.Itoa(n) }
