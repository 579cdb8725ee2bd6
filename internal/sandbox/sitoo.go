package sandbox

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"
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
	sitooNameField   = "file_name"            // SI-1
	sitooTypeField   = "content_type"         // SI-1
	sitooExpiryField = "upload_expires_at"    // SI-2
	sitooCursorField = "next_cursor"          // SI-3
	sitooLimitMost   = 100                    // SI-3
	sitooQueue       = 200 * time.Millisecond // SI-6
	sitooProcessing  = time.Second            // SI-6
	sitooMaxBytes    = 20 << 20               // SI-7
	sitooKey         = "uploads/10020/"       // SI-7
)

const (
	kindSitoo         = "sitoo.file"
	sitooLimitDefault = 50
	sitooLife         = 900  // seconds
	sitooDownloadLife = 3600 // seconds
)

func sitooDefaults() SitooSettings {
	return SitooSettings{
		GrantLife: seconds(sitooLife), DownloadLife: seconds(sitooDownloadLife),
		Queue: Duration(sitooQueue), Processing: Duration(sitooProcessing), MaxBytes: sitooMaxBytes,
	}
}

// sitooCodes is SI-8; other statuses come from faults.
func sitooCodes() map[int]string {
	return map[int]string{
		400: "INVALID_REQUEST", 401: "ACCESS_DENIED", 403: "ACCESS_DENIED", 404: "FILE_NOT_FOUND", 500: "INTERNAL_ERROR",
		405: "INVALID_REQUEST", 409: "INVALID_REQUEST", 429: "INVALID_REQUEST",
	}
}

// sitoo answers for Sitoo's media object storage.
type sitoo struct {
	s     *Sandbox
	table *table[sitooFile] // by file_id
}

type sitooFile struct {
	Medium
	Declared   string `json:"declared"` // content type
	EntityType string `json:"entity_type"`
	EntityID   string `json:"entity_id"`
	Stamp      string `json:"stamp"`
	Issued     int64  `json:"issued"`
	Life       int64  `json:"life"`    // of the grant, in milliseconds
	Arrived    int64  `json:"arrived"` // 0: not yet
	Queued     int64  `json:"queued"`  // when uploaded ends
	Due        int64  `json:"due"`     // when processing ends
	Result     string `json:"result"`  // ready or failed, once processing is done
	Skipped    bool   `json:"skipped"` // ready with the bytes as they came
	Updated    int64  `json:"updated"` // Unix seconds
	Fate       fate   `json:"fate,omitempty"`
	Lost       bool   `json:"lost,omitempty"`
	Polls      int    `json:"polls"`
}

func newSitoo(s *Sandbox, mem *memory) (*sitoo, error) {
	t, err := newTable[sitooFile](s.journal, mem, kindSitoo)
	return &sitoo{s: s, table: t}, err
}

func (t *sitoo) name() string { return "sitoo" }

func (t *sitoo) reset() {
	for _, f := range t.table.all() {
		t.s.store.remove("sitoo", f.Key)
		t.s.files.remove(sitooFull(f.UploadID))
		t.s.files.remove(sitooThumbnail(f.UploadID))
	}
	t.table.clear()
}

func (t *sitoo) routes() []route {
	return []route{
		{call: "upload-url", method: http.MethodPost, pattern: "/sitoo/v1/media/upload-url", handle: t.guarded(t.uploadURL), refuse: t.refuse},
		{call: "search", method: http.MethodGet, pattern: "/sitoo/v1/media/search", handle: t.guarded(t.search), refuse: t.refuse},
		{call: "get", method: http.MethodGet, pattern: "/sitoo/v1/media/{file_id}", handle: t.guarded(t.get), refuse: t.refuse, subject: func(c *call) string { return t.subjectOf(c.path["file_id"]) }},
		{call: "download", method: http.MethodGet, pattern: "/cdn/sitoo/{file_id}/image.jpg", zone: zonePublic, handle: t.download(sitooFull), refuse: refuseS3},
		{call: "thumbnail", method: http.MethodGet, pattern: "/cdn/sitoo/{file_id}/thumbnail.jpg", zone: zonePublic, handle: t.download(sitooThumbnail), refuse: refuseS3},
	}
}

// refuse is SI-8.
func (t *sitoo) refuse(_ *call, f refusal) *answer {
	if f.code == "" {
		f.code = sitooCodes()[f.status]
	}
	if f.code == "" {
		f.code = "INTERNAL_ERROR"
	}
	if f.message == "" {
		f.message = http.StatusText(f.status)
	}
	return jsonAnswer(f.status, map[string]any{
		"error_code": f.code, "error_data": map[string]string{"message": f.message}, "request_id": newUUID(),
	})
}

// guarded takes the bearer token of the vendor's own page, and the Basic
// authentication of an older one.
func (t *sitoo) guarded(next func(*call, Credential) *answer) func(*call) *answer {
	return func(c *call) *answer {
		cred, ok := t.credential(c)
		if !ok || cred.State == CredentialRevoked || cred.State == CredentialExpired {
			return t.refuse(c, refusal{status: http.StatusUnauthorized, message: "Authentication failed"})
		}
		if cred.State == CredentialForbidden {
			return t.refuse(c, refusal{status: http.StatusForbidden, message: "Insufficient permissions"})
		}
		return next(c, cred)
	}
}

