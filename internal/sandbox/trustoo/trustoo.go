// Package trustoo simulates Trustoo: a policy that many uploads share, forms to OSS, and
// callbacks from there.
package trustoo

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/sandbox/oss"
	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
)

const (
	kindObject = "trustoo.object"
	apiPrefix  = "/trustoo/api/v1/openapi/"
	oauthScope = "write_reviews"
	shopID     = "79198486784"
)

// statuses are the HTTP statuses of the codes, where the switch of TT-1
// is on.
func statuses() map[int]int {
	return map[int]int{3: 400, 4: 504, 5: 404, 6: 409, 8: 429, 13: 500, 16: 401}
}

// Vendor answers for the Trustoo API and keeps the books of the image bucket
// behind it.
type Vendor struct {
	w       *simulate.World
	objects *simulate.Table[storedObject] // by key
	grants  *simulate.Table[uploadGrant]  // by policy, or by the key of a video
	tokens  *simulate.Table[oauthToken]   // by token
	images  *oss.Uploads
}

type storedObject struct {
	simulate.Medium
	Confirmed bool      `json:"confirmed"` // the backend has taken a callback since it was stored
	Modified  time.Time `json:"modified"`
}

type uploadGrant struct {
	Account string `json:"account"`
	Issued  int64  `json:"issued"` // age
	Life    int64  `json:"life"`   // milliseconds
}

// Open restores what the vendor remembers.
func (t *Vendor) Open(w *simulate.World) error {
	t.w = w
	t.images = oss.NewUploads(w, vendorName, keyHost, t)
	var errs [3]error
	t.objects, errs[0] = simulate.NewTable[storedObject](w, kindObject)
	t.grants, errs[1] = simulate.NewTable[uploadGrant](w, "trustoo.grant")
	t.tokens, errs[2] = simulate.NewTable[oauthToken](w, "trustoo.token")
	return errors.Join(errs[:]...)
}

// Reset forgets media and sessions.
func (t *Vendor) Reset() {
	for _, o := range t.objects.All() {
		t.w.Files.Remove(t.File(o.Key))
	}
	t.objects.Clear()
	t.grants.Clear()
}

// File is the name of an object's bytes.
func (t *Vendor) File(key string) string { return "trustoo/" + key }

// Routes are the calls that the vendor answers.
func (t *Vendor) Routes() []simulate.Route {
	return []simulate.Route{
		{Call: "token", Method: http.MethodPost, Pattern: apiPrefix + "oauth/token", Handle: t.token, Refuse: t.refuse},
		{Call: "disconnect", Method: http.MethodPost, Pattern: apiPrefix + "oauth/disconnect", Handle: t.guarded(t.disconnect), Refuse: t.refuse},
		{Call: "policy", Method: http.MethodGet, Pattern: apiPrefix + "get_image_upload_policy_token", Handle: t.guarded(t.policy), Refuse: t.refuse},
		{Call: "video", Method: http.MethodGet, Pattern: apiPrefix + videoPath, Handle: t.guarded(t.video), Refuse: t.refuse},
		{Call: "review", Method: http.MethodPost, Pattern: apiPrefix + "create_review", Handle: t.guarded(t.review), Refuse: t.refuse},
		{Call: "callback", Method: http.MethodPost, Pattern: callbackPath, Zone: simulate.ZoneInside, Handle: t.takeCallback, Refuse: t.refuse},
		{Call: "post", Method: http.MethodPost, Pattern: "/", Zone: simulate.ZoneStore, Handle: t.images.Post, Refuse: oss.Refuse},
		{Call: "video-put", Method: http.MethodPut, Pattern: "/{key...}", Zone: simulate.ZoneStore, Handle: t.images.Put, Refuse: oss.Refuse},
		{Call: "object", Method: http.MethodGet, Pattern: "/{key...}", Zone: simulate.ZonePublic, Handle: t.object, Refuse: oss.Refuse},
		{Call: "key", Method: http.MethodGet, Pattern: keyHost + oss.KeyFile, Zone: simulate.ZoneInside, Handle: t.images.PublicKey, Refuse: simulate.RefusePlain},
	}
}

