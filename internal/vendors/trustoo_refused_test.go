package vendors

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
)

func TestWhatTrustooRefuses(t *testing.T) {
	code := func(n int) string {
		return fmt.Sprintf(`{"code":%d,"message":"what it says of %s_private","time":1,"request_id":"04f7","data":null}`, n, canary)
	}
	const words = "what it says of [redacted]"
	rows := []refusal{
		{
			name: "code 16 under 200, also with a fresh time, stops the account", call: trustooPrepareCall, script: []exchange{refuse(200, code(16)), refuse(200, code(16))},
			kind: upload.KindDenied, arrived: upload.ArrivedNothing, status: 200, code: "16", request: "04f7", text: "policy token answered 200 with code 16: " + words,
		},
		{
			name: "code 16 under 401", call: trustooPrepareCall, script: []exchange{refuse(401, code(16)), refuse(401, code(16))},
			kind: upload.KindDenied, arrived: upload.ArrivedNothing, status: 401, code: "16", request: "04f7", text: "policy token answered 401: " + words,
		},
		{
			name: "401 without words", call: trustooPrepareCall, script: []exchange{refuse(401, ""), refuse(401, "")},
			kind: upload.KindDenied, arrived: upload.ArrivedNothing, status: 401,
		},
		{
			name: "403, a scope that is missing", call: trustooPrepareCall, script: []exchange{refuse(403, "<html>")},
			kind: upload.KindDenied, arrived: upload.ArrivedNothing, status: 403,
		},
		{
			name: "code 3 under 200", call: trustooPrepareCall, script: []exchange{refuse(200, code(3))},
			kind: upload.KindRejected, arrived: upload.ArrivedNothing, status: 200, code: "3", request: "04f7",
		},
		{
			name: "code 3 under 400", call: trustooPrepareCall, script: []exchange{refuse(400, code(3))},
			kind: upload.KindRejected, arrived: upload.ArrivedNothing, status: 400, code: "3", request: "04f7",
		},
		{
			name: "400 without words", call: trustooPrepareCall, script: []exchange{refuse(400, "")},
			kind: upload.KindRejected, arrived: upload.ArrivedNothing, status: 400,
		},
		{
			name: "code 4 may pass", call: trustooPrepareCall, script: []exchange{refuse(200, code(4))},
			kind: upload.KindUnavailable, arrived: upload.ArrivedMaybe, status: 200, code: "4", request: "04f7",
		},
		{
			name: "code 4 under 400 may pass: the code decides", call: trustooPrepareCall, script: []exchange{refuse(400, code(4))},
			kind: upload.KindUnavailable, arrived: upload.ArrivedMaybe, status: 400, code: "4", request: "04f7",
		},
		{
			name: "code 1 may pass", call: trustooPrepareCall, script: []exchange{refuse(200, code(1))},
			kind: upload.KindUnavailable, arrived: upload.ArrivedMaybe, status: 200, code: "1", request: "04f7",
		},
		{
			name: "code 5, nothing there", call: trustooPrepareCall, script: []exchange{refuse(200, code(5))},
			kind: upload.KindRejected, arrived: upload.ArrivedNothing, status: 200, code: "5", request: "04f7",
		},
		{
			name: "code 6, there already", call: trustooPrepareCall, script: []exchange{refuse(200, code(6))},
			kind: upload.KindRejected, arrived: upload.ArrivedNothing, status: 200, code: "6", request: "04f7",
		},
		{
			name: "code 8 under 200 waits as long as we think", call: trustooPrepareCall, script: []exchange{refuse(200, code(8))},
			kind: upload.KindThrottled, arrived: upload.ArrivedNothing, status: 200, code: "8", request: "04f7",
		},
		{
			name: "code 8 under 429 waits as it is told", call: trustooPrepareCall, script: []exchange{refuse(429, code(8)).saying("Retry-After", "5")},
			kind: upload.KindThrottled, arrived: upload.ArrivedNothing, status: 429, code: "8", request: "04f7", wait: 5 * time.Second,
		},
		{
			name: "429 without words", call: trustooPrepareCall, script: []exchange{refuse(429, "")},
			kind: upload.KindThrottled, arrived: upload.ArrivedNothing, status: 429,
		},
		{
			name: "code 13 under 200", call: trustooPrepareCall, script: []exchange{refuse(200, code(13))},
			kind: upload.KindUnavailable, arrived: upload.ArrivedMaybe, status: 200, code: "13", request: "04f7",
		},
		{
			name: "code 13 under 500", call: trustooPrepareCall, script: []exchange{refuse(500, code(13))},
			kind: upload.KindUnavailable, arrived: upload.ArrivedMaybe, status: 500, code: "13", request: "04f7",
		},
		{
			name: "500 without words", call: trustooPrepareCall, script: []exchange{refuse(500, "")},
			kind: upload.KindUnavailable, arrived: upload.ArrivedMaybe, status: 500,
		},
		{
			name: "500 that says code 0", call: trustooPrepareCall, script: []exchange{refuse(500, code(0))},
			kind: upload.KindUnavailable, arrived: upload.ArrivedMaybe, status: 500, code: "0", request: "04f7",
		},
		{
			name: "an unknown code under 200 may pass", call: trustooPrepareCall, script: []exchange{refuse(200, code(99))},
			kind: upload.KindUnavailable, arrived: upload.ArrivedMaybe, status: 200, code: "99", request: "04f7",
		},
		{
			name: "an unknown code under 400 is judged by the status", call: trustooPrepareCall, script: []exchange{refuse(400, code(99))},
			kind: upload.KindRejected, arrived: upload.ArrivedNothing, status: 400, code: "99", request: "04f7",
		},
		{
			name: "no data", call: trustooPrepareCall, script: []exchange{refuse(200, code(0))},
			kind: upload.KindUnavailable, arrived: upload.ArrivedMaybe, status: 200, text: "no data",
		},
		{
			name: "data that is no object", call: trustooPrepareCall, script: []exchange{refuse(200, `{"code":0,"data":"x"}`)},
			kind: upload.KindUnavailable, arrived: upload.ArrivedMaybe, status: 200,
		},
		{
			name: "an empty success", call: trustooPrepareCall, script: []exchange{refuse(200, "")},
			kind: upload.KindUnavailable, arrived: upload.ArrivedMaybe, status: 200,
		},
		{
			name: "a page instead of JSON", call: trustooPrepareCall, script: []exchange{refuse(200, "<html>")},
			kind: upload.KindUnavailable, arrived: upload.ArrivedMaybe, status: 200,
		},
		{
			name: "JSON without a code", call: trustooPrepareCall, script: []exchange{refuse(200, strings.Replace(said(grant("sig", noon)), `"code":0,`, "", 1))},
			kind: upload.KindUnavailable, arrived: upload.ArrivedMaybe, status: 200, request: "04f7",
		},
		{
			name: "a video without its URL", call: trustooVideoCall, script: []exchange{refuse(200, `{"code":0,"data":{"url":"https://h/v"}}`)},
			kind: upload.KindUnavailable, arrived: upload.ArrivedMaybe, status: 200, text: "no upload_url or url",
		},
		{
			name: "a video without its place", call: trustooVideoCall, script: []exchange{refuse(200, `{"code":0,"data":{"upload_url":"https://h/v"}}`)},
			kind: upload.KindUnavailable, arrived: upload.ArrivedMaybe, status: 200, text: "no upload_url or url",
		},
		{
			name: "a video whose place is no URL", call: trustooVideoCall, script: []exchange{refuse(200, `{"code":0,"data":{"upload_url":"https://h/v","url":"https://h/%zz"}}`)},
			kind: upload.KindUnavailable, arrived: upload.ArrivedMaybe, status: 200, text: "a url that is none",
		},
	}
	for _, field := range []string{"access_id", "host", "expire", "signature", "policy", "dir", "callback"} {
		given := grant("sig1", noon.Add(time.Hour))
		given[field] = ""
		rows = append(rows, refusal{
			name: "a policy without " + field, call: trustooPrepareCall, script: []exchange{refuse(200, said(given))},
			kind: upload.KindUnavailable, arrived: upload.ArrivedMaybe, status: 200, text: "an empty access_id, host, expire, signature, policy, dir or callback",
		})
	}
	checkRefusals(t, "trustoo", trustooSigned, rows)
}
