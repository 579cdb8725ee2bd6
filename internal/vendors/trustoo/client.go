// Package trustoo is what Trustoo (TrustWILL) says on the wire: a policy, and a
// form that is POSTed to Alibaba OSS under it. There is nothing to poll: the
// object is there when OSS says so.
package trustoo

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
	"github.com/mediaferry/mediaferry/internal/vendors/wire"
)

// Client makes Trustoo's calls. It has no state.
type Client struct{}

// caller is the means of making Trustoo's calls.
type caller struct{ *wire.Caller }

// uploadPolicy is what get_image_upload_policy_token answers: good for any
// number of keys below Dir until Expire.
type uploadPolicy struct {
	AccessID  wire.Text `json:"access_id"`
	Host      wire.Text `json:"host"`
	Expire    wire.Text `json:"expire"` // Unix seconds, as text
	Signature wire.Text `json:"signature"`
	Policy    wire.Text `json:"policy"`
	Dir       wire.Text `json:"dir"`
	Callback  wire.Text `json:"callback"`

	// On our clock; not of the wire.
	Until time.Time     `json:"until,omitzero"`
	Life  time.Duration `json:"life,omitempty"`
}

// Prepare takes the shared policy, or a new one where it ran out, and makes a
// form of it. The key is made of the item's identity and content, so that
// sending twice overwrites; a key that was used before is kept for as long as a
// policy allows it, because the directory holds the date.
func (t Client) Prepare(ctx context.Context, c *wire.Caller, in upload.Prepare) (upload.Session, error) {
	if strings.HasPrefix(in.Content.Type, "video/") {
		return t.prepareVideo(ctx, c, in)
	}
	failed := in.Previous
	if in.Because == badCallback && failed != nil && formValue(*failed, "callback") != "" {
		failed = nil // the policy is as good as before, and the next one has no other callback
	}
	policy, err := caller{c}.policy(ctx, failed)
	if err != nil {
		return upload.Session{}, err
	}
	name := trustoo.FileName(in.Item, in.Content)
	key := string(policy.Dir) + keyBelowDir(in, name)
	if in.Previous != nil && strings.HasPrefix(in.Previous.Media.ID, string(policy.Dir)) {
		key = in.Previous.Media.ID
	}
	form := []upload.FormField{
		{Name: "key", Value: key},
		{Name: "policy", Value: string(policy.Policy)},
		{Name: "OSSAccessKeyId", Value: string(policy.AccessID)},
		{Name: "Signature", Value: string(policy.Signature)},
	}
	if drop := in.Because == badCallback && c.Account.On("drop_invalid_callback") && !validCallback(string(policy.Callback)); !drop && policy.Callback != "" {
		form = append(form, upload.FormField{Name: "callback", Value: string(policy.Callback)})
	}
	return upload.Session{
		Method: upload.MethodForm, Store: upload.StoreOSS,
		URL: string(policy.Host), Form: form,
		File:      upload.FormFile{Field: "file", Name: name, Type: in.Content.Type},
		ExpiresAt: policy.Until, Life: policy.left(c.Now()), OpenedAt: c.Now(),
		Media: upload.Media{ID: key, URL: strings.TrimRight(string(policy.Host), "/") + "/" + escapePath(key)},
	}, nil
}

// left is the life of a session that is made from the policy now. It is cut so that
// the session's reserve equals the policy's: a session counts as spent when a fifth
// of its life, or a minute, is left.
func (p uploadPolicy) left(now time.Time) time.Duration {
	if p.Until.IsZero() {
		return 0
	}
	return min(p.Until.Sub(now), 5*reserve)
}

