package oss

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"

	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
)

// fieldLimit is the smaller of the published bounds of a form field.
const fieldLimit = 4 << 10

// uploadForm is what comes before the file of a form.
type uploadForm struct {
	fields   map[string]string // spelt exactly
	policy   simulate.Policy
	callback *callbackOf
	key      string
	kind     string // of the object
	fileName string
}

// Post is PostObject.
func (o *Uploads) Post(c *simulate.Call) *simulate.Answer {
	if c.HTTP.ContentLength < 0 {
		c.Violation("chunked-body", "a body for OSS needs a Content-Length")
		return Refuse(c, simulate.Refusal{Status: http.StatusLengthRequired})
	}
	kind, params, err := mime.ParseMediaType(c.HTTP.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" || params["boundary"] == "" {
		c.Invalid("the form for OSS is no multipart/form-data with a boundary")
		return Refuse(c, simulate.Refusal{Status: http.StatusBadRequest, Code: "RequestIsNotMultiPartContent"})
	}
	whole := simulate.NewMeasuredReader(c.Body, simulate.Measure{MD5: c.HTTP.Header.Get("Content-MD5") != ""})
	r := multipart.NewReader(whole, params["boundary"])
	form, file, refused := o.readFields(c, r)
	if refused != nil {
		return refused
	}
	body, err := o.w.Files.Stage(file, simulate.Measure{CRC64: true})
	if err != nil {
		return Refuse(c, simulate.Refusal{Status: http.StatusBadRequest, Code: "MalformedPOSTRequest"})
	}
	if refused = o.checkRest(c, r, form, body); refused == nil {
		refused = o.checkDigest(c, whole)
	}
	if refused != nil {
		body.Drop()
		return refused
	}
	return o.store(c, form, body)
}

// checkDigest compares a Content-MD5, which is one of the whole form and not of
// the file in it.
func (o *Uploads) checkDigest(c *simulate.Call, whole *simulate.MeasuredReader) *simulate.Answer {
	given := c.HTTP.Header.Get("Content-MD5")
	if given == "" {
		return nil
	}
	if _, err := io.Copy(io.Discard, whole); err != nil {
		return Refuse(c, simulate.Refusal{Status: http.StatusBadRequest, Code: "RequestTimeout"})
	}
	if sum, err := hex.DecodeString(whole.Content().MD5); err != nil || given != base64.StdEncoding.EncodeToString(sum) {
		return Refuse(c, simulate.Refusal{Status: http.StatusBadRequest, Code: "InvalidDigest"})
	}
	return nil
}

// readFields reads up to the file and checks all that can be checked by then.
func (o *Uploads) readFields(c *simulate.Call, r *multipart.Reader) (uploadForm, *multipart.Part, *simulate.Answer) {
	form := uploadForm{fields: map[string]string{}}
	for {
		p, err := r.NextPart()
		if errors.Is(err, io.EOF) {
			c.Invalid("the form for OSS has no part named file")
			return form, nil, Refuse(c, simulate.Refusal{Status: http.StatusBadRequest, Code: "IncorrectNumberOfFilesInPOSTRequest"})
		}
		if err != nil {
			return form, nil, Refuse(c, simulate.Refusal{Status: http.StatusBadRequest, Code: "MalformedPOSTRequest"})
		}
		if p.FormName() == "file" {
			form.fileName, form.kind = p.FileName(), p.Header.Get("Content-Type")
			return form, p, o.checkFields(c, &form)
		}
		value, err := io.ReadAll(io.LimitReader(p, fieldLimit+1))
		if err != nil || len(value) > fieldLimit {
			c.Invalid("field %q is longer than %d bytes", p.FormName(), fieldLimit)
			return form, nil, Refuse(c, simulate.Refusal{Status: http.StatusBadRequest, Code: "FieldItemTooLong"})
		}
		form.fields[p.FormName()] = string(value)
	}
}

