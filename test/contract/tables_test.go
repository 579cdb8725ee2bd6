package contract

import "slices"

// transport is what may happen to any call that is safe to repeat, besides the
// answers that the vendor knows of.
var transport = answers(cuts, garbage, strangers)

// cuts end a connection without a word.
var cuts = []answer{
	{"a reset before the request is read", "reset-before", unsent},
	{"a reset after the work is done", "reset-after", repeated},
	{"an answer lost after the work is done", "lost", repeated},
}

// garbage is answers that say nothing.
var garbage = []answer{
	{"an answer cut short", "cut-answer", repeated},
	{"an answer without a body", "empty-body", repeated},
	{"an answer that is not JSON", "not-json", repeated},
	{"a 502 from a proxy", "status=502", repeated},
	{"a 504 from a proxy", "status=504", repeated},
	{"a page of a captive portal", "page=200", repeated},
}

// strangers is refusals that the vendor did not say.
var strangers = []answer{
	{"a 401 page from a firewall", "page=401", strange},
	{"a 403 page from a firewall", "page=403", strange},
	{"a 400 page from a proxy", "page=400", strange},
	{"a 302 page of a captive portal", "page=302", strange},
	{"a 413 page from a proxy", "page=413", wrongSize},
	{"a 431 page from a proxy", "page=431", wrongSize},
}

// throttling is 429 in all its forms.
var throttling = []answer{
	{"429 without a wait", "status=429", throttled},
	{"429 with a wait in seconds", "status=429,retry-after=7", throttled},
	{"429 with a wait until a date", "status=429,retry-after-date=9s", throttled},
}

// bodies is what may happen on the way to a store, besides its answers.
var bodies = []answer{
	{"a reset before the body", "reset-before", unsent},
	{"a reset during the body", "reset-in", repeated},
	{"an unexpected 429", "status=429,retry-after=3", throttled},
	{"a 502 from a proxy", "status=502", repeated},
	{"a 408 from a proxy", "status=408", repeatedSafely},
	{"a page of a captive portal", "page=200", repeated},
	{"a 403 page from a firewall", "page=403", repeatedSafely},
	{"a 404 page from a proxy", "page=404", repeatedSafely},
	{"a 302 page of a captive portal", "page=302", repeatedSafely},
	{"a 303 page of a captive portal", "page=303", repeatedSafely},
	{"a 413 page from a proxy", "page=413", wrongSize},
}

// landed is what may happen when the bytes are stored and nobody hears so. What
// that means, each vendor's store decides.
var landed = []answer{
	{"a reset after the body", "reset-after", nil},
	{"an answer lost after the bytes are stored", "lost", nil},
	{"a 500 after the bytes are stored", "status=500,code=InternalError,after", nil},
}

// s3Store is S3's failure table, as far as it is the same for a PUT, a form and a
// part.
var s3Store = []answer{
	{"403 AccessDenied for something else", "status=403,code=AccessDenied", renewedOnce},
	{"403 AccessDenied for a policy condition", `status=403,code=AccessDenied,message="Invalid according to Policy: Policy Condition failed: [eq, $key, a]"`, refused},
	{"403 AccessDenied for extra fields", "status=403,code=AccessDenied,message=Extra input fields: x", refused},
	{"403 SignatureDoesNotMatch", "status=403,code=SignatureDoesNotMatch", renewedOnce},
	{"403 RequestTimeTooSkewed", "status=403,code=RequestTimeTooSkewed", renewedOnce},
	{"403 InvalidAccessKeyId", "status=403,code=InvalidAccessKeyId", renewedOnce},
	{"400 ExpiredToken", "status=400,code=ExpiredToken", renewed},
	{"400 InvalidToken", "status=400,code=InvalidToken", renewed},
	{"400 TokenRefreshRequired", "status=400,code=TokenRefreshRequired", renewed},
	{"400 EntityTooLarge", "status=400,code=EntityTooLarge", refused},
	{"400 EntityTooSmall", "status=400,code=EntityTooSmall", refused},
	{"400 BadDigest", "status=400,code=BadDigest", damaged},
	{"400 IncompleteBody", "status=400,code=IncompleteBody", damaged},
	{"400 RequestTimeout", "status=400,code=RequestTimeout", repeatedSafely},
	{"400 InvalidDigest", "status=400,code=InvalidDigest", refused},
	{"400 InvalidArgument", "status=400,code=InvalidArgument", refused},
	{"400 MalformedPOSTRequest", "status=400,code=MalformedPOSTRequest", refused},
	{"400 InvalidPolicyDocument", "status=400,code=InvalidPolicyDocument", refused},
	{"400 MaxPostPreDataLengthExceededError", "status=400,code=MaxPostPreDataLengthExceededError", refused},
	{"400 IncorrectNumberOfFilesInPostRequest", "status=400,code=IncorrectNumberOfFilesInPostRequest", refused},
	{"400 UserKeyMustBeSpecified", "status=400,code=UserKeyMustBeSpecified", refused},
	{"400 KeyTooLongError", "status=400,code=KeyTooLongError", refused},
	{"400 RequestIsNotMultiPartContent", "status=400,code=RequestIsNotMultiPartContent", refused},
	{"400 InvalidPart", "status=400,code=InvalidPart", repeatedSafely},
	{"400 InvalidPartOrder", "status=400,code=InvalidPartOrder", repeatedSafely},
	{"400 with an unknown code", "status=400,code=Whatever", refused},
	{"404 NoSuchBucket", "status=404,code=NoSuchBucket", refused},
	{"404 NoSuchKey", "status=404,code=NoSuchKey", refused},
	{"409 OperationAborted", "status=409,code=OperationAborted", repeatedSafely},
	{"411 MissingContentLength", "status=411,code=MissingContentLength", ourFault},
	{"307 TemporaryRedirect", "status=307,code=TemporaryRedirect", followed},
	{"301 PermanentRedirect", "status=301,code=PermanentRedirect", repeatedSafely},
	{"500 InternalError", "status=500,code=InternalError", repeated},
	{"503 SlowDown", "status=503,code=SlowDown", repeated},
	{"503 SlowDown with a wait", "status=503,code=SlowDown,retry-after=20", repeated},
	{"503 ServiceUnavailable", "status=503,code=ServiceUnavailable", repeated},
}

