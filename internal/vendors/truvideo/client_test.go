package truvideo

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/wire"
	"github.com/mediaferry/mediaferry/internal/vendors/wire/wiretest"
)

var settings = map[string]string{"api_key": wiretest.Canary + "-key", "secret": wiretest.Canary + "-secret", "external_id": "tenant"}

// rig has logged in already.
func rig(t *testing.T) *wiretest.Rig {
	r := wiretest.New(t, truvideo, settings)
	r.Tokens.Keep(wire.AccessToken, wire.Token{Value: []byte(wiretest.Canary + "-jwt"), ExpiresAt: wiretest.Noon.Add(time.Hour), Version: 7})
	return r
}

func video() upload.Content {
	return upload.Content{Size: 25 << 20, Type: "video/mp4", Name: "film.mp4"}
}

func prepareCall(r *wiretest.Rig) error {
	_, err := Client{}.Prepare(r.Ctx, r.Caller, upload.Prepare{Item: wiretest.Item("truvideo", nil), Content: video(), Plan: upload.Plan{Parts: 3}})
	return err
}

func signCall(r *wiretest.Rig) error {
	_, err := Client{}.SignParts(r.Ctx, r.Caller, upload.SignParts{Session: "66d9", Parts: []int{3}, Open: 2})
	return err
}

func completeCall(r *wiretest.Rig) error {
	_, err := Client{}.Complete(r.Ctx, r.Caller, upload.Complete{Session: "66d9", Parts: []upload.Part{{Number: 1, ETag: "e"}}})
	return err
}

func pollCall(r *wiretest.Rig) error {
	_, err := Client{}.Poll(r.Ctx, r.Caller, upload.Poll{Session: upload.Session{ID: "66d9"}})
	return err
}

var bearer = map[string]string{"Authorization": "Bearer " + wiretest.Canary + "-jwt"}

const started = `{"uploadId":"66d9","mediaId":"0f4c","parts":[` +
	`{"partNumber":1,"presignedUrl":"https://s3/k?partNumber=1&X-Amz-Signature=` + wiretest.Canary + `","expiresAt":"2026-03-01T12:20:00Z"},` +
	`{"partNumber":2,"presignedUrl":"https://s3/k?partNumber=2","expiresAt":"2026-03-01T12:10:00Z"}]}`

func TestTruvideoStarts(t *testing.T) {
	cases := []struct {
		name   string
		kind   string
		fields upload.Fields
		body   string
	}{
		{
			name: "with all fields, the metadata beside the media",
			fields: upload.Fields{
				"title": "Hello: World!", "creator": "FirstName LastName", "duration": float64(76661), "resolution": "NORMAL",
				"tags": map[string]any{"brand": "Jeep"}, "isLibrary": false, "includeInReport": true, "metadata": map[string]any{"retentionDays": float64(365)},
			},
			body: `{"amountOfParts":3,"media":{"fileType":"MP4","creator":"FirstName LastName","title":"Hello: World!","duration":76661,"resolution":"NORMAL",` +
				`"tags":{"brand":"Jeep"},"insights":{"isLibrary":false,"includeInReport":true}},"metadata":{"retentionDays":365}}`,
		},
		{name: "with none", body: `{"amountOfParts":3,"media":{"fileType":"MP4"}}`},
		{name: "with one insight", fields: upload.Fields{"isLibrary": true}, body: `{"amountOfParts":3,"media":{"fileType":"MP4","insights":{"isLibrary":true}}}`},
		{name: "with the other", fields: upload.Fields{"includeInReport": false}, body: `{"amountOfParts":3,"media":{"fileType":"MP4","insights":{"includeInReport":false}}}`},
		{name: "with a duration of nothing", fields: upload.Fields{"duration": float64(0)}, body: `{"amountOfParts":3,"media":{"fileType":"MP4","duration":0}}`},
		{name: "with another type", kind: "application/pdf", body: `{"amountOfParts":3,"media":{"fileType":"PDF"}}`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			content := video()
			if c.kind != "" {
				content.Type = c.kind
			}
			plan := upload.Plan{Size: content.Size, PartSize: 10 << 20, Parts: 3}
			r := rig(t).On(wiretest.Exchange{Ask: "POST /base/upload/start", Header: bearer, Body: c.body, Status: 201, Answer: started})
			session, err := Client{}.Prepare(t.Context(), r.Caller, upload.Prepare{Item: wiretest.Item("truvideo", c.fields), Content: content, Plan: plan})
			require.NoError(t, err)
			require.Equal(t, upload.Session{
				Method: upload.MethodMultipart, Store: upload.StoreS3, ID: "66d9",
				Header: map[string]string{"Content-Type": content.Type}, Plan: plan,
				Parts: []upload.PartURL{
					{Number: 1, URL: "https://s3/k?partNumber=1&X-Amz-Signature=" + wiretest.Canary, ExpiresAt: wiretest.Noon.Add(20 * time.Minute), Life: 20 * time.Minute},
					{Number: 2, URL: "https://s3/k?partNumber=2", ExpiresAt: wiretest.Noon.Add(10 * time.Minute), Life: 10 * time.Minute},
				},
				Life: 20 * time.Minute, OpenedAt: wiretest.Noon, Media: upload.Media{ID: "0f4c"},
			}, session)
			require.Equal(t, 1, r.Permits.Taken)
		})
	}
}

