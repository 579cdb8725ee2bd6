package vendors

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
)

var truvideoSettings = map[string]string{"api_key": canary + "-key", "secret": canary + "-secret", "external_id": "tenant"}

// truvideoRig has logged in already.
func truvideoRig(t *testing.T) *rig {
	r := newRig(t, "truvideo", truvideoSettings)
	r.tokens.kept["access"] = Token{Value: []byte(canary + "-jwt"), ExpiresAt: noon.Add(time.Hour), Version: 7}
	r.tokens.last = 7
	return r
}

func video() upload.Content {
	return upload.Content{Size: 25 << 20, Type: "video/mp4", Name: "film.mp4"}
}

func truvideoPrepareCall(r *rig) error {
	_, err := Truvideo{}.Prepare(r.ctx, r.caller, upload.Prepare{Item: item("truvideo", nil), Content: video(), Plan: upload.Plan{Parts: 3}})
	return err
}

func truvideoSignCall(r *rig) error {
	_, err := Truvideo{}.SignParts(r.ctx, r.caller, upload.SignParts{Session: "66d9", Parts: []int{3}, Open: 2})
	return err
}

func truvideoCompleteCall(r *rig) error {
	_, err := Truvideo{}.Complete(r.ctx, r.caller, upload.Complete{Session: "66d9", Parts: []upload.Part{{Number: 1, ETag: "e"}}})
	return err
}

func truvideoPollCall(r *rig) error {
	_, err := Truvideo{}.Poll(r.ctx, r.caller, upload.Poll{Session: upload.Session{ID: "66d9"}})
	return err
}

var bearer = map[string]string{"Authorization": "Bearer " + canary + "-jwt"}

const started = `{"uploadId":"66d9","mediaId":"0f4c","parts":[` +
	`{"partNumber":1,"presignedUrl":"https://s3/k?partNumber=1&X-Amz-Signature=` + canary + `","expiresAt":"2026-03-01T12:20:00Z"},` +
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
			r := truvideoRig(t).on(exchange{ask: "POST /base/upload/start", header: bearer, body: c.body, status: 201, answer: started})
			session, err := Truvideo{}.Prepare(t.Context(), r.caller, upload.Prepare{Item: item("truvideo", c.fields), Content: content, Plan: plan})
			require.NoError(t, err)
			require.Equal(t, upload.Session{
				Method: upload.MethodMultipart, Store: upload.StoreS3, ID: "66d9",
				Header: map[string]string{"Content-Type": content.Type}, Plan: plan,
				Parts: []upload.PartURL{
					{Number: 1, URL: "https://s3/k?partNumber=1&X-Amz-Signature=" + canary, ExpiresAt: noon.Add(20 * time.Minute), Life: 20 * time.Minute},
					{Number: 2, URL: "https://s3/k?partNumber=2", ExpiresAt: noon.Add(10 * time.Minute), Life: 10 * time.Minute},
				},
				Life: 20 * time.Minute, OpenedAt: noon, Media: upload.Media{ID: "0f4c"},
			}, session)
			require.Equal(t, 1, r.permits.taken)
		})
	}
}

func TestEveryTypeThatTruvideoTakesHasAFileType(t *testing.T) {
	var takes []string
	for _, r := range truvideoSpec.Takes {
		takes = append(takes, r.Types...)
	}
	require.Len(t, takes, len(truvideoTypes))
	for _, kind := range takes {
		require.NotEmpty(t, truvideoTypes[kind], kind)
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
			r := truvideoRig(t).on(exchange{loose: true, date: c.date, answer: `{"uploadId":"u","mediaId":"m","parts":[{"partNumber":1,"presignedUrl":"` + c.url + `"` + expires + `}]}`})
			session, err := Truvideo{}.Prepare(t.Context(), r.caller, upload.Prepare{Item: item("truvideo", nil), Content: video()})
			require.NoError(t, err)
			require.Equal(t, noon.Add(c.want), session.Parts[0].ExpiresAt)
		})
	}
}

func TestPartsThatAreNoneAreLeftOut(t *testing.T) {
	r := truvideoRig(t).on(exchange{loose: true, answer: `{"uploadId":"u","mediaId":"m","parts":[{"partNumber":0,"presignedUrl":"https://s3"},{"partNumber":1},{"partNumber":2,"presignedUrl":"https://s3/2"}]}`})
	session, err := Truvideo{}.Prepare(t.Context(), r.caller, upload.Prepare{Item: item("truvideo", nil), Content: video()})
	require.NoError(t, err)
	require.Len(t, session.Parts, 1)
	require.Equal(t, 2, session.Parts[0].Number)
}

