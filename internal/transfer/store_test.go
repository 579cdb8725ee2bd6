package transfer

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// refused is a store's refusal as S3 and OSS word it.
func refused(status int, code, message string) Answer {
	var text strings.Builder
	_ = xml.EscapeText(&text, []byte(message))
	return Answer{
		Status: status, Whole: true, Header: http.Header{},
		Body: fmt.Appendf(nil, `<?xml version="1.0" encoding="UTF-8"?>`+"\n"+
			`<Error><Code>%s</Code><Message>%s</Message><StringToSign>%s</StringToSign><RequestId>0A1B2C3D</RequestId><HostId>aG9zdA==</HostId></Error>`,
			code, text.String(), canary),
	}
}

func s3(a Answer) *upload.Error { return S3(a, Target{}) }

func oss(a Answer) *upload.Error { return OSS(a, Target{}) }

// row is one line of a table of failures.
type row struct {
	name    string
	status  int
	code    string
	message string
	kind    upload.Kind
	then    upload.Kind
	lost    bool
	strange bool
}

func check(t *testing.T, rows []row, read func(Answer) *upload.Error) {
	t.Helper()
	for _, r := range rows {
		t.Run(fmt.Sprintf("%d %s: %s", r.status, r.code, r.name), func(t *testing.T) {
			e := failure(t, read(refused(r.status, r.code, r.message)))
			require.Equal(t, r.kind, e.Kind)
			require.Equal(t, r.then, e.Then)
			require.Equal(t, r.lost, e.Lost)
			require.Equal(t, r.status, e.Status)
			require.Equal(t, r.code, e.Code)
			require.Equal(t, upload.StepTransfer, e.Step)
			require.Zero(t, e.RetryAfter)
			require.Equal(t, "0A1B2C3D", e.RequestID)
			require.Contains(t, e.Message, fmt.Sprintf("the store answered %d %s", r.status, r.code))
			if r.status < 500 && r.status >= 300 {
				require.Equal(t, upload.ArrivedNothing, e.Arrived)
			} else {
				require.Equal(t, upload.ArrivedMaybe, e.Arrived)
			}
		})
	}
}

