package transfer

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// succeeded reports whether an answer's status claims that the bytes are stored: 2xx,
// and for a form the 303 that leads to the page which the form itself names.
func succeeded(a Answer, to Target) bool {
	if a.Status == http.StatusSeeOther {
		return redirected(a, to)
	}
	return a.Status >= 200 && a.Status < 300
}

// redirected reports whether a form's answer leads to the page that the form names
// for its success (docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html,
// success_action_redirect).
func redirected(a Answer, to Target) bool {
	return slices.ContainsFunc(to.Form, func(f upload.FormField) bool {
		named := f.Name == "success_action_redirect" || f.Name == "redirect"
		return named && f.Value != "" && strings.HasPrefix(a.Header.Get("Location"), f.Value)
	})
}

// unproven is the failure of an answer that claims a success and proves none: the
// bytes may be stored, or somebody else has spoken for the store.
func unproven(a Answer, lacks string) *upload.Error {
	r := readRefusal(a)
	text := fmt.Sprintf("the store answered %d without %s (%s)", a.Status, lacks, egress.Speaker(a.Header))
	if r.store.Code != "" {
		text += ": " + egress.Line(r.store.Code+": "+r.store.Message, egress.MostText)
	}
	e := unavailable(upload.ArrivedMaybe, "%s", text)
	e.Status, e.RequestID = a.Status, r.requestID()
	return e
}

// isError reports whether an answer's body is a store's error, which some stores send
// under a status of success.
func isError(a Answer) bool { return readRefusal(a).store.Code != "" }

// provenByS3 reports whether S3 itself has spoken: with an ETag, or for a form with
// the object's address.
func provenByS3(a Answer, to Target) bool {
	switch {
	case isError(a), egress.IsPage(a.Header, a.Body) && a.Header.Get("X-Amz-Request-Id") == "":
		return false
	case ETag(a.Header) != "", a.Status == http.StatusSeeOther:
		return true
	}
	return to.Method == upload.MethodForm && within(a.Header.Get("Location"), to.URL)
}

// within reports whether an object's address lies in the bucket that a form was sent
// to.
func within(location, bucket string) bool {
	object, err := url.Parse(location)
	if err != nil || location == "" {
		return false
	}
	base, err := url.Parse(bucket)
	if err != nil {
		return false
	}
	folder := strings.TrimRight(base.Path, "/") + "/"
	return strings.EqualFold(object.Host, base.Host) && len(object.Path) > len(folder) && strings.HasPrefix(object.Path, folder)
}

// provenByOSS reports whether OSS itself has spoken. An error in the body of a 203 is
// that of the application which OSS could not tell.
func provenByOSS(a Answer) bool {
	if isError(a) && !Untold(a) {
		return false
	}
	if a.Header.Get("X-Oss-Request-Id") != "" || a.Header.Get("X-Oss-Hash-Crc64ecma") != "" {
		return true
	}
	return ETag(a.Header) != "" && !egress.IsPage(a.Header, a.Body)
}

// Relayed is what the application behind OSS said of a medium that OSS has stored,
// where that is a complaint: OSS passes its answer on as its own. It is empty for
// everything else.
func Relayed(a Answer) string {
	var said struct {
		Code    json.RawMessage `json:"code"`
		Message json.RawMessage `json:"message"`
	}
	if json.Unmarshal(a.Body, &said) != nil {
		return ""
	}
	switch code := plain(said.Code); code {
	case "", "0", "null":
		return ""
	default:
		return egress.Line(fmt.Sprintf("stored, but the vendor answered the callback with code %s: %s", code, plain(said.Message)), egress.MostText)
	}
}

// plain is a JSON text without its quotes, and any other value as it is written.
func plain(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return string(raw)
	}
	return text
}
