package s3

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
)

// serveBucket makes the checks that hold for every keeper, and lets the keeper do
// the rest. The gateway goes by the real clock; here the sandbox's own decides, so
// that a grant can be seen to expire without waiting for it.
func (s *Storage) serveBucket(c *simulate.Call, b *bucketHost) *simulate.Answer {
	c.Log.Subject = c.Path["key"]
	if b.Bucket == nil {
		return s.Serve(c, b)
	}
	if c.HTTP.Method == http.MethodGet || c.HTTP.Method == http.MethodHead {
		return s.serveFile(c, b)
	}
	if a := s.checkLength(c); a != nil {
		return a
	}
	if b.Form {
		return s.serveForm(c, b)
	}
	if a := s.checkGrant(c, b); a != nil {
		return a
	}
	b.Check(c, nil)
	return s.sendOn(c, b)
}

// sendOn lets the keeper do its part.
func (s *Storage) sendOn(c *simulate.Call, b *bucketHost) *simulate.Answer {
	a := s.Serve(c, b)
	s.noteLanding(c, b)
	return c.SpoilETag(a)
}

// checkLength refuses a body whose length nobody knows, as S3 does.
func (s *Storage) checkLength(c *simulate.Call) *simulate.Answer {
	if c.HTTP.ContentLength >= 0 && len(c.HTTP.TransferEncoding) == 0 {
		return nil
	}
	c.Violation("chunked-body", "a body for S3 needs a Content-Length")
	return Refuse(c, simulate.Refusal{Status: http.StatusLengthRequired, Code: "MissingContentLength"})
}

// checkGrant judges the signature's parameters of a presigned URL by the
// sandbox's clock.
func (s *Storage) checkGrant(c *simulate.Call, b *bucketHost) *simulate.Answer {
	q := c.Query
	if !q.Has("X-Amz-Signature") {
		return Refuse(c, simulate.Refusal{Status: http.StatusForbidden, Code: "AccessDenied"})
	}
	if c.HTTP.Header.Get("Authorization") != "" {
		return refuseWith(simulate.Refusal{
			Status: http.StatusBadRequest, Code: "InvalidArgument",
			Message: "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified",
		}, "ArgumentName", "Authorization", "ArgumentValue", "(withheld)")
	}
	stamp, err := time.Parse(stampFormat, q.Get("X-Amz-Date"))
	life, errLife := strconv.Atoi(q.Get("X-Amz-Expires"))
	if err != nil || errLife != nil {
		return Refuse(c, simulate.Refusal{
			Status: http.StatusBadRequest, Code: "AuthorizationQueryParametersError",
			Message: "Query-string authentication requires the X-Amz-Date and X-Amz-Expires parameters",
		})
	}
	if c.Fault("expired") || b.Over(c, q.Get("X-Amz-Date"), simulate.Seconds(life)) {
		return refuseExpired(c, stamp, life)
	}
	return nil
}

// refuseExpired answers as S3 does for a presigned URL past its time.
func refuseExpired(c *simulate.Call, stamp time.Time, life int) *simulate.Answer {
	return refuseWith(simulate.Refusal{Status: http.StatusForbidden, Code: "AccessDenied", Message: "Request has expired"},
		"X-Amz-Expires", strconv.Itoa(life),
		"Expires", stamp.Add(time.Duration(life)*time.Second).UTC().Format(time.RFC3339),
		"ServerTime", c.World.Clock.Calendar().Format(time.RFC3339))
}

// serveFile gives a stored object to anybody once the vendor has finished it.
func (s *Storage) serveFile(c *simulate.Call, b *bucketHost) *simulate.Answer {
	if b.Public != nil {
		if contentType, ok := b.Public(c.Path["key"]); ok {
			return ServeObject(c, b.vendor, c.Path["key"], contentType)
		}
	}
	return Refuse(c, simulate.Refusal{Status: http.StatusForbidden, Code: "AccessDenied"})
}

// ServeObject streams an object of a vendor's bucket, whole or a range of it.
func ServeObject(c *simulate.Call, vendor, key, contentType string) *simulate.Answer {
	f, _, err := c.World.Store.Open(vendor, key)
	if err != nil {
		return Refuse(c, simulate.Refusal{Status: http.StatusNotFound, Code: "NoSuchKey"})
	}
	return simulate.ServeContent(c, f, contentType, "")
}

// codes are the answers that S3 gives for a status, the usual one first, with
// the words that belong to them.
func codes() map[int][][2]string {
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

// Refuse writes S3's error document, with the elements that belong to its code.
func Refuse(c *simulate.Call, f simulate.Refusal) *simulate.Answer {
	now := c.World.Clock.Wall()
	size := strconv.FormatInt(max(c.HTTP.ContentLength, 0), 10)
	extra := map[string][]string{
		"EntityTooLarge": {"ProposedSize", size, "MaxSizeAllowed", "5368709120"},
		"EntityTooSmall": {"ProposedSize", size, "MinSizeAllowed", strconv.Itoa(smallestPart)},
		"InvalidPart":    {"UploadId", c.Query.Get("uploadId"), "PartNumber", c.Query.Get("partNumber")},
		"RequestTimeTooSkewed": {
			"RequestTime", c.Query.Get("X-Amz-Date"), "ServerTime", now.Format(time.RFC3339), "MaxAllowedSkewMilliseconds", "900000",
		},
	}
	return refuseWith(f, extra[f.Code]...)
}

// refuseWith adds elements to the document; extra are names and values.
func refuseWith(f simulate.Refusal, extra ...string) *simulate.Answer {
	f = f.Worded(codes()[f.Status])
	id, host := strings.ToUpper(simulate.RandomHex(8)), simulate.RandomHex(24)
	doc := simulate.ErrorDocument(f, extra...)
	doc.Elements = append(doc.Elements, simulate.Element("RequestId", id), simulate.Element("HostId", host))
	return simulate.XML(f.Status, doc).With("x-amz-request-id", id).With("x-amz-id-2", host)
}
