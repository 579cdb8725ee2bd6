package vendors

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
)

var trustanaSettings = map[string]string{"api_key": canary + "-key"}

func trustanaRig(t *testing.T) *rig { return newRig(t, "trustana", trustanaSettings) }

func trustanaPrepareCall(r *rig) error {
	_, err := Trustana{}.Prepare(r.ctx, r.caller, upload.Prepare{Item: item("trustana", nil), Content: jpeg()})
	return err
}

func trustanaPollCall(r *rig) error {
	_, err := Trustana{}.Poll(r.ctx, r.caller, upload.Poll{Session: upload.Session{ID: "upl_1"}, Content: jpeg()})
	return err
}

const trustanaGrant = `{"errorCode":0,"data":{"uploadUrl":"https://s3.amazonaws.com/b/k?X-Amz-Signature=` + canary + `","expiresIn":900,` +
	`"fileName":"image-123-1700000000000.jpg","finalUrl":"https://cdn.trustana.com/x/image-123.jpg","uploadId":"upl_01hxyz"}}`

func TestTrustanaPrepares(t *testing.T) {
	header := map[string]string{"X-API-Key": canary + "-key", "Accept": "application/json"}
	cases := []struct {
		name   string
		fields upload.Fields
		file   string
		body   string
	}{
		{
			name:   "with all fields",
			fields: upload.Fields{"fileName": "product-image3.jpg", "skuIds": []any{"SKU123", "SKU456"}, "addToMediaGallery": true},
			body:   `{"fileName":"product-image3.jpg","skuIds":["SKU123","SKU456"],"addToMediaGallery":true}`,
		},
		{name: "with the source's own name", body: `{"fileName":"photo.jpg"}`},
		{name: "with a choice that is no", fields: upload.Fields{"addToMediaGallery": false}, body: `{"fileName":"photo.jpg","addToMediaGallery":false}`},
		{name: "with a list of none", fields: upload.Fields{"skuIds": []any{}}, body: `{"fileName":"photo.jpg"}`},
		{name: "with an extension that the vendor does not list", fields: upload.Fields{"fileName": "a.b.TIF"}, body: `{"fileName":"a.b.tiff"}`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := trustanaRig(t).on(exchange{ask: "POST /base/upload/prepare", header: header, body: c.body, answer: trustanaGrant})
			session, err := Trustana{}.Prepare(t.Context(), r.caller, upload.Prepare{Item: item("trustana", c.fields), Content: jpeg()})
			require.NoError(t, err)
			require.Equal(t, upload.Session{
				Method: upload.MethodPut, Store: upload.StoreS3,
				ID: "upl_01hxyz", FileName: "image-123-1700000000000.jpg",
				URL:    "https://s3.amazonaws.com/b/k?X-Amz-Signature=" + canary,
				Header: map[string]string{"Content-Type": "image/jpeg"}, // and nothing of the vendor's
				Media:  upload.Media{URL: "https://cdn.trustana.com/x/image-123.jpg"},

				ExpiresAt: noon.Add(15 * time.Minute), Life: 15 * time.Minute, OpenedAt: noon,
			}, session)
			require.Equal(t, 1, r.permits.taken)
		})
	}
}

