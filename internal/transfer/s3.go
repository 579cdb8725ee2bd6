package transfer

import (
	"strings"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// S3 reads an S3 store's answer to a PUT of an object or a part, or to a form.
// It returns nil where the bytes are stored and S3 has proved it: with an ETag, or
// for a form with the object's address. The codes and their statuses are
// those of AWS's error list (docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html);
// what each is worth is our judgement.
func S3(a Answer, to Target) *upload.Error {
	if succeeded(a, to) {
		if !provenByS3(a, to) {
			return unproven(a, "the ETag that proves it")
		}
		return nil
	}
	r := readRefusal(a)
	switch r.store.Code {
	case "AccessDenied":
		return r.s3AccessDenied()
	case "SignatureDoesNotMatch", "RequestTimeTooSkewed", "InvalidAccessKeyId":
		return r.once(upload.KindExpired)
	case "ExpiredToken", "InvalidToken", "TokenRefreshRequired":
		return r.as(upload.KindExpired) // the keys that signed the URL died before it did
	case "NoSuchUpload":
		e := r.as(upload.KindExpired)
		e.Lost = true
		return e
	case "BadDigest", "IncompleteBody", "XAmzContentSHA256Mismatch":
		return r.as(upload.KindCorrupt) // damaged on the way
	case "InvalidPart", "InvalidPartOrder": // of a completion; if ever told here, the part is sent again
		return r.as(upload.KindUnavailable)
	case "RequestTimeout", "OperationAborted", "InternalError", "SlowDown", "ServiceUnavailable":
		return r.as(upload.KindUnavailable)
	case "EntityTooLarge", "EntityTooSmall", "NoSuchBucket", "NoSuchKey",
		"InvalidDigest", "InvalidArgument", "MalformedPOSTRequest", "InvalidPolicyDocument",
		"MaxPostPreDataLengthExceededError", "IncorrectNumberOfFilesInPostRequest",
		"UserKeyMustBeSpecified", "KeyTooLongError", "RequestIsNotMultiPartContent":
		return r.as(upload.KindRejected)
	case "MissingContentLength":
		return r.as(upload.KindInternal)
	}
	return r.general()
}

// s3AccessDenied tells three things apart that S3 gives one code: out of time,
// against the policy, and anything else, which a fresh grant may cure once.
func (r refusal) s3AccessDenied() *upload.Error {
	switch {
	case strings.Contains(r.text, "request has expired"), strings.Contains(r.text, "policy expired"):
		return r.as(upload.KindExpired)
	case strings.Contains(r.text, "policy condition failed"), strings.Contains(r.text, "extra input fields"):
		return r.as(upload.KindRejected)
	}
	return r.once(upload.KindExpired)
}