func TestTruvideoHandsOutMoreURLs(t *testing.T) {
	r := truvideoRig(t).on(exchange{
		ask: "GET /base/upload/66%2Fd9/parts?count=2", header: bearer,
		answer: `{"uploadId":"66d9","parts":[{"partNumber":3,"presignedUrl":"https://s3/3"},{"partNumber":5,"presignedUrl":"https://s3/5","expiresAt":1772367000}]}`,
	})
	urls, err := Truvideo{}.SignParts(t.Context(), r.caller, upload.SignParts{Session: "66/d9", Parts: []int{5, 3}, Open: 2})
	require.NoError(t, err)
	require.Equal(t, []upload.PartURL{
		{Number: 3, URL: "https://s3/3", ExpiresAt: noon.Add(20 * time.Minute), Life: 20 * time.Minute},
		{Number: 5, URL: "https://s3/5", ExpiresAt: noon.Add(10 * time.Minute), Life: 10 * time.Minute},
	}, urls)
}

func TestTruvideoIsToldThatAllPartsArrived(t *testing.T) {
	for key, spelled := range map[string]string{"": "eTag", "eTag": "eTag", "etag": "etag"} {
		t.Run("as "+spelled, func(t *testing.T) {
			r := truvideoRig(t)
			r.caller.Account.Settings = map[string]string{"etag_key": key}
			// Both spellings come after or before partNumber; JSON does not mind.
			want := `{"parts":[{"eTag":"dede9db222ee612853f44e6e6b1ca792","partNumber":1},{"eTag":"093064bee9fa39309997041a6e03f29f","partNumber":2}]}`
			if spelled == "etag" {
				want = `{"parts":[{"etag":"dede9db222ee612853f44e6e6b1ca792","partNumber":1},{"etag":"093064bee9fa39309997041a6e03f29f","partNumber":2}]}`
			}
			r.on(exchange{ask: "POST /base/upload/66d9/complete", header: bearer, body: want, status: 202}) // and no word
			media, err := Truvideo{}.Complete(t.Context(), r.caller, upload.Complete{Session: "66d9", Parts: []upload.Part{
				{Number: 1, ETag: "dede9db222ee612853f44e6e6b1ca792"}, {Number: 2, ETag: "093064bee9fa39309997041a6e03f29f"},
			}})
			require.NoError(t, err)
			require.Equal(t, upload.StateProcessing, media.State)
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
		{name: "done, with a signed URL that does not last", says: map[string]any{"status": "COMPLETED", "fileUrl": url + "?X-Amz-Signature=" + canary}, state: upload.StateReady, id: "m0"},
		{name: "failed", says: map[string]any{"status": "FAILED", "failureReason": "codec"}, state: upload.StateFailed, id: "m0", text: "codec"},
		{name: "failed, without a reason", says: map[string]any{"status": "FAILED", "failureReason": nil}, state: upload.StateFailed, id: "m0"},
		{
			name:  "failed, with a reason that holds a signed URL",
			says:  map[string]any{"status": "FAILED", "failureReason": "cannot read\nhttps://s3/k?X-Amz-Signature=" + canary},
			state: upload.StateFailed, id: "m0", text: "cannot read https://s3/k",
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			raw, err := json.Marshal(c.says)
			require.NoError(t, err)
			r := truvideoRig(t).on(exchange{ask: "GET /base/upload/66d9", header: bearer, answer: string(raw)})
			media, err := Truvideo{}.Poll(t.Context(), r.caller, upload.Poll{Session: upload.Session{ID: "66d9", Media: upload.Media{ID: "m0"}}})
			require.NoError(t, err)
			require.Equal(t, upload.Media{ID: c.id, URL: c.url, State: c.state, Seen: fmt.Sprint(c.says["status"]), Reason: c.text}, media)
			secretless(t, media)
		})
	}
}

// Contract 7.8, but for the login; see truvideo_login_test.go.
func TestWhatTruvideoRefuses(t *testing.T) {
	rfc := func(status int) string {
		return fmt.Sprintf(`{"type":"about:blank","title":"Title","status":%d,"detail":"what of %s-key","instance":"/upload/start","message":"error.some","params":"x"}`, status, canary)
	}
	logIn := exchange{loose: true, answer: `{"accessToken":"` + canary + `-new"}`}
	type named struct {
		name string
		call func(*rig) error
	}
	start, sign, complete, poll := named{"start", truvideoPrepareCall}, named{"parts", truvideoSignCall}, named{"complete", truvideoCompleteCall}, named{"status", truvideoPollCall}
	rows := []refusal{}
	add := func(n named, r refusal) {
		r.name, r.call = n.name+" "+r.name, n.call
		rows = append(rows, r)
	}
	add(start, refusal{
		name: "400 is final", script: []exchange{refuse(400, rfc(400))},
		kind: upload.KindRejected, arrived: upload.ArrivedNothing, status: 400, code: "error.some", text: "start answered 400: what of [redacted]",
	})
	add(complete, refusal{
		name: "400 is for the flow to look at", script: []exchange{refuse(400, rfc(400))},
		kind: upload.KindRejected, arrived: upload.ArrivedNothing, status: 400, code: "error.some",
	})
	add(poll, refusal{
		name: "400: the session is gone", script: []exchange{refuse(400, rfc(400))},
		kind: upload.KindExpired, lost: true, arrived: upload.ArrivedNothing, status: 400, code: "error.some",
	})
	add(poll, refusal{
		name: "404: the session is gone", script: []exchange{refuse(404, "")},
		kind: upload.KindExpired, lost: true, arrived: upload.ArrivedNothing, status: 404,
	})
	for _, status := range []int{400, 404, 405} {
		add(sign, refusal{
			name: fmt.Sprintf("%d: the session is given up", status), script: []exchange{refuse(status, "")},
			kind: upload.KindExpired, lost: true, arrived: upload.ArrivedNothing, status: status,
		})
	}
	add(sign, refusal{
		name: "without the one that is wanted: the session is given up", script: []exchange{refuse(200, `{"parts":[{"partNumber":2,"presignedUrl":"https://s3/2"}]}`)},
		kind: upload.KindExpired, lost: true, code: upload.CodeUnsigned, text: "no URL for part 3",
	})
	add(sign, refusal{
		name: "without any: the session is given up", script: []exchange{refuse(200, `{}`)},
		kind: upload.KindExpired, lost: true, code: upload.CodeUnsigned, text: "no URL for part 3",
	})
	add(start, refusal{
		name: "without IDs may pass", script: []exchange{refuse(201, `{"uploadId":"u"}`)},
		kind: upload.KindUnavailable, arrived: upload.ArrivedMaybe, status: 201, text: "no uploadId or mediaId",
	})
	add(poll, refusal{
		name: "with an unknown word may pass", script: []exchange{refuse(200, `{"status":"THINKING"}`)},
		kind: upload.KindUnavailable, arrived: upload.ArrivedMaybe, status: 200, text: `unknown status "THINKING"`,
	})
	for _, n := range []named{start, sign, poll} {
		add(n, refusal{
			name: "401 twice stops the account", script: []exchange{refuse(401, ""), logIn, refuse(401, rfc(401))},
			kind: upload.KindDenied, arrived: upload.ArrivedNothing, status: 401, code: "error.some",
		})
		add(n, refusal{
			name: "with an empty answer may pass", script: []exchange{refuse(200, "")},
			kind: upload.KindUnavailable, arrived: upload.ArrivedMaybe, status: 200,
		})
		add(n, refusal{
			name: "with a page for an answer may pass", script: []exchange{refuse(200, "<html>")},
			kind: upload.KindUnavailable, arrived: upload.ArrivedMaybe, status: 200,
		})
	}
	add(complete, refusal{
		name: "401 is not repeated: the flow looks first", script: []exchange{refuse(401, "")},
		kind: upload.KindUnavailable, then: upload.KindDenied, arrived: upload.ArrivedMaybe, status: 401,
		hint: "mediaferry account resume acct",
	})
	for _, n := range []named{start, sign, complete, poll} {
		add(n, refusal{
			name: "403 stops the account", script: []exchange{refuse(403, rfc(403))},
			kind: upload.KindDenied, arrived: upload.ArrivedNothing, status: 403, code: "error.some",
		})
		add(n, refusal{
			name: "429 waits as it is told", script: []exchange{refuse(429, "").saying("Retry-After", "6")},
			kind: upload.KindThrottled, arrived: upload.ArrivedNothing, status: 429, wait: 6 * time.Second,
		})
		add(n, refusal{
			name: "500 leaves it open", script: []exchange{refuse(500, `{"message":"only this"}`)},
			kind: upload.KindUnavailable, arrived: upload.ArrivedMaybe, status: 500, code: "only this", text: "answered 500: only this",
		})
		add(n, refusal{
			name: "503 with a title leaves it open", script: []exchange{refuse(503, `{"title":"a title"}`)},
			kind: upload.KindUnavailable, arrived: upload.ArrivedMaybe, status: 503, text: "answered 503: a title",
		})
		add(n, refusal{
			name: "without an answer leaves it open", script: []exchange{{loose: true, do: drop}},
			kind: upload.KindUnavailable, arrived: upload.ArrivedMaybe,
		})
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			r := truvideoRig(t).on(row.script...)
			e := r.failed(row.call(r))
			require.Equal(t, row.kind, e.Kind, "%v", e)
			require.Equal(t, row.then, e.Then)
			require.Equal(t, row.arrived, e.Arrived)
			require.Equal(t, row.lost, e.Lost)
			require.Equal(t, row.wait, e.RetryAfter)
			require.Equal(t, row.status, e.Status)
			require.Equal(t, row.code, e.Code)
			require.Contains(t, e.Message, row.text)
			require.Contains(t, e.Hint, row.hint)
			require.Equal(t, r.requests(), r.permits.taken)
		})
	}
}

func TestTruvideoTellsWhichPartsItHas(t *testing.T) {
	r := truvideoRig(t).on(exchange{ask: "GET /base/upload/66d9", header: bearer, answer: `{"status":"PARTIAL","parts":[{"partNumber":2,"eTag":"\"aa\""},{"partNumber":5,"eTag":"bb"}]}`})
	media, err := Truvideo{}.Poll(t.Context(), r.caller, upload.Poll{Session: upload.Session{ID: "66d9"}})
	require.NoError(t, err)
	require.Equal(t, []upload.StoredPart{{Number: 2, ETag: "aa"}, {Number: 5, ETag: "bb"}}, media.Stored)
}