// Contract 1.6.
func TestWhatS3Refuses(t *testing.T) {
	const expired, rejected, unavailable, corrupt = upload.KindExpired, upload.KindRejected, upload.KindUnavailable, upload.KindCorrupt
	rows := []row{
		{name: "a URL ran out", status: 403, code: "AccessDenied", message: "Request has expired", kind: expired},
		{name: "a URL ran out, in another case", status: 403, code: "AccessDenied", message: "request HAS expired.", kind: expired},
		{name: "a form's policy ran out", status: 403, code: "AccessDenied", message: "Invalid according to Policy: Policy expired.", kind: expired},
		{name: "a form does not fit its policy", status: 403, code: "AccessDenied", message: `Invalid according to Policy: Policy Condition failed: ["eq", "$Content-Type", "image/jpeg"]`, kind: rejected},
		{name: "a form has a field too many", status: 403, code: "AccessDenied", message: "Invalid according to Policy: Extra input fields: x", kind: rejected},
		{name: "for any other reason", status: 403, code: "AccessDenied", message: "Access Denied", kind: expired, then: rejected},
		{name: "the signature", status: 403, code: "SignatureDoesNotMatch", kind: expired, then: rejected},
		{name: "the time", status: 403, code: "RequestTimeTooSkewed", kind: expired, then: rejected},
		{name: "the key that signed", status: 403, code: "InvalidAccessKeyId", kind: expired, then: rejected},
		{name: "keys that ran out", status: 400, code: "ExpiredToken", kind: expired},
		{name: "keys that are none", status: 400, code: "InvalidToken", kind: expired},
		{name: "keys to be renewed", status: 400, code: "TokenRefreshRequired", kind: expired},
		{name: "too large", status: 400, code: "EntityTooLarge", kind: rejected},
		{name: "too small", status: 400, code: "EntityTooSmall", kind: rejected},
		{name: "damaged on the way", status: 400, code: "BadDigest", kind: corrupt},
		{name: "cut on the way", status: 400, code: "IncompleteBody", kind: corrupt},
		{name: "a socket that stood still", status: 400, code: "RequestTimeout", kind: unavailable},
		{name: "permanent", status: 400, code: "InvalidDigest", kind: rejected},
		{name: "permanent", status: 400, code: "InvalidArgument", kind: rejected},
		{name: "permanent", status: 400, code: "MalformedPOSTRequest", kind: rejected},
		{name: "permanent", status: 400, code: "InvalidPolicyDocument", kind: rejected},
		{name: "permanent", status: 400, code: "MaxPostPreDataLengthExceededError", kind: rejected},
		{name: "permanent", status: 400, code: "IncorrectNumberOfFilesInPostRequest", kind: rejected},
		{name: "permanent", status: 400, code: "UserKeyMustBeSpecified", kind: rejected},
		{name: "permanent", status: 400, code: "KeyTooLongError", kind: rejected},
		{name: "permanent", status: 400, code: "RequestIsNotMultiPartContent", kind: rejected},
		{name: "a part to be sent again", status: 400, code: "InvalidPart", kind: unavailable},
		{name: "parts to be sent again", status: 400, code: "InvalidPartOrder", kind: unavailable},
		{name: "the session is gone", status: 404, code: "NoSuchUpload", kind: expired, lost: true},
		{name: "permanent", status: 404, code: "NoSuchBucket", kind: rejected},
		{name: "permanent", status: 404, code: "NoSuchKey", kind: rejected},
		{name: "another one at work", status: 409, code: "OperationAborted", kind: unavailable},
		{name: "a fault of ours", status: 411, code: "MissingContentLength", kind: upload.KindInternal},
		{name: "a second redirect", status: 307, code: "TemporaryRedirect", kind: unavailable},
		{name: "a bucket that is elsewhere", status: 301, code: "PermanentRedirect", kind: unavailable},
		{name: "trouble of its own", status: 500, code: "InternalError", kind: unavailable},
		{name: "too fast", status: 503, code: "SlowDown", kind: unavailable},
		{name: "out of order", status: 503, code: "ServiceUnavailable", kind: unavailable},
		{name: "unknown and 400", status: 400, code: "SomethingNew", kind: rejected},
		{name: "unknown and 403", status: 403, code: "SomethingNew", kind: expired, then: rejected},
		{name: "unknown and 5xx", status: 599, code: "SomethingNew", kind: unavailable},
	}
	check(t, rows, s3)
}