func TestTrustanasURLEndsOnOurClock(t *testing.T) {
	const signed = `"https://s3/k?X-Amz-Date=20260301T120000Z&X-Amz-Expires=300&X-Amz-Signature=s"`
	cases := []struct {
		name, url, expiresIn string
		date, want           time.Duration
	}{
		{name: "after as long as the answer says, whatever the vendor's clock", url: `"https://s3/k"`, expiresIn: "900", date: time.Hour, want: 15 * time.Minute},
		{name: "after as long as the URL says, where that is less", url: signed, expiresIn: "900", want: 5 * time.Minute},
		{name: "after as long as the answer says, where that is less", url: signed, expiresIn: "60", want: time.Minute},
		{name: "when the URL says, with the vendor's clock ahead", url: signed, expiresIn: "0", date: 2 * time.Minute, want: 3 * time.Minute},
		{name: "no later than as long as the URL says, with the vendor's clock behind", url: signed, expiresIn: "0", date: -2 * time.Minute, want: 5 * time.Minute},
		{name: "when the URL says, with a clock a second off, which Date cannot tell", url: signed, expiresIn: "0", date: time.Second, want: 5 * time.Minute},
		{name: "after as long as the URL says, with a clock by which it is over", url: signed, expiresIn: "0", date: 20 * time.Minute, want: 5 * time.Minute},
		{name: "after fifteen minutes, where nobody says", url: `"https://s3/k"`, expiresIn: "0", want: 15 * time.Minute},
		{name: "after a while, where the answer says a number that is no time", url: `"https://s3/k"`, expiresIn: "9223372036854775807", want: longestLife},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := trustanaRig(t).on(exchange{loose: true, date: c.date, status: 201, answer: `{"errorCode":0,"data":{"uploadUrl":` + c.url + `,"expiresIn":` + c.expiresIn + `,"uploadId":"u"}}`})
			session, err := Trustana{}.Prepare(t.Context(), r.caller, upload.Prepare{Item: item("trustana", nil), Content: jpeg()})
			require.NoError(t, err)
			require.Equal(t, noon.Add(c.want), session.ExpiresAt)
			require.Equal(t, c.want, session.Life)
		})
	}
}

func TestTrustanaIsAsked(t *testing.T) {
	const done = `{"errorCode":0,"data":{"fileId":"IM16127893","key":"k","originalName":"p.jpg","size":1000,"format":"image/png","createdAt":1759261154858}}`
	header := map[string]string{"X-API-Key": canary + "-key"}
	session := upload.Session{ID: "upl_1&2", FileName: "image 1.jpg", Media: upload.Media{URL: "https://cdn/final.jpg"}}
	ready := upload.Media{ID: "IM16127893", URL: "https://cdn/final.jpg", State: upload.StateReady, Seen: "200"}
	processing := upload.Media{State: upload.StateProcessing, Seen: "404"}
	cases := []struct {
		name   string
		ask    string
		byName bool
		status int
		answer string
		want   upload.Media
	}{
		{name: "by its ID", ask: "uploadId=upl_1%262", answer: done, want: ready},
		{name: "by its name", ask: "fileName=image+1.jpg", byName: true, answer: done, want: ready},
		{name: "and does not know yet", ask: "uploadId=upl_1%262", status: 404, answer: `{"errorCode":404,"message":"not found"}`, want: processing},
		{name: "and does not know yet, with no words", ask: "uploadId=upl_1%262", status: 404, want: processing},
		{name: "and does not know yet, under a success", ask: "uploadId=upl_1%262", answer: `{"errorCode":404,"message":"not found"}`, want: processing},
		{name: "and does not tell a size", ask: "uploadId=upl_1%262", answer: `{"errorCode":0,"data":{"fileId":"IM16127893"}}`, want: ready},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := trustanaRig(t).on(exchange{ask: "GET /base/upload/status?" + c.ask, header: header, status: c.status, answer: c.answer})
			media, err := Trustana{}.Poll(t.Context(), r.caller, upload.Poll{Session: session, Content: jpeg(), ByName: c.byName})
			require.NoError(t, err)
			require.Equal(t, c.want, media)
			require.Equal(t, 1, r.permits.taken)
		})
	}
}

