// Package sitoo simulates Sitoo's media object storage: a session, a signed form to S3,
// and images that are converted before they can be had.
package sitoo

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/sandbox/s3"
	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
)

const (
	kindFile     = "sitoo.file"
	limitDefault = 50
	grantLife    = 900  // seconds
	downloadLife = 3600 // seconds
)

// errorCodes is SI-8; other statuses come from faults.
func errorCodes() map[int]string {
	return map[int]string{
		400: "INVALID_REQUEST", 401: "ACCESS_DENIED", 403: "ACCESS_DENIED", 404: "FILE_NOT_FOUND", 500: "INTERNAL_ERROR",
		405: "INVALID_REQUEST", 409: "INVALID_REQUEST", 429: "INVALID_REQUEST",
	}
}

// Vendor answers for Sitoo's media object storage.
type Vendor struct {
	w     *simulate.World
	table *simulate.Table[mediaFile] // by file_id
}

type mediaFile struct {
	simulate.Medium
	Declared   string        `json:"declared"` // content type
	EntityType string        `json:"entity_type"`
	EntityID   string        `json:"entity_id"`
	Stamp      string        `json:"stamp"`
	Issued     int64         `json:"issued"`
	Life       int64         `json:"life"`    // of the grant, in milliseconds
	Arrived    int64         `json:"arrived"` // 0: not yet
	Queued     int64         `json:"queued"`  // when uploaded ends
	Due        int64         `json:"due"`     // when processing ends
	Result     string        `json:"result"`  // ready or failed, once processing is done
	Skipped    bool          `json:"skipped"` // ready with the bytes as they came
	Updated    int64         `json:"updated"` // Unix seconds
	Fate       simulate.Fate `json:"fate,omitempty"`
	Lost       bool          `json:"lost,omitempty"`
	Polls      int           `json:"polls"`
}

// Open restores what the vendor remembers.
func (t *Vendor) Open(w *simulate.World) error {
	t.w = w
	var err error
	t.table, err = simulate.NewTable[mediaFile](w, kindFile)
	return err
}

// Reset forgets media and sessions.
func (t *Vendor) Reset() {
	for _, f := range t.table.All() {
		t.w.Store.Remove(vendorName, f.Key)
		t.w.Files.Remove(fullFile(f.UploadID))
		t.w.Files.Remove(thumbnailFile(f.UploadID))
	}
	t.table.Clear()
}

// Routes are the calls that the vendor answers.
func (t *Vendor) Routes() []simulate.Route {
	return []simulate.Route{
		{Call: "upload-url", Method: http.MethodPost, Pattern: "/sitoo/v1/media/upload-url", Handle: t.guarded(t.uploadURL), Refuse: t.refuse},
		{Call: "search", Method: http.MethodGet, Pattern: "/sitoo/v1/media/search", Handle: t.guarded(t.search), Refuse: t.refuse},
		{Call: "get", Method: http.MethodGet, Pattern: "/sitoo/v1/media/{file_id}", Handle: t.guarded(t.get), Refuse: t.refuse, Subject: func(c *simulate.Call) string { return t.subjectOf(c.Path["file_id"]) }},
		{Call: "download", Method: http.MethodGet, Pattern: "/cdn/sitoo/{file_id}/image.jpg", Zone: simulate.ZonePublic, Handle: t.download(fullFile), Refuse: s3.Refuse},
		{Call: "thumbnail", Method: http.MethodGet, Pattern: "/cdn/sitoo/{file_id}/thumbnail.jpg", Zone: simulate.ZonePublic, Handle: t.download(thumbnailFile), Refuse: s3.Refuse},
	}
}

// refuse is SI-8.
func (t *Vendor) refuse(_ *simulate.Call, f simulate.Refusal) *simulate.Answer {
	if f.Code == "" {
		f.Code = errorCodes()[f.Status]
	}
	if f.Code == "" {
		f.Code = "INTERNAL_ERROR"
	}
	if f.Message == "" {
		f.Message = http.StatusText(f.Status)
	}
	return simulate.JSON(f.Status, map[string]any{
		"error_code": f.Code, "error_data": map[string]string{"message": f.Message}, "request_id": simulate.NewUUID(),
	})
}

// guarded takes the bearer token of the vendor's own page, and the Basic
// authentication of an older one.
func (t *Vendor) guarded(next func(*simulate.Call, simulate.Credential) *simulate.Answer) func(*simulate.Call) *simulate.Answer {
	return func(c *simulate.Call) *simulate.Answer {
		cred, ok := t.credential(c)
		if !ok || cred.State == simulate.CredentialRevoked || cred.State == simulate.CredentialExpired {
			return t.refuse(c, simulate.Refusal{Status: http.StatusUnauthorized, Message: "Authentication failed"})
		}
		if cred.State == simulate.CredentialForbidden {
			return t.refuse(c, simulate.Refusal{Status: http.StatusForbidden, Message: "Insufficient permissions"})
		}
		return next(c, cred)
	}
}

func (t *Vendor) credential(c *simulate.Call) (simulate.Credential, bool) {
	header := c.HTTP.Header.Get("Authorization")
	if token, ok := strings.CutPrefix(header, "Bearer "); ok {
		return t.w.Credentials.Find(vendorName, "token", token)
	}
	if text, ok := strings.CutPrefix(header, "Basic "); ok {
		raw, err := base64.StdEncoding.DecodeString(text)
		id, password, pair := strings.Cut(string(raw), ":")
		if err != nil || !pair {
			return simulate.Credential{}, false
		}
		cred, ok := t.w.Credentials.Find(vendorName, "api_id", id)
		return cred, ok && cred.Values["password"] == password
	}
	c.Violation("missing-credentials", "the header Authorization is missing, or neither Bearer nor Basic")
	return simulate.Credential{}, false
}