// Contract 2.5.
func TestWhatOSSRefuses(t *testing.T) {
	const expired, rejected, unavailable = upload.KindExpired, upload.KindRejected, upload.KindUnavailable
	rows := []row{
		{name: "the policy ran out", status: 403, code: "AccessDenied", message: "Invalid according to Policy: Policy expired.", kind: expired},
		{name: "the form does not fit its policy", status: 403, code: "AccessDenied", message: `Invalid according to Policy: Policy Condition failed: ["starts-with", "$key", "a/"]`, kind: rejected},
		{name: "for any other reason", status: 403, code: "AccessDenied", message: "no", kind: expired, then: rejected},
		{name: "the signature", status: 403, code: "SignatureDoesNotMatch", kind: expired, then: rejected},
		{name: "the key that signed", status: 403, code: "InvalidAccessKeyId", kind: expired, then: rejected},
		{name: "keys that ran out", status: 403, code: "SecurityTokenExpired", kind: expired},
		{name: "the time", status: 403, code: "RequestTimeTooSkewed", kind: expired},
		{name: "too large", status: 400, code: "EntityTooLarge", kind: rejected},
		{name: "too small", status: 400, code: "EntityTooSmall", kind: rejected},
		{name: "permanent", status: 400, code: "InvalidArgument", message: "The callback configuration is not json format.", kind: rejected},
		{name: "permanent", status: 400, code: "InvalidPolicyDocument", kind: rejected},
		{name: "permanent", status: 400, code: "MalformedPOSTRequest", kind: rejected},
		{name: "permanent", status: 400, code: "RequestIsNotMultiPartContent", kind: rejected},
		{name: "permanent", status: 400, code: "FieldItemTooLong", kind: rejected},
		{name: "permanent", status: 400, code: "IncorrectNumberOfFilesInPOSTRequest", kind: rejected},
		{name: "once more from the source", status: 400, code: "InvalidDigest", kind: upload.KindCorrupt, then: rejected},
		{name: "a socket that stood still", status: 400, code: "RequestTimeout", kind: unavailable},
		{name: "only where overwriting is forbidden", status: 409, code: "FileAlreadyExists", kind: rejected},
		{name: "permanent", status: 409, code: "FileImmutable", kind: rejected},
		{name: "trouble of its own", status: 500, code: "InternalError", kind: unavailable},
		{name: "out of order", status: 503, code: "ServiceUnavailable", kind: unavailable},
		{name: "too much traffic", status: 503, code: "UploadTrafficRateLimitExceeded", kind: unavailable},
		{name: "too fast", status: 503, code: "TotalQpsLimitExceeded", kind: unavailable},
		{name: "too fast", status: 503, code: "MetaOperationQpsLimitExceeded", kind: unavailable},
		{name: "too many at once", status: 503, code: "ActiveRequestLimitExceeded", kind: unavailable},
		{name: "too busy", status: 503, code: "CpuLimitExceeded", kind: unavailable},
		{name: "unknown and 400", status: 400, code: "SomethingNew", kind: rejected},
		{name: "unknown and 403", status: 403, code: "SomethingNew", kind: expired, then: rejected},
		{name: "unknown and 5xx", status: 502, code: "SomethingNew", kind: unavailable},
		{name: "a form's redirect, which nobody asked for", status: 303, code: "SeeOther", kind: unavailable},
		{name: "cut on the way", status: 400, code: "IncompleteBody", kind: upload.KindCorrupt},
		{name: "damaged on the way", status: 400, code: "BadDigest", kind: upload.KindCorrupt},
	}
	check(t, rows, oss)
}

// toForm is a target that S3 or OSS takes a form at.
var toForm = Target{
	Method: upload.MethodForm, URL: "https://bucket.s3.example/",
	Form: []upload.FormField{{Name: "success_action_redirect", Value: "https://app.example/done"}},
}

