package sandbox

import (
	"encoding/xml"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// serveBucket makes the checks that hold for every store, and lets the store do
// the rest. The gateway goes by the real clock; here the sandbox's own decides,
// so that a grant can be seen to expire without waiting for it.
func (s *Sandbox) serveBucket(c *call, b *bucketHost) *answer {
	c.log.Subject = c.path["key"]
	if b.vendor == "s3" {
		return s.store.serve(c, b)
	}
	if c.r.Method == http.MethodGet || c.r.Method == http.MethodHead {
		return s.serveFile(c, b)
	}
	if a := s.checkLength(c); a != nil {
		return a
	}
	if b.vendor == "sitoo" {
		return s.serveForm(c, b)
	}
	if a := s.checkGrant(c, b); a != nil {
		return a
	}
	if b.vendor == "trustana" {
		s.trustana.checkPut(c)
	} else {
		s.truvideo.checkPart(c)
	}
	return c.sendOn(b)
}

// sendOn lets the store do its part.
func (c *call) sendOn(b *bucketHost) *answer {
	a := c.s.store.serve(c, b)
	c.noteLanding(b)
	return c.spoil(a)
}

// checkLength refuses a body whose length nobody knows, as S3 does.
func (s *Sandbox) checkLength(c *call) *answer {
	if c.r.ContentLength >= 0 && len(c.r.TransferEncoding) == 0 {
		return nil
	}
	c.violation("chunked-body", "a body for S3 needs a Content-Length")
	return refuseS3(c, refusal{status: http.StatusLengthRequired, code: "MissingContentLength"})
}

// checkGrant judges the signature's parameters of a presigned URL by the
// sandbox's clock.
func (s *Sandbox) checkGrant(c *call, b *bucketHost) *answer {
	q := c.query
	if !q.Has("X-Amz-Signature") {
		return refuseS3(c, refusal{status: http.StatusForbidden, code: "AccessDenied"})
	}
	if c.r.Header.Get("Authorization") != "" {
		return refuseS3With(refusal{
			status: http.StatusBadRequest, code: "InvalidArgument",
			message: "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified",
		}, "ArgumentName", "Authorization", "ArgumentValue", "(withheld)")
	}
	stamp, err := time.Parse(stampFormat, q.Get("X-Amz-Date"))
	life, errLife := strconv.Atoi(q.Get("X-Amz-Expires"))
	if err != nil || errLife != nil {
		return refuseS3(c, refusal{
			status: http.StatusBadRequest, code: "AuthorizationQueryParametersError",
			message: "Query-string authentication requires the X-Amz-Date and X-Amz-Expires parameters",
		})
	}
	if c.fault("expired") || s.grantOver(b.vendor, c, life) {
		return refuseExpired(c, stamp, life)
	}
	return nil
}

// grantOver asks the vendor how old the grant is. A URL that the vendor never
// handed out has no right signature either, which the gateway will say.
func (s *Sandbox) grantOver(vendor string, c *call, life int) bool {
	var issued int64
	var known bool
	if vendor == "trustana" {
		issued, known = s.trustana.issued(c.path["key"], c.query.Get("X-Amz-Date"))
	} else {
		issued, known = s.truvideo.issued(c.path["key"], c.query.Get("X-Amz-Date"), c.query.Get("partNumber"))
	}
	return known && s.clock.passed(issued, seconds(life))
}

// refuseExpired answers as S3 does for a presigned URL past its time.
func refuseExpired(c *call, stamp time.Time, life int) *answer {
	return refuseS3With(refusal{status: http.StatusForbidden, code: "AccessDenied", message: "Request has expired"},
		"X-Amz-Expires", strconv.Itoa(life),
		"Expires", stamp.Add(time.Duration(life)*time.Second).UTC().Format(time.RFC3339),
		"ServerTime", c.s.clock.calendar().Format(time.RFC3339))
}

// spoil changes a storage answer where the rule wants it.
func (c *call) spoil(a *answer) *answer {
	if c.fault("wrong-etag") && a.status/100 == 2 {
		a.header.Set("ETag", `"`+strings.Repeat("0badc0de", 4)+`"`)
	}
	return a
}

// serveFile gives a stored object to anybody once the vendor has finished it.
func (s *Sandbox) serveFile(c *call, b *bucketHost) *answer {
	if b.vendor != "truvideo" || !s.truvideo.public(c.path["key"]) {
		return refuseS3(c, refusal{status: http.StatusForbidden, code: "AccessDenied"})
	}
	return s.serveObject(c, b.vendor, c.path["key"], s.truvideo.contentTypeOf(c.path["key"]))
}

// serveObject streams an object of a vendor's bucket, whole or a range of it.
func (s *Sandbox) serveObject(c *call, vendor, key, contentType string) *answer {
	f, _, err := s.store.open(vendor, key)
	if err != nil {
		return refuseS3(c, refusal{status: http.StatusNotFound, code: "NoSuchKey"})
	}
	return serveContent(c, f, contentType, "")
}

// cutPath takes the first segment off a path.
func cutPath(path string) (head, rest string, ok bool) {
	return strings.Cut(strings.TrimPrefix(path, "/"), "/")
}

// s3Codes are the answers that S3 gives for a status, the usual one first, with
// the words that belong to them.
func s3Codes() map[int][][2]string {
	return map[int][][2]string{
		307: {{"TemporaryRedirect", "Please re-send this request to the specified temporary endpoint."}},
		400: {
			{"InvalidRequest", "Invalid Request"},
			{"BadDigest", "The Content-MD5 you specified did not match what we received."},
			{"EntityTooLarge", "Your proposed upload exceeds the maximum allowed object size."},
			{"EntityTooSmall", "Your proposed upload is smaller than the minimum allowed object size."},
			{"ExpiredToken", "The provided token has expired."},
			{"InvalidToken", "The provided token is malformed or otherwise not valid."},
			{"TokenRefreshRequired", "The provided token must be refreshed."},
			{"IncompleteBody", "You did not provide the number of bytes specified by the Content-Length HTTP header."},
			{"RequestTimeout", "Your socket connection to the server was not read from or written to within the timeout period."},
			{"InvalidArgument", "Invalid Argument"},
			{"InvalidDigest", "The Content-MD5 you specified is not valid."},
			{"MalformedPOSTRequest", "The body of your POST request is not well-formed multipart/form-data."},
			{"InvalidPart", "One or more of the specified parts could not be found."},
			{"InvalidPartOrder", "The list of parts was not in ascending order."},
		},
		403: {
			{"AccessDenied", "Access Denied"},
			{"InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records."},
			{"SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided."},
			{"RequestTimeTooSkewed", "The difference between the request time and the current time is too large."},
		},
		404: {{"NoSuchKey", "The specified key does not exist."}, {"NoSuchUpload", "The specified multipart upload does not exist."}, {"NoSuchBucket", "The specified bucket does not exist."}},
		405: {{"MethodNotAllowed", "The specified method is not allowed against this resource."}},
		409: {{"OperationAborted", "A conflicting conditional operation is currently in progress against this resource. Try again."}},
		411: {{"MissingContentLength", "You must provide the Content-Length HTTP header."}},
		500: {{"InternalError", "We encountered an internal error. Please try again."}},
		501: {{"NotImplemented", "A header you provided implies functionality that is not implemented."}},
		503: {{"SlowDown", "Please reduce your request rate."}, {"ServiceUnavailable", "Service is unable to handle request."}},
	}
}

// refuseS3 writes S3's error document, with the elements that belong to its code.
func refuseS3(c *call, f refusal) *answer {
	now := c.s.clock.wall()
	size := strconv.FormatInt(max(c.r.ContentLength, 0), 10)
	extra := map[string][]string{
		"EntityTooLarge": {"ProposedSize", size, "MaxSizeAllowed", "5368709120"},
		"EntityTooSmall": {"ProposedSize", size, "MinSizeAllowed", strconv.Itoa(smallestPart)},
		"InvalidPart":    {"UploadId", c.query.Get("uploadId"), "PartNumber", c.query.Get("partNumber")},
		"RequestTimeTooSkewed": {
			"RequestTime", c.query.Get("X-Amz-Date"), "ServerTime", now.Format(time.RFC3339), "MaxAllowedSkewMilliseconds", "900000",
		},
	}
	return refuseS3With(f, extra[f.code]...)
}

// refuseS3With adds elements to the document; extra are names and values.
func refuseS3With(f refusal, extra ...string) *answer {
	known := s3Codes()[f.status]
	for _, k := range known {
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
	id, host := strings.ToUpper(randomHex(8)), randomHex(24)
	doc := errorDocument(f, extra...)
	doc.Elements = append(doc.Elements, element("RequestId", id), element("HostId", host))
	return xmlAnswer(f.status, doc).with("x-amz-request-id", id).with("x-amz-id-2", host)
}

// xmlError is an error document whose elements depend on the error.
type xmlError struct {
	XMLName  xml.Name `xml:"Error"`
	Elements []xmlElement
}

type xmlElement struct {
	XMLName xml.Name
	Value   string `xml:",chardata"`
}

func element(name, value string) xmlElement {
	return xmlElement{XMLName: xml.Name{Local: name}, Value: value}
}

func errorDocument(f refusal, extra ...string) xmlError {
	doc := xmlError{Elements: []xmlElement{element("Code", f.code), element("Message", f.message)}}
	for i := 0; i+1 < len(extra); i += 2 {
		doc.Elements = append(doc.Elements, element(extra[i], extra[i+1]))
	}
	return doc
}
