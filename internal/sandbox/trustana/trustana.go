// Package trustana simulates Trustana: a session, a PUT to a signed URL, and a status
// that is asked for until processing is over.
package trustana

import (
	"fmt"
	"math"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
)

const (
	kindMedium = "trustana.medium"
	grantLife  = 900 // seconds
	delay      = 1   // seconds; the vendor's 30 s to 2 min are not for watching
	maxSKUs    = 100
	tenant     = "424" // begins the keys in the vendor's samples
	firstID    = 16127893
	firstNo    = 123
)

// mediaTypes are the extensions that the vendor takes.
func mediaTypes() map[string]string {
	return map[string]string{
		"jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png", "gif": "image/gif",
		"webp": "image/webp", "bmp": "image/bmp", "tiff": "image/tiff",
	}
}

// Vendor answers for Trustana's upload API and its download host.
type Vendor struct {
	w      *simulate.World
	table  *simulate.Table[medium] // by uploadId
	byName *simulate.Index         // generated file name to uploadId
	limits *simulate.TokenBuckets
	number atomic.Int64
}

// medium is one prepare and what came of it.
type medium struct {
	simulate.Medium
	FileName string        `json:"file_name"` // generated
	FileID   string        `json:"file_id"`
	Stamp    string        `json:"stamp"`
	Issued   int64         `json:"issued"`
	Arrived  int64         `json:"arrived"` // 0: not yet
	Due      int64         `json:"due"`     // when processing ends
	Format   string        `json:"format"`  // from the bytes; empty: no image
	Fate     simulate.Fate `json:"fate,omitempty"`
	Polls    int           `json:"polls"`
}

// Open restores what the vendor remembers.
func (t *Vendor) Open(w *simulate.World) error {
	t.w, t.byName, t.limits = w, simulate.NewIndex(), simulate.NewTokenBuckets(w.Clock)
	var err error
	if t.table, err = simulate.NewTable[medium](w, kindMedium); err != nil {
		return err
	}
	all := t.table.All()
	for _, m := range all {
		t.byName.Set(m.FileName, m.UploadID)
	}
	t.number.Store(int64(len(all)))
	return nil
}

// Reset forgets media and sessions.
func (t *Vendor) Reset() {
	for _, m := range t.table.All() {
		t.w.Store.Remove(vendorName, m.Key)
	}
	t.table.Clear()
	t.byName.Clear()
	t.limits.Clear()
}

// Resume looks for bytes that arrived when nobody was left to note it.
func (t *Vendor) Resume() {
	for _, m := range t.table.All() {
		if m.Arrived == 0 {
			t.w.Store.Settle(vendorName, m.Key)
		}
	}
}

// Routes are the calls that the vendor answers.
func (t *Vendor) Routes() []simulate.Route {
	return []simulate.Route{
		{Call: "prepare", Method: http.MethodPost, Pattern: "/trustana/v1/upload/prepare", Handle: t.guarded(t.prepare), Refuse: t.refuse},
		{Call: "status", Method: http.MethodGet, Pattern: "/trustana/v1/upload/status", Handle: t.guarded(t.status), Refuse: t.refuse, Subject: t.statusSubject},
		{Call: "search", Method: http.MethodPost, Pattern: "/trustana/v1/attributes/search", Handle: t.guarded(t.search), Refuse: t.refuse},
		{Call: "final", Method: http.MethodGet, Pattern: "/cdn/trustana/{file}", Zone: simulate.ZonePublic, Handle: t.final, Refuse: simulate.RefusePlain},
	}
}

// refuse is TA-1.
func (t *Vendor) refuse(_ *simulate.Call, f simulate.Refusal) *simulate.Answer {
	if f.Message == "" {
		f.Message = http.StatusText(f.Status)
	}
	code := f.Status
	if n, err := strconv.Atoi(f.Code); err == nil {
		code = n
	}
	return simulate.JSON(f.Status, map[string]any{"errorCode": code, "message": f.Message})
}

// guarded checks the key and the rate before anything else.
func (t *Vendor) guarded(next func(*simulate.Call, simulate.Credential) *simulate.Answer) func(*simulate.Call) *simulate.Answer {
	return func(c *simulate.Call) *simulate.Answer {
		key := c.HTTP.Header.Get("X-API-Key")
		if key == "" {
			c.Violation("missing-credentials", "the header X-API-Key is missing")
			return t.refuse(c, simulate.Refusal{Status: http.StatusUnauthorized, Message: "API key is missing"})
		}
		cred, ok := t.w.Credentials.Find(vendorName, "api_key", key)
		if !ok || cred.State == simulate.CredentialRevoked || cred.State == simulate.CredentialExpired {
			return t.refuse(c, simulate.Refusal{Status: http.StatusUnauthorized, Message: "API key is invalid or inactive"})
		}
		if cred.State == simulate.CredentialForbidden {
			return t.refuse(c, simulate.Refusal{Status: http.StatusForbidden, Message: "API key has no permission for uploads"})
		}
		set := t.settings()
		if wait, ok := t.limits.Take(key, set.RequestsPerSecond, set.Burst); !ok {
			after := strconv.Itoa(int(math.Ceil(wait.Seconds())))
			return t.refuse(c, simulate.Refusal{Status: http.StatusTooManyRequests, Message: "Too many requests"}).With("Retry-After", after)
		}
		return next(c, cred)
	}
}

