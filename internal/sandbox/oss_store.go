package sandbox

import (
	"image"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// store keeps the object and tells the application.
func (o *oss) store(c *call, form ossForm, body *staged) *answer {
	if err := body.keep(trustooFile(form.key)); err != nil {
		o.s.journal.fail(err)
		return refuseOSS(c, refusal{status: http.StatusInternalServerError})
	}
	kind := form.fields["x-oss-content-type"]
	for _, other := range []string{form.kind, "application/octet-stream"} {
		if kind == "" {
			kind = other
		}
	}
	grant, _ := o.s.trustoo.grants.get(form.fields["policy"])
	fields := map[string]any{}
	for name, value := range form.fields {
		if !contains([]string{"policy", "Signature", "OSSAccessKeyId", "callback"}, name) {
			fields[name] = value
		}
	}
	obj := o.s.trustoo.record(Medium{
		Account: grant.Account, Key: form.key, Name: form.fileName, ContentType: kind, Fields: fields,
	}, body.content)
	c.log.SHA256 = body.sha256
	return o.conclude(c, form, obj)
}

// record notes an object of the image bucket; a key that is there is overwritten.
func (t *trustoo) record(m Medium, c content) trustooObject {
	now := t.s.clock.wall()
	m.Vendor, m.MediaID, m.URL, m.CreatedAt, m.ReceivedAt = "trustoo", m.Key, t.s.storage+"/"+m.Key, now, &now
	m.Size, m.SHA256, m.CRC64, m.Received = c.size, c.sha256, c.crc64, 1
	m.ETag = strings.ToUpper(randomHex(16)) // of a form it is no MD5
	if old, known := t.objects.get(m.Key); known {
		m.CreatedAt, m.Received, m.Callbacks = old.CreatedAt, old.Received+1, old.Callbacks
	}
	obj := trustooObject{Medium: m, Modified: now}
	t.objects.put(m.Key, obj)
	return obj
}

func (o *oss) conclude(c *call, form ossForm, obj trustooObject) *answer {
	a := ossAnswer(http.StatusNoContent)
	switch form.fields["success_action_status"] {
	case "200":
		a.status = http.StatusOK
	case "201":
		a = xmlAnswer(http.StatusCreated, ossPostResponse{
			Bucket: o.imageBucket(), Location: o.s.storage + "/" + url.PathEscape(obj.Key), Key: obj.Key, ETag: `"` + obj.ETag + `"`,
		}).with("x-oss-request-id", strings.ToUpper(randomHex(12))).with("Server", "AliyunOSS")
	}
	if to := form.fields["success_action_redirect"]; to != "" {
		a = ossAnswer(http.StatusSeeOther).with("Location", to)
	}
	if form.callback != nil {
		a = o.notify(c, form, obj)
	}
	return o.marks(c, a, obj)
}

type ossPostResponse struct {
	XMLName  struct{} `xml:"PostResponse"`
	Bucket   string
	Location string
	Key      string
	ETag     string
}

// marks adds the checksums that an answer has whatever else it says.
func (o *oss) marks(c *call, a *answer, obj trustooObject) *answer {
	crc := obj.CRC64
	if c.fault("wrong-crc") {
		crc = otherCRC(crc)
	}
	a.with("ETag", `"`+obj.ETag+`"`).with("x-oss-hash-crc64ecma", crc)
	return c.spoil(a)
}

// otherCRC is a checksum that is as good as another, but another.
func otherCRC(crc string) string {
	n, err := strconv.ParseUint(crc, 10, 64)
	if err != nil {
		return "1"
	}
	return strconv.FormatUint(n^1, 10) // within the range, whatever n is
}

// notify calls the application and relays what it says; an object whose callback
// failed is stored all the same.
func (o *oss) notify(c *call, form ossForm, obj trustooObject) *answer {
	calls := 1
	if c.fault("duplicate-callback") {
		calls = 2
	}
	var body []byte
	why := "Error status : 500."
	if !c.fault("callback-failed") {
		dims := o.dimensions(obj)
		for range calls {
			body, why = o.deliver(c, form, obj, dims)
		}
	}
	if why != "" {
		return refuseOSS(c, refusal{status: http.StatusNonAuthoritativeInfo, code: "CallbackFailed", message: why})
	}
	a := ossAnswer(http.StatusOK).with("Content-Type", "application/json")
	a.body = body
	return a
}

// dimensions are those of the image, as far as it is one.
func (o *oss) dimensions(obj trustooObject) image.Config {
	f, err := o.s.files.open(trustooFile(obj.Key))
	if err != nil {
		return image.Config{}
	}
	defer func() { _ = f.Close() }()
	_, read, err := decoderOf(imageType(headOfFile(f)))
	if err != nil {
		return image.Config{}
	}
	config, err := read(f)
	if err != nil {
		return image.Config{}
	}
	return config
}

// headOfFile reads the first bytes and goes back to the beginning.
func headOfFile(f io.ReadSeeker) []byte {
	head := make([]byte, sniffLength)
	n, _ := io.ReadFull(f, head) // a short file is all head
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil
	}
	return head[:n]
}

// putVideo takes what get_video_upload_url handed out a URL for.
func (o *oss) putVideo(c *call) *answer {
	key, expires := c.path["key"], c.query.Get("Expires")
	c.log.Subject = key
	if c.r.ContentLength < 0 {
		c.violation("chunked-body", "a body for OSS needs a Content-Length")
		return refuseOSS(c, refusal{status: http.StatusLengthRequired})
	}
	if !c.query.Has("Signature") {
		return refuseOSS(c, refusal{status: http.StatusForbidden, code: "AccessDenied"})
	}
	until, err := strconv.ParseInt(expires, 10, 64)
	if err != nil || c.fault("expired") || o.s.trustoo.grantOver(key, time.Unix(until, 0)) {
		return refuseOSS(c, refusal{status: http.StatusForbidden, code: "AccessDenied", message: "Request has expired."})
	}
	if c.query.Get("OSSAccessKeyId") != o.s.identity.OSSAccess || c.query.Get("Signature") != o.videoSignature(key, expires) {
		return refuseOSS(c, refusal{status: http.StatusForbidden, code: "SignatureDoesNotMatch"})
	}
	body, err := o.s.files.stage(c.body, measureOptions{crc64: true})
	if err != nil {
		return refuseOSS(c, refusal{status: http.StatusBadRequest, code: "RequestTimeout"})
	}
	if err := body.keep(trustooFile(key)); err != nil {
		o.s.journal.fail(err)
		return refuseOSS(c, refusal{status: http.StatusInternalServerError})
	}
	grant, _ := o.s.trustoo.grants.get(key)
	obj := o.s.trustoo.record(Medium{
		Account: grant.Account, Key: key, Name: key, ContentType: c.r.Header.Get("Content-Type"),
	}, body.content)
	o.s.trustoo.objects.update(key, func(v *trustooObject) bool { v.Confirmed = true; return true }) // no callback for these
	c.log.SHA256 = body.sha256
	return o.marks(c, ossAnswer(http.StatusOK), obj)
}
