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

// row is one line of a table of failures.
type row struct {
	name    string
	status  int
	code    string
	message string
	kind    upload.Kind
	then    upload.Kind
	lost    bool
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
			if r.status < 500 && r.status >= 400 {
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
		{name: "a second redirect", status: 307, code: "TemporaryRedirect", kind: unavailable, then: rejected},
		{name: "trouble of its own", status: 500, code: "InternalError", kind: unavailable},
		{name: "too fast", status: 503, code: "SlowDown", kind: unavailable},
		{name: "out of order", status: 503, code: "ServiceUnavailable", kind: unavailable},
		{name: "unknown and 400", status: 400, code: "SomethingNew", kind: rejected},
		{name: "unknown and 403", status: 403, code: "SomethingNew", kind: expired, then: rejected},
		{name: "unknown and 5xx", status: 599, code: "SomethingNew", kind: unavailable},
	}
	check(t, rows, S3)
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
		{name: "a form's redirect, which nobody asked for", status: 303, code: "SeeOther", kind: unavailable, then: rejected},
	}
	check(t, rows, OSS)
}

func TestWhatIsStored(t *testing.T) {
	for _, status := range []int{200, 201, 204, 303} {
		require.Nil(t, S3(Answer{Status: status}), "S3 %d", status)
	}
	require.NotNil(t, S3(Answer{Status: 203}))
	for _, status := range []int{200, 201, 203, 204} {
		require.Nil(t, OSS(refused(status, CallbackFailed, "Error status : 502.")), "OSS %d", status)
		require.Equal(t, status == 203, Untold(Answer{Status: status}))
	}
}

func TestARefusalWithoutACodeIsJudgedByItsStatus(t *testing.T) {
	bodies := map[string]string{
		"an empty body":          "",
		"a proxy's page":         "<!DOCTYPE html><html><head><title>403 Forbidden</title></head><body>AccessDenied Request has expired</body></html>",
		"well-formed HTML":       "<html><Code>NoSuchUpload</Code></html>",
		"JSON":                   `{"Code":"NoSuchUpload"}`,
		"XML that is cut":        "<Error><Code>NoSuchUpload</Code><Mess",
		"XML of another charset": `<?xml version="1.0" encoding="GBK"?><Error><Code>NoSuchUpload</Code></Error>`,
		"XML without a code":     "<Error></Error>",
	}
	for name, body := range bodies {
		t.Run(name, func(t *testing.T) {
			for _, r := range []row{
				{status: 400, kind: upload.KindRejected},
				{status: 401, kind: upload.KindExpired, then: upload.KindRejected},
				{status: 403, kind: upload.KindExpired, then: upload.KindRejected},
				{status: 404, kind: upload.KindRejected},
				{status: 407, kind: upload.KindUnavailable},
				{status: 408, kind: upload.KindUnavailable},
				{status: 421, kind: upload.KindUnavailable},
				{status: 425, kind: upload.KindUnavailable},
				{status: 499, kind: upload.KindUnavailable},
				{status: 520, kind: upload.KindUnavailable},
				{status: 413, kind: upload.KindRejected},
				{status: 429, kind: upload.KindThrottled},
				{status: 301, kind: upload.KindUnavailable, then: upload.KindRejected},
				{status: 500, kind: upload.KindUnavailable},
				{status: 502, kind: upload.KindUnavailable},
			} {
				for _, read := range []func(Answer) *upload.Error{S3, OSS} {
					e := failure(t, read(Answer{Status: r.status, Body: []byte(body), Whole: true}))
					require.Equal(t, r.kind, e.Kind, r.status)
					require.Equal(t, r.then, e.Then, r.status)
					require.False(t, e.Lost)
					require.Equal(t, fmt.Sprintf("the store answered %d", r.status), e.Message)
				}
			}
		})
	}
}

func TestARefusalIsToldInOneShortLineWithoutSecrets(t *testing.T) {
	e := failure(t, S3(refused(400, "InvalidArgument", "no\n  such\tthing as https://host/a"+signed+" with\r\nX-Amz-Signature="+canary+". "+strings.Repeat("ä", 1000))))
	require.Contains(t, e.Message, "the store answered 400 InvalidArgument: no such thing as https://host/a with X-Amz-Signature=[redacted]")
	require.Less(t, len([]rune(e.Message)), 400)

	a := refused(400, strings.Repeat("C", 1000), "")
	a.Header.Set("X-Amz-Request-Id", strings.Repeat("I", 1000))
	e = failure(t, S3(a))
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
			require.Equal(t, c.want, S3(a).RequestID)
			require.Equal(t, c.want, OSS(a).RequestID)
		})
	}
}

func TestAStoreSaysWhenToComeBack(t *testing.T) {
	a := refused(503, "SlowDown", "x")
	a.Header.Set("Retry-After", "7")
	require.Equal(t, 7*time.Second, S3(a).RetryAfter)
	require.Equal(t, 7*time.Second, OSS(a).RetryAfter)
	a.Header.Set("Retry-After", time.Now().Add(30*time.Minute).UTC().Format(http.TimeFormat))
	require.InDelta(t, 30*time.Minute, S3(a).RetryAfter, float64(10*time.Minute))
	for _, off := range []time.Duration{time.Hour, -time.Hour} { // of the store's clock
		there := time.Now().Add(off).UTC()
		a.Header.Set("Date", there.Format(http.TimeFormat))
		a.Header.Set("Retry-After", there.Add(9*time.Second).Format(http.TimeFormat))
		require.Equal(t, 9*time.Second, S3(a).RetryAfter)
	}
	for _, absurd := range []string{"99999", "99999999999"} {
		a.Header.Set("Retry-After", absurd)
		require.LessOrEqual(t, S3(a).RetryAfter, time.Hour)
		require.GreaterOrEqual(t, S3(a).RetryAfter, time.Duration(0))
	}
	a.Header.Set("Retry-After", "soon")
	require.Zero(t, S3(a).RetryAfter)
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
		for _, read := range []func(Answer) *upload.Error{S3, OSS} {
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
