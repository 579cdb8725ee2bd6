package oss

import (
	"image"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
)

// store keeps the object and tells the application.
func (o *Uploads) store(c *simulate.Call, form uploadForm, body *simulate.Staged) *simulate.Answer {
	if err := body.Keep(o.owner.File(form.key)); err != nil {
		o.w.Journal.Fail(err)
		return Refuse(c, simulate.Refusal{Status: http.StatusInternalServerError})
	}
	kind := form.fields["x-oss-content-type"]
	for _, other := range []string{form.kind, "application/octet-stream"} {
		if kind == "" {
			kind = other
		}
	}
	fields := map[string]any{}
	for name, value := range form.fields {
		if !slices.Contains([]string{"policy", "Signature", "OSSAccessKeyId", "callback"}, name) {
			fields[name] = value
		}
	}
	obj := o.owner.Record(Upload{
		Grant: form.fields["policy"], Key: form.key, Name: form.fileName, ContentType: kind, Fields: fields, Content: body.Content,
	})
	c.Log.SHA256 = body.SHA256
	return o.conclude(c, form, obj)
}

func (o *Uploads) conclude(c *simulate.Call, form uploadForm, obj Object) *simulate.Answer {
	a := newAnswerOf(http.StatusNoContent)
	switch form.fields["success_action_status"] {
	case "200":
		a.Status = http.StatusOK
	case "201":
		a = simulate.XML(http.StatusCreated, postResponse{
			Bucket: o.bucket, Location: o.w.StorageURL + "/" + url.PathEscape(obj.Key), Key: obj.Key, ETag: `"` + obj.ETag + `"`,
		}).With("x-oss-request-id", strings.ToUpper(simulate.RandomHex(12))).With("Server", "AliyunOSS")
	}
	if to := form.fields["success_action_redirect"]; to != "" {
		a = newAnswerOf(http.StatusSeeOther).With("Location", to)
	}
	if form.callback != nil {
		a = o.notify(c, form, obj)
	}
	return marks(c, a, obj)
}

type postResponse struct {
	XMLName  struct{} `xml:"PostResponse"`
	Bucket   string
	Location string
	Key      string
	ETag     string
}

// marks adds the checksums that an answer has whatever else it says.
func marks(c *simulate.Call, a *simulate.Answer, obj Object) *simulate.Answer {
	crc := obj.CRC64
	if c.Fault("wrong-crc") {
		crc = otherCRC(crc)
	}
	a.With("ETag", `"`+obj.ETag+`"`).With("x-oss-hash-crc64ecma", crc)
	return c.SpoilETag(a)
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
func (o *Uploads) notify(c *simulate.Call, form uploadForm, obj Object) *simulate.Answer {
	calls := 1
	if c.Fault("duplicate-callback") {
		calls = 2
	}
	var body []byte
	why := "Error status : 500."
	if !c.Fault("callback-failed") {
		dims := o.dimensions(obj)
		for range calls {
			body, why = o.deliver(c, form, obj, dims)
		}
	}
	if why != "" {
		return Refuse(c, simulate.Refusal{Status: http.StatusNonAuthoritativeInfo, Code: "CallbackFailed", Message: why})
	}
	a := newAnswerOf(http.StatusOK).With("Content-Type", "application/json")
	a.Body = body
	return a
}

// dimensions are those of the image, as far as it is one.
func (o *Uploads) dimensions(obj Object) image.Config {
	f, err := o.w.Files.Open(o.owner.File(obj.Key))
	if err != nil {
		return image.Config{}
	}
	defer func() { _ = f.Close() }()
	_, read, err := simulate.DecoderOf(simulate.ImageType(headOfFile(f)))
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
	head := make([]byte, simulate.SniffLength)
	n, _ := io.ReadFull(f, head) // a short file is all head
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil
	}
	return head[:n]
}
