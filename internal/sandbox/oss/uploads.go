package oss

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
)

// Uploads is the bucket that the clients of a vendor upload to. It is at the
// root of the storage host, where no path shows its name.
type Uploads struct {
	w      *simulate.World
	bucket string
	keys   string // the path below which receivers of callbacks find the public key
	owner  Owner
	client *http.Client
}

// Owner is the vendor behind a bucket. It hands out what a client uploads with,
// and keeps the books.
type Owner interface {
	// GrantOver says that upload credentials have run out. An ID is the text of a
	// policy or the key of a signed URL, and expires the date that it has itself.
	GrantOver(id string, expires time.Time) bool
	// Has says that there is an object with this key.
	Has(key string) bool
	// File is the name of an object's bytes among the sandbox's files.
	File(key string) string
	// Record notes an object whose bytes are stored. One that is there is
	// overwritten.
	Record(u Upload) Object
}

// Upload is what a client has stored.
type Upload struct {
	Grant       string // the ID of the credentials
	Signed      bool   // by a URL: no callback follows
	Key, Name   string
	ContentType string
	Fields      map[string]any // of the form, without what signs it
	simulate.Content
}

// callbackPatience is how long OSS waits for an application.
const callbackPatience = 5 * time.Second

// NewUploads makes the bucket of a vendor.
func NewUploads(w *simulate.World, vendor, keys string, owner Owner) *Uploads {
	return &Uploads{w: w, bucket: vendor + "-img-" + w.Identity.ID, keys: keys, owner: owner, client: &http.Client{
		Timeout:       callbackPatience,
		Transport:     &http.Transport{},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// SignedPut is a URL for one PUT.
func (o *Uploads) SignedPut(key string, expires int64) string {
	q := url.Values{"OSSAccessKeyId": {o.w.Identity.OSSAccess}, "Expires": {strconv.FormatInt(expires, 10)}}
	q.Set("Signature", o.putSignature(key, q.Get("Expires")))
	return o.w.StorageURL + "/" + key + "?" + q.Encode()
}

// putSignature leaves the content type out: nobody says which one a client has to
// send.
func (o *Uploads) putSignature(key, expires string) string {
	return Sign(o.w.Identity.OSSSecret, "PUT\n\n\n"+expires+"\n/"+o.bucket+"/"+key)
}

// Put takes what a signed URL was handed out for.
func (o *Uploads) Put(c *simulate.Call) *simulate.Answer {
	key, expires := c.Path["key"], c.Query.Get("Expires")
	c.Log.Subject = key
	if c.HTTP.ContentLength < 0 {
		c.Violation("chunked-body", "a body for OSS needs a Content-Length")
		return Refuse(c, simulate.Refusal{Status: http.StatusLengthRequired})
	}
	if !c.Query.Has("Signature") {
		return Refuse(c, simulate.Refusal{Status: http.StatusForbidden, Code: "AccessDenied"})
	}
	until, err := strconv.ParseInt(expires, 10, 64)
	if err != nil || c.Fault("expired") || o.owner.GrantOver(key, time.Unix(until, 0)) {
		return Refuse(c, simulate.Refusal{Status: http.StatusForbidden, Code: "AccessDenied", Message: "Request has expired."})
	}
	if c.Query.Get("OSSAccessKeyId") != o.w.Identity.OSSAccess || c.Query.Get("Signature") != o.putSignature(key, expires) {
		return Refuse(c, simulate.Refusal{Status: http.StatusForbidden, Code: "SignatureDoesNotMatch"})
	}
	body, err := o.w.Files.Stage(c.Body, simulate.Measure{CRC64: true})
	if err != nil {
		return Refuse(c, simulate.Refusal{Status: http.StatusBadRequest, Code: "RequestTimeout"})
	}
	if err := body.Keep(o.owner.File(key)); err != nil {
		o.w.Journal.Fail(err)
		return Refuse(c, simulate.Refusal{Status: http.StatusInternalServerError})
	}
	obj := o.owner.Record(Upload{
		Grant: key, Signed: true, Key: key, Name: key, ContentType: c.HTTP.Header.Get("Content-Type"), Content: body.Content,
	})
	c.Log.SHA256 = body.SHA256
	return marks(c, newAnswerOf(http.StatusOK), obj)
}

// keyURL is where receivers of callbacks find the public key.
func (o *Uploads) keyURL() string { return o.w.Base + o.keys + KeyFile }

// KeyFile is the name of the public key at its host.
const KeyFile = "callback_pub_key.pem"

// PublicKey is the host of the key that signs callbacks.
func (o *Uploads) PublicKey(c *simulate.Call) *simulate.Answer {
	key, err := o.noticeKey()
	if err != nil {
		return simulate.RefusePlain(c, simulate.Refusal{Status: http.StatusInternalServerError, Message: err.Error()})
	}
	raw, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return simulate.RefusePlain(c, simulate.Refusal{Status: http.StatusInternalServerError, Message: err.Error()})
	}
	a := simulate.NewAnswer(http.StatusOK).With("Content-Type", "application/x-pem-file")
	a.Body = pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: raw})
	return a
}

// noticeKey is the key that OSS signs callbacks with.
func (o *Uploads) noticeKey() (*rsa.PrivateKey, error) {
	raw, err := base64.StdEncoding.DecodeString(o.w.Identity.NoticeKey)
	if err != nil {
		return nil, fmt.Errorf("read the key for callbacks: %w", err)
	}
	return x509.ParsePKCS1PrivateKey(raw)
}