// wrongETag is S3's proof of other bytes, which need not be one.
var wrongETag = []answer{{"an ETag for other bytes", "wrong-etag", doubted}}

// repeatedSafely: as repeated, but the store says itself that it kept nothing.
func repeatedSafely(p place) []example {
	p.call.looks, p.call.lost = nil, nil
	return repeated(p)
}

// ossStore is OSS's failure table for a form.
var ossStore = []answer{
	{"403 AccessDenied for a policy that expired", "status=403,code=AccessDenied,message=Invalid according to Policy: Policy expired.", renewed},
	{"403 AccessDenied for a policy condition", "status=403,code=AccessDenied,message=Invalid according to Policy: Policy Condition failed: starts-with", refused},
	{"403 AccessDenied for something else", "status=403,code=AccessDenied", renewedOnce},
	{"403 SignatureDoesNotMatch", "status=403,code=SignatureDoesNotMatch", renewedOnce},
	{"403 InvalidAccessKeyId", "status=403,code=InvalidAccessKeyId", renewedOnce},
	{"403 SecurityTokenExpired", "status=403,code=SecurityTokenExpired", renewed},
	{"403 RequestTimeTooSkewed", "status=403,code=RequestTimeTooSkewed", renewed},
	{"400 EntityTooLarge", "status=400,code=EntityTooLarge", refused},
	{"400 EntityTooSmall", "status=400,code=EntityTooSmall", refused},
	{"400 InvalidArgument", "status=400,code=InvalidArgument", refused},
	{"400 InvalidPolicyDocument", "status=400,code=InvalidPolicyDocument", refused},
	{"400 MalformedPOSTRequest", "status=400,code=MalformedPOSTRequest", refused},
	{"400 RequestIsNotMultiPartContent", "status=400,code=RequestIsNotMultiPartContent", refused},
	{"400 FieldItemTooLong", "status=400,code=FieldItemTooLong", refused},
	{"400 IncorrectNumberOfFilesInPOSTRequest", "status=400,code=IncorrectNumberOfFilesInPOSTRequest", refused},
	{"400 InvalidDigest", "status=400,code=InvalidDigest", damagedOnce},
	{"400 IncompleteBody", "status=400,code=IncompleteBody", damaged},
	{"400 BadDigest", "status=400,code=BadDigest", damaged},
	{"400 RequestTimeout", "status=400,code=RequestTimeout", repeatedSafely},
	{"409 FileAlreadyExists", "status=409,code=FileAlreadyExists", refused},
	{"409 FileImmutable", "status=409,code=FileImmutable", refused},
	{"500 InternalError", "status=500,code=InternalError", repeated},
	{"503 ServiceUnavailable", "status=503,code=ServiceUnavailable", repeated},
	{"503 UploadTrafficRateLimitExceeded", "status=503,code=UploadTrafficRateLimitExceeded", repeated},
	{"503 TotalQpsLimitExceeded", "status=503,code=TotalQpsLimitExceeded", repeated},
	{"503 MetaOperationQpsLimitExceeded", "status=503,code=MetaOperationQpsLimitExceeded", repeated},
	{"503 ActiveRequestLimitExceeded", "status=503,code=ActiveRequestLimitExceeded", repeated},
	{"503 CpuLimitExceeded", "status=503,code=CpuLimitExceeded", repeated},
	{"an ETag that is none of the bytes", "wrong-etag", unnoticed},
}

// unnoticed: it means nothing.
func unnoticed(p place) []example { return []example{{"always", 0, p.goesOn()}} }

// answers puts rows of several tables together.
func answers(tables ...[]answer) []answer { return slices.Concat(tables...) }

// meaningOf gives rows another meaning.
func meaningOf(means meaning, rows []answer) []answer {
	out := slices.Clone(rows)
	for i := range out {
		out[i].means = means
	}
	return out
}
