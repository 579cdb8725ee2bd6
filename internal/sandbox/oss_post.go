package sandbox

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
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
	whole := newMeasuredReader(c.body, measureOptions{md5: c.r.Header.Get("Content-MD5") != ""})
	r := multipart.NewReader(whole, params["boundary"])
	form, file, refused := o.readFields(c, r)
	if refused != nil {
		return refused
	}
	body, err := o.s.files.stage(file, measureOptions{crc64: true})
	if err != nil {
		return refuseOSS(c, refusal{status: http.StatusBadRequest, code: "MalformedPOSTRequest"})
	}
	if refused = o.checkRest(c, r, form, body); refused == nil {
		refused = o.checkDigest(c, whole)
	}
	if refused != nil {
		body.drop()
		return refused
	}
	return o.store(c, form, body)
}

// checkDigest compares a Content-MD5, which is one of the whole form and not of
// the file in it.
func (o *oss) checkDigest(c *call, whole *measuredReader) *answer {
	given := c.r.Header.Get("Content-MD5")
	if given == "" {
		return nil
	}
	if _, err := io.Copy(io.Discard, whole); err != nil {
		return refuseOSS(c, refusal{status: http.StatusBadRequest, code: "RequestTimeout"})
	}
	if sum, err := hex.DecodeString(whole.content().md5); err != nil || given != base64.StdEncoding.EncodeToString(sum) {
		return refuseOSS(c, refusal{status: http.StatusBadRequest, code: "InvalidDigest"})
	}
	return nil
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
	callback, wrong := parseCallback(f)
	if wrong != "" {
		return refuseOSS(c, refusal{status: http.StatusBadRequest, code: "InvalidArgument", message: wrong})
	}
	form.callback = callback
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