// envelope is what every answer of the API is wrapped in.
func (t *Vendor) envelope(status, code int, message string, data any) *simulate.Answer {
	return simulate.JSON(status, map[string]any{
		"code": code, "message": message, "time": t.w.Clock.Wall().Unix(), "request_id": simulate.RandomHex(16), "data": data,
	})
}

// fail answers with a business code, under HTTP 200 unless switched (TT-1).
func (t *Vendor) fail(code int, message string) *simulate.Answer {
	status := http.StatusOK
	if t.settings().ErrorStatus {
		status = statuses()[code]
	}
	return t.envelope(status, code, message, nil)
}

// refuse is for an answer whose HTTP status is given.
func (t *Vendor) refuse(_ *simulate.Call, f simulate.Refusal) *simulate.Answer {
	code, err := strconv.Atoi(f.Code)
	if err != nil {
		code = codeOf(f.Status)
	}
	if f.Message == "" {
		f.Message = http.StatusText(f.Status)
	}
	return t.envelope(f.Status, code, f.Message, nil)
}

func codeOf(status int) int {
	switch status {
	case 403:
		return 16
	case 503:
		return 13
	}
	for code, s := range statuses() {
		if s == status {
			return code
		}
	}
	if status/100 == 4 {
		return 3
	}
	return 13
}

// policy hands out the credentials for the image bucket.
func (t *Vendor) policy(c *simulate.Call, cred simulate.Credential) *simulate.Answer {
	c.OnlyQuery()
	set := t.settings()
	now := t.w.Clock.Wall()
	expires := now.Add(time.Duration(set.PolicyLife)).Truncate(time.Second)
	day := t.w.Clock.Calendar()
	dir := fmt.Sprintf("test%s/%d/%d/%d/", set.ShopID, day.Year(), day.Month(), day.Day())
	doc := fmt.Sprintf(`{"expiration":%q,"conditions":[["starts-with","$key",%q]]}`, expires.Format("2006-01-02T15:04:05Z"), dir)
	policy := base64.StdEncoding.EncodeToString([]byte(doc))
	g := uploadGrant{Account: cred.Name, Issued: t.w.Clock.Age(), Life: set.PolicyLife.Milliseconds()}
	if c.Fault("expired") {
		g.Issued = simulate.LongAgo
	}
	t.grants.Put(policy, g)
	callback, err := t.callback()
	if err != nil {
		return t.fail(13, err.Error())
	}
	if set.SeedCallback {
		callback = seedCallback
	}
	return t.envelope(http.StatusOK, 0, "success", map[string]string{
		"access_id": t.w.Identity.OSSAccess, "host": t.w.StorageURL, "expire": strconv.FormatInt(expires.Unix(), 10),
		"signature": oss.Sign(t.w.Identity.OSSSecret, policy), "policy": policy, "dir": dir, "callback": callback,
	})
}

// callback is TT-4.
func (t *Vendor) callback() (string, error) {
	raw, err := json.Marshal(map[string]string{
		"callbackUrl": t.w.Base + callbackPath, "callbackBody": callbackBody,
		"callbackBodyType": "application/x-www-form-urlencoded",
	})
	return base64.StdEncoding.EncodeToString(raw), err
}

// video is TT-5.
func (t *Vendor) video(c *simulate.Call, cred simulate.Credential) *simulate.Answer {
	c.OnlyQuery()
	set := t.settings()
	if !set.Video {
		return t.fail(5, "not found")
	}
	day, expires := t.w.Clock.Calendar(), t.w.Clock.Wall().Add(time.Duration(set.PolicyLife)).Unix()
	key := fmt.Sprintf("test%s/video/%d/%d/%d/%s.mp4", set.ShopID, day.Year(), day.Month(), day.Day(), simulate.RandomHex(16))
	g := uploadGrant{Account: cred.Name, Issued: t.w.Clock.Age(), Life: set.PolicyLife.Milliseconds()}
	if c.Fault("expired") {
		g.Issued = simulate.LongAgo
	}
	t.grants.Put(key, g)
	return t.envelope(http.StatusOK, 0, "success", map[string]string{
		"upload_url": t.images.SignedPut(key, expires), "url": t.w.StorageURL + "/" + key, "expire": strconv.FormatInt(expires, 10),
	})
}