// Contract 3.6.
func TestWhatTrustanaRefuses(t *testing.T) {
	said := func(status, code string) string { return `{"errorCode":` + status + `,"message":"` + code + `"}` }
	checkRefusals(t, "trustana", trustanaSettings, []refusal{
		{
			name: "prepare 400 is final", call: trustanaPrepareCall, script: []exchange{refuse(400, said("400", "bad extension"))},
			kind: upload.KindRejected, arrived: upload.ArrivedNothing, status: 400, code: "400", text: "prepare answered 400: bad extension",
		},
		{
			name: "prepare 401 stops the account", call: trustanaPrepareCall, script: []exchange{refuse(401, said("401", "key "+canary+"-key is not active"))},
			kind: upload.KindDenied, arrived: upload.ArrivedNothing, status: 401, code: "401", text: "key [redacted] is not active",
		},
		{
			name: "prepare 403 stops the account", call: trustanaPrepareCall, script: []exchange{refuse(403, "")},
			kind: upload.KindDenied, arrived: upload.ArrivedNothing, status: 403, text: "forbidden",
		},
		{
			name: "prepare 404 is final", call: trustanaPrepareCall, script: []exchange{refuse(404, said("404", "no"))},
			kind: upload.KindRejected, arrived: upload.ArrivedNothing, status: 404, code: "404",
		},
		{
			name: "prepare 429 waits as it is told", call: trustanaPrepareCall, script: []exchange{refuse(429, said("429", "slow")).saying("Retry-After", "7")},
			kind: upload.KindThrottled, arrived: upload.ArrivedNothing, status: 429, code: "429", wait: 7 * time.Second,
		},
		{
			name: "prepare 429 waits until a date", call: trustanaPrepareCall, script: []exchange{refuse(429, "").saying("Retry-After", noon.Add(9*time.Second).Format(http.TimeFormat))},
			kind: upload.KindThrottled, arrived: upload.ArrivedNothing, status: 429, wait: 9 * time.Second,
		},
		{
			name: "prepare 429 waits until a date by the vendor's own clock, which is ahead", call: trustanaPrepareCall,
			script: []exchange{{loose: true, date: time.Hour, status: 429, says: map[string]string{"Retry-After": noon.Add(time.Hour + 9*time.Second).Format(http.TimeFormat)}}},
			kind:   upload.KindThrottled, arrived: upload.ArrivedNothing, status: 429, wait: 9 * time.Second,
		},
		{
			name: "prepare 429 waits until a date by the vendor's own clock, which is behind", call: trustanaPrepareCall,
			script: []exchange{{loose: true, date: -time.Hour, status: 429, says: map[string]string{"Retry-After": noon.Add(-time.Hour + 9*time.Second).Format(http.TimeFormat)}}},
			kind:   upload.KindThrottled, arrived: upload.ArrivedNothing, status: 429, wait: 9 * time.Second,
		},
		{
			name: "prepare 429 waits as long as we think, where it is not told", call: trustanaPrepareCall, script: []exchange{refuse(429, "")},
			kind: upload.KindThrottled, arrived: upload.ArrivedNothing, status: 429,
		},
		{
			name: "prepare 429 waits no longer than a day", call: trustanaPrepareCall, script: []exchange{refuse(429, "").saying("Retry-After", "99999999")},
			kind: upload.KindThrottled, arrived: upload.ArrivedNothing, status: 429, wait: 24 * time.Hour,
		},
		{
			name: "prepare 500 may pass", call: trustanaPrepareCall, script: []exchange{refuse(500, said("500", "oops"))},
			kind: upload.KindUnavailable, arrived: upload.ArrivedMaybe, status: 500, code: "500",
		},
		{
			name: "prepare 503 may pass, and says when", call: trustanaPrepareCall, script: []exchange{refuse(503, "<html>down</html>").saying("Retry-After", "3")},
			kind: upload.KindUnavailable, arrived: upload.ArrivedMaybe, status: 503, wait: 3 * time.Second, text: "service unavailable",
		},
		{
			name: "prepare 408 may pass", call: trustanaPrepareCall, script: []exchange{refuse(408, "")},
			kind: upload.KindUnavailable, arrived: upload.ArrivedNothing, status: 408,
		},
		{
			name: "prepare without an answer may pass", call: trustanaPrepareCall, script: []exchange{{loose: true, do: drop}},
			kind: upload.KindUnavailable, arrived: upload.ArrivedMaybe, text: "prepare: EOF",
		},
		{
			name: "a redirect is not followed", call: trustanaPrepareCall, script: []exchange{refuse(302, "").saying("Location", "/elsewhere")},
			kind: upload.KindRejected, arrived: upload.ArrivedMaybe, status: 302,
		},
		{
			name: "a code under a success counts as a status", call: trustanaPrepareCall, script: []exchange{refuse(200, said("401", "who?"))},
			kind: upload.KindDenied, arrived: upload.ArrivedNothing, status: 200, code: "401", text: "prepare answered 200 with code 401: who?",
		},
		{
			name: "a code of too many calls under a success too", call: trustanaPrepareCall, script: []exchange{refuse(200, said("429", "")).saying("Retry-After", "4")},
			kind: upload.KindThrottled, arrived: upload.ArrivedNothing, status: 200, code: "429", wait: 4 * time.Second,
		},
		{
			name: "a code that is no status may pass", call: trustanaPrepareCall, script: []exchange{refuse(200, said("1001", "what?"))},
			kind: upload.KindUnavailable, arrived: upload.ArrivedMaybe, status: 200, code: "1001", text: "prepare answered 200 with code 1001: what?",
		},
		{
			name: "a negative code may pass", call: trustanaPrepareCall, script: []exchange{refuse(200, said("-1", "what?"))},
			kind: upload.KindUnavailable, arrived: upload.ArrivedMaybe, status: 200, code: "-1",
		},
		{
			name: "the status decides before the code", call: trustanaPrepareCall, script: []exchange{refuse(400, said("500", "x"))},
			kind: upload.KindRejected, arrived: upload.ArrivedNothing, status: 400, code: "500",
		},
		{
			name: "an empty success may pass", call: trustanaPrepareCall, script: []exchange{refuse(200, "")},
			kind: upload.KindUnavailable, arrived: upload.ArrivedMaybe, status: 200, text: "no JSON as expected",
		},
		{
			name: "a page instead of JSON may pass", call: trustanaPrepareCall, script: []exchange{refuse(200, "<html>"+canary+"</html>")},
			kind: upload.KindUnavailable, arrived: upload.ArrivedMaybe, status: 200, text: "no JSON as expected",
		},
		{
			name: "a success without data may pass", call: trustanaPrepareCall, script: []exchange{refuse(200, `{"errorCode":0}`)},
			kind: upload.KindUnavailable, arrived: upload.ArrivedMaybe, status: 200,
		},
		{
			name: "a success without a URL may pass", call: trustanaPrepareCall, script: []exchange{refuse(200, `{"errorCode":0,"data":{"uploadId":"u"}}`)},
			kind: upload.KindUnavailable, arrived: upload.ArrivedMaybe, status: 200, text: "no uploadUrl or uploadId",
		},
		{
			name: "a success without an ID may pass", call: trustanaPrepareCall, script: []exchange{refuse(200, `{"errorCode":0,"data":{"uploadUrl":"https://s3/k"}}`)},
			kind: upload.KindUnavailable, arrived: upload.ArrivedMaybe, status: 200, text: "no uploadUrl or uploadId",
		},
		{
			name: "status 401 stops the account", call: trustanaPollCall, script: []exchange{refuse(401, "")},
			kind: upload.KindDenied, arrived: upload.ArrivedNothing, status: 401,
		},
		{
			name: "status 429 goes on later", call: trustanaPollCall, script: []exchange{refuse(429, "").saying("Retry-After", "2")},
			kind: upload.KindThrottled, arrived: upload.ArrivedNothing, status: 429, wait: 2 * time.Second,
		},
		{
			name: "status 5xx goes on", call: trustanaPollCall, script: []exchange{refuse(502, "")},
			kind: upload.KindUnavailable, arrived: upload.ArrivedMaybe, status: 502,
		},
		{
			name: "status without an answer goes on", call: trustanaPollCall, script: []exchange{{loose: true, do: drop}},
			kind: upload.KindUnavailable, arrived: upload.ArrivedMaybe,
		},
		{
			name: "status without a file ID goes on", call: trustanaPollCall, script: []exchange{refuse(200, `{"errorCode":0,"data":{}}`)},
			kind: upload.KindUnavailable, arrived: upload.ArrivedMaybe, status: 200, text: "no fileId",
		},
		{
			name: "a size that is not ours is damage, and not repeated", call: trustanaPollCall, script: []exchange{refuse(200, `{"errorCode":0,"data":{"fileId":"IM1","size":999}}`)},
			kind: upload.KindCorrupt, text: "vendor has 999 bytes as IM1, sent were 1000", hint: "look at IM1",
		},
	})
}