func (o *Uploads) checkFields(c *simulate.Call, form *uploadForm) *simulate.Answer {
	f := form.fields
	for name := range f {
		if !knownField(name) {
			c.Violation("unknown-field", "field %q is not part of this form", name)
		}
	}
	if refused := o.checkSignature(c, f); refused != nil {
		return refused
	}
	var err error
	raw, err := base64.StdEncoding.DecodeString(f["policy"])
	if err == nil {
		form.policy, err = simulate.ParsePolicy(raw)
	}
	if err != nil {
		c.Invalid("the policy: %v", err)
		return Refuse(c, simulate.Refusal{Status: http.StatusBadRequest, Code: "InvalidPolicyDocument"})
	}
	if c.Fault("expired") || o.owner.GrantOver(f["policy"], form.policy.Expires) {
		return Refuse(c, simulate.Refusal{Status: http.StatusForbidden, Code: "AccessDenied", Message: "Invalid according to Policy: Policy expired."})
	}
	if f["key"] == "" {
		c.Invalid("the form for OSS has no key")
		return Refuse(c, simulate.Refusal{Status: http.StatusBadRequest, Code: "InvalidArgument", Message: "Bucket POST must contain a field named 'key'."})
	}
	form.key = strings.ReplaceAll(f["key"], "${filename}", form.fileName)
	c.Log.Subject = form.key
	if broken := form.policy.Broken(o.policyFields(form)); broken != "" {
		c.Invalid("the policy does not allow this: %s", broken)
		return Refuse(c, simulate.Refusal{Status: http.StatusForbidden, Code: "AccessDenied", Message: "Invalid according to Policy: Policy Condition failed: " + broken})
	}
	if o.owner.Has(form.key) && f["x-oss-forbid-overwrite"] == "true" {
		return Refuse(c, simulate.Refusal{Status: http.StatusConflict, Code: "FileAlreadyExists"})
	}
	callback, wrong := parseCallback(f)
	if wrong != "" {
		return Refuse(c, simulate.Refusal{Status: http.StatusBadRequest, Code: "InvalidArgument", Message: wrong})
	}
	form.callback = callback
	return nil
}

func knownField(name string) bool {
	return slices.Contains([]string{
		"key", "OSSAccessKeyId", "policy", "Signature", "callback", "success_action_status", "success_action_redirect",
		"Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Type", "Expires",
	}, name) || strings.HasPrefix(name, "x-oss-") || strings.HasPrefix(name, "x:")
}

// checkSignature wants all three of what signs a form, or none; and the bucket
// is not for anybody.
func (o *Uploads) checkSignature(c *simulate.Call, f map[string]string) *simulate.Answer {
	present := 0
	for _, name := range []string{"OSSAccessKeyId", "policy", "Signature"} {
		if f[name] != "" {
			present++
		}
	}
	switch {
	case present == 0:
		c.Invalid("the form is not signed")
		return Refuse(c, simulate.Refusal{Status: http.StatusForbidden, Code: "AccessDenied"})
	case present < 3:
		c.Invalid("OSSAccessKeyId, policy and Signature go together")
		return Refuse(c, simulate.Refusal{Status: http.StatusBadRequest, Code: "InvalidArgument", Message: "OSSAccessKeyId, policy and Signature are required together."})
	case f["OSSAccessKeyId"] != o.w.Identity.OSSAccess:
		return Refuse(c, simulate.Refusal{Status: http.StatusForbidden, Code: "InvalidAccessKeyId"})
	case f["Signature"] != Sign(o.w.Identity.OSSSecret, f["policy"]):
		return Refuse(c, simulate.Refusal{Status: http.StatusForbidden, Code: "SignatureDoesNotMatch"})
	}
	return nil
}

// policyFields are what a policy's conditions are about, named in lower case.
func (o *Uploads) policyFields(form *uploadForm) map[string]string {
	out := map[string]string{"bucket": o.bucket, "content-type": form.kind}
	for name, value := range form.fields {
		out[strings.ToLower(name)] = value
	}
	out["key"] = form.key
	return out
}

// checkRest looks at what follows the file, which OSS ignores, and at the size.
func (o *Uploads) checkRest(c *simulate.Call, r *multipart.Reader, form uploadForm, body *simulate.Staged) *simulate.Answer {
	names := []string{"file"}
	for {
		p, err := r.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Refuse(c, simulate.Refusal{Status: http.StatusBadRequest, Code: "MalformedPOSTRequest"})
		}
		names = append(names, p.FormName())
	}
	c.CheckFileLast(names)
	switch {
	case slices.Contains(names[1:], "file"):
		return Refuse(c, simulate.Refusal{Status: http.StatusBadRequest, Code: "IncorrectNumberOfFilesInPOSTRequest"})
	case body.Size < form.policy.Low:
		return Refuse(c, simulate.Refusal{Status: http.StatusBadRequest, Code: "EntityTooSmall"})
	case body.Size > form.policy.High:
		return Refuse(c, simulate.Refusal{Status: http.StatusBadRequest, Code: "EntityTooLarge"})
	}
	return nil
}