func (t *sitoo) credential(c *call) (Credential, bool) {
	header := c.r.Header.Get("Authorization")
	if token, ok := strings.CutPrefix(header, "Bearer "); ok {
		return t.s.creds.find("sitoo", "token", token)
	}
	if text, ok := strings.CutPrefix(header, "Basic "); ok {
		raw, err := base64.StdEncoding.DecodeString(text)
		id, password, pair := strings.Cut(string(raw), ":")
		if err != nil || !pair {
			return Credential{}, false
		}
		cred, ok := t.s.creds.find("sitoo", "api_id", id)
		return cred, ok && cred.Values["password"] == password
	}
	c.violation("missing-credentials", "the header Authorization is missing, or neither Bearer nor Basic")
	return Credential{}, false
}

type sitooUpload struct {
	FileName    string `json:"file_name"`
	ContentType string `json:"content_type"`
	EntityType  string `json:"entity_type"`
	EntityID    string `json:"entity_id"`
}

func (u sitooUpload) wrong() string {
	switch {
	case u.FileName == "":
		return sitooNameField + " is required"
	case !slices.Contains([]string{"image/jpeg", "image/png", "image/webp", "image/gif"}, u.ContentType):
		return sitooTypeField + " must be one of image/jpeg, image/png, image/webp, image/gif"
	case u.EntityType != "shipment_item":
		return "entity_type must be shipment_item"
	case u.EntityID == "":
		return "entity_id is required"
	}
	return ""
}

func (t *sitoo) uploadURL(c *call, cred Credential) *answer {
	c.onlyQuery()
	var in sitooUpload
	if wrong := c.readJSON(&in); wrong != "" {
		return t.refuse(c, refusal{status: http.StatusBadRequest, message: wrong})
	}
	if wrong := in.wrong(); wrong != "" {
		return t.refuse(c, refusal{status: http.StatusBadRequest, message: c.invalid("%s", wrong)})
	}
	set, now := t.s.Settings().Sitoo, t.s.clock.wall()
	f := sitooFile{
		Declared: in.ContentType, EntityType: in.EntityType, EntityID: in.EntityID, Issued: t.s.clock.age(),
		Life: set.GrantLife.milliseconds(), Updated: now.Unix(), Fate: c.fate(),
	}
	id := newUUID()
	f.Medium = Medium{
		Vendor: "sitoo", Account: cred.Name, UploadID: id, Name: in.FileName, Key: sitooKey + id, CreatedAt: now,
		ContentType: in.ContentType, Fields: map[string]any{
			"file_name": in.FileName, "content_type": in.ContentType, "entity_type": in.EntityType, "entity_id": in.EntityID,
		},
	}
	form, err := t.s.store.postForm("sitoo", f.Key, in.ContentType, set.MaxBytes, set.GrantLife)
	if err != nil {
		return t.refuse(c, refusal{status: http.StatusInternalServerError, message: err.Error()})
	}
	f.Stamp = form.stamp
	if c.fault("expired") {
		f.Issued = longAgo
	}
	t.table.put(id, f)
	c.log.Subject = id
	return jsonAnswer(http.StatusOK, map[string]any{
		"file_id": id, "upload_url": form.url, "fields": form.fields,
		sitooExpiryField: now.Add(time.Duration(set.GrantLife)).Unix(),
	})
}

func (t *sitoo) get(c *call, _ Credential) *answer {
	c.onlyQuery()
	id := c.path["file_id"]
	c.log.Subject = id
	if fate := c.fate(); fate != "" {
		t.table.update(id, func(f *sitooFile) bool { f.Fate = fate; return true })
	}
	t.settle(id)
	f, ok := t.table.get(id)
	if !ok || f.Lost {
		return t.refuse(c, refusal{status: http.StatusNotFound, message: "File not found"})
	}
	if state := t.state(f); (state == "ready" || state == "failed") && c.rule == nil {
		f, _ = t.table.update(id, func(f *sitooFile) bool { f.Polls++; return true })
		if state == "failed" { // ready is asked again for fresh links
			c.pollCount(id, f.Polls)
		}
	}
	return jsonAnswer(http.StatusOK, t.describe(f))
}

// search lists by a prefix of the entity, oldest first.
func (t *sitoo) search(c *call, _ Credential) *answer {
	c.onlyQuery("entity_type", "entity_id", "limit", "cursor")
	kind, prefix := c.query.Get("entity_type"), c.query.Get("entity_id")
	limit, err := strconv.Atoi(c.query.Get("limit"))
	if c.query.Get("limit") == "" {
		limit, err = sitooLimitDefault, nil
	}
	if kind != "shipment_item" || prefix == "" || err != nil || limit < 1 || limit > sitooLimitMost {
		return t.refuse(c, refusal{status: http.StatusBadRequest, message: c.invalid(
			"want entity_type=shipment_item, an entity_id, and a limit from 1 to %d", sitooLimitMost)})
	}
	from := 0
	if cursor := c.query.Get("cursor"); cursor != "" {
		raw, err := base64.RawURLEncoding.DecodeString(cursor)
		n, errN := strconv.Atoi(string(raw))
		if err != nil || errN != nil || n < 0 {
			return t.refuse(c, refusal{status: http.StatusBadRequest, message: c.invalid("cursor is not one of ours")})
		}
		from = n
	}
	out := map[string]any{}
	files := []map[string]any{}
	n := 0
	for _, f := range t.table.all() {
		if f.Lost || f.EntityType != kind || !strings.HasPrefix(f.EntityID, prefix) {
			continue
		}
		n++
		switch {
		case n <= from:
		case len(files) < limit:
			t.settle(f.UploadID)
			f, _ = t.table.get(f.UploadID)
			files = append(files, t.describe(f))
		default:
			out[sitooCursorField] = base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(from + limit)))
		}
	}
	out["files"] = files
	return jsonAnswer(http.StatusOK, out)
}
