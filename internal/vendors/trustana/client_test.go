package trustana

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/wire"
	"github.com/mediaferry/mediaferry/internal/vendors/wire/wiretest"
)

var settings = map[string]string{"api_key": wiretest.Canary + "-key"}

func rig(t *testing.T) *wiretest.Rig { return wiretest.New(t, trustana, settings) }

func prepareCall(r *wiretest.Rig) error {
	_, err := Client{}.Prepare(r.Ctx, r.Caller, upload.Prepare{Item: wiretest.Item("trustana", nil), Content: wiretest.JPEG()})
	return err
}

func pollCall(r *wiretest.Rig) error {
	_, err := Client{}.Poll(r.Ctx, r.Caller, upload.Poll{Session: upload.Session{ID: "upl_1"}, Content: wiretest.JPEG()})
	return err
}

const grant = `{"errorCode":0,"data":{"uploadUrl":"https://s3.amazonaws.com/b/k?X-Amz-Signature=` + wiretest.Canary + `","expiresIn":900,` +
	`"fileName":"image-123-1700000000000.jpg","finalUrl":"https://cdn.trustana.com/x/image-123.jpg","uploadId":"upl_01hxyz"}}`

func TestTrustanaPrepares(t *testing.T) {
	header := map[string]string{"X-API-Key": wiretest.Canary + "-key", "Accept": "application/json"}
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
			r := rig(t).On(wiretest.Exchange{Ask: "POST /base/upload/prepare", Header: header, Body: c.body, Answer: grant})
			session, err := Client{}.Prepare(t.Context(), r.Caller, upload.Prepare{Item: wiretest.Item("trustana", c.fields), Content: wiretest.JPEG()})
			require.NoError(t, err)
			require.Equal(t, upload.Session{
				Method: upload.MethodPut, Store: upload.StoreS3,
				ID: "upl_01hxyz", FileName: "image-123-1700000000000.jpg",
				URL:    "https://s3.amazonaws.com/b/k?X-Amz-Signature=" + wiretest.Canary,
				Header: map[string]string{"Content-Type": "image/jpeg"}, // and nothing of the vendor's
				Media:  upload.Media{URL: "https://cdn.trustana.com/x/image-123.jpg"},

				ExpiresAt: wiretest.Noon.Add(15 * time.Minute), Life: 15 * time.Minute, OpenedAt: wiretest.Noon,
			}, session)
			require.Equal(t, 1, r.Permits.Taken)
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
		{name: "after fifteen minutes, where the answer says less than nothing", url: `"https://s3/k"`, expiresIn: "-99999999", want: 15 * time.Minute},
		{name: "after a while, where the answer says a number that is no time", url: `"https://s3/k"`, expiresIn: "9223372036854775807", want: wire.LongestLife},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := rig(t).On(wiretest.Exchange{Loose: true, Date: c.date, Status: 201, Answer: `{"errorCode":0,"data":{"uploadUrl":` + c.url + `,"expiresIn":` + c.expiresIn + `,"uploadId":"u"}}`})
			session, err := Client{}.Prepare(t.Context(), r.Caller, upload.Prepare{Item: wiretest.Item("trustana", nil), Content: wiretest.JPEG()})
			require.NoError(t, err)
			require.Equal(t, wiretest.Noon.Add(c.want), session.ExpiresAt)
			require.Equal(t, c.want, session.Life)
		})
	}
}

func TestAnAddressToWhichNothingCanBeSentIsAnIllFormedAnswer(t *testing.T) {
	for url, why := range map[string]string{
		"file:///etc/passwd":                  "is not an https: URL",
		"gopher://h/x":                        "is not an https: URL",
		"javascript:alert(1)":                 "is not an https: URL",
		"https://user:c4n4ry@h/k":             "contains a user name",
		"https://c4n4ry@h/k":                  "contains a user name",
		`https://h/k\r\nX-Evil: 1`:            "is not a URL",
		`https://h\u0000/k`:                   "is not a URL",
		"https:///k":                          "has no host",
		"/k":                                  "is not an https: URL",
		"//h/k":                               "is not an https: URL",
		"k":                                   "is not an https: URL",
		"https://h:c4n4ry/k?X-Amz-Signature=": "is not a URL",
	} {
		r := rig(t).On(wiretest.Exchange{Loose: true, Answer: `{"errorCode":0,"data":{"uploadUrl":"` + url + `","expiresIn":900,"uploadId":"u"}}`})
		e := r.Failed(prepareCall(r))
		require.Equal(t, upload.KindUnavailable, e.Kind)
		require.Equal(t, upload.KindRejected, e.Then, "a second one is final")
		require.Contains(t, e.Message, "prepare answered OK with an invalid uploadUrl: it "+why, url)
	}
}