func TestEveryTypeThatTruvideoTakesHasAFileType(t *testing.T) {
	var takes []string
	for _, r := range truvideo.Takes {
		takes = append(takes, r.Types...)
	}
	require.Len(t, takes, len(fileTypes))
	for _, kind := range takes {
		require.NotEmpty(t, fileTypes[kind], kind)
	}
}

// TV-2.
func TestAPartsURLEndsHoweverTheVendorSaysIt(t *testing.T) {
	const url = "https://s3/k"
	const signed = url + "?X-Amz-Date=20260301T120000Z&X-Amz-Expires=300"
	for _, c := range []struct {
		name, url, expires string
		date, want         time.Duration
	}{
		{"as RFC 3339", url, `"2026-03-01T12:10:00Z"`, 0, 10 * time.Minute},
		{"as RFC 3339 with fractions and a zone", url, `"2026-03-01T13:10:00.000+01:00"`, 0, 10 * time.Minute},
		{"in seconds", url, `1772367000`, 0, 10 * time.Minute},
		{"in milliseconds", url, `1772367000000`, 0, 10 * time.Minute},
		{"in seconds, as text", url, `"1772367000"`, 0, 10 * time.Minute},
		{"in milliseconds, as text", url, `"1772367000000"`, 0, 10 * time.Minute},
		{"not at all: twenty minutes", url, "", 0, 20 * time.Minute},
		{"as null", url, `null`, 0, 20 * time.Minute},
		{"as nothing", url, `""`, 0, 20 * time.Minute},
		{"as zero", url, `0`, 0, 20 * time.Minute},
		{"as something else", url, `"in a while"`, 0, 20 * time.Minute},
		{"as infinity", url, `"Inf"`, 0, 20 * time.Minute},
		{"as no number", url, `"NaN"`, 0, 20 * time.Minute},
		{"as a number that is no time", url, `1e300`, 0, 20 * time.Minute},
		{"in the URL itself", signed, "", 0, 5 * time.Minute},
		{"in the URL itself, which is earlier", signed, `"2026-03-01T12:10:00Z"`, 0, 5 * time.Minute},
		{"earlier than the URL says", signed, `"2026-03-01T12:01:00Z"`, 0, time.Minute},
		{"by a clock that is ahead", url, `"2026-03-01T12:10:00Z"`, 4 * time.Minute, 6 * time.Minute},
		{"by a clock that is behind", url, `"2026-03-01T12:10:00Z"`, -4 * time.Minute, 14 * time.Minute},
		{"by a clock by which it is over: twenty minutes", url, `"2026-03-01T12:10:00Z"`, time.Hour, 20 * time.Minute},
		{"in the URL itself, by a clock by which it is over", signed, `"2026-03-01T12:10:00Z"`, time.Hour, 5 * time.Minute},
		{"not at all, by any clock", url, "", time.Hour, 20 * time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			expires := ""
			if c.expires != "" {
				expires = `,"expiresAt":` + c.expires
			}
			r := rig(t).On(wiretest.Exchange{Loose: true, Date: c.date, Answer: `{"uploadId":"u","mediaId":"m","parts":[{"partNumber":1,"presignedUrl":"` + c.url + `"` + expires + `}]}`})
			session, err := Client{}.Prepare(t.Context(), r.Caller, upload.Prepare{Item: wiretest.Item("truvideo", nil), Content: video()})
			require.NoError(t, err)
			require.Equal(t, wiretest.Noon.Add(c.want), session.Parts[0].ExpiresAt)
		})
	}
}

