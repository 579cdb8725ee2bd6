package config

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/suggest"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/webhook"
)

// S3 is the store of s3:// sources and results, if it is not AWS. Credentials come
// from AWS's default chain.
type S3 struct {
	Endpoint  string // a URL; "" for AWS
	Region    string // "" for the region of the chain
	PathStyle bool   // the bucket is in the path instead of the host name
}

// OSS is the store of oss:// sources and results, with its credentials.
type OSS struct {
	Endpoint        string // a URL
	AccessKeyID     string
	AccessKeySecret string
}

// Notify is the webhook that is told what operators should know.
type Notify struct {
	Webhook string         // a URL, which may itself be a secret; "" for none
	Secret  string         // signs the notifications, as webhook.ParseKey reads it; "" for no signature
	Events  []upload.Event // that it is told of
	Policy  egress.Policy  // which addresses may be reached for it
}

// Wants reports whether the webhook is told of an event.
func (n Notify) Wants(event upload.Event) bool {
	return n.Webhook != "" && slices.Contains(n.Events, event)
}

// AllowPrivateNetworks reports whether loopback, link-local and private addresses
// may be reached for sources and for URLs that vendors hand out.
func (c *Config) AllowPrivateNetworks() (bool, error) {
	f := &findings{file: c.Path}
	allowed := c.privateNetworks(f)
	return allowed, f.err()
}

// S3 returns the settings of s3:// addresses.
func (c *Config) S3() (S3, error) {
	f := &findings{file: c.Path}
	s3 := c.s3(f)
	return s3, f.err()
}

// OSS returns the settings of oss:// addresses. It fails if they are incomplete, so
// call it only for such an address.
func (c *Config) OSS() (OSS, error) {
	f := &findings{file: c.Path}
	oss := c.oss(f)
	for _, one := range []struct{ name, text, hint string }{
		{"endpoint", oss.Endpoint, "set it, for example to https://oss-eu-central-1.aliyuncs.com"},
		{"access_key_id", oss.AccessKeyID, "set it, for example to ${OSS_ACCESS_KEY_ID}"},
		{"access_key_secret", oss.AccessKeySecret, "set it, for example to ${OSS_ACCESS_KEY_SECRET}"},
	} {
		where := "sources.oss." + one.name
		if v := c.values[where]; one.text == "" && len(v.missing) == 0 && len(f.list) == 0 {
			v.where = where
			f.add(v, one.hint, "is missing, but oss:// URLs need it")
		}
	}
	return oss, f.err()
}

// patience is how long an outage is waited out, unless an account says otherwise.
func (c *Config) patience(f *findings) time.Duration {
	return f.patience(c.values["patience"], DefaultPatience)
}

// Ledger returns the postgres:// URL of the ledger, or "" for a SQLite file in
// the data folder. The URL may hold a password.
func (c *Config) Ledger() (string, error) {
	f := &findings{file: c.Path}
	ledger := c.ledger(f)
	return ledger, f.err()
}

// Results returns the place for reports: an absolute path, an s3:// or oss://
// address, or "" for the data folder.
func (c *Config) Results() (string, error) {
	f := &findings{file: c.Path}
	results := c.results(f)
	return results, f.err()
}

// Notify returns the webhook that is told what operators should know.
func (c *Config) Notify() (Notify, error) {
	f := &findings{file: c.Path}
	notify := c.notify(f)
	return notify, f.err()
}

// checkRest collects problems outside accounts. Without an endpoint OSS is not
// used, so nothing of it is missing. The encryption key is checked by
// EncryptionKeys.
func (c *Config) checkRest() *findings {
	f := &findings{file: c.Path}
	c.privateNetworks(f)
	c.localRoots(f)
	c.sharedRoots(f)
	c.s3(f)
	if c.values["sources.oss.endpoint"].given {
		c.oss(f)
	}
	c.ledger(f)
	c.patience(f)
	c.results(f)
	c.notify(f)
	c.dashboard(f)
	return f
}

func (c *Config) privateNetworks(f *findings) bool {
	return f.boolean(c.values["sources.allow_private_networks"])
}

