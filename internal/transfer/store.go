package transfer

import (
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// storeError is the XML with which S3 and OSS explain a refusal.
type storeError struct {
	XMLName   xml.Name `xml:"Error"`
	Code      string   `xml:"Code"`
	Message   string   `xml:"Message"`
	RequestID string   `xml:"RequestId"`
}

// refusal is a store's refusal on its way to becoming an *upload.Error.
type refusal struct {
	answer Answer
	store  storeError
	text   string // of the store's message, in lower case, to decide by
}

func readRefusal(a Answer) refusal {
	r := refusal{answer: a}
	if xml.Unmarshal(a.Body, &r.store) != nil {
		r.store = storeError{} // an empty body, or a proxy's page: the status must do
	}
	r.text = strings.ToLower(r.store.Message)
	return r
}

// as makes the error that the refusal means.
func (r refusal) as(kind upload.Kind) *upload.Error {
	code := egress.Line(r.store.Code, mostCode)
	message := fmt.Sprintf("the store answered %d", r.answer.Status)
	if code != "" {
		message += " " + code
	}
	if text := egress.Line(r.store.Message, egress.MostText); text != "" {
		message += ": " + strings.TrimSuffix(text, ".")
	}
	e := upload.Errorf(kind, upload.StepTransfer, "%s", message)
	e.Status, e.Code, e.RequestID = r.answer.Status, code, r.requestID()
	e.RetryAfter = egress.RetryAfter(r.answer.Header, time.Now())
	e.Arrived = r.answer.Arrived()
	return e
}

// once makes an error that one repetition may cure, and that is final after it.
func (r refusal) once(kind upload.Kind) *upload.Error {
	e := r.as(kind)
	e.Then = upload.KindRejected
	return e
}

// Characters that a store's code and request ID may take in an error.
const (
	mostCode = 64
	mostID   = 200
)

func (r refusal) requestID() string {
	id := r.store.RequestID
	for _, name := range []string{"X-Oss-Request-Id", "X-Amz-Request-Id"} {
		if there := r.answer.Header.Get(name); there != "" {
			id = there
		}
	}
	if host := r.answer.Header.Get("X-Amz-Id-2"); host != "" && id != "" {
		id += " " + host // AWS's support asks for both
	}
	return egress.Line(id, mostID)
}

// strange makes the error of a refusal that is not in the store's shape: somebody
// between us and the store may have spoken.
func (r refusal) strange() *upload.Error {
	e := r.as(upload.KindUnavailable)
	e.Then, e.Strange = upload.KindRejected, true
	e.Message += " (not in a store's format: " + egress.Speaker(r.answer.Header) + ")"
	return e
}

// general decides on what no table row names.
func (r refusal) general() *upload.Error {
	switch status := r.answer.Status; {
	case status == http.StatusTooManyRequests:
		e := r.as(upload.KindThrottled)
		e.RetryAfter = egress.ThrottledFor(egress.LongestWait, r.answer.Header, time.Now())
		return e
	case status >= 300 && status < 400: // nothing arrived, and it says nothing of the bytes
		e := r.as(upload.KindUnavailable)
		e.Message += " (" + egress.Speaker(r.answer.Header) + ")"
		return e
	case egress.MayPass(status):
		e := r.as(upload.KindUnavailable)
		if r.store.Code == "" && r.requestID() == "" {
			e.Message += " (" + egress.Speaker(r.answer.Header) + ")"
		}
		return e
	case status >= 400 && r.store.Code == "" && r.requestID() == "":
		return r.strange()
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return r.once(upload.KindExpired)
	}
	return r.as(upload.KindRejected)
}

// mostETag is how many bytes an ETag may have. Those of parts are kept until all of them
// are there, and S3's have 40 characters.
const mostETag = 1024

// ETag is the ETag of an answer without its quotes; "" where it is longer than any.
func ETag(header http.Header) string {
	etag := strings.Trim(strings.TrimPrefix(header.Get("ETag"), "W/"), `"`)
	if len(etag) > mostETag {
		return ""
	}
	return etag
}

// CheckMD5 compares an S3 ETag with the MD5 of what was sent, where the ETag can
// be one: 32 hex digits. A store that encrypts with keys of its own gives ETags
// that are none, so a difference is a reason to send once more, not a proof.
func CheckMD5(a Answer) *upload.Error {
	etag := ETag(a.Header)
	if raw, err := hex.DecodeString(etag); err != nil || len(raw) != 16 || a.Sums.MD5 == "" {
		return nil
	}
	if strings.EqualFold(etag, a.Sums.MD5) {
		return nil
	}
	return corrupt(a, "the store has ETag %s for bytes with MD5 %s", etag, a.Sums.MD5)
}

// CheckCRC64 compares the CRC-64 that OSS computed with that of what was sent.
// Both are of the bytes alone, so another number is a proof, even one that is too
// large for a CRC-64. What is no number proves nothing, as if it were missing.
func CheckCRC64(a Answer) *upload.Error {
	there := StoredCRC64(a.Header)
	if there == "" {
		return nil
	}
	if sum, err := upload.ParseCRC64(there); err == nil && sum == a.Sums.CRC64 {
		return nil
	}
	return corrupt(a, "the store has CRC-64 %s for bytes with CRC-64 %d", egress.Line(there, mostCode), a.Sums.CRC64)
}

// StoredCRC64 is the CRC-64 that OSS tells of an object, as a number; "" where it tells
// none.
func StoredCRC64(header http.Header) string {
	there := strings.TrimSpace(header.Get("X-Oss-Hash-Crc64ecma"))
	if strings.Trim(there, "0123456789") != "" {
		return ""
	}
	return there
}

func corrupt(a Answer, format string, args ...any) *upload.Error {
	e := upload.Errorf(upload.KindCorrupt, upload.StepTransfer, format, args...)
	e.Status, e.RequestID, e.Arrived = a.Status, readRefusal(a).requestID(), upload.ArrivedMaybe
	return e
}
