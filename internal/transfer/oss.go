package transfer

import (
	"net/http"
	"strings"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// CallbackFailed is the code with which OSS says that the bytes are stored, but
// that the application behind it could not be told.
const CallbackFailed = "CallbackFailed"

// OSS reads Alibaba Cloud OSS's answer to a PostObject form. It returns nil
// where the bytes are stored and OSS has proved it, also for 203 (see Untold). The codes are those of
// OSS's error documentation (alibabacloud.com/help/en/oss, PostObject and error
// codes); what each is worth is our judgement.
func OSS(a Answer, to Target) *upload.Error {
	if succeeded(a, to) {
		if !provenByOSS(a) {
			return unproven(a, "a request ID, an ETag or a CRC-64 of OSS")
		}
		return nil
	}
	r := readRefusal(a)
	switch r.store.Code {
	case "AccessDenied":
		return r.ossAccessDenied()
	case "SignatureDoesNotMatch", "InvalidAccessKeyId":
		return r.once(upload.KindExpired)
	case "SecurityTokenExpired", "RequestTimeTooSkewed":
		return r.as(upload.KindExpired)
	case "IncompleteBody", "BadDigest":
		return r.as(upload.KindCorrupt) // damaged on the way
	case "InvalidDigest":
		return r.once(upload.KindCorrupt)
	case "RequestTimeout", "InternalError", "ServiceUnavailable",
		"UploadTrafficRateLimitExceeded", "TotalQpsLimitExceeded", "MetaOperationQpsLimitExceeded",
		"ActiveRequestLimitExceeded", "CpuLimitExceeded":
		return r.as(upload.KindUnavailable)
	case "EntityTooLarge", "EntityTooSmall", "InvalidArgument", "InvalidPolicyDocument",
		"MalformedPOSTRequest", "RequestIsNotMultiPartContent", "FieldItemTooLong",
		"IncorrectNumberOfFilesInPOSTRequest", "FileImmutable", "FileAlreadyExists":
		return r.as(upload.KindRejected)
	}
	return r.general()
}

func (r refusal) ossAccessDenied() *upload.Error {
	switch {
	case strings.Contains(r.text, "policy expired"), strings.Contains(r.text, "request has expired"): // of a form, of a signed URL
		return r.as(upload.KindExpired)
	case strings.Contains(r.text, "policy condition failed"):
		return r.as(upload.KindRejected)
	}
	return r.once(upload.KindExpired)
}

// Untold reports whether OSS stored the bytes without being able to tell the
// application.
func Untold(a Answer) bool { return a.Status == http.StatusNonAuthoritativeInfo }
