package vendors

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// Trustoo (TrustWILL): get a policy, POST a form to Alibaba OSS under it. There
// is nothing to poll: the object is there when OSS says so.
type Trustoo struct{}

// What Trustoo does not document, and we assume.
var trustooAssumed = struct {
	maxBytes  int64
	types     []string
	videoPath string
}{
	maxBytes: 20 << 20, // TT-6: no limit is published
	types:    []string{"image/jpeg", "image/png", "image/gif", "image/webp"},
	// TT-5: the path and answer of the video endpoint, of which only the menu
	// tells; off unless the account sets video: true.
	videoPath: "/api/v1/openapi/get_video_upload_url",
	// TT-1: refusals come with HTTP 200 and a code, or with a status; the code
	//       decides where there is one.
	// TT-2: the shape of the token's answer; see trustooToken.
	// TT-3: a policy that has expired on arrival is worth one attempt, and expire
	//       is held against the answer's own Date; see lease.
	// TT-4: the callback's shape matters to OSS alone; it is passed on as it is.
}

const (
	trustooPolicyPath = "/api/v1/openapi/get_image_upload_policy_token"
	trustooTokenPath  = "/api/v1/openapi/oauth/token" //nolint:gosec // a path
	ossMaxBytes       = 5 << 30                       // of one PostObject

	// trustooReserve is what a policy should still have, or a fifth of its life
	// where that is less.
	trustooReserve = 30 * time.Second
)

var trustooSpec = &Spec{
	Name:    "trustoo",
	Title:   "Trustoo (TrustWILL)",
	Docs:    "https://apidoc.trustoo.io/doc-9067301 (read 2026-11-21)",
	Flow:    "policy token, form POST to Alibaba OSS; ready when OSS has it",
	BaseURL: "https://rapi.trustoo.io",
	Fields: []Field{
		{Name: "fileName", Type: Text, Most: 255, Doc: "end of the object's key; default: the source's own name"},
	},
	Packing:   &Packing{Types: "image/", Resend: true},
	NameField: "fileName",
	Settings: []Setting{
		{Name: "public_token", Doc: "for signed headers"},
		{Name: "private_token", Doc: "signs them", Secret: true},
		{Name: "access_token", Doc: "a bearer token, instead", Secret: true},
		{Name: "client_id", Doc: "for OAuth, instead"},
		{Name: "client_secret", Doc: "for OAuth", Secret: true},
		{Name: "refresh_token", Doc: "the first one; later ones are kept in the ledger", Secret: true},
		{Name: "drop_invalid_callback", Doc: "send without a callback that OSS refuses", Default: "false", Choices: []string{"true", "false"}},
		{Name: "video", Doc: "take videos, by an undocumented call", Default: "false", Choices: []string{"true", "false"}},
	},
	Credentials: [][]string{{"public_token", "private_token"}, {"access_token"}, {"client_id", "client_secret", "refresh_token"}},
	Takes: []Range{
		{Types: trustooAssumed.types, MaxBytes: trustooAssumed.maxBytes},
		{Types: []string{"video/mp4", "video/quicktime", "video/webm"}, MaxBytes: ossMaxBytes, Setting: "video"},
	},
	Prehash: true, // the object's key is made of the content, so that repeating overwrites
}

// Spec describes Trustoo.
func (Trustoo) Spec() *Spec { return trustooSpec }

// trustooPolicy is what get_image_upload_policy_token answers: good for any
// number of keys below Dir until Expire.
type trustooPolicy struct {
	AccessID  string `json:"access_id"`
	Host      string `json:"host"`
	Expire    string `json:"expire"` // Unix seconds, as text
	Signature string `json:"signature"`
	Policy    string `json:"policy"`
	Dir       string `json:"dir"`
	Callback  string `json:"callback"`

	// On our clock; not of the wire.
	Until time.Time     `json:"until,omitzero"`
	Life  time.Duration `json:"life,omitempty"`
}

