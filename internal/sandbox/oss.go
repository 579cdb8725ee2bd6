package sandbox

import (
	"crypto/hmac"
	"crypto/sha1" // OSS signs with it
	"encoding/base64"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// oss is the Alibaba OSS of the sandbox: the image bucket behind Trustoo, at the
// root of the storage host, and a bucket of sources at a path of its own.
type oss struct {
	s       *Sandbox
	sources *table[ossObject] // by key
	files   *fileStore        // of sources: they are kept even where uploads are discarded
	client  *http.Client
}

// ossObject is one source.
type ossObject struct {
	Key         string    `json:"key"`
	Size        int64     `json:"size"`
	ETag        string    `json:"etag"`
	CRC64       string    `json:"crc64"`
	ContentType string    `json:"content_type"`
	Modified    time.Time `json:"modified"`
}

// ossCallbackPatience is how long OSS waits for an application.
const ossCallbackPatience = 5 * time.Second

func newOSS(s *Sandbox, mem *memory) (*oss, error) {
	t, err := newTable[ossObject](s.journal, mem, "oss.source")
	files := *s.files
	files.discard = false
	return &oss{s: s, sources: t, files: &files, client: &http.Client{
		Timeout:       ossCallbackPatience,
		Transport:     &http.Transport{},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, err
}

func (o *oss) name() string { return "oss" }

func (o *oss) media() []Medium { return nil }

func (o *oss) reset() {}

func (o *oss) bucket() string { return "oss-sources-" + o.s.identity.ID }

// imageBucket is the name of Trustoo's bucket, which no path shows.
func (o *oss) imageBucket() string { return "trustoo-img-" + o.s.identity.ID }

func (o *oss) routes() []route {
	root := "/" + o.bucket() + "/"
	return []route{
		{call: "list", method: http.MethodGet, pattern: root, zone: zoneSource, handle: o.signedOnly(o.list), refuse: refuseOSS},
		{call: "get", method: http.MethodGet, pattern: root + "{key...}", zone: zoneSource, handle: o.signedOnly(o.get), refuse: refuseOSS},
		{call: "head", method: http.MethodHead, pattern: root + "{key...}", zone: zoneSource, handle: o.signedOnly(o.get), refuse: refuseOSS},
		{call: "put", method: http.MethodPut, pattern: root + "{key...}", zone: zoneSource, handle: o.signedOnly(o.put), refuse: refuseOSS},
	}
}

// ossSign is HMAC-SHA1 in base64, which is all that OSS's older signatures are.
func ossSign(secret, text string) string {
	h := hmac.New(sha1.New, []byte(secret))
	_, _ = h.Write([]byte(text)) // a hash never fails
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// ossMessages are the codes that OSS gives for a status, the usual one first.
func ossCodes() map[int][][2]string {
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

// refuseOSS writes OSS's error document.
func refuseOSS(c *call, f refusal) *answer {
	for _, k := range ossCodes()[f.status] {
		if f.code == "" || f.code == k[0] {
			f.code = k[0]
			if f.message == "" {
				f.message = k[1]
			}
			break
		}
	}
	if f.code == "" {
		f.code = strings.ReplaceAll(http.StatusText(f.status), " ", "")
	}
	if f.message == "" {
		f.message = http.StatusText(f.status)
	}
	id := strings.ToUpper(randomHex(12))
	doc := errorDocument(f)
	doc.Elements = append(doc.Elements, element("RequestId", id), element("HostId", c.r.Host))
	return xmlAnswer(f.status, doc).with("x-oss-request-id", id).with("Server", "AliyunOSS")
}

func ossAnswer(status int) *answer {
	return newAnswer(status).with("x-oss-request-id", strings.ToUpper(randomHex(12))).with("Server", "AliyunOSS")
}

// ossSlack is how far a request's Date may be off.
const ossSlack = 15 * time.Minute

// signedOnly checks an Authorization header, or a signature in the query, of the
// first version.
func (o *oss) signedOnly(next func(*call) *answer) func(*call) *answer {
	return func(c *call) *answer {
		c.log.Subject = c.path["key"]
		key, sign, date := c.query.Get("OSSAccessKeyId"), c.query.Get("Signature"), c.query.Get("Expires")
		if key == "" {
			header, ok := strings.CutPrefix(c.r.Header.Get("Authorization"), "OSS ")
			if !ok {
				return refuseOSS(c, refusal{status: http.StatusForbidden, code: "AccessDenied"})
			}
			key, sign, _ = strings.Cut(header, ":")
			date = c.r.Header.Get("Date")
			at, err := http.ParseTime(date)
			if err != nil {
				return refuseOSS(c, refusal{status: http.StatusForbidden, code: "AccessDenied", message: "OSS authentication requires a valid Date."})
			}
			if o.s.clock.wall().Sub(at).Abs() > ossSlack {
				return refuseOSS(c, refusal{status: http.StatusForbidden, code: "RequestTimeTooSkewed"})
			}
		} else if until, err := strconv.ParseInt(date, 10, 64); err != nil || o.s.clock.calendar().Unix() > until {
			return refuseOSS(c, refusal{status: http.StatusForbidden, code: "AccessDenied", message: "Request has expired."})
		}
		if key != o.s.identity.OSSAccess {
			return refuseOSS(c, refusal{status: http.StatusForbidden, code: "InvalidAccessKeyId"})
		}
		want := ossSign(o.s.identity.OSSSecret, ossText(c.r, o.bucket(), c.path["key"], date))
		if !hmac.Equal([]byte(sign), []byte(want)) {
			return refuseOSS(c, refusal{status: http.StatusForbidden, code: "SignatureDoesNotMatch"})
		}
		return next(c)
	}
}

// ossText is what version 1 signs of a request.
func ossText(r *http.Request, bucket, key, date string) string {
	headers := map[string]string{}
	for name := range r.Header {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-oss-") {
			headers[lower] = r.Header.Get(name)
		}
	}
	var b strings.Builder
	b.WriteString(strings.Join([]string{r.Method, r.Header.Get("Content-MD5"), r.Header.Get("Content-Type"), date}, "\n") + "\n")
	for _, name := range sortedKeys(headers) {
		b.WriteString(name + ":" + headers[name] + "\n")
	}
	b.WriteString("/" + bucket + "/" + key)
	sep := "?"
	q := r.URL.Query()
	params := map[string]string{}
	for name := range q {
		if ossSigned(name) {
			params[name] = q.Get(name)
		}
	}
	for _, name := range sortedKeys(params) {
		b.WriteString(sep + name)
		if params[name] != "" {
			b.WriteString("=" + params[name])
		}
		sep = "&"
	}
	return b.String()
}

// ossSigned says whether a query parameter is part of what is signed.
func ossSigned(name string) bool {
	return contains([]string{
		"acl", "append", "callback", "continuation-token", "delete", "location", "objectMeta", "partNumber", "position", "security-token",
		"symlink", "tagging", "uploadId", "uploads", "versionId", "versions", "x-oss-process", "response-content-type",
		"response-content-language", "response-expires", "response-cache-control", "response-content-disposition", "response-content-encoding",
	}, name)
}

// signedPut is a URL for one PUT into the image bucket.
func (o *oss) signedPut(key string, expires int64) string {
	q := url.Values{"OSSAccessKeyId": {o.s.identity.OSSAccess}, "Expires": {strconv.FormatInt(expires, 10)}}
	q.Set("Signature", o.videoSignature(key, q.Get("Expires")))
	return o.s.storage + "/" + key + "?" + q.Encode()
}

// videoSignature leaves the content type out: nobody says which one a client has
// to send.
func (o *oss) videoSignature(key, expires string) string {
	return ossSign(o.s.identity.OSSSecret, "PUT\n\n\n"+expires+"\n/"+o.imageBucket()+"/"+key)
}
