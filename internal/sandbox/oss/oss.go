// Package oss simulates Alibaba's OSS: a bucket of sources, and buckets to which the
// clients of a vendor upload by form or by signed URL, with callbacks to the vendor.
//
// What is handed out to upload with is the vendor's; the package refuses what OSS
// would refuse.
package oss

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
)

// Sign is HMAC-SHA1 in base64, which is all that OSS's older signatures are.
func Sign(secret, text string) string {
	h := hmac.New(sha1.New, []byte(secret))
	_, _ = h.Write([]byte(text)) // a hash never fails
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// ossMessages are the codes that OSS gives for a status, the usual one first.
func codes() map[int][][2]string {
	return map[int][][2]string{
		203: {{"CallbackFailed", "Error status : 500."}},
		304: {{"NotModified", "Not modified."}},
		400: {
			{"InvalidArgument", "The argument is invalid."},
			{"EntityTooLarge", "Your proposed upload exceeds the maximum allowed size."},
			{"EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size."},
			{"InvalidPolicyDocument", "Invalid Policy: the policy is not valid."},
			{"MalformedPOSTRequest", "The body of your POST request is not well-formed multipart/form-data."},
			{"RequestIsNotMultiPartContent", "Bucket POST must be of the enclosure-type multipart/form-data."},
			{"FieldItemTooLong", "Your post field item is too long."},
			{"IncorrectNumberOfFilesInPOSTRequest", "POST requires exactly one file upload per request."},
			{"InvalidDigest", "The Content-MD5 you specified was invalid."},
			{"RequestTimeout", "Your socket connection to the server was not read from or written to within the timeout period."},
		},
		403: {
			{"AccessDenied", "You have no right to access this object because of bucket acl."},
			{"SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided. Check your key and signing method."},
			{"InvalidAccessKeyId", "The OSS Access Key Id you provided does not exist in our records."},
			{"SecurityTokenExpired", "The security token you provided has expired."},
			{"RequestTimeTooSkewed", "The difference between the request time and the current time is too large."},
		},
		404: {{"NoSuchKey", "The specified key does not exist."}, {"NoSuchBucket", "The specified bucket does not exist."}},
		405: {{"MethodNotAllowed", "The specified method is not allowed against this resource."}},
		409: {{"FileAlreadyExists", "The object you specified already exists and can not be overwritten."}, {"FileImmutable", "The object you specified is immutable."}},
		411: {{"MissingContentLength", "You must provide the Content-Length HTTP header."}},
		412: {{"PreconditionFailed", "At least one of the pre-conditions you specified did not hold."}},
		416: {{"InvalidRange", "The requested range cannot be satisfied."}},
		500: {{"InternalError", "We encountered an internal error. Please try again."}},
		503: {
			{"ServiceUnavailable", "Please reduce your request rate."},
			{"UploadTrafficRateLimitExceeded", "Upload traffic exceeded the limit."},
			{"TotalQpsLimitExceeded", "QPS exceeded the limit."},
			{"MetaOperationQpsLimitExceeded", "QPS of metadata operations exceeded the limit."},
			{"ActiveRequestLimitExceeded", "Active requests exceeded the limit."},
			{"CpuLimitExceeded", "CPU usage exceeded the limit."},
		},
	}
}

// Refuse writes OSS's error document.
func Refuse(c *simulate.Call, f simulate.Refusal) *simulate.Answer {
	f = f.Worded(codes()[f.Status])
	id := strings.ToUpper(simulate.RandomHex(12))
	doc := simulate.ErrorDocument(f)
	doc.Elements = append(doc.Elements, simulate.Element("RequestId", id), simulate.Element("HostId", c.HTTP.Host))
	return simulate.XML(f.Status, doc).With("x-oss-request-id", id).With("Server", "AliyunOSS")
}

func newAnswerOf(status int) *simulate.Answer {
	return simulate.NewAnswer(status).With("x-oss-request-id", strings.ToUpper(simulate.RandomHex(12))).With("Server", "AliyunOSS")
}

// slack is how far a request's Date may be off.
const slack = 15 * time.Minute

// signedText is what version 1 signs of a request.
func signedText(r *http.Request, bucket, key, date string) string {
	headers := map[string]string{}
	for name := range r.Header {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-oss-") {
			headers[lower] = r.Header.Get(name)
		}
	}
	var b strings.Builder
	b.WriteString(strings.Join([]string{r.Method, r.Header.Get("Content-MD5"), r.Header.Get("Content-Type"), date}, "\n") + "\n")
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		b.WriteString(name + ":" + headers[name] + "\n")
	}
	b.WriteString("/" + bucket + "/" + key)
	sep := "?"
	q := r.URL.Query()
	params := map[string]string{}
	for name := range q {
		if isSigned(name) {
			params[name] = q.Get(name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(params)) {
		b.WriteString(sep + name)
		if params[name] != "" {
			b.WriteString("=" + params[name])
		}
		sep = "&"
	}
	return b.String()
}

// isSigned says whether a query parameter is part of what is signed.
func isSigned(name string) bool {
	return slices.Contains([]string{
		"acl", "append", "callback", "continuation-token", "delete", "location", "objectMeta", "partNumber", "position", "security-token",
		"symlink", "tagging", "uploadId", "uploads", "versionId", "versions", "x-oss-process", "response-content-type",
		"response-content-language", "response-expires", "response-cache-control", "response-content-disposition", "response-content-encoding",
	}, name)
}