type prepareRequest struct {
	FileName          *string   `json:"fileName"`
	SKUIDs            *[]string `json:"skuIds"`
	AddToMediaGallery *bool     `json:"addToMediaGallery"`
}

// wrong says what the vendor does not take, or "" (TA-3).
func (p prepareRequest) wrong() string {
	if p.FileName == nil || *p.FileName == "" {
		return "fileName is required"
	}
	if _, ok := mediaTypes()[extension(*p.FileName)]; !ok {
		return "fileName must include an image extension (jpg, jpeg, png, gif, webp, bmp, tiff)"
	}
	if p.SKUIDs == nil {
		return ""
	}
	if len(*p.SKUIDs) > maxSKUs {
		return fmt.Sprintf("skuIds must contain at most %d items", maxSKUs)
	}
	sorted := slices.Sorted(slices.Values(*p.SKUIDs))
	if len(slices.Compact(sorted)) != len(*p.SKUIDs) {
		return "skuIds must be unique"
	}
	return ""
}

func (p prepareRequest) fields() map[string]any {
	f := map[string]any{"fileName": *p.FileName}
	if p.SKUIDs != nil {
		f["skuIds"] = *p.SKUIDs
	}
	if p.AddToMediaGallery != nil {
		f["addToMediaGallery"] = *p.AddToMediaGallery
	}
	return f
}

// extension is the one of a file name, in lower case and without its dot.
func extension(name string) string {
	return strings.ToLower(strings.TrimPrefix(path.Ext(name), "."))
}

func (t *Vendor) prepare(c *simulate.Call, cred simulate.Credential) *simulate.Answer {
	c.OnlyQuery()
	var in prepareRequest
	if wrong := c.ReadJSON(&in); wrong != "" {
		return t.refuse(c, simulate.Refusal{Status: http.StatusBadRequest, Message: wrong})
	}
	if wrong := in.wrong(); wrong != "" {
		return t.refuse(c, simulate.Refusal{Status: http.StatusBadRequest, Message: c.Invalid("%s", wrong)})
	}
	set := t.settings()
	m := t.newMedium(in, cred)
	signedType := ""
	if set.SignContentType { // TA-4
		signedType = mediaTypes()[extension(m.Name)]
	}
	g, err := t.w.Store.PresignPut(c.Context(), vendorName, m.Key, signedType, set.GrantLife)
	if err != nil {
		return t.refuse(c, simulate.Refusal{Status: http.StatusInternalServerError, Message: err.Error()})
	}
	m.Stamp, m.Fate = g.Stamp, c.Fate()
	if c.Fault("expired") {
		m.Issued = simulate.LongAgo
	}
	t.table.Put(m.UploadID, m)
	t.byName.Set(m.FileName, m.UploadID)
	c.Log.Subject = m.UploadID
	return simulate.JSON(prepareOK, map[string]any{"errorCode": 0, "data": map[string]any{
		"uploadUrl": g.URL, "expiresIn": int(time.Duration(set.GrantLife).Seconds()),
		"fileName": m.FileName, "finalUrl": m.URL, "uploadId": m.UploadID,
	}})
}

func (t *Vendor) newMedium(in prepareRequest, cred simulate.Credential) medium {
	n, now := t.number.Add(1), t.w.Clock.Wall()
	m := medium{Issued: t.w.Clock.Age(), FileID: fmt.Sprintf("IM%08d", firstID+n)}
	m.FileName = fmt.Sprintf(nameFormat, firstNo+n, now.UnixMilli(), extension(*in.FileName))
	m.Medium = simulate.Medium{
		Vendor: vendorName, Account: cred.Name, UploadID: "upl_01" + simulate.RandomHex(12), Name: *in.FileName,
		Key: path.Join(tenant, "PRODUCT_IMAGE", simulate.RandomHex(6), m.FileName), Fields: in.fields(),
		URL: t.w.StorageURL + "/cdn/trustana/" + m.FileName, CreatedAt: now,
	}
	return m
}

// search knows no attributes. It takes any object: what may be in it is documented
// nowhere (TA-9).
func (t *Vendor) search(c *simulate.Call, _ simulate.Credential) *simulate.Answer {
	c.OnlyQuery()
	var in map[string]any
	if wrong := c.ReadJSON(&in); wrong != "" {
		return t.refuse(c, simulate.Refusal{Status: http.StatusBadRequest, Message: wrong})
	}
	return simulate.JSON(http.StatusOK, map[string]any{"errorCode": 0, "data": []any{}})
}

func (t *Vendor) subjectOf(key string) string {
	m, _ := t.byFile(path.Base(key))
	return strings.Join([]string{key, m.Name, m.UploadID}, "\n")
}

func (t *Vendor) statusSubject(c *simulate.Call) string {
	m, ok := t.table.Get(c.Query.Get("uploadId"))
	if !ok {
		m, _ = t.byFile(c.Query.Get("fileName"))
	}
	return strings.Join([]string{m.FileName, m.Name, m.UploadID}, "\n")
}

func (t *Vendor) byFile(name string) (medium, bool) { return t.table.Get(t.byName.Get(name)) }

// grantOver says that the URL of a session has run out.
func (t *Vendor) grantOver(c *simulate.Call, stamp string, life simulate.Duration) bool {
	m, ok := t.byFile(path.Base(c.Path["key"]))
	return ok && m.Key == c.Path["key"] && m.Stamp == stamp && t.w.Clock.Passed(m.Issued, life)
}
