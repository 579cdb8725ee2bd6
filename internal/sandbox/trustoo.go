package sandbox

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Assumptions of the contract that the files trustoo*.go and oss*.go put into
// practice:
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
	trustooClockSlack   = 900                         // TT-1, seconds
	trustooTokenLife    = 7200                        // TT-2, seconds
	trustooPolicyLife   = 300                         // TT-3, seconds
	trustooKeyHost      = "/gosspublic/"              // TT-4
	trustooCallbackPath = "/trustoo-app/oss/callback" // TT-4
	trustooVideoPath    = "get_video_upload_url"      // TT-5
	trustooCallbackBody = "filename=${object}&size=${size}&mimeType=${mimeType}&height=${imageInfo.height}&width=${imageInfo.width}"
	// trustooSeedCallback is what the vendor's page shows: no JSON, and no URL.
	trustooSeedCallback = "eyJjYWxsYmFja1VybCI6IiIsImNhbGxiYWNrQm9keSI6ImZpbGVuYW1lPSR7b2JqZWN0fS4uLn0="
)

const (
	kindTrustoo   = "trustoo.object"
	trustooPrefix = "/trustoo/api/v1/openapi/"
	trustooScope  = "write_reviews"
	trustooShop   = "79198486784"
)

func trustooDefaults() TrustooSettings {
	return TrustooSettings{PolicyLife: seconds(trustooPolicyLife), TokenLife: seconds(trustooTokenLife), ShopID: trustooShop}
}

// trustooStatuses are the HTTP statuses of the codes, where the switch of TT-1
// is on.
func trustooStatuses() map[int]int {
	return map[int]int{3: 400, 4: 504, 5: 404, 6: 409, 8: 429, 13: 500, 16: 401}
}

// trustoo answers for the Trustoo API and keeps the books of the image bucket
// behind it.
type trustoo struct {
	s       *Sandbox
	objects *table[trustooObject] // by key
	grants  *table[trustooGrant]  // by policy, or by the key of a video
	tokens  *table[trustooToken]  // by token
}

type trustooObject struct {
	Medium
	Confirmed bool      `json:"confirmed"` // the backend has taken a callback since it was stored
	Modified  time.Time `json:"modified"`
}

type trustooGrant struct {
	Account string `json:"account"`
	Issued  int64  `json:"issued"` // age
	Life    int64  `json:"life"`   // milliseconds
}

func newTrustoo(s *Sandbox, mem *memory) (*trustoo, error) {
	t := &trustoo{s: s}
	var errs [3]error
	t.objects, errs[0] = newTable[trustooObject](s.journal, mem, kindTrustoo)
	t.grants, errs[1] = newTable[trustooGrant](s.journal, mem, "trustoo.grant")
	t.tokens, errs[2] = newTable[trustooToken](s.journal, mem, "trustoo.token")
	return t, errors.Join(errs[:]...)
}

func (t *trustoo) name() string { return "trustoo" }

func (t *trustoo) reset() {
	for _, o := range t.objects.all() {
		t.s.files.remove(trustooFile(o.Key))
	}
	t.objects.clear()
	t.grants.clear()
}

func trustooFile(key string) string { return "trustoo/" + key }

func (t *trustoo) routes() []route {
	return []route{
		{call: "token", method: http.MethodPost, pattern: trustooPrefix + "oauth/token", handle: t.token, refuse: t.refuse},
		{call: "disconnect", method: http.MethodPost, pattern: trustooPrefix + "oauth/disconnect", handle: t.guarded(t.disconnect), refuse: t.refuse},
		{call: "policy", method: http.MethodGet, pattern: trustooPrefix + "get_image_upload_policy_token", handle: t.guarded(t.policy), refuse: t.refuse},
		{call: "video", method: http.MethodGet, pattern: trustooPrefix + trustooVideoPath, handle: t.guarded(t.video), refuse: t.refuse},
		{call: "review", method: http.MethodPost, pattern: trustooPrefix + "create_review", handle: t.guarded(t.review), refuse: t.refuse},
		{call: "callback", method: http.MethodPost, pattern: trustooCallbackPath, zone: zoneInside, handle: t.takeCallback, refuse: t.refuse},
		{call: "post", method: http.MethodPost, pattern: "/", zone: zoneStore, handle: t.s.oss.post, refuse: refuseOSS},
		{call: "video-put", method: http.MethodPut, pattern: "/{key...}", zone: zoneStore, handle: t.s.oss.putVideo, refuse: refuseOSS},
		{call: "object", method: http.MethodGet, pattern: "/{key...}", zone: zonePublic, handle: t.object, refuse: refuseOSS},
		{call: "key", method: http.MethodGet, pattern: trustooKeyHost + "callback_pub_key.pem", zone: zoneInside, handle: t.publicKey, refuse: refusePlain},
	}
}

// envelope is what every answer of the API is wrapped in.
func (t *trustoo) envelope(status, code int, message string, data any) *answer {
	return jsonAnswer(status, map[string]any{
		"code": code, "message": message, "time": t.s.clock.wall().Unix(), "request_id": randomHex(16), "data": data,
	})
}

