package sandbox

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
)

// Assumptions of the contract that this file puts into practice:
//
//	TA-1  error envelope {"errorCode": <status>, "message": …}
//	TA-2  prepare answers 200
//	TA-3  skuIds and addToMediaGallery are optional; duplicates or more than 100
//	      are 400; the extension is compared without regard to case
//	TA-4  the URL signs host alone; in strict mode content-type as well
//	TA-5  unknown, not uploaded, in progress and not an image are all one 404
//	TA-6  every prepare is a new session; names are image-<number>-<unix ms>.<ext>;
//	      a PUT after processing changes nothing
//	TA-7  429 with Retry-After; 10 requests a second for each key, burst 20
//	TA-8  no cap on the size below S3's own
const (
	trustanaOK      = http.StatusOK                           // TA-2
	trustanaNotDone = "Upload not found or not processed yet" // TA-5
	trustanaName    = "image-%d-%d.%s"                        // TA-6
	trustanaRate    = 10                                      // TA-7
	trustanaBurst   = 20                                      // TA-7
)

const (
	kindTrustana    = "trustana.medium"
	trustanaLife    = 900 // seconds
	trustanaDelay   = 1   // seconds; the vendor's 30 s to 2 min are not for watching
	trustanaMaxSKUs = 100
	trustanaTenant  = "424" // begins the keys in the vendor's samples
	trustanaFirstID = 16127893
	trustanaFirstNo = 123
)

func trustanaDefaults() TrustanaSettings {
	return TrustanaSettings{
		GrantLife: seconds(trustanaLife), Processing: seconds(trustanaDelay),
		RequestsPerSecond: trustanaRate, Burst: trustanaBurst,
	}
}

// trustanaTypes are the extensions that the vendor takes.
func trustanaTypes() map[string]string {
	return map[string]string{
		"jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png", "gif": "image/gif",
		"webp": "image/webp", "bmp": "image/bmp", "tiff": "image/tiff",
	}
}

// trustana answers for the vendor of that name.
type trustana struct {
	s      *Sandbox
	table  *table[trustanaMedium] // by uploadId
	byName *index                 // generated file name to uploadId
	limits *buckets
	number atomic.Int64
}

// trustanaMedium is one prepare and what came of it.
type trustanaMedium struct {
	Medium
	FileName string `json:"file_name"` // generated
	FileID   string `json:"file_id"`
	Stamp    string `json:"stamp"`
	Issued   int64  `json:"issued"`
	Arrived  int64  `json:"arrived"` // 0: not yet
	Due      int64  `json:"due"`     // when processing ends
	Format   string `json:"format"`  // from the bytes; empty: no image
	Fate     fate   `json:"fate,omitempty"`
	Polls    int    `json:"polls"`
}

func newTrustana(s *Sandbox, mem *memory) (*trustana, error) {
	t := &trustana{s: s, byName: newIndex(), limits: newBuckets(s.clock)}
	var err error
	if t.table, err = newTable[trustanaMedium](s.journal, mem, kindTrustana); err != nil {
		return nil, err
	}
	all := t.table.all()
	for _, m := range all {
		t.byName.set(m.FileName, m.UploadID)
	}
	t.number.Store(int64(len(all)))
	return t, nil
}

func (t *trustana) name() string { return "trustana" }

func (t *trustana) reset() {
	for _, m := range t.table.all() {
		t.s.store.remove("trustana", m.Key)
	}
	t.table.clear()
	t.byName.clear()
	t.limits.clear()
}

// resume looks for bytes that arrived when nobody was left to note it.
func (t *trustana) resume() {
	for _, m := range t.table.all() {
		if m.Arrived == 0 {
			t.s.settleArrival("trustana", m.Key)
		}
	}
}

func (t *trustana) routes() []route {
	return []route{
		{call: "prepare", method: http.MethodPost, pattern: "/trustana/v1/upload/prepare", handle: t.guarded(t.prepare), refuse: t.refuse},
		{call: "status", method: http.MethodGet, pattern: "/trustana/v1/upload/status", handle: t.guarded(t.status), refuse: t.refuse, subject: t.statusSubject},
		{call: "final", method: http.MethodGet, pattern: "/cdn/trustana/{file}", zone: zonePublic, handle: t.final, refuse: refusePlain},
	}
}

// refuse is TA-1.
func (t *trustana) refuse(_ *call, f refusal) *answer {
	if f.message == "" {
		f.message = http.StatusText(f.status)
	}
	code := f.status
	if n, err := strconv.Atoi(f.code); err == nil {
		code = n
	}
	return jsonAnswer(f.status, map[string]any{"errorCode": code, "message": f.message})
}