// Contract 8.6.
func TestASuccessIsBelievedWhereTheStoreProvesIt(t *testing.T) {
	const page, xmlError = "<!DOCTYPE html><title>Sign in</title>", "<Error><Code>InternalError</Code><Message>x</Message></Error>"
	etag := map[string]string{"ETag": `"abc"`}
	oss := func(name, value string) map[string]string { return map[string]string{name: value} }
	for _, c := range []struct {
		name    string
		status  int
		header  map[string]string
		body    string
		to      Target
		s3, oss bool
	}{
		{"an ETag", 200, etag, "", Target{}, true, true},
		{"an ETag after a form", 204, etag, "", toForm, true, true},
		{"an ETag and another 2xx", 202, etag, "", Target{}, true, true},
		{"an empty ETag", 200, map[string]string{"ETag": `""`}, "", Target{}, false, false},
		{"nothing", 200, nil, "", Target{}, false, false},
		{"nothing after a form", 204, nil, "", toForm, false, false},
		{"a page", 200, map[string]string{"Content-Type": "text/html"}, page, Target{}, false, false},
		{"a page with an ETag of its own", 200, map[string]string{"Content-Type": "text/html; charset=utf-8", "ETag": `"5f-1"`}, page, Target{}, false, false},
		{"a page that is called nothing", 200, etag, "\ufeff \n<HTML>", Target{}, false, false},
		{"an error under a success", 200, etag, xmlError, Target{}, false, false},
		{"an error under a success of OSS", 200, oss("X-Oss-Request-Id", "5F3A"), xmlError, Target{}, false, false},
		{"an object's address after a form", 201, map[string]string{"Location": "https://bucket.s3.example/dir/key"}, "", toForm, true, false},
		{"an object's address after a PUT", 201, map[string]string{"Location": "https://bucket.s3.example/dir/key"}, "", Target{URL: toForm.URL}, false, false},
		{"another host's address", 201, map[string]string{"Location": "https://portal.example/key"}, "", toForm, false, false},
		{"the bucket's own address", 201, map[string]string{"Location": "https://bucket.s3.example/"}, "", toForm, false, false},
		{"the form's redirect", 303, map[string]string{"Location": "https://app.example/done?key=k&etag=e"}, "", toForm, true, false},
		{"the form's redirect of OSS", 303, map[string]string{"Location": "https://app.example/done?key=k", "X-Oss-Request-Id": "5F3A"}, "", toForm, true, true},
		{"another redirect", 303, map[string]string{"Location": "https://portal.example/"}, "", toForm, false, false},
		{"a redirect that no form named", 303, map[string]string{"Location": "https://app.example/done"}, "", Target{}, false, false},
		{"a request ID of OSS", 200, oss("X-Oss-Request-Id", "5F3A"), "", toForm, false, true},
		{"a CRC-64 of OSS", 200, oss("X-Oss-Hash-Crc64ecma", "1"), "", toForm, false, true},
		{"an application that was not told", 203, oss("X-Oss-Request-Id", "5F3A"), "<Error><Code>CallbackFailed</Code></Error>", toForm, false, true},
		{"a 203 of nobody", 203, nil, "<Error><Code>CallbackFailed</Code></Error>", toForm, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := Answer{Status: c.status, Header: http.Header{"Server": {"nginx"}}, Body: []byte(c.body), Whole: true}
			for name, value := range c.header {
				a.Header.Set(name, value)
			}
			for store, proven := range map[*upload.Error]bool{S3(a, c.to): c.s3, OSS(a, c.to): c.oss} {
				if proven {
					require.Nil(t, store)
					continue
				}
				e := failure(t, store)
				require.Equal(t, upload.KindUnavailable, e.Kind)
				if succeeded(a, c.to) {
					require.Equal(t, upload.ArrivedMaybe, e.Arrived, "a lost answer")
					require.Contains(t, e.Message, "server nginx")
				} else {
					require.Equal(t, upload.ArrivedNothing, e.Arrived)
				}
			}
		})
	}
}

func TestAnApplicationsComplaintIsRelayed(t *testing.T) {
	for body, want := range map[string]string{
		`{"code":0,"message":"ok"}`: "", `{"Status":"OK"}`: "", "": "", "<html>": "", "[]": "",
		`{"code":40001,"message":"no such SKU"}`: "stored, but the vendor answered the callback with code 40001: no such SKU",
		`{"code":null,"message":"ok"}`:           "",
		`{"code":5,"message":{"sku":"unknown"}}`: `stored, but the vendor answered the callback with code 5: {"sku":"unknown"}`,
		`{"code":"NO_SKU","message":["none"]}`:   `stored, but the vendor answered the callback with code NO_SKU: ["none"]`,
		`{"code":"7"}`:                           "stored, but the vendor answered the callback with code 7: ",
	} {
		require.Equal(t, strings.TrimSpace(want), strings.TrimSpace(Relayed(Answer{Status: 200, Body: []byte(body)})), body)
	}
}