func (c *Config) s3(f *findings) S3 {
	return S3{
		Endpoint:  c.endpoint("sources.s3.endpoint", f),
		Region:    f.word(c.values["sources.s3.region"]),
		PathStyle: f.boolean(c.values["sources.s3.path_style"]),
	}
}

func (c *Config) oss(f *findings) OSS {
	return OSS{
		Endpoint:        c.endpoint("sources.oss.endpoint", f),
		AccessKeyID:     f.word(c.values["sources.oss.access_key_id"]),
		AccessKeySecret: f.word(c.values["sources.oss.access_key_secret"]),
	}
}

// endpoint reads a store's address, which people also write without a scheme. It
// may be http: if private networks are allowed.
func (c *Config) endpoint(where string, f *findings) string {
	v := c.values[where]
	if v.text == "" {
		return f.text(v)
	}
	if !strings.Contains(v.text, "://") {
		v.text = "https://" + v.text
	}
	allowed := c.values["sources.allow_private_networks"]
	v.late = v.late || allowed.late
	text, _ := f.address(v, c.privateNetworks(&findings{}), "use https:, or set sources.allow_private_networks: true")
	return text
}

func (c *Config) ledger(f *findings) string {
	v := c.values["ledger"]
	text := f.text(v)
	if text == "" {
		return ""
	}
	// Neither the text nor the parser's error is quoted: they may contain a password.
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" || u.Host == "" && u.Query().Get("host") == "" {
		f.add(v, "use postgres://USER:PASSWORD@HOST/DATABASE with special characters percent-encoded, or leave it empty for a SQLite file in the data folder",
			"is not a PostgreSQL URL")
		return ""
	}
	return text
}

func (c *Config) results(f *findings) string {
	v := c.values["results"]
	text := f.text(v)
	if text == "" || upload.IsLocal(text) {
		if text == "" {
			return ""
		}
		return absolute(c.dir, strings.TrimPrefix(text, "file://"))
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "s3" && u.Scheme != "oss" || u.Host == "" || u.RawQuery != "" || u.User != nil {
		f.add(v, "use a folder, s3://BUCKET/PREFIX or oss://BUCKET/PREFIX", "%q cannot hold reports", egress.Redact(text))
		return ""
	}
	return text
}

func (c *Config) notify(f *findings) Notify {
	v := c.values["notify.webhook"]
	notify := Notify{Webhook: f.word(v), Secret: c.notifySecret(f), Events: c.notifyEvents(f)}
	if notify.Webhook == "" {
		return notify
	}
	u, err := url.Parse(notify.Webhook)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && (u.Scheme != "http" || !egress.IsLoopback(u)) {
		f.add(v, "use https://HOST/PATH, or http: on loopback", "is not an https: URL")
		notify.Webhook = ""
		return notify
	}
	notify.Policy = egress.Policy{Private: c.privateNetworks(&findings{}) || egress.IsLoopback(u), Insecure: u.Scheme == "http"}
	return notify
}

// notifySecret reads the secret, whose form the standard prescribes.
func (c *Config) notifySecret(f *findings) string {
	v := c.values["notify.secret"]
	secret := f.word(v)
	if secret == "" {
		return ""
	}
	if _, err := webhook.ParseKey(secret); err != nil {
		f.add(v, "create one with: echo whsec_$(openssl rand -base64 32)", "%v", err)
		return ""
	}
	return secret
}

// notifyEvents lists the events that the webhook is told of: all, unless the file says
// otherwise.
func (c *Config) notifyEvents(f *findings) []upload.Event {
	if len(c.events) == 0 {
		return upload.Events()
	}
	var events []upload.Event
	var known []string
	for _, event := range upload.Events() {
		known = append(known, string(event))
	}
	for _, v := range c.events {
		event := f.word(v)
		if !slices.Contains(known, event) && len(v.missing) == 0 {
			f.add(v, suggest.Hint(event, known), "is an unknown event: %q", event)
			continue
		}
		events = append(events, upload.Event(event))
	}
	return events
}