func TestPartsThatAreNoneAreLeftOut(t *testing.T) {
	r := rig(t).On(wiretest.Exchange{Loose: true, Answer: `{"uploadId":"u","mediaId":"m","parts":[{"partNumber":0,"presignedUrl":"https://s3"},{"partNumber":1},{"partNumber":2,"presignedUrl":"https://s3/2"}]}`})
	session, err := Client{}.Prepare(t.Context(), r.Caller, upload.Prepare{Item: wiretest.Item("truvideo", nil), Content: video()})
	require.NoError(t, err)
	require.Len(t, session.Parts, 1)
	require.Equal(t, 2, session.Parts[0].Number)
}

func TestAPartsAddressToWhichNothingCanBeSentIsAnIllFormedAnswer(t *testing.T) {
	const parts = `"parts":[{"partNumber":1,"presignedUrl":"https://s3/1"},{"partNumber":2,"presignedUrl":"https://user:` + wiretest.Canary + `@s3/2"}]}`
	r := rig(t).On(wiretest.Exchange{Loose: true, Answer: `{"uploadId":"u","mediaId":"m",` + parts}, wiretest.Exchange{Loose: true, Answer: `{"uploadId":"u",` + parts})
	_, prepared := Client{}.Prepare(t.Context(), r.Caller, upload.Prepare{Item: wiretest.Item("truvideo", nil), Content: video()})
	_, signed := Client{}.SignParts(t.Context(), r.Caller, upload.SignParts{Session: "u", Parts: []int{1}, Open: 1})
	for _, err := range []error{prepared, signed} {
		e := r.Failed(err)
		require.Equal(t, upload.KindUnavailable, e.Kind)
		require.Equal(t, upload.KindRejected, e.Then)
		require.Contains(t, e.Message, "answered OK with an invalid presignedUrl: it contains a user name")
	}
}

func TestTruvideoHandsOutMoreURLs(t *testing.T) {
	r := rig(t).On(wiretest.Exchange{
		Ask: "GET /base/upload/66%2Fd9/parts?count=2", Header: bearer,
		Answer: `{"uploadId":"66d9","parts":[{"partNumber":3,"presignedUrl":"https://s3/3"},{"partNumber":5,"presignedUrl":"https://s3/5","expiresAt":1772367000}]}`,
	})
	urls, err := Client{}.SignParts(t.Context(), r.Caller, upload.SignParts{Session: "66/d9", Parts: []int{5, 3}, Open: 2})
	require.NoError(t, err)
	require.Equal(t, []upload.PartURL{
		{Number: 3, URL: "https://s3/3", ExpiresAt: wiretest.Noon.Add(20 * time.Minute), Life: 20 * time.Minute},
		{Number: 5, URL: "https://s3/5", ExpiresAt: wiretest.Noon.Add(10 * time.Minute), Life: 10 * time.Minute},
	}, urls)
}

func TestTruvideoIsToldThatAllPartsArrived(t *testing.T) {
	for key, spelled := range map[string]string{"": "eTag", "eTag": "eTag", "etag": "etag"} {
		t.Run("as "+spelled, func(t *testing.T) {
			r := rig(t)
			r.Caller.Account.Settings = map[string]string{"etag_key": key}
			// Both spellings come after or before partNumber; JSON does not mind.
			want := `{"parts":[{"eTag":"dede9db222ee612853f44e6e6b1ca792","partNumber":1},{"eTag":"093064bee9fa39309997041a6e03f29f","partNumber":2}]}`
			if spelled == "etag" {
				want = `{"parts":[{"etag":"dede9db222ee612853f44e6e6b1ca792","partNumber":1},{"etag":"093064bee9fa39309997041a6e03f29f","partNumber":2}]}`
			}
			r.On(wiretest.Exchange{Ask: "POST /base/upload/66d9/complete", Header: bearer, Body: want, Status: 202}) // and no word
			media, err := Client{}.Complete(t.Context(), r.Caller, upload.Complete{Session: "66d9", Parts: []upload.Part{
				{Number: 1, ETag: "dede9db222ee612853f44e6e6b1ca792"}, {Number: 2, ETag: "093064bee9fa39309997041a6e03f29f"},
			}})
			require.NoError(t, err)
			require.Equal(t, upload.StateProcessing, media.State)
		})
	}
}