func TestARefusalWithoutACodeIsJudgedByItsStatus(t *testing.T) {
	bodies := map[string]string{
		"an empty body":          "",
		"a proxy's page":         "<!DOCTYPE html><html><head><title>403 Forbidden</title></head><body>AccessDenied Request has expired</body></html>",
		"a page for browsers":    "<!doctype html><html><body>Enable JavaScript and cookies to continue</body></html>",       // github.com/NousResearch/hermes-agent/issues/70566
		"a page of a store's":    `<!DOCTYPE html><html lang="en"><title>403 Forbidden</title><h1>403 Forbidden</h1></html>`, // github.com/ali-sdk/ali-oss/issues/205
		"well-formed HTML":       "<html><Code>NoSuchUpload</Code></html>",
		"JSON":                   `{"Code":"NoSuchUpload"}`,
		"XML that is cut":        "<Error><Code>NoSuchUpload</Code><Mess",
		"XML of another charset": `<?xml version="1.0" encoding="GBK"?><Error><Code>NoSuchUpload</Code></Error>`,
		"XML without a code":     "<Error></Error>",
	}
	for name, body := range bodies {
		t.Run(name, func(t *testing.T) {
			for _, r := range []row{
				{status: 400, kind: upload.KindUnavailable, then: upload.KindRejected, strange: true},
				{status: 401, kind: upload.KindUnavailable, then: upload.KindRejected, strange: true},
				{status: 403, kind: upload.KindUnavailable, then: upload.KindRejected, strange: true},
				{status: 404, kind: upload.KindUnavailable, then: upload.KindRejected, strange: true},
				{status: 407, kind: upload.KindUnavailable},
				{status: 408, kind: upload.KindUnavailable},
				{status: 421, kind: upload.KindUnavailable},
				{status: 425, kind: upload.KindUnavailable},
				{status: 499, kind: upload.KindUnavailable},
				{status: 520, kind: upload.KindUnavailable},
				{status: 413, kind: upload.KindUnavailable, then: upload.KindRejected, strange: true},
				{status: 431, kind: upload.KindUnavailable, then: upload.KindRejected, strange: true},
				{status: 429, kind: upload.KindThrottled},
				{status: 301, kind: upload.KindUnavailable},
				{status: 302, kind: upload.KindUnavailable},
				{status: 303, kind: upload.KindUnavailable},
				{status: 308, kind: upload.KindUnavailable},
				{status: 500, kind: upload.KindUnavailable},
				{status: 502, kind: upload.KindUnavailable},
			} {
				for _, read := range []func(Answer) *upload.Error{s3, oss} {
					e := failure(t, read(Answer{Status: r.status, Body: []byte(body), Whole: true}))
					require.Equal(t, r.kind, e.Kind, r.status)
					require.Equal(t, r.then, e.Then, r.status)
					require.Equal(t, r.strange, e.Strange, r.status)
					require.False(t, e.Lost)
					require.True(t, strings.HasPrefix(e.Message, fmt.Sprintf("the store answered %d", r.status)), e.Message)
				}
			}
		})
	}
}

func TestARefusalIsToldInOneShortLineWithoutSecrets(t *testing.T) {
	e := failure(t, s3(refused(400, "InvalidArgument", "no\n  such\tthing as https://host/a"+signed+" with\r\nX-Amz-Signature="+canary+". "+strings.Repeat("ä", 1000))))
	require.Contains(t, e.Message, "the store answered 400 InvalidArgument: no such thing as https://host/a with X-Amz-Signature=[redacted]")
	require.Less(t, len([]rune(e.Message)), 400)

	a := refused(400, strings.Repeat("C", 1000), "")
	a.Header.Set("X-Amz-Request-Id", strings.Repeat("I", 1000))
	e = failure(t, s3(a))
	require.Less(t, len(e.Code), 100)
	require.Less(t, len(e.RequestID), 300)
}

func TestTheStoresNamesForARequest(t *testing.T) {
	for _, c := range []struct {
		name   string
		header map[string]string
		want   string
	}{
		{"in the body alone", nil, "0A1B2C3D"},
		{"of AWS in both headers", map[string]string{"x-amz-request-id": "R", "x-amz-id-2": "H"}, "R H"},
		{"of AWS in one header", map[string]string{"x-amz-request-id": "R"}, "R"},
		{"of AWS in the other header", map[string]string{"x-amz-id-2": "H"}, "0A1B2C3D H"},
		{"of OSS", map[string]string{"x-oss-request-id": "5F3A"}, "5F3A"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := refused(500, "InternalError", "x")
			for name, value := range c.header {
				a.Header.Set(name, value)
			}
			require.Equal(t, c.want, s3(a).RequestID)
			require.Equal(t, c.want, oss(a).RequestID)
		})
	}
}