// guarded checks the key and the rate before anything else.
func (t *trustana) guarded(next func(*call, Credential) *answer) func(*call) *answer {
	return func(c *call) *answer {
		key := c.r.Header.Get("X-API-Key")
		if key == "" {
			c.violation("missing-credentials", "the header X-API-Key is missing")
			return t.refuse(c, refusal{status: http.StatusUnauthorized, message: "API key is missing"})
		}
		cred, ok := t.s.creds.find("trustana", "api_key", key)
		if !ok || cred.State == CredentialRevoked || cred.State == CredentialExpired {
			return t.refuse(c, refusal{status: http.StatusUnauthorized, message: "API key is invalid or inactive"})
		}
		if cred.State == CredentialForbidden {
			return t.refuse(c, refusal{status: http.StatusForbidden, message: "API key has no permission for uploads"})
		}
		set := t.s.Settings().Trustana
		if wait, ok := t.limits.take(key, set.RequestsPerSecond, set.Burst); !ok {
			after := strconv.Itoa(int(math.Ceil(wait.Seconds())))
			return t.refuse(c, refusal{status: http.StatusTooManyRequests, message: "Too many requests"}).with("Retry-After", after)
		}
		return next(c, cred)
	}
}

type trustanaPrepare struct {
	FileName          *string   `json:"fileName"`
	SKUIDs            *[]string `json:"skuIds"`
	AddToMediaGallery *bool     `json:"addToMediaGallery"`
}

// wrong says what the vendor does not take, or "" (TA-3).
func (p trustanaPrepare) wrong() string {
	if p.FileName == nil || *p.FileName == "" {
		return "fileName is required"
	}
	if _, ok := trustanaTypes()[extension(*p.FileName)]; !ok {
		return "fileName must include an image extension (jpg, jpeg, png, gif, webp, bmp, tiff)"
	}
	if p.SKUIDs == nil {
		return ""
	}
	if len(*p.SKUIDs) > trustanaMaxSKUs {
		return fmt.Sprintf("skuIds must contain at most %d items", trustanaMaxSKUs)
	}
	sorted := slices.Sorted(slices.Values(*p.SKUIDs))
	if len(slices.Compact(sorted)) != len(*p.SKUIDs) {
		return "skuIds must be unique"
	}
	return ""
}

func (p trustanaPrepare) fields() map[string]any {
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

func (t *trustana) prepare(c *call, cred Credential) *answer {
	c.onlyQuery()
	var in trustanaPrepare
	if wrong := c.readJSON(&in); wrong != "" {
		return t.refuse(c, refusal{status: http.StatusBadRequest, message: wrong})
	}
	if wrong := in.wrong(); wrong != "" {
		return t.refuse(c, refusal{status: http.StatusBadRequest, message: c.invalid("%s", wrong)})
	}
	set := t.s.Settings().Trustana
	m := t.newMedium(in, cred)
	signedType := ""
	if set.SignContentType { // TA-4
		signedType = trustanaTypes()[extension(m.Name)]
	}
	g, err := t.s.store.presignPut(c.ctx(), "trustana", m.Key, signedType, set.GrantLife)
	if err != nil {
		return t.refuse(c, refusal{status: http.StatusInternalServerError, message: err.Error()})
	}
	m.Stamp, m.Fate = g.stamp, c.fate()
	if c.fault("expired") {
		m.Issued = longAgo
	}
	t.table.put(m.UploadID, m)
	t.byName.set(m.FileName, m.UploadID)
	c.log.Subject = m.UploadID
	return jsonAnswer(trustanaOK, map[string]any{"errorCode": 0, "data": map[string]any{
		"uploadUrl": g.url, "expiresIn": int(time.Duration(set.GrantLife).Seconds()),
		"fileName": m.FileName, "finalUrl": m.URL, "uploadId": m.UploadID,
	}})
}

func (t *trustana) newMedium(in trustanaPrepare, cred Credential) trustanaMedium {
	n, now := t.number.Add(1), t.s.clock.wall()
	m := trustanaMedium{Issued: t.s.clock.age(), FileID: fmt.Sprintf("IM%08d", trustanaFirstID+n)}
	m.FileName = fmt.Sprintf(trustanaName, trustanaFirstNo+n, now.UnixMilli(), extension(*in.FileName))
	m.Medium = Medium{
		Vendor: "trustana", Account: cred.Name, UploadID: "upl_01" + randomHex(12), Name: *in.FileName,
		Key: path.Join(trustanaTenant, "PRODUCT_IMAGE", randomHex(6), m.FileName), Fields: in.fields(),
		URL: t.s.storage + "/cdn/trustana/" + m.FileName, CreatedAt: now,
	}
	return m
}

func (t *trustana) subjectOf(key string) string {
	m, _ := t.byFile(path.Base(key))
	return strings.Join([]string{key, m.Name, m.UploadID}, "\n")
}

func (t *trustana) statusSubject(c *call) string {
	m, ok := t.table.get(c.query.Get("uploadId"))
	if !ok {
		m, _ = t.byFile(c.query.Get("fileName"))
	}
	return strings.Join([]string{m.FileName, m.Name, m.UploadID}, "\n")
}

func (t *trustana) byFile(name string) (trustanaMedium, bool) { return t.table.get(t.byName.get(name)) }

// issued is the age at which the grant for a key was handed out.
func (t *trustana) issued(key, stamp string) (int64, bool) {
	m, ok := t.byFile(path.Base(key))
	return m.Issued, ok && m.Key == key && m.Stamp == stamp
}
