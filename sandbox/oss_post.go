package sandbox

import (
	"encoding/base64"
	"errors"
	"image"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// ossFieldLimit is the smaller of the published bounds of a form field.
const ossFieldLimit = 4 << 10

// ossForm is what comes before the file of a form.
type ossForm struct {
	fields   map[string]string // spelt exactly
	policy   policy
	callback *ossCallback
	key      string
	kind     string // of the object
	fileName string
}

// post is PostObject.
func (o *oss) post(c *call) *answer {
	if c.r.ContentLength < 0 {
		c.violation("chunked-body", "a body for OSS needs a Content-Length")
		return refuseOSS(c, refusal{status: http.StatusLengthRequired})
	}
	kind, params, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" || params["boundary"] == "" {
		c.invalid("the form for OSS is no multipart/form-data with a boundary")
		return refuseOSS(c, refusal{status: http.StatusBadRequest, code: "RequestIsNotMultiPartContent"})
	}
	r := multipart.NewReader(c.body, params["boundary"])
	form, file, refused := o.readFields(c, r)
	if refused != nil {
		return refused
	}
	body, err := o.s.files.stage(file, measureOptions{crc64: true})
	if err != nil {
		return refuseOSS(c, refusal{status: http.StatusBadRequest, code: "MalformedPOSTRequest"})
	}
	if refused := o.checkRest(c, r, form, body); refused != nil {
		body.drop()
		return refused
	}
	return o.store(c, form, body)
}

// readFields reads up to the file and checks all that can be checked by then.
func (o *oss) readFields(c *call, r *multipart.Reader) (ossForm, *multipart.Part, *answer) {
	form := ossForm{fields: map[string]string{}}
	for {
		p, err := r.NextPart()
		if errors.Is(err, io.EOF) {
			c.invalid("the form for OSS has no part named file")
			return form, nil, refuseOSS(c, refusal{status: http.StatusBadRequest, code: "IncorrectNumberOfFilesInPOSTRequest"})
		}
		if err != nil {
			return form, nil, refuseOSS(c, refusal{status: http.StatusBadRequest, code: "MalformedPOSTRequest"})
		}
		if p.FormName() == "file" {
			form.fileName, form.kind = p.FileName(), p.Header.Get("Content-Type")
			return form, p, o.checkFields(c, &form)
		}
		value, err := io.ReadAll(io.LimitReader(p, ossFieldLimit+1))
		if err != nil || len(value) > ossFieldLimit {
			c.invalid("field %q is longer than %d bytes", p.FormName(), ossFieldLimit)
			return form, nil, refuseOSS(c, refusal{status: http.StatusBadRequest, code: "FieldItemTooLong"})
		}
		form.fields[p.FormName()] = string(value)
	}
}

func (o *oss) checkFields(c *call, form *ossForm) *answer {
	f := form.fields
	for name := range f {
		if !ossKnownField(name) {
			c.violation("unknown-field", "field %q is not part of this form", name)
		}
	}
	if refused := o.checkSignature(c, f); refused != nil {
		return refused
	}
	var err error
	raw, err := base64.StdEncoding.DecodeString(f["policy"])
	if err == nil {
		form.policy, err = parsePolicy(raw)
	}
	if err != nil {
		c.invalid("the policy: %v", err)
		return refuseOSS(c, refusal{status: http.StatusBadRequest, code: "InvalidPolicyDocument"})
	}
	if c.fault("expired") || o.s.trustoo.grantOver(f["policy"], form.policy.expires) {
		return refuseOSS(c, refusal{status: http.StatusForbidden, code: "AccessDenied", message: "Invalid according to Policy: Policy expired."})
	}
	if f["key"] == "" {
		c.invalid("the form for OSS has no key")
		return refuseOSS(c, refusal{status: http.StatusBadRequest, code: "InvalidArgument", message: "Bucket POST must contain a field named 'key'."})
	}
	form.key = strings.ReplaceAll(f["key"], "${filename}", form.fileName)
	c.log.Subject = form.key
	if broken := form.policy.broken(o.policyFields(form)); broken != "" {
		c.invalid("the policy does not allow this: %s", broken)
		return refuseOSS(c, refusal{status: http.StatusForbidden, code: "AccessDenied", message: "Invalid according to Policy: Policy Condition failed: " + broken})
	}
	if _, exists := o.s.trustoo.objects.get(form.key); exists && f["x-oss-forbid-overwrite"] == "true" {
		return refuseOSS(c, refusal{status: http.StatusConflict, code: "FileAlreadyExists"})
	}
	if form.callback, err = parseCallback(f); err != nil {
		return refuseOSS(c, refusal{status: http.StatusBadRequest, code: "InvalidArgument", message: err.Error()})
	}
	return nil
}

func ossKnownField(name string) bool {
	return contains([]string{
		"key", "OSSAccessKeyId", "policy", "Signature", "callback", "success_action_status", "success_action_redirect",
		"Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Type", "Expires",
	}, name) || strings.HasPrefix(name, "x-oss-") || strings.HasPrefix(name, "x:")
}