// Prepare takes the shared policy, or a new one where it ran out, and makes a
// form of it. The key is made of the item's identity and content, so that
// sending twice overwrites; a key that was used before is kept for as long as a
// policy allows it, because the directory holds the date.
func (t Trustoo) Prepare(ctx context.Context, c *Caller, in upload.Prepare) (upload.Session, error) {
	if strings.HasPrefix(in.Content.Type, "video/") {
		return t.prepareVideo(ctx, c, in)
	}
	failed := in.Previous
	if in.Because == trustooBadCallback && failed != nil && formValue(*failed, "callback") != "" {
		failed = nil // the policy is as good as before, and the next one has no other callback
	}
	policy, err := c.trustooPolicy(ctx, failed)
	if err != nil {
		return upload.Session{}, err
	}
	name := sendName(in.Item, in.Content, "fileName")
	key := policy.Dir + trustooKey(in, name)
	if in.Previous != nil && strings.HasPrefix(in.Previous.Media.ID, policy.Dir) {
		key = in.Previous.Media.ID
	}
	form := []upload.FormField{
		{Name: "key", Value: key},
		{Name: "policy", Value: policy.Policy},
		{Name: "OSSAccessKeyId", Value: policy.AccessID},
		{Name: "Signature", Value: policy.Signature},
	}
	if drop := in.Because == trustooBadCallback && c.Account.On("drop_invalid_callback") && !validCallback(policy.Callback); !drop {
		form = append(form, upload.FormField{Name: "callback", Value: policy.Callback})
	}
	return upload.Session{
		Method: upload.MethodForm, Store: upload.StoreOSS,
		URL: policy.Host, Form: form,
		File:      upload.FormFile{Field: "file", Name: name, Type: in.Content.Type},
		ExpiresAt: policy.Until, Life: policy.left(c.Now()), OpenedAt: c.Now(),
		Media: upload.Media{ID: key, URL: strings.TrimRight(policy.Host, "/") + "/" + escapePath(key)},
	}, nil
}

// left is the life of a session that is made of the policy now. It is told no
// longer than lets the session's reserve be the policy's: a session is spent when
// a fifth of its life is left, or a minute.
func (p trustooPolicy) left(now time.Time) time.Duration {
	if p.Until.IsZero() {
		return 0
	}
	return min(p.Until.Sub(now), 5*trustooReserve)
}

// trustooKey is the part of the key below the directory.
func trustooKey(in upload.Prepare, name string) string {
	sum := sha256.Sum256([]byte(in.Item.UploadID + "\n" + in.Content.SHA256))
	flat := strings.Map(func(r rune) rune {
		if r == '/' || r == '\\' || r < ' ' || r == 0x7f {
			return '_'
		}
		return r
	}, name)
	// OSS would put the file's own name in place of ${filename}.
	flat = strings.ReplaceAll(flat, "${", "_{")
	return hex.EncodeToString(sum[:])[:32] + "-" + flat
}

func escapePath(key string) string {
	return (&url.URL{Path: key}).EscapedPath()
}

// trustooBadCallback is the code of a failure that only a form without the
// callback can avoid.
const trustooBadCallback = "InvalidArgument"

// validCallback reports whether OSS can make anything of a callback.
func validCallback(callback string) bool {
	raw, err := base64.StdEncoding.DecodeString(callback)
	if err != nil {
		return false
	}
	var said struct {
		URL string `json:"callbackUrl"`
	}
	return json.Unmarshal(raw, &said) == nil && said.URL != ""
}

// trustooPolicy returns the policy that the fleet shares for the account. One
// that a session just failed with is dropped first.
func (c *Caller) trustooPolicy(ctx context.Context, failed *upload.Session) (trustooPolicy, error) {
	var policy trustooPolicy
	for range 2 {
		token, err := c.Tokens.Get(ctx, c.Account.Name, "policy", c.trustooFetchPolicy)
		if err != nil {
			return policy, err
		}
		if err := json.Unmarshal(token.Value, &policy); err != nil {
			return policy, upload.Errorf(upload.KindInternal, upload.StepPrepare, "stored policy: %w", err)
		}
		if failed == nil || formValue(*failed, "Signature") != policy.Signature {
			return policy, nil
		}
		if err := c.Tokens.Drop(ctx, c.Account.Name, "policy", token.Version); err != nil {
			return policy, err
		}
		failed = nil
	}
	return policy, nil
}