// fail answers with a business code, under HTTP 200 unless switched (TT-1).
func (t *trustoo) fail(code int, message string) *answer {
	status := http.StatusOK
	if t.s.Settings().Trustoo.ErrorStatus {
		status = trustooStatuses()[code]
	}
	return t.envelope(status, code, message, nil)
}

// refuse is for an answer whose HTTP status is given.
func (t *trustoo) refuse(_ *call, f refusal) *answer {
	code, err := strconv.Atoi(f.code)
	if err != nil {
		code = trustooCodeOf(f.status)
	}
	if f.message == "" {
		f.message = http.StatusText(f.status)
	}
	return t.envelope(f.status, code, f.message, nil)
}

func trustooCodeOf(status int) int {
	switch status {
	case 403:
		return 16
	case 503:
		return 13
	}
	for code, s := range trustooStatuses() {
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
func (t *trustoo) policy(c *call, cred Credential) *answer {
	c.onlyQuery()
	set := t.s.Settings().Trustoo
	now := t.s.clock.wall()
	expires := now.Add(time.Duration(set.PolicyLife)).Truncate(time.Second)
	day := t.s.clock.calendar()
	dir := fmt.Sprintf("test%s/%d/%d/%d/", set.ShopID, day.Year(), day.Month(), day.Day())
	doc := fmt.Sprintf(`{"expiration":%q,"conditions":[["starts-with","$key",%q]]}`, expires.Format("2006-01-02T15:04:05Z"), dir)
	policy := base64.StdEncoding.EncodeToString([]byte(doc))
	g := trustooGrant{Account: cred.Name, Issued: t.s.clock.age(), Life: set.PolicyLife.milliseconds()}
	if c.fault("expired") {
		g.Issued = longAgo
	}
	t.grants.put(policy, g)
	callback, err := t.callback()
	if err != nil {
		return t.fail(13, err.Error())
	}
	if set.SeedCallback {
		callback = trustooSeedCallback
	}
	return t.envelope(http.StatusOK, 0, "success", map[string]string{
		"access_id": t.s.identity.OSSAccess, "host": t.s.storage, "expire": strconv.FormatInt(expires.Unix(), 10),
		"signature": ossSign(t.s.identity.OSSSecret, policy), "policy": policy, "dir": dir, "callback": callback,
	})
}

// callback is TT-4.
func (t *trustoo) callback() (string, error) {
	raw, err := json.Marshal(map[string]string{
		"callbackUrl": t.s.base + trustooCallbackPath, "callbackBody": trustooCallbackBody,
		"callbackBodyType": "application/x-www-form-urlencoded",
	})
	return base64.StdEncoding.EncodeToString(raw), err
}

// video is TT-5.
func (t *trustoo) video(c *call, cred Credential) *answer {
	c.onlyQuery()
	set := t.s.Settings().Trustoo
	if !set.Video {
		return t.fail(5, "not found")
	}
	day, expires := t.s.clock.calendar(), t.s.clock.wall().Add(time.Duration(set.PolicyLife)).Unix()
	key := fmt.Sprintf("test%s/video/%d/%d/%d/%s.mp4", set.ShopID, day.Year(), day.Month(), day.Day(), randomHex(16))
	g := trustooGrant{Account: cred.Name, Issued: t.s.clock.age(), Life: set.PolicyLife.milliseconds()}
	if c.fault("expired") {
		g.Issued = longAgo
	}
	t.grants.put(key, g)
	return t.envelope(http.StatusOK, 0, "success", map[string]string{
		"upload_url": t.s.oss.signedPut(key, expires), "url": t.s.storage + "/" + key, "expire": strconv.FormatInt(expires, 10),
	})
}

type trustooReview struct {
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
func (t *trustoo) review(c *call, _ Credential) *answer {
	c.onlyQuery()
	var in trustooReview
	if wrong := c.readJSON(&in); wrong != "" {
		return t.fail(3, wrong)
	}
	switch {
	case in.Rating == nil || *in.Rating < 1 || *in.Rating > 5:
		return t.fail(3, c.invalid("rating must be between 1 and 5"))
	case in.Author == "" || len([]rune(in.Author)) > 120:
		return t.fail(3, c.invalid("author is required, with at most 120 characters"))
	case len([]rune(in.Content)) > 10_000 || len([]rune(in.Title)) > 300:
		return t.fail(3, c.invalid("content has at most 10000 characters, title 300"))
	}
	return t.envelope(http.StatusOK, 0, "success", map[string]any{"id": t.s.clock.age()})
}

func (t *trustoo) media() []Medium {
	var out []Medium
	for _, o := range t.objects.all() {
		o.State, o.Visible = "stored", true
		if !o.Confirmed {
			o.State = "stored, callback unconfirmed"
		}
		out = append(out, o.Medium)
	}
	return out
}

// grantOver says whether upload credentials have run out. A policy that the
// vendor never handed out goes by its own date.
func (t *trustoo) grantOver(id string, expires time.Time) bool {
	g, ok := t.grants.get(id)
	if !ok {
		return t.s.clock.calendar().After(expires)
	}
	return t.s.clock.passed(g.Issued, Duration(time.Duration(g.Life)*time.Millisecond))
}