// Success needs evidence: what is no acceptance is a lost answer, after which the session
// is looked at before it is completed again.
func TestACompletionThatWasNotAcceptedIsALostAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		status   int
		says     string
		accepted bool
	}{
		"accepted, with an object": {202, "{}", true},
		"200 and nothing":          {200, "", false},
		"200 and an object":        {200, "{}", false},
		"204":                      {204, "", false},
		"200 and a page":           {200, "<html>", false},
		"202 and a page":           {202, "<html>", false},
		"200 and an error":         {200, "<Error/>", false},
	} {
		t.Run(name, func(t *testing.T) {
			r := rig(t)
			r.On(wiretest.Exchange{Ask: "POST /base/upload/66d9/complete", Loose: true, Status: c.status, Answer: c.says})
			err := completeCall(r)
			if c.accepted {
				require.NoError(t, err)
				return
			}
			e := upload.AsError(err, "")
			require.Equal(t, upload.KindUnavailable, e.Kind)
			require.True(t, e.MayHaveArrived())
		})
	}
}

func TestTruvideosStates(t *testing.T) {
	const url = "https://truvideo-media/film.mp4"
	cases := []struct {
		name  string
		says  map[string]any
		state upload.State
		id    string
		url   string
		text  string
	}{
		{name: "nothing yet", says: map[string]any{"status": "INITIALIZED"}, state: upload.StateProcessing, id: "m0"},
		{name: "some parts", says: map[string]any{"status": "PARTIAL"}, state: upload.StateProcessing, id: "m0"},
		{name: "at work", says: map[string]any{"status": "PENDING_COMPLETE", "mediaId": "m1", "fileUrl": url}, state: upload.StateProcessing, id: "m1"},
		{name: "done", says: map[string]any{"status": "COMPLETED", "mediaId": "m1", "fileUrl": url}, state: upload.StateReady, id: "m1", url: url},
		{name: "done, with a signed URL that does not last", says: map[string]any{"status": "COMPLETED", "fileUrl": url + "?X-Amz-Signature=" + wiretest.Canary}, state: upload.StateReady, id: "m0"},
		{name: "done, in another case", says: map[string]any{"status": "completed", "mediaId": "m1", "fileUrl": url}, state: upload.StateReady, id: "m1", url: url},
		{name: "failed, in another case", says: map[string]any{"status": "Failed", "failureReason": "codec"}, state: upload.StateFailed, id: "m0", text: "codec"},
		{name: "failed", says: map[string]any{"status": "FAILED", "failureReason": "codec"}, state: upload.StateFailed, id: "m0", text: "codec"},
		{name: "failed, without a reason", says: map[string]any{"status": "FAILED", "failureReason": nil}, state: upload.StateFailed, id: "m0"},
		{
			name:  "failed, with a reason that holds a signed URL",
			says:  map[string]any{"status": "FAILED", "failureReason": "cannot read\nhttps://s3/k?X-Amz-Signature=" + wiretest.Canary},
			state: upload.StateFailed, id: "m0", text: "cannot read https://s3/k",
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			raw, err := json.Marshal(c.says)
			require.NoError(t, err)
			r := rig(t).On(wiretest.Exchange{Ask: "GET /base/upload/66d9", Header: bearer, Answer: string(raw)})
			media, err := Client{}.Poll(t.Context(), r.Caller, upload.Poll{Session: upload.Session{ID: "66d9", Media: upload.Media{ID: "m0"}}})
			require.NoError(t, err)
			require.Equal(t, upload.Media{ID: c.id, URL: c.url, State: c.state, Seen: strings.ToUpper(fmt.Sprint(c.says["status"])), Reason: c.text}, media)
			wiretest.Secretless(t, media)
		})
	}
}