func formValue(s upload.Session, name string) string {
	for _, field := range s.Form {
		if field.Name == name {
			return field.Value
		}
	}
	return ""
}

// trustooFetchPolicy asks for a policy: GET get_image_upload_policy_token.
func (c *Caller) trustooFetchPolicy(ctx context.Context, _ Token) (Token, error) {
	var got trustooPolicy
	a, err := c.trustoo(ctx, request{step: upload.StepPrepare, name: "policy token", method: http.MethodGet, url: trustooPolicyPath}, &got)
	if err != nil {
		return Token{}, err
	}
	if slices.Contains([]string{got.AccessID, got.Host, got.Expire, got.Signature, got.Policy, got.Dir, got.Callback}, "") {
		return Token{}, a.incomplete("an empty access_id, host, expire, signature, policy, dir or callback")
	}
	expire, _ := strconv.ParseInt(got.Expire, 10, 64) // unreadable: not known
	got.Until, got.Life = a.lease(terms{until: unix(expire)})
	renew := got.Until.Add(-min(trustooReserve, got.Life/5))
	if got.Until.IsZero() { // passed on arrival (TT-3): good for one attempt, and for nobody else
		renew = c.Now()
	}
	value, err := json.Marshal(got)
	return Token{Value: value, ExpiresAt: renew}, err
}

// prepareVideo asks for a signed URL (TT-5).
func (Trustoo) prepareVideo(ctx context.Context, c *Caller, in upload.Prepare) (upload.Session, error) {
	var got struct {
		UploadURL string `json:"upload_url"`
		URL       string `json:"url"`
		Expire    string `json:"expire"`
	}
	a, err := c.trustoo(ctx, request{step: upload.StepPrepare, name: "video upload url", method: http.MethodGet, url: trustooAssumed.videoPath}, &got)
	if err != nil {
		return upload.Session{}, err
	}
	if got.UploadURL == "" || got.URL == "" {
		return upload.Session{}, a.incomplete("no upload_url or url")
	}
	there, err := url.Parse(got.URL)
	if err != nil {
		return upload.Session{}, a.incomplete("a url that is none")
	}
	expire, _ := strconv.ParseInt(got.Expire, 10, 64) // unreadable: not known
	session := upload.Session{
		Method: upload.MethodPut, Store: upload.StoreOSS, URL: got.UploadURL,
		Header: map[string]string{"Content-Type": in.Content.Type}, OpenedAt: a.there(c.Now()),
		Media: upload.Media{ID: strings.TrimPrefix(there.Path, "/"), URL: lasting(got.URL)},
	}
	session.ExpiresAt, session.Life = a.lease(terms{until: unix(expire), signed: got.UploadURL})
	return session, nil
}

// Poll has nothing to ask: what OSS has is there.
func (Trustoo) Poll(_ context.Context, _ *Caller, in upload.Poll) (upload.Media, error) {
	media := in.Session.Media
	media.State, media.Seen = upload.StateReady, "stored"
	return media, nil
}

// sign makes Trustoo's Sign header: HMAC-SHA256 over the sorted parameters with
// the timestamp among them, not URL-encoded, and after a bar the body, if there
// is one (apidoc.trustoo.io/doc-9067301).
func trustooSign(secret string, query url.Values, timestamp string, body []byte) string {
	pairs := make(map[string]string, len(query)+1)
	for name := range query {
		pairs[name] = query.Get(name)
	}
	pairs["timestamp"] = timestamp
	mac := hmac.New(sha256.New, []byte(secret))
	for i, name := range sortedKeys(pairs) {
		if i > 0 {
			mac.Write([]byte("&"))
		}
		mac.Write([]byte(name + "=" + pairs[name]))
	}
	if len(body) > 0 {
		mac.Write([]byte("|"))
		mac.Write(body)
	}
	return hex.EncodeToString(mac.Sum(nil))
}