// keyBelowDir is the part of an object's key below the directory.
func keyBelowDir(in upload.Prepare, name string) string {
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

// policy returns the policy that the fleet shares for the account. One that a
// session just failed with is dropped first.
func (c caller) policy(ctx context.Context, failed *upload.Session) (uploadPolicy, error) {
	var policy uploadPolicy
	for range 2 {
		token, err := c.Tokens.Get(ctx, c.Account.Name, "policy", c.fetchPolicy)
		if err != nil {
			return policy, err
		}
		if err := json.Unmarshal(token.Value, &policy); err != nil {
			return policy, upload.Errorf(upload.KindInternal, upload.StepPrepare, "stored policy: %w", err)
		}
		if failed == nil || formValue(*failed, "Signature") != string(policy.Signature) {
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

// fetchPolicy asks for a policy: GET get_image_upload_policy_token.
func (c caller) fetchPolicy(ctx context.Context, _ wire.Token) (wire.Token, error) {
	var got uploadPolicy
	a, err := c.call(ctx, wire.Request{Call: callPolicy, Path: policyPath}, &got)
	if err != nil {
		return wire.Token{}, err
	}
	if e := a.Without(got.needed(c.Account)...); e != nil {
		return wire.Token{}, e
	}
	got.Until, got.Life = a.Expiry(got.lifetime())
	renew := got.Until.Add(-min(reserve, got.Life/5))
	if got.Until.IsZero() { // passed on arrival (TT-3): good for one attempt of this item only
		renew = c.Now()
	}
	value, err := json.Marshal(got)
	return wire.Token{Value: value, ExpiresAt: renew}, err
}

// needed are the fields without which there is no form. The callback is what tells the
// vendor of the object.
func (p uploadPolicy) needed(account spec.Account) []wire.Needed {
	needed := []wire.Needed{
		{Name: "access_id", Is: p.AccessID},
		{Name: "host", Is: p.Host, Sends: true},
		{Name: "signature", Is: p.Signature},
		{Name: "policy", Is: p.Policy},
		{Name: "dir", Is: p.Dir},
	}
	if account.On("drop_invalid_callback") {
		return needed
	}
	return append(needed, wire.Needed{Name: "callback", Is: p.Callback})
}

// lifetime is how long a policy may be used: until what the answer says, else what the
// policy says itself. Only where neither says anything is the usual life taken, for one
// that has passed on arrival is worth one attempt (TT-3).
func (p uploadPolicy) lifetime() wire.Lifetime {
	until := p.Expire.Moment()
	if until.IsZero() {
		until = p.expiration()
	}
	if until.IsZero() && p.Expire != "0" { // which is long past
		return wire.Lifetime{Usual: assumed.policyLife}
	}
	return wire.Lifetime{Until: until}
}

// expiration is when the policy itself says that it ends; the zero time where it cannot
// be read.
func (p uploadPolicy) expiration() time.Time {
	var said struct {
		Expiration wire.Moment `json:"expiration"`
	}
	raw, err := base64.StdEncoding.DecodeString(string(p.Policy))
	if err != nil || json.Unmarshal(raw, &said) != nil {
		return time.Time{}
	}
	return said.Expiration.Time
}

// prepareVideo asks for a signed URL (TT-5).
func (Client) prepareVideo(ctx context.Context, c *wire.Caller, in upload.Prepare) (upload.Session, error) {
	var got struct {
		UploadURL wire.Text `json:"upload_url"`
		URL       wire.Text `json:"url"`
		Expire    wire.Text `json:"expire"`
	}
	a, err := caller{c}.call(ctx, wire.Request{Call: callVideo, Path: assumed.videoPath}, &got)
	if err != nil {
		return upload.Session{}, err
	}
	if e := a.Without(wire.Needed{Name: "upload_url", Is: got.UploadURL, Sends: true}, wire.Needed{Name: "url", Is: got.URL}); e != nil {
		return upload.Session{}, e
	}
	there, err := url.Parse(string(got.URL))
	if err != nil {
		return upload.Session{}, a.Incomplete("with an invalid url")
	}
	session := upload.Session{
		Method: upload.MethodPut, Store: upload.StoreOSS, URL: string(got.UploadURL),
		Header: map[string]string{"Content-Type": in.Content.Type}, OpenedAt: a.There(c.Now()),
		Media: upload.Media{ID: strings.TrimPrefix(there.Path, "/"), URL: wire.LastingURL(string(got.URL))},
	}
	session.ExpiresAt, session.Life = a.Expiry(wire.Lifetime{Until: got.Expire.Moment(), Signed: string(got.UploadURL)})
	return session, nil
}

// Poll makes no call: a medium that OSS has stored is ready.
func (Client) Poll(_ context.Context, _ *wire.Caller, in upload.Poll) (upload.Media, error) {
	media := in.Session.Media
	media.State, media.Seen = upload.StateReady, "stored"
	return media, nil
}