type uploadRequest struct {
	FileName    string `json:"file_name"`
	ContentType string `json:"content_type"`
	EntityType  string `json:"entity_type"`
	EntityID    string `json:"entity_id"`
}

func (u uploadRequest) wrong() string {
	switch {
	case u.FileName == "":
		return nameField + " is required"
	case !slices.Contains([]string{"image/jpeg", "image/png", "image/webp", "image/gif"}, u.ContentType):
		return typeField + " must be one of image/jpeg, image/png, image/webp, image/gif"
	case u.EntityType != "shipment_item":
		return "entity_type must be shipment_item"
	case u.EntityID == "":
		return "entity_id is required"
	}
	return ""
}

func (t *Vendor) uploadURL(c *simulate.Call, cred simulate.Credential) *simulate.Answer {
	c.OnlyQuery()
	var in uploadRequest
	if wrong := c.ReadJSON(&in); wrong != "" {
		return t.refuse(c, simulate.Refusal{Status: http.StatusBadRequest, Message: wrong})
	}
	if wrong := in.wrong(); wrong != "" {
		return t.refuse(c, simulate.Refusal{Status: http.StatusBadRequest, Message: c.Invalid("%s", wrong)})
	}
	set, now := t.settings(), t.w.Clock.Wall()
	f := mediaFile{
		Declared: in.ContentType, EntityType: in.EntityType, EntityID: in.EntityID, Issued: t.w.Clock.Age(),
		Life: set.GrantLife.Milliseconds(), Updated: now.Unix(), Fate: c.Fate(),
	}
	id := simulate.NewUUID()
	f.Medium = simulate.Medium{
		Vendor: vendorName, Account: cred.Name, UploadID: id, Name: in.FileName, Key: keyPrefix + id, CreatedAt: now,
		ContentType: in.ContentType, Fields: map[string]any{
			"file_name": in.FileName, "content_type": in.ContentType, "entity_type": in.EntityType, "entity_id": in.EntityID,
		},
	}
	form, err := t.w.Store.PostForm(vendorName, f.Key, in.ContentType, set.MaxBytes, set.GrantLife)
	if err != nil {
		return t.refuse(c, simulate.Refusal{Status: http.StatusInternalServerError, Message: err.Error()})
	}
	f.Stamp = form.Stamp
	if c.Fault("expired") {
		f.Issued = simulate.LongAgo
	}
	t.table.Put(id, f)
	c.Log.Subject = id
	return simulate.JSON(http.StatusOK, map[string]any{
		"file_id": id, "upload_url": form.URL, "fields": form.Fields,
		expiryField: now.Add(time.Duration(set.GrantLife)).Unix(),
	})
}

func (t *Vendor) get(c *simulate.Call, _ simulate.Credential) *simulate.Answer {
	c.OnlyQuery()
	id := c.Path["file_id"]
	c.Log.Subject = id
	if fate := c.Fate(); fate != "" {
		t.table.Update(id, func(f *mediaFile) bool { f.Fate = fate; return true })
	}
	t.settle(id)
	f, ok := t.table.Get(id)
	if !ok || f.Lost {
		return t.refuse(c, simulate.Refusal{Status: http.StatusNotFound, Message: "File not found"})
	}
	if state := t.state(f); (state == "ready" || state == "failed") && c.Rule == nil {
		f, _ = t.table.Update(id, func(f *mediaFile) bool { f.Polls++; return true })
		if state == "failed" { // ready is asked again for fresh links
			c.PollCount(id, f.Polls)
		}
	}
	return simulate.JSON(http.StatusOK, t.describe(f))
}

// search lists by a prefix of the entity, oldest first.
func (t *Vendor) search(c *simulate.Call, _ simulate.Credential) *simulate.Answer {
	c.OnlyQuery("entity_type", "entity_id", "limit", "cursor")
	kind, prefix := c.Query.Get("entity_type"), c.Query.Get("entity_id")
	limit, err := strconv.Atoi(c.Query.Get("limit"))
	if c.Query.Get("limit") == "" {
		limit, err = limitDefault, nil
	}
	if kind != "shipment_item" || prefix == "" || err != nil || limit < 1 || limit > limitMost {
		return t.refuse(c, simulate.Refusal{Status: http.StatusBadRequest, Message: c.Invalid(
			"want entity_type=shipment_item, an entity_id, and a limit from 1 to %d", limitMost)})
	}
	from := 0
	if cursor := c.Query.Get("cursor"); cursor != "" {
		raw, err := base64.RawURLEncoding.DecodeString(cursor)
		n, errN := strconv.Atoi(string(raw))
		if err != nil || errN != nil || n < 0 {
			return t.refuse(c, simulate.Refusal{Status: http.StatusBadRequest, Message: c.Invalid("cursor is not one of ours")})
		}
		from = n
	}
	out := map[string]any{}
	files := []map[string]any{}
	n := 0
	for _, f := range t.table.All() {
		if f.Lost || f.EntityType != kind || !strings.HasPrefix(f.EntityID, prefix) {
			continue
		}
		n++
		switch {
		case n <= from:
		case len(files) < limit:
			t.settle(f.UploadID)
			f, _ = t.table.Get(f.UploadID)
			files = append(files, t.describe(f))
		default:
			out[cursorField] = base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(from + limit)))
		}
	}
	out["files"] = files
	return simulate.JSON(http.StatusOK, out)
}