func TestTrustanaIsAsked(t *testing.T) {
	const done = `{"errorCode":0,"data":{"fileId":"IM16127893","key":"k","originalName":"p.jpg","size":1000,"format":"image/png","createdAt":1759261154858}}`
	header := map[string]string{"X-API-Key": wiretest.Canary + "-key"}
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
			r := rig(t).On(wiretest.Exchange{Ask: "GET /base/upload/status?" + c.ask, Header: header, Status: c.status, Answer: c.answer})
			media, err := Client{}.Poll(t.Context(), r.Caller, upload.Poll{Session: session, Content: wiretest.JPEG(), ByName: c.byName})
			require.NoError(t, err)
			require.Equal(t, c.want, media)
			require.Equal(t, 1, r.Permits.Taken)
		})
	}
}

// Contract 3.6.
func TestWhatTrustanaRefuses(t *testing.T) {
	said := func(status, code string) string { return `{"errorCode":` + status + `,"message":"` + code + `"}` }
	wiretest.CheckRefusals(t, trustana, settings, []wiretest.Refusal{
		{
			Name: "prepare 400 is final", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(400, said("400", "bad extension"))},
			Kind: upload.KindRejected, Arrived: upload.ArrivedNothing, Status: 400, Code: "400", Text: "prepare answered 400: bad extension",
		},
		{
			Name: "prepare 401 stops the account", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(401, said("401", "key "+wiretest.Canary+"-key is not active"))},
			Kind: upload.KindDenied, Arrived: upload.ArrivedNothing, Status: 401, Code: "401", Text: "key [redacted] is not active",
		},
		{
			Name: "prepare 403 stops the account", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(403, "")},
			Kind: upload.KindDenied, Arrived: upload.ArrivedNothing, Status: 403, Text: "forbidden",
		},
		{
			Name: "prepare 404 is final", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(404, said("404", "no"))},
			Kind: upload.KindRejected, Arrived: upload.ArrivedNothing, Status: 404, Code: "404",
		},
		{
			Name: "prepare 429 waits as it is told", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(429, said("429", "slow")).Saying("Retry-After", "7")},
			Kind: upload.KindThrottled, Arrived: upload.ArrivedNothing, Status: 429, Code: "429", Wait: 7 * time.Second,
		},
		{
			Name: "prepare 429 waits until a date", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(429, "").Saying("Retry-After", wiretest.Noon.Add(9*time.Second).Format(http.TimeFormat))},
			Kind: upload.KindThrottled, Arrived: upload.ArrivedNothing, Status: 429, Wait: 9 * time.Second,
		},
		{
			Name: "prepare 429 waits until a date by the vendor's own clock, which is ahead", Call: prepareCall,
			Script: []wiretest.Exchange{{Loose: true, Date: time.Hour, Status: 429, Says: map[string]string{"Retry-After": wiretest.Noon.Add(time.Hour + 9*time.Second).Format(http.TimeFormat)}}},
			Kind:   upload.KindThrottled, Arrived: upload.ArrivedNothing, Status: 429, Wait: 9 * time.Second,
		},
		{
			Name: "prepare 429 waits until a date by the vendor's own clock, which is behind", Call: prepareCall,
			Script: []wiretest.Exchange{{Loose: true, Date: -time.Hour, Status: 429, Says: map[string]string{"Retry-After": wiretest.Noon.Add(-time.Hour + 9*time.Second).Format(http.TimeFormat)}}},
			Kind:   upload.KindThrottled, Arrived: upload.ArrivedNothing, Status: 429, Wait: 9 * time.Second,
		},
		{
			Name: "prepare 429 waits as long as we think, where it is not told", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(429, "")},
			Kind: upload.KindThrottled, Arrived: upload.ArrivedNothing, Status: 429,
		},
		{
			Name: "prepare 429 waits no longer than an hour", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(429, "").Saying("Retry-After", "99999999")},
			Kind: upload.KindThrottled, Arrived: upload.ArrivedNothing, Status: 429, Wait: time.Hour,
		},
		{
			Name: "prepare 500 may pass", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(500, said("500", "oops"))},
			Kind: upload.KindUnavailable, Arrived: upload.ArrivedMaybe, Status: 500, Code: "500",
		},
		{
			Name: "prepare 503 may pass, and says when", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(503, "<html>down</html>").Saying("Retry-After", "3")},
			Kind: upload.KindUnavailable, Arrived: upload.ArrivedMaybe, Status: 503, Wait: 3 * time.Second, Text: "service unavailable",
		},
		{
			Name: "prepare 408 may pass", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(408, "")},
			Kind: upload.KindUnavailable, Arrived: upload.ArrivedNothing, Status: 408,
		},
		{
			Name: "prepare without an answer may pass", Call: prepareCall, Script: []wiretest.Exchange{{Loose: true, Do: wiretest.Drop}},
			Kind: upload.KindUnavailable, Arrived: upload.ArrivedMaybe, Text: "prepare: EOF",
		},
		{
			Name: "a redirect is not followed", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(302, "").Saying("Location", "/elsewhere")},
			Kind: upload.KindUnavailable, Arrived: upload.ArrivedMaybe, Status: 302,
		},
		{
			Name: "a code under a success counts as a status", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(200, said("401", "who?"))},
			Kind: upload.KindDenied, Arrived: upload.ArrivedNothing, Status: 200, Code: "401", Text: "prepare answered 200 with code 401: who?",
		},
		{
			Name: "a code of too many calls under a success too", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(200, said("429", "")).Saying("Retry-After", "4")},
			Kind: upload.KindThrottled, Arrived: upload.ArrivedNothing, Status: 200, Code: "429", Wait: 4 * time.Second,
		},
		{
			Name: "a code that is no status may pass", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(200, said("1001", "what?"))},
			Kind: upload.KindUnavailable, Arrived: upload.ArrivedMaybe, Status: 200, Code: "1001", Text: "prepare answered 200 with code 1001: what?",
		},
		{
			Name: "a negative code may pass", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(200, said("-1", "what?"))},
			Kind: upload.KindUnavailable, Arrived: upload.ArrivedMaybe, Status: 200, Code: "-1",
		},
		{
			Name: "the status decides before the code", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(400, said("500", "x"))},
			Kind: upload.KindRejected, Arrived: upload.ArrivedNothing, Status: 400, Code: "500",
		},
		{
			Name: "an empty success may pass", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(200, "")},
			Kind: upload.KindUnavailable, Arrived: upload.ArrivedMaybe, Status: 200, Text: "with something other than the expected JSON",
		},
		{
			Name: "a page instead of JSON may pass", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(200, "<html>"+wiretest.Canary+"</html>")},
			Kind: upload.KindUnavailable, Arrived: upload.ArrivedMaybe, Status: 200, Text: "with something other than the expected JSON",
		},
		{
			Name: "a success without data may pass", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(200, `{"errorCode":0}`)},
			Kind: upload.KindUnavailable, Then: upload.KindRejected, Arrived: upload.ArrivedMaybe, Status: 200,
		},
		{
			Name: "a success without a URL may pass", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(200, `{"errorCode":0,"data":{"uploadId":"u"}}`)},
			Kind: upload.KindUnavailable, Then: upload.KindRejected, Arrived: upload.ArrivedMaybe, Status: 200, Text: "without uploadUrl",
		},
		{
			Name: "a success without an ID may pass", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(200, `{"errorCode":0,"data":{"uploadUrl":"https://s3/k"}}`)},
			Kind: upload.KindUnavailable, Then: upload.KindRejected, Arrived: upload.ArrivedMaybe, Status: 200, Text: "without uploadId",
		},
		{
			Name: "status 401 stops the account", Call: pollCall, Script: []wiretest.Exchange{wiretest.Refuse(401, "")},
			Kind: upload.KindDenied, Arrived: upload.ArrivedNothing, Status: 401,
		},
		{
			Name: "status 429 goes on later", Call: pollCall, Script: []wiretest.Exchange{wiretest.Refuse(429, "").Saying("Retry-After", "2")},
			Kind: upload.KindThrottled, Arrived: upload.ArrivedNothing, Status: 429, Wait: 2 * time.Second,
		},
		{
			Name: "status 5xx goes on", Call: pollCall, Script: []wiretest.Exchange{wiretest.Refuse(502, "")},
			Kind: upload.KindUnavailable, Arrived: upload.ArrivedMaybe, Status: 502,
		},
		{
			Name: "status without an answer goes on", Call: pollCall, Script: []wiretest.Exchange{{Loose: true, Do: wiretest.Drop}},
			Kind: upload.KindUnavailable, Arrived: upload.ArrivedMaybe,
		},
		{
			Name: "status without a file ID goes on", Call: pollCall, Script: []wiretest.Exchange{wiretest.Refuse(200, `{"errorCode":0,"data":{}}`)},
			Kind: upload.KindUnavailable, Then: upload.KindRejected, Arrived: upload.ArrivedMaybe, Status: 200, Text: "without fileId",
		},
		{
			Name: "a size that is not ours is damage, and not repeated", Call: pollCall, Script: []wiretest.Exchange{wiretest.Refuse(200, `{"errorCode":0,"data":{"fileId":"IM1","size":999}}`)},
			Kind: upload.KindCorrupt, Text: "the vendor has 999 bytes for IM1, but 1000 were sent", Hint: "check IM1",
		},
	})
}

func TestNoTrustanaCallIsMadeWithoutAPermitOrLostWithoutAWord(t *testing.T) {
	wiretest.CheckCalls(t, trustana, map[string]wiretest.ControlCall{
		"prepare": {Settings: settings, Call: prepareCall},
		"status":  {Settings: settings, Call: pollCall},
	})
}

func TestSecretSettingsAreMarkedAsSuch(t *testing.T) {
	require.Equal(t, []string{"api_key"}, wiretest.SecretSettings(trustana))
}
