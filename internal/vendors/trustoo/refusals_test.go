package trustoo

import (
	"fmt"
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/wire/wiretest"
)

func TestWhatTrustooRefuses(t *testing.T) {
	code := func(n int) string {
		return fmt.Sprintf(`{"code":%d,"message":"what it says of %s_private","time":1,"request_id":"04f7","data":null}`, n, wiretest.Canary)
	}
	const words = "what it says of [redacted]"
	rows := []wiretest.Refusal{
		{
			Name: "code 16 under 200, also with a fresh time, stops the account", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(200, code(16)), wiretest.Refuse(200, code(16))},
			Kind: upload.KindDenied, Arrived: upload.ArrivedNothing, Status: 200, Code: "16", Request: "04f7", Text: "policy token answered 200 with code 16: " + words,
		},
		{
			Name: "code 16 under 401", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(401, code(16)), wiretest.Refuse(401, code(16))},
			Kind: upload.KindDenied, Arrived: upload.ArrivedNothing, Status: 401, Code: "16", Request: "04f7", Text: "policy token answered 401: " + words,
		},
		{
			Name: "401 without words", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(401, ""), wiretest.Refuse(401, "")},
			Kind: upload.KindDenied, Arrived: upload.ArrivedNothing, Status: 401,
		},
		{
			Name: "403, a scope that is missing", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(403, "<html>")},
			Kind: upload.KindUnavailable, Then: upload.KindDenied, Arrived: upload.ArrivedNothing, Status: 403,
		},
		{
			Name: "code 3 under 200", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(200, code(3))},
			Kind: upload.KindRejected, Arrived: upload.ArrivedNothing, Status: 200, Code: "3", Request: "04f7",
		},
		{
			Name: "code 3 under 400", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(400, code(3))},
			Kind: upload.KindRejected, Arrived: upload.ArrivedNothing, Status: 400, Code: "3", Request: "04f7",
		},
		{
			Name: "400 without words", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(400, "")},
			Kind: upload.KindRejected, Arrived: upload.ArrivedNothing, Status: 400,
		},
		{
			Name: "code 4 may pass", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(200, code(4))},
			Kind: upload.KindUnavailable, Arrived: upload.ArrivedMaybe, Status: 200, Code: "4", Request: "04f7",
		},
		{
			Name: "code 4 under 400 may pass: the code decides", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(400, code(4))},
			Kind: upload.KindUnavailable, Arrived: upload.ArrivedMaybe, Status: 400, Code: "4", Request: "04f7",
		},
		{
			Name: "code 1 may pass", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(200, code(1))},
			Kind: upload.KindUnavailable, Arrived: upload.ArrivedMaybe, Status: 200, Code: "1", Request: "04f7",
		},
		{
			Name: "code 5, nothing there", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(200, code(5))},
			Kind: upload.KindRejected, Arrived: upload.ArrivedNothing, Status: 200, Code: "5", Request: "04f7",
		},
		{
			Name: "code 6, there already", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(200, code(6))},
			Kind: upload.KindRejected, Arrived: upload.ArrivedNothing, Status: 200, Code: "6", Request: "04f7",
		},
		{
			Name: "code 8 under 200 waits as long as we think", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(200, code(8))},
			Kind: upload.KindThrottled, Arrived: upload.ArrivedNothing, Status: 200, Code: "8", Request: "04f7",
		},
		{
			Name: "code 8 under 429 waits as it is told", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(429, code(8)).Saying("Retry-After", "5")},
			Kind: upload.KindThrottled, Arrived: upload.ArrivedNothing, Status: 429, Code: "8", Request: "04f7", Wait: 5 * time.Second,
		},
		{
			Name: "429 without words", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(429, "")},
			Kind: upload.KindThrottled, Arrived: upload.ArrivedNothing, Status: 429,
		},
		{
			Name: "code 13 under 200", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(200, code(13))},
			Kind: upload.KindUnavailable, Arrived: upload.ArrivedMaybe, Status: 200, Code: "13", Request: "04f7",
		},
		{
			Name: "code 13 under 500", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(500, code(13))},
			Kind: upload.KindUnavailable, Arrived: upload.ArrivedMaybe, Status: 500, Code: "13", Request: "04f7",
		},
		{
			Name: "500 without words", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(500, "")},
			Kind: upload.KindUnavailable, Arrived: upload.ArrivedMaybe, Status: 500,
		},
		{
			Name: "500 that says code 0", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(500, code(0))},
			Kind: upload.KindUnavailable, Arrived: upload.ArrivedMaybe, Status: 500, Code: "0", Request: "04f7",
		},
		{
			Name: "an unknown code under 200 may pass", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(200, code(99))},
			Kind: upload.KindUnavailable, Arrived: upload.ArrivedMaybe, Status: 200, Code: "99", Request: "04f7",
		},
		{
			Name: "an unknown code under 400 is judged by the status", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(400, code(99))},
			Kind: upload.KindRejected, Arrived: upload.ArrivedNothing, Status: 400, Code: "99", Request: "04f7",
		},
		{
			Name: "no data", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(200, code(0))},
			Kind: upload.KindUnavailable, Then: upload.KindRejected, Arrived: upload.ArrivedMaybe, Status: 200, Text: "answered OK without data",
		},
		{
			Name: "data that is no object", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(200, `{"code":0,"data":"x"}`)},
			Kind: upload.KindUnavailable, Then: upload.KindRejected, Arrived: upload.ArrivedMaybe, Status: 200,
		},
		{
			Name: "an empty success", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(200, "")},
			Kind: upload.KindUnavailable, Arrived: upload.ArrivedMaybe, Status: 200,
		},
		{
			Name: "a page instead of JSON", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(200, "<html>").Saying("Server", "gatekeeper")},
			Kind: upload.KindUnavailable, Arrived: upload.ArrivedMaybe, Status: 200, Text: "policy token answered OK with something other than the expected JSON (text/html, server gatekeeper)",
		},
		{
			Name: "JSON without a code or data", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(200, `{"status":"maintenance"}`)},
			Kind: upload.KindUnavailable, Arrived: upload.ArrivedMaybe, Status: 200, Text: "answered OK without data",
		},
		{
			Name: "a video without its URL", Call: videoCall, Script: []wiretest.Exchange{wiretest.Refuse(200, `{"code":0,"data":{"url":"https://h/v"}}`)},
			Kind: upload.KindUnavailable, Then: upload.KindRejected, Arrived: upload.ArrivedMaybe, Status: 200, Text: "without upload_url",
		},
		{
			Name: "a video without its place", Call: videoCall, Script: []wiretest.Exchange{wiretest.Refuse(200, `{"code":0,"data":{"upload_url":"https://h/v"}}`)},
			Kind: upload.KindUnavailable, Then: upload.KindRejected, Arrived: upload.ArrivedMaybe, Status: 200, Text: "without url",
		},
		{
			Name: "a video whose place is no URL", Call: videoCall, Script: []wiretest.Exchange{wiretest.Refuse(200, `{"code":0,"data":{"upload_url":"https://h/v","url":"https://h/%zz"}}`)},
			Kind: upload.KindUnavailable, Then: upload.KindRejected, Arrived: upload.ArrivedMaybe, Status: 200, Text: "with an invalid url",
		},
	}
	for _, field := range []string{"access_id", "host", "signature", "policy", "dir", "callback"} {
		given := grant("sig1", wiretest.Noon.Add(time.Hour))
		given[field] = ""
		rows = append(rows, wiretest.Refusal{
			Name: "a policy without " + field, Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(200, said(given))},
			Kind: upload.KindUnavailable, Then: upload.KindRejected, Arrived: upload.ArrivedMaybe, Status: 200, Text: "policy token answered OK without " + field,
		})
	}
	wiretest.CheckRefusals(t, trustoo, signed, rows)
}