type reviewRequest struct {
	ProductID     string          `json:"product_id"`
	Rating        *int            `json:"rating"`
	Author        string          `json:"author"`
	AuthorCountry string          `json:"author_country"`
	Content       string          `json:"content"`
	Title         string          `json:"title"`
	Source        string          `json:"source"`
	CommentedAt   json.RawMessage `json:"commented_at"`
	Media         json.RawMessage `json:"media"`
}

// review takes a review; nothing else of it is simulated than its limits.
func (t *Vendor) review(c *simulate.Call, _ simulate.Credential) *simulate.Answer {
	c.OnlyQuery()
	var in reviewRequest
	if wrong := c.ReadJSON(&in); wrong != "" {
		return t.fail(3, wrong)
	}
	switch {
	case in.Rating == nil || *in.Rating < 1 || *in.Rating > 5:
		return t.fail(3, c.Invalid("rating must be between 1 and 5"))
	case in.Author == "" || len([]rune(in.Author)) > 120:
		return t.fail(3, c.Invalid("author is required, with at most 120 characters"))
	case len([]rune(in.Content)) > 10_000 || len([]rune(in.Title)) > 300:
		return t.fail(3, c.Invalid("content has at most 10000 characters, title 300"))
	}
	return t.envelope(http.StatusOK, 0, "success", map[string]any{"id": t.w.Clock.Age()})
}

// Media is the vendor's part of the ledger.
func (t *Vendor) Media() []simulate.Medium {
	var out []simulate.Medium
	for _, o := range t.objects.All() {
		o.State, o.Visible = "stored", true
		if !o.Confirmed {
			o.State = "stored, callback unconfirmed"
		}
		out = append(out, o.Medium)
	}
	return out
}

// GrantOver says whether upload credentials have run out. A policy that the
// vendor never handed out goes by its own date.
func (t *Vendor) GrantOver(id string, expires time.Time) bool {
	g, ok := t.grants.Get(id)
	if !ok {
		return t.w.Clock.Calendar().After(expires)
	}
	return t.w.Clock.Passed(g.Issued, simulate.Duration(time.Duration(g.Life)*time.Millisecond))
}

// Has says that there is an object with this key.
func (t *Vendor) Has(key string) bool {
	_, ok := t.objects.Get(key)
	return ok
}

// Record notes an object of the image bucket; a key that is there is overwritten.
func (t *Vendor) Record(u oss.Upload) oss.Object {
	now := t.w.Clock.Wall()
	grant, _ := t.grants.Get(u.Grant)
	m := simulate.Medium{
		Vendor: vendorName, Account: grant.Account, MediaID: u.Key, Key: u.Key, Name: u.Name, ContentType: u.ContentType, Fields: u.Fields,
		URL: t.w.StorageURL + "/" + u.Key, CreatedAt: now, ReceivedAt: &now,
		Size: u.Size, SHA256: u.SHA256, CRC64: u.CRC64, Received: 1,
		ETag: strings.ToUpper(simulate.RandomHex(16)), // of a form it is no MD5
	}
	if old, known := t.objects.Get(m.Key); known {
		m.CreatedAt, m.Received, m.Callbacks = old.CreatedAt, old.Received+1, old.Callbacks
	}
	t.objects.Put(m.Key, storedObject{Medium: m, Confirmed: u.Signed, Modified: now})
	return oss.Object{Key: m.Key, Size: m.Size, ETag: m.ETag, CRC64: m.CRC64, ContentType: m.ContentType, Modified: now}
}