// checkSignature wants all three of what signs a form, or none; and the bucket
// is not for anybody.
func (o *oss) checkSignature(c *call, f map[string]string) *answer {
	present := 0
	for _, name := range []string{"OSSAccessKeyId", "policy", "Signature"} {
		if f[name] != "" {
			present++
		}
	}
	switch {
	case present == 0:
		c.invalid("the form is not signed")
		return refuseOSS(c, refusal{status: http.StatusForbidden, code: "AccessDenied"})
	case present < 3:
		c.invalid("OSSAccessKeyId, policy and Signature go together")
		return refuseOSS(c, refusal{status: http.StatusBadRequest, code: "InvalidArgument", message: "OSSAccessKeyId, policy and Signature are required together."})
	case f["OSSAccessKeyId"] != o.s.identity.OSSAccess:
		return refuseOSS(c, refusal{status: http.StatusForbidden, code: "InvalidAccessKeyId"})
	case f["Signature"] != ossSign(o.s.identity.OSSSecret, f["policy"]):
		return refuseOSS(c, refusal{status: http.StatusForbidden, code: "SignatureDoesNotMatch"})
	}
	return nil
}

// policyFields are what a policy's conditions are about, named in lower case.
func (o *oss) policyFields(form *ossForm) map[string]string {
	out := map[string]string{"bucket": o.imageBucket(), "content-type": form.kind}
	for name, value := range form.fields {
		out[strings.ToLower(name)] = value
	}
	out["key"] = form.key
	return out
}

// checkRest looks at what follows the file, which OSS ignores, and at the size.
func (o *oss) checkRest(c *call, r *multipart.Reader, form ossForm, body *staged) *answer {
	names := []string{"file"}
	for {
		p, err := r.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return refuseOSS(c, refusal{status: http.StatusBadRequest, code: "MalformedPOSTRequest"})
		}
		names = append(names, p.FormName())
	}
	c.checkFileLast(names)
	switch {
	case contains(names[1:], "file"):
		return refuseOSS(c, refusal{status: http.StatusBadRequest, code: "IncorrectNumberOfFilesInPOSTRequest"})
	case body.size < form.policy.low:
		return refuseOSS(c, refusal{status: http.StatusBadRequest, code: "EntityTooSmall"})
	case body.size > form.policy.high:
		return refuseOSS(c, refusal{status: http.StatusBadRequest, code: "EntityTooLarge"})
	}
	return nil
}

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
	obj := o.s.trustoo.record(form.key, form.fileName, kind, grant.Account, body.content, fields)
	c.log.SHA256 = body.sha256
	return o.conclude(c, form, obj)
}

// record notes an object of the image bucket; a key that is there is overwritten.
func (t *trustoo) record(key, fileName, kind, account string, c content, fields map[string]any) trustooObject {
	now := t.s.clock.wall()
	obj, known := t.objects.get(key)
	if !known {
		obj.Medium = Medium{
			Vendor: "trustoo", Account: account, MediaID: key, Key: key, CreatedAt: now, URL: t.s.storage + "/" + key,
		}
	}
	obj.Name, obj.Fields, obj.ContentType, obj.ReceivedAt, obj.Modified = fileName, fields, kind, &now, now
	obj.Size, obj.SHA256, obj.CRC64 = c.size, c.sha256, c.crc64
	obj.ETag = strings.ToUpper(randomHex(16)) // of a form it is no MD5
	obj.Received++
	obj.Confirmed = false
	t.objects.put(key, obj)
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
		crc = "1" + crc[1:]
		if crc == obj.CRC64 {
			crc = "2" + crc[1:]
		}
	}
	a.with("ETag", `"`+obj.ETag+`"`).with("x-oss-hash-crc64ecma", crc)
	return c.spoil(a)
}

// notify calls the application and relays what it says; an object whose callback
// failed is stored all the same.
func (o *oss) notify(c *call, form ossForm, obj trustooObject) *answer {
	calls := 1
	if c.fault("duplicate-callback") {
		calls = 2
	}
	var body []byte
	err := errors.New("Error status : 500.")
	if !c.fault("callback-failed") {
		dims := o.dimensions(obj)
		for range calls {
			body, err = o.deliver(c, form, obj, dims)
		}
	}
	if err != nil {
		return refuseOSS(c, refusal{status: http.StatusNonAuthoritativeInfo, code: "CallbackFailed", message: err.Error()})
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
	obj := o.s.trustoo.record(key, key, c.r.Header.Get("Content-Type"), grant.Account, body.content, nil)
	o.s.trustoo.objects.update(key, func(v *trustooObject) bool { v.Confirmed = true; return true }) // no callback for these
	c.log.SHA256 = body.sha256
	return o.marks(c, ossAnswer(http.StatusOK), obj)
}
