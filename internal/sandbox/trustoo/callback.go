package trustoo

import (
	"io"
	"net/http"
	"net/url"

	"github.com/mediaferry/mediaferry/internal/sandbox/oss"
	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
)

// takeCallback is the vendor's backend: it hears from OSS what was stored.
func (t *Vendor) takeCallback(c *simulate.Call) *simulate.Answer {
	body, err := io.ReadAll(io.LimitReader(c.Body, 1<<20))
	if err != nil {
		return t.refuse(c, simulate.Refusal{Status: http.StatusBadRequest})
	}
	if err := t.images.Verify(c, body); err != nil {
		return t.refuse(c, simulate.Refusal{Status: http.StatusForbidden, Message: err.Error()})
	}
	form, err := url.ParseQuery(string(body))
	key := form.Get("filename")
	if err != nil || key == "" {
		return t.refuse(c, simulate.Refusal{Status: http.StatusBadRequest, Message: "filename is required"})
	}
	c.Log.Subject = key
	_, ok := t.objects.Update(key, func(o *storedObject) bool {
		o.Callbacks++
		o.Confirmed = true
		return true
	})
	if !ok {
		return t.refuse(c, simulate.Refusal{Status: http.StatusNotFound, Message: "no such object"})
	}
	return simulate.JSON(http.StatusOK, map[string]any{
		"code": 0, "message": "success", "data": map[string]string{"url": t.w.StorageURL + "/" + key},
	})
}

// object serves an image, as the bucket's public domain does.
func (t *Vendor) object(c *simulate.Call) *simulate.Answer {
	o, ok := t.objects.Get(c.Path["key"])
	if !ok {
		return oss.Refuse(c, simulate.Refusal{Status: http.StatusNotFound, Code: "NoSuchKey"})
	}
	c.Log.Subject = o.Key
	f, err := t.w.Files.Open(t.File(o.Key))
	if err != nil {
		return oss.Refuse(c, simulate.Refusal{Status: http.StatusNotFound, Code: "NoSuchKey"})
	}
	return simulate.ServeContent(c, f, o.ContentType, `"`+o.ETag+`"`).With("x-oss-hash-crc64ecma", o.CRC64)
}