func TestAStoreSaysWhenToComeBack(t *testing.T) {
	a := refused(503, "SlowDown", "x")
	a.Header.Set("Retry-After", "7")
	require.Equal(t, 7*time.Second, s3(a).RetryAfter)
	require.Equal(t, 7*time.Second, oss(a).RetryAfter)
	a.Header.Set("Retry-After", time.Now().Add(30*time.Minute).UTC().Format(http.TimeFormat))
	require.InDelta(t, 30*time.Minute, s3(a).RetryAfter, float64(10*time.Minute))
	for _, off := range []time.Duration{time.Hour, -time.Hour} { // of the store's clock
		there := time.Now().Add(off).UTC()
		a.Header.Set("Date", there.Format(http.TimeFormat))
		a.Header.Set("Retry-After", there.Add(9*time.Second).Format(http.TimeFormat))
		require.Equal(t, 9*time.Second, s3(a).RetryAfter)
	}
	for _, absurd := range []string{"99999", "99999999999"} {
		a.Header.Set("Retry-After", absurd)
		require.LessOrEqual(t, s3(a).RetryAfter, time.Hour)
		require.GreaterOrEqual(t, s3(a).RetryAfter, time.Duration(0))
	}
	a.Header.Set("Retry-After", "soon")
	require.Zero(t, s3(a).RetryAfter)
}

func TestAStoreThatIsBusySaysWhenItsWindowBeginsAnew(t *testing.T) {
	a := Answer{Status: 429, Whole: true, Header: http.Header{"X-Ratelimit-Reset": {"17"}}}
	require.Equal(t, 17*time.Second, s3(a).RetryAfter)
	require.Equal(t, 17*time.Second, oss(a).RetryAfter)
	a.Header.Set("Retry-After", "3")
	require.Equal(t, 3*time.Second, s3(a).RetryAfter)
	a = refused(503, "SlowDown", "x")
	a.Header.Set("X-RateLimit-Reset", "17")
	require.Zero(t, s3(a).RetryAfter, "it is not about the rate alone")
}

func TestARedirectOfAStoreNamesWhoSentIt(t *testing.T) {
	a := Answer{Status: 302, Whole: true, Header: http.Header{
		"Content-Type": {"text/html"}, "Server": {"gatekeeper"}, "Via": {"1.1 edge"}, "Location": {"http://user:secret@portal.example/login?token=" + canary},
	}}
	for _, e := range []*upload.Error{s3(a), oss(a)} {
		require.Equal(t, "the store answered 302 (text/html, server gatekeeper, via 1.1 edge, location portal.example)", e.Message)
		require.Equal(t, upload.ArrivedNothing, e.Arrived)
	}
}

func TestAnETagLosesItsQuotes(t *testing.T) {
	for in, want := range map[string]string{
		`"dede9db222ee612853f44e6e6b1ca792"`:   "dede9db222ee612853f44e6e6b1ca792",
		`dede9db222ee612853f44e6e6b1ca792`:     "dede9db222ee612853f44e6e6b1ca792",
		`W/"weak"`:                             "weak",
		`"4e0f3bff4d24863cbef6c3d3dc5c2b7e-2"`: "4e0f3bff4d24863cbef6c3d3dc5c2b7e-2",
		``:                                     "",
	} {
		require.Equal(t, want, ETag(http.Header{"Etag": {in}}))
	}
	require.Empty(t, ETag(nil))
}