// Contract 7.8, but for the login; see truvideo_login_test.go.
func TestWhatTruvideoRefuses(t *testing.T) {
	rfc := func(status int) string {
		return fmt.Sprintf(`{"type":"about:blank","title":"Title","status":%d,"detail":"what of %s-key","instance":"/upload/start","message":"error.some","params":"x"}`, status, wiretest.Canary)
	}
	logIn := wiretest.Exchange{Loose: true, Answer: `{"accessToken":"` + wiretest.Canary + `-new"}`}
	type named struct {
		name string
		call func(*wiretest.Rig) error
	}
	start, sign, complete, poll := named{"start", prepareCall}, named{"parts", signCall}, named{"complete", completeCall}, named{"status", pollCall}
	rows := []wiretest.Refusal{}
	add := func(n named, r wiretest.Refusal) {
		r.Name, r.Call = n.name+" "+r.Name, n.call
		rows = append(rows, r)
	}
	add(start, wiretest.Refusal{
		Name: "400 is final", Script: []wiretest.Exchange{wiretest.Refuse(400, rfc(400))},
		Kind: upload.KindRejected, Arrived: upload.ArrivedNothing, Status: 400, Code: "error.some", Text: "start answered 400: what of [redacted]",
	})
	add(start, wiretest.Refusal{
		Name: "400 whose words are no text", Script: []wiretest.Exchange{wiretest.Refuse(400, `{"title":["Bad"],"detail":{"fields":["title","tags"]},"message":["too long","too odd"],"status":"400"}`)},
		Kind: upload.KindRejected, Arrived: upload.ArrivedNothing, Status: 400, Text: `start answered 400: {"fields":["title","tags"]}`,
	})
	add(start, wiretest.Refusal{
		Name: "400 whose message is a list", Script: []wiretest.Exchange{wiretest.Refuse(400, `{"message":["title is too long",{"message":"tags are odd"}]}`)},
		Kind: upload.KindRejected, Arrived: upload.ArrivedNothing, Status: 400, Text: "start answered 400: title is too long; tags are odd",
	})
	add(complete, wiretest.Refusal{
		Name: "400 is for the flow to look at", Script: []wiretest.Exchange{wiretest.Refuse(400, rfc(400))},
		Kind: upload.KindRejected, Arrived: upload.ArrivedNothing, Status: 400, Code: "error.some",
	})
	add(poll, wiretest.Refusal{
		Name: "400: the session is gone", Script: []wiretest.Exchange{wiretest.Refuse(400, rfc(400))},
		Kind: upload.KindExpired, Lost: true, Arrived: upload.ArrivedNothing, Status: 400, Code: "error.some",
	})
	add(poll, wiretest.Refusal{
		Name: "404: the session is gone", Script: []wiretest.Exchange{wiretest.Refuse(404, "")},
		Kind: upload.KindExpired, Lost: true, Arrived: upload.ArrivedNothing, Status: 404,
	})
	for _, status := range []int{400, 404, 405} {
		add(sign, wiretest.Refusal{
			Name: fmt.Sprintf("%d: the session is given up", status), Script: []wiretest.Exchange{wiretest.Refuse(status, "")},
			Kind: upload.KindExpired, Lost: true, Arrived: upload.ArrivedNothing, Status: status,
		})
	}
	add(sign, wiretest.Refusal{
		Name: "without the one that is wanted: the session is given up", Script: []wiretest.Exchange{wiretest.Refuse(200, `{"parts":[{"partNumber":2,"presignedUrl":"https://s3/2"}]}`)},
		Kind: upload.KindExpired, Lost: true, Code: upload.CodeUnsigned, Text: "the vendor returned no URL for part 3",
	})
	add(sign, wiretest.Refusal{
		Name: "without any: the session is given up", Script: []wiretest.Exchange{wiretest.Refuse(200, `{}`)},
		Kind: upload.KindExpired, Lost: true, Code: upload.CodeUnsigned, Text: "the vendor returned no URL for part 3",
	})
	add(start, wiretest.Refusal{
		Name: "without IDs may pass", Script: []wiretest.Exchange{wiretest.Refuse(201, `{"uploadId":"u"}`)},
		Kind: upload.KindUnavailable, Then: upload.KindRejected, Arrived: upload.ArrivedMaybe, Status: 201, Text: "without mediaId",
	})
	for _, n := range []named{start, sign, poll} {
		add(n, wiretest.Refusal{
			Name: "401 twice stops the account", Script: []wiretest.Exchange{wiretest.Refuse(401, ""), logIn, wiretest.Refuse(401, rfc(401))},
			Kind: upload.KindDenied, Arrived: upload.ArrivedNothing, Status: 401, Code: "error.some",
		})
		add(n, wiretest.Refusal{
			Name: "401 twice without a word is not taken for the vendor's", Script: []wiretest.Exchange{wiretest.Refuse(401, ""), logIn, wiretest.Refuse(401, "<html>")},
			Kind: upload.KindUnavailable, Then: upload.KindDenied, Arrived: upload.ArrivedNothing, Status: 401, Text: "not in the vendor's format",
		})
		add(n, wiretest.Refusal{
			Name: "with an empty answer may pass", Script: []wiretest.Exchange{wiretest.Refuse(200, "")},
			Kind: upload.KindUnavailable, Arrived: upload.ArrivedMaybe, Status: 200,
		})
		add(n, wiretest.Refusal{
			Name: "with a page for an answer may pass", Script: []wiretest.Exchange{wiretest.Refuse(200, "<html>")},
			Kind: upload.KindUnavailable, Arrived: upload.ArrivedMaybe, Status: 200,
		})
	}
	add(complete, wiretest.Refusal{
		Name: "401 is not repeated: the flow looks first", Script: []wiretest.Exchange{wiretest.Refuse(401, "")},
		Kind: upload.KindUnavailable, Then: upload.KindDenied, Arrived: upload.ArrivedMaybe, Status: 401,
		Hint: "mediaferry account resume acct",
	})
	for _, n := range []named{start, sign, complete, poll} {
		add(n, wiretest.Refusal{
			Name: "403 stops the account", Script: []wiretest.Exchange{wiretest.Refuse(403, rfc(403))},
			Kind: upload.KindDenied, Arrived: upload.ArrivedNothing, Status: 403, Code: "error.some",
		})
		add(n, wiretest.Refusal{
			Name: "429 waits as it is told", Script: []wiretest.Exchange{wiretest.Refuse(429, "").Saying("Retry-After", "6")},
			Kind: upload.KindThrottled, Arrived: upload.ArrivedNothing, Status: 429, Wait: 6 * time.Second,
		})
		add(n, wiretest.Refusal{
			Name: "500 leaves it open", Script: []wiretest.Exchange{wiretest.Refuse(500, `{"message":"only this"}`)},
			Kind: upload.KindUnavailable, Arrived: upload.ArrivedMaybe, Status: 500, Code: "only this", Text: "answered 500: only this",
		})
		add(n, wiretest.Refusal{
			Name: "503 with a title leaves it open", Script: []wiretest.Exchange{wiretest.Refuse(503, `{"title":"a title"}`)},
			Kind: upload.KindUnavailable, Arrived: upload.ArrivedMaybe, Status: 503, Text: "answered 503: a title",
		})
		add(n, wiretest.Refusal{
			Name: "without an answer leaves it open", Script: []wiretest.Exchange{{Loose: true, Do: wiretest.Drop}},
			Kind: upload.KindUnavailable, Arrived: upload.ArrivedMaybe,
		})
	}
	for _, row := range rows {
		t.Run(row.Name, func(t *testing.T) {
			r := rig(t).On(row.Script...)
			e := r.Failed(row.Call(r))
			require.Equal(t, row.Kind, e.Kind, "%v", e)
			require.Equal(t, row.Then, e.Then)
			require.Equal(t, row.Arrived, e.Arrived)
			require.Equal(t, row.Lost, e.Lost)
			require.Equal(t, row.Wait, e.RetryAfter)
			require.Equal(t, row.Status, e.Status)
			require.Equal(t, row.Code, e.Code)
			require.Contains(t, e.Message, row.Text)
			require.Contains(t, e.Hint, row.Hint)
			require.Equal(t, r.Requests(), r.Permits.Taken)
		})
	}
}

func TestTruvideoTellsWhichPartsItHas(t *testing.T) {
	r := rig(t).On(wiretest.Exchange{Ask: "GET /base/upload/66d9", Header: bearer, Answer: `{"status":"PARTIAL","parts":[{"partNumber":2,"eTag":"\"aa\""},{"partNumber":5,"eTag":"bb"}]}`})
	media, err := Client{}.Poll(t.Context(), r.Caller, upload.Poll{Session: upload.Session{ID: "66d9"}})
	require.NoError(t, err)
	require.Equal(t, []upload.StoredPart{{Number: 2, ETag: "aa"}, {Number: 5, ETag: "bb"}}, media.Stored)
}

func TestNoTruVideoCallIsMadeWithoutAPermitOrLostWithoutAWord(t *testing.T) {
	wiretest.CheckCalls(t, truvideo, map[string]wiretest.ControlCall{
		// A start is asked for, and it is not made: the login is.
		"login": {Settings: settings, Call: prepareCall, Arrived: upload.ArrivedNothing},
	})
}

func TestSecretSettingsAreMarkedAsSuch(t *testing.T) {
	require.Equal(t, []string{"api_key", "secret"}, wiretest.SecretSettings(truvideo))
}