func TestAnETagIsHeldAgainstTheMD5WhereItCanBeOne(t *testing.T) {
	const md5 = "dede9db222ee612853f44e6e6b1ca792"
	for _, c := range []struct {
		name, etag, sum string
		wrong           bool
	}{
		{name: "the same", etag: `"` + md5 + `"`, sum: md5},
		{name: "the same in upper case", etag: `"` + strings.ToUpper(md5) + `"`, sum: md5},
		{name: "another", etag: `"093064bee9fa39309997041a6e03f29f"`, sum: md5, wrong: true},
		{name: "another in upper case", etag: `"093064BEE9FA39309997041A6E03F29F"`, sum: md5, wrong: true},
		{name: "of several parts, which is none", etag: `"4e0f3bff4d24863cbef6c3d3dc5c2b7e-2"`, sum: md5},
		{name: "too short for one", etag: `"093064bee9fa39309997041a6e03f2"`, sum: md5},
		{name: "too long for one", etag: `"093064bee9fa39309997041a6e03f29f00"`, sum: md5},
		{name: "not hex", etag: `"zzzz64bee9fa39309997041a6e03f29f"`, sum: md5},
		{name: "missing", etag: "", sum: md5},
		{name: "without a sum to hold it against", etag: `"093064bee9fa39309997041a6e03f29f"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := CheckMD5(Answer{Status: 200, Header: http.Header{"Etag": {c.etag}, "X-Amz-Request-Id": {"R"}}, Sums: Sums{MD5: c.sum}, Whole: true})
			if !c.wrong {
				require.Nil(t, e)
				return
			}
			require.Equal(t, upload.KindCorrupt, e.Kind)
			require.Equal(t, upload.ArrivedMaybe, e.Arrived)
			require.Equal(t, "R", e.RequestID)
			require.Equal(t, 200, e.Status)
			require.Contains(t, e.Message, md5)
		})
	}
}

func TestOSSsCRC64IsHeldAgainstOurs(t *testing.T) {
	const sum = 11051210869376104954
	for _, c := range []struct {
		name, there string
		wrong       bool
	}{
		{name: "the same", there: "11051210869376104954"},
		{name: "the same between spaces", there: " 11051210869376104954 "},
		{name: "another", there: "11051210869376104955", wrong: true},
		{name: "zero", there: "0", wrong: true},
		{name: "missing", there: ""},
		{name: "no number", there: "abc"},
		{name: "hexadecimal", there: "995dc9bbdf1939fa"},
		{name: "a number and more", there: "11051210869376104955, 0"},
		{name: "the same with a zero before it", there: "011051210869376104954"},
		{name: "too large for one", there: "21051210869376104954", wrong: true},
		{name: "much too large for one", there: strings.Repeat("9", 1000), wrong: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := CheckCRC64(Answer{Status: 204, Header: http.Header{"X-Oss-Hash-Crc64ecma": {c.there}, "X-Oss-Request-Id": {"5F"}}, Sums: Sums{CRC64: sum}, Whole: true})
			if !c.wrong {
				require.Nil(t, e)
				return
			}
			require.Equal(t, upload.KindCorrupt, e.Kind)
			require.Equal(t, "5F", e.RequestID)
			require.Contains(t, e.Message, "11051210869376104954")
		})
	}
}

// Whatever a store says, it becomes an error of a known kind, in one line.
func FuzzARefusalIsAlwaysUnderstood(f *testing.F) {
	f.Add(403, []byte(`<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>`))
	f.Add(200, []byte(``))
	f.Add(503, []byte("<Error><Code>\x1b[31m</Code></Error>"))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		for _, read := range []func(Answer) *upload.Error{s3, oss} {
			e := read(Answer{Status: status, Body: body, Whole: true})
			if e == nil {
				continue
			}
			require.Contains(t, upload.Kinds(), e.Kind)
			for _, text := range []string{e.Error(), e.Code, e.RequestID} {
				require.Less(t, len([]rune(text)), 1000)
				for _, r := range text {
					require.GreaterOrEqual(t, r, ' ', "%q", text)
				}
			}
		}
	})
}
