package closient

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
	"github.com/mediaferry/mediaferry/internal/vendors/wire/wiretest"
)

var settings = map[string]string{"api_key": wiretest.Canary + "-key"}

const (
	org  = "3NxmYwJ9zKqBvT7cRfPdHa"
	path = "/base/trade-items/" + org + "/00012345678905/images"
)

func item(more upload.Fields) upload.Item {
	fields := upload.Fields{"organization_id": org, "gtin": "00012345678905"}
	for name, value := range more {
		fields[name] = value
	}
	return wiretest.Item("closient", fields)
}

func prepareCall(r *wiretest.Rig) error {
	_, err := Client{}.Prepare(r.Ctx, r.Caller, upload.Prepare{Item: item(nil), Content: wiretest.JPEG()})
	return err
}

func settleCall(r *wiretest.Rig) error {
	_, err := Client{}.Settle(r.Ctx, r.Caller, upload.Settle{Item: item(nil), Content: wiretest.JPEG()})
	return err
}

// images is one page of a product's images.
func listOf(hasNext bool, list ...map[string]any) string {
	if list == nil {
		list = []map[string]any{}
	}
	raw, err := json.Marshal(map[string]any{"data": list, "pagination": map[string]any{"has_next": hasNext}})
	if err != nil {
		panic(err)
	}
	return string(raw)
}

func listedImage(id string) map[string]any {
	return map[string]any{"id": id, "title": "", "created": wiretest.Noon, "image_url": "https://cdn/" + id}
}

func listed(page int, answer string) wiretest.Exchange {
	return wiretest.Exchange{
		Ask:    fmt.Sprintf("GET %s?page=%d&page_size=100", path, page),
		Header: map[string]string{"X-API-Key": wiretest.Canary + "-key"}, Answer: answer,
	}
}

func TestClosientRemembersWhatWasThereBefore(t *testing.T) {
	r := wiretest.New(t, closient, settings).On(
		listed(1, listOf(true, listedImage("a"), listedImage("b"))),
		listed(2, listOf(true, listedImage("c"))),
		listed(3, listOf(false, listedImage("d"))),
	)
	in := upload.Prepare{Item: item(upload.Fields{"title": "Front of package", "is_primary": true}), Content: wiretest.JPEG()}
	session, err := Client{}.Prepare(t.Context(), r.Caller, in)
	require.NoError(t, err)
	require.Equal(t, upload.Session{
		Method: upload.MethodForm, Store: upload.StoreVendor,
		URL:  r.Server.URL + path,
		Form: []upload.FormField{{Name: "title", Value: "Front of package"}, {Name: "is_primary", Value: "true"}},
		File: upload.FormFile{Field: "image", Name: "photo.jpg", Type: "image/jpeg"},

		OpenedAt: wiretest.Noon, Before: []string{"a", "b", "c", "d"},
	}, session)
	require.Equal(t, 3, r.Permits.Taken)
}

func TestClosientsFormHoldsWhatTheRowSaysAndNothingElse(t *testing.T) {
	for name, c := range map[string]struct {
		fields upload.Fields
		want   []upload.FormField
	}{
		"nothing":           {nil, nil},
		"not the first":     {upload.Fields{"is_primary": false}, []upload.FormField{{Name: "is_primary", Value: "false"}}},
		"a title of spaces": {upload.Fields{"title": " "}, []upload.FormField{{Name: "title", Value: " "}}},
	} {
		t.Run(name, func(t *testing.T) {
			r := wiretest.New(t, closient, settings).On(listed(1, listOf(false)))
			session, err := Client{}.Prepare(t.Context(), r.Caller, upload.Prepare{Item: item(c.fields), Content: wiretest.JPEG()})
			require.NoError(t, err)
			require.Equal(t, c.want, session.Form)
			require.Empty(t, session.Before)
		})
	}
}

func TestAListThatNeverEndsIsNotBelieved(t *testing.T) {
	r := wiretest.New(t, closient, settings)
	for range maxPages {
		r.On(wiretest.Exchange{Loose: true, Answer: listOf(true, listedImage("a"))})
	}
	e := r.Failed(prepareCall(r))
	require.Equal(t, upload.KindUnavailable, e.Kind)
	require.Contains(t, e.Message, "more than 100 pages")
}

func TestAListEndsWithAnEmptyPage(t *testing.T) {
	r := wiretest.New(t, closient, settings).On(listed(1, listOf(true, listedImage("a"))), listed(2, listOf(true)))
	require.NoError(t, prepareCall(r))
}

func TestTheVendorsTimeIsThatOfItsList(t *testing.T) {
	r := wiretest.New(t, closient, settings)
	r.Date = -5 * time.Minute
	r.On(listed(1, listOf(false)))
	session, err := Client{}.Prepare(t.Context(), r.Caller, upload.Prepare{Item: item(nil), Content: wiretest.JPEG()})
	require.NoError(t, err)
	require.Equal(t, wiretest.Noon.Add(-5*time.Minute), session.OpenedAt)
}

func TestClosientLetsTheBytesInByItsKey(t *testing.T) {
	r := wiretest.New(t, closient, settings)
	header, err := Client{}.Admission(t.Context(), r.Caller)
	require.NoError(t, err)
	require.Equal(t, http.Header{"X-Api-Key": {wiretest.Canary + "-key"}, "Accept": {"application/json"}}, header)
}

func TestClosientReceives(t *testing.T) {
	r := wiretest.New(t, closient, settings)
	media, err := Client{}.Received(t.Context(), r.Caller, 201, http.Header{}, []byte(
		`{"id":"3Nxm","title":"Front","is_primary":true,"priority":0,"created":"2026-01-01T00:00:00Z","image_url":"https://cdn.closient.com/hero.jpg"}`))
	require.NoError(t, err)
	require.Equal(t, "3Nxm", media.ID)
	require.Equal(t, "https://cdn.closient.com/hero.jpg", media.URL)
	require.Equal(t, upload.StateReady, media.State)

	polled, err := Client{}.Poll(t.Context(), r.Caller, upload.Poll{Session: upload.Session{Media: media}})
	require.NoError(t, err)
	require.Equal(t, media, polled)

	media, err = Client{}.Received(t.Context(), r.Caller, 200, http.Header{}, []byte(`{"id":"3Nxm","image_url":null}`))
	require.NoError(t, err)
	require.Empty(t, media.URL)
	media, err = Client{}.Received(t.Context(), r.Caller, 200, http.Header{}, []byte(`{"id":"3Nxm","image_url":"https://s3/x?X-Amz-Signature=`+wiretest.Canary+`"}`))
	require.NoError(t, err)
	wiretest.Secretless(t, media)
}

// Contract 6.7, of the POST (as its answer is read) and of the list.
func TestWhatClosientRefuses(t *testing.T) {
	// Both shapes that the vendor documents.
	shapeA := func(status int, code, message string) string {
		return fmt.Sprintf(`{"error":{"code":%q,"message":%q,"status":%d,"details":[{"field":"image","message":"unsupported"}]}}`, code, message, status)
	}
	shapeB := func(status int, code, message, more string) string {
		return fmt.Sprintf(`{"type":"about:blank","title":"Title","status":%d,"detail":%q,"error_code":%q,"retryable":true,"timestamp":"t"%s}`, status, message, code, more)
	}
	receive := func(status int, header http.Header, body string) func(*wiretest.Rig) error {
		return func(r *wiretest.Rig) error {
			r.Permits.Taken = 0
			_, err := Client{}.Received(r.Ctx, r.Caller, status, header, []byte(body))
			return err
		}
	}
	rows := []wiretest.Refusal{}
	for _, one := range []struct {
		status int
		code   string
		kind   upload.Kind
	}{
		{400, "BAD_REQUEST", upload.KindRejected},
		{401, "UNAUTHORIZED", upload.KindDenied},
		{403, "FORBIDDEN", upload.KindDenied},
		{404, "NOT_FOUND", upload.KindRejected},
		{409, "CONFLICT", upload.KindRejected},
		{413, "BAD_REQUEST", upload.KindRejected},
		{422, "VALIDATION_ERROR", upload.KindRejected},
		{500, "INTERNAL_ERROR", upload.KindUnavailable},
		{503, "UNAVAILABLE", upload.KindUnavailable},
	} {
		arrived := upload.ArrivedNothing
		if one.status >= 500 {
			arrived = upload.ArrivedMaybe // ambiguous: the list must be looked at first
		}
		kind, then := one.kind, upload.Kind("") // of an answer that is not the vendor's
		if one.kind == upload.KindRejected || one.kind == upload.KindDenied {
			kind, then = upload.KindUnavailable, one.kind
		}
		a, b := shapeA(one.status, one.code, "no "+wiretest.Canary+"-key"), shapeB(one.status, one.code, "no "+wiretest.Canary+"-key", "")
		rows = append(rows,
			wiretest.Refusal{
				Name: fmt.Sprintf("POST %d of shape a", one.status), Call: receive(one.status, nil, a),
				Kind: one.kind, Arrived: arrived, Status: one.status, Code: one.code, Text: fmt.Sprintf("images answered %d: no [redacted]; image: unsupported", one.status),
			},
			wiretest.Refusal{
				Name: fmt.Sprintf("POST %d of shape b", one.status), Call: receive(one.status, nil, b),
				Kind: one.kind, Arrived: arrived, Status: one.status, Code: one.code, Text: fmt.Sprintf("images answered %d: no [redacted]", one.status),
			},
			wiretest.Refusal{
				Name: fmt.Sprintf("POST %d with a page", one.status), Call: receive(one.status, nil, "<html>"),
				Kind: kind, Then: then, Arrived: upload.ArrivedMaybe, Status: one.status, Text: fmt.Sprintf("images answered %d: ", one.status),
			},
			wiretest.Refusal{
				Name: fmt.Sprintf("list %d of shape a", one.status), Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(one.status, a)},
				Kind: one.kind, Arrived: arrived, Status: one.status, Code: one.code, Text: fmt.Sprintf("list images answered %d: no [redacted]; image: unsupported", one.status),
			},
			wiretest.Refusal{
				Name: fmt.Sprintf("list %d without words", one.status), Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(one.status, "")},
				Kind: one.kind, Arrived: arrived, Status: one.status,
			},
		)
	}
	rows = append(rows,
		wiretest.Refusal{
			Name: "POST 429: nothing was made, and it waits as it is told", Call: receive(429, http.Header{"Retry-After": {"12"}}, shapeA(429, "RATE_LIMITED", "slow")),
			Kind: upload.KindThrottled, Arrived: upload.ArrivedNothing, Status: 429, Code: "RATE_LIMITED", Wait: 12 * time.Second,
		},
		wiretest.Refusal{
			Name: "POST 429 that says in its body when to come back", Call: receive(429, nil, shapeB(429, "rate_limited", "slow", `,"retry_after":12.5`)),
			Kind: upload.KindThrottled, Arrived: upload.ArrivedNothing, Status: 429, Code: "rate_limited", Wait: 12500 * time.Millisecond,
		},
		wiretest.Refusal{
			Name: "POST 429 that says both: the longer one", Call: receive(429, http.Header{"Retry-After": {"20"}}, shapeB(429, "rate_limited", "slow", `,"retry_after":12`)),
			Kind: upload.KindThrottled, Arrived: upload.ArrivedNothing, Status: 429, Code: "rate_limited", Wait: 20 * time.Second,
		},
		wiretest.Refusal{
			Name: "POST 429 at the end of a day's requests", Call: receive(429, http.Header{"Retry-After": {"80000"}}, shapeA(429, "RATE_LIMITED", "slow")),
			Kind: upload.KindThrottled, Arrived: upload.ArrivedNothing, Status: 429, Code: "RATE_LIMITED", Wait: 80_000 * time.Second,
		},
		wiretest.Refusal{
			Name: "POST 429 that says nonsense", Call: receive(429, nil, shapeB(429, "rate_limited", "slow", `,"retry_after":-7`)),
			Kind: upload.KindThrottled, Arrived: upload.ArrivedNothing, Status: 429, Code: "rate_limited",
		},
		wiretest.Refusal{
			Name: "POST 429 that says for ever", Call: receive(429, nil, shapeB(429, "rate_limited", "slow", `,"retry_after":1e30`)),
			Kind: upload.KindThrottled, Arrived: upload.ArrivedNothing, Status: 429, Code: "rate_limited", Wait: 24 * time.Hour,
		},
		wiretest.Refusal{
			Name: "POST 429 that says when the minute is over", Call: receive(429, http.Header{"Ratelimit-Reset": {"40"}}, shapeA(429, "RATE_LIMITED", "slow")),
			Kind: upload.KindThrottled, Arrived: upload.ArrivedNothing, Status: 429, Code: "RATE_LIMITED", Wait: 40 * time.Second,
		},
		wiretest.Refusal{ // as in github.com/PagerDuty/go-pagerduty/issues/478
			Name: "POST 400 that says why in a list", Call: receive(400, nil, `{"error":["links should have at most 50 items","and a title"]}`),
			Kind: upload.KindRejected, Arrived: upload.ArrivedNothing, Status: 400, Text: "images answered 400: links should have at most 50 items; and a title",
		},
		wiretest.Refusal{ // as in github.com/drolbr/Overpass-API/issues/351
			Name: "list 429 with a page that says when to come back", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(429, "<html>").Saying("Retry-After", "3600")},
			Kind: upload.KindThrottled, Arrived: upload.ArrivedNothing, Status: 429, Wait: time.Hour,
		},
		wiretest.Refusal{ // as in github.com/cloudreve/cloudreve/issues/1378
			Name: "POST 413 with a proxy's page", Call: receive(413, http.Header{"Server": {"nginx/1.20.1"}}, "<html> <head><title>413 Request Entity Too Large</title></head>"),
			Kind: upload.KindUnavailable, Then: upload.KindRejected, Arrived: upload.ArrivedMaybe, Status: 413, Text: "server nginx/1.20.1",
		},
		wiretest.Refusal{ // as in github.com/blueimp/jQuery-File-Upload/issues/3139
			Name: "a success with something before its JSON leaves it open", Call: receive(201, nil, `-1{"id":"3NxmYwJ9zKqBvT7cRfPdHa"}`),
			Kind: upload.KindUnavailable, Arrived: upload.ArrivedMaybe, Status: 201,
		},
		wiretest.Refusal{
			Name: "POST 400 that says why in another shape", Call: receive(400, nil, `{"error":"image is broken","title":["no"]}`),
			Kind: upload.KindRejected, Arrived: upload.ArrivedNothing, Status: 400, Text: "images answered 400: no",
		},
		wiretest.Refusal{
			Name: "POST 422 whose details are no list", Call: receive(422, nil, `{"error":{"code":"VALIDATION_ERROR","message":{"image":["is broken","is odd"]},"details":{"field":"image"}}}`),
			Kind: upload.KindRejected, Arrived: upload.ArrivedNothing, Status: 422, Code: "VALIDATION_ERROR", Text: `images answered 422: {"image":["is broken","is odd"]}`,
		},
		wiretest.Refusal{
			Name: "a success that is empty leaves it open", Call: receive(201, nil, ""),
			Kind: upload.KindUnavailable, Arrived: upload.ArrivedMaybe, Status: 201,
		},
		wiretest.Refusal{
			Name: "a success that is a page leaves it open", Call: receive(201, nil, "<html>"),
			Kind: upload.KindUnavailable, Arrived: upload.ArrivedMaybe, Status: 201,
		},
		wiretest.Refusal{
			Name: "a success without an ID leaves it open", Call: receive(201, nil, `{"title":"x"}`),
			Kind: upload.KindUnavailable, Arrived: upload.ArrivedMaybe, Status: 201, Text: "without id",
		},
		wiretest.Refusal{
			Name: "a redirect, which nobody follows with the key", Call: receive(307, http.Header{"Location": {"https://elsewhere/"}}, ""),
			Kind: upload.KindUnavailable, Arrived: upload.ArrivedMaybe, Status: 307, Text: "location elsewhere",
		},
		wiretest.Refusal{
			Name: "a list that is no JSON", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(200, "<html>")},
			Kind: upload.KindUnavailable, Arrived: upload.ArrivedMaybe, Status: 200,
		},
	)
	wiretest.CheckRefusals(t, closient, settings, rows)
}

func TestClosientsPaceIsObeyed(t *testing.T) {
	for _, c := range []struct {
		name   string
		header map[string]string
		want   []time.Duration
	}{
		{"when nothing is left of the window", map[string]string{"RateLimit-Remaining": "0", "RateLimit-Reset": "17"}, []time.Duration{17 * time.Second}},
		{"but not while something is left", map[string]string{"RateLimit-Remaining": "1", "RateLimit-Reset": "17"}, nil},
		{"nor where nobody says for how long", map[string]string{"RateLimit-Remaining": "0"}, nil},
		{"nor where it begins again already", map[string]string{"RateLimit-Remaining": "0", "RateLimit-Reset": "0"}, nil},
		{"nor where it says nonsense", map[string]string{"RateLimit-Remaining": "0", "RateLimit-Reset": "-5"}, nil},
		{"nor by the older headers, whose reset is a date", map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1767225600"}, nil},
		{"nor where it says nothing", nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := wiretest.New(t, closient, settings)
			x := listed(1, listOf(false))
			x.Says = c.header
			r.On(x)
			require.NoError(t, prepareCall(r))
			require.Equal(t, c.want, r.Permits.Slowed)

			header := http.Header{}
			for name, value := range c.header {
				header.Set(name, value)
			}
			r.Permits.Slowed = nil
			_, err := Client{}.Received(t.Context(), r.Caller, 201, header, []byte(`{"id":"x"}`))
			require.NoError(t, err)
			require.Equal(t, c.want, r.Permits.Slowed, "also by the answer to the bytes")
		})
	}
}

func TestClosientsLimitsAreLearned(t *testing.T) {
	told := []upload.Quota{{Window: time.Minute, Limit: 30}, {Window: 24 * time.Hour, Limit: 500}}
	policy := map[string]string{"RateLimit-Policy": "30;w=60, 500;w=86400"}
	header := http.Header{"Ratelimit-Policy": {policy["RateLimit-Policy"]}}

	r := wiretest.New(t, closient, settings)
	x := listed(1, listOf(false))
	x.Says = policy
	r.On(x)
	require.NoError(t, prepareCall(r))
	_, err := Client{}.Received(t.Context(), r.Caller, 201, header, []byte(`{"id":"x"}`))
	require.NoError(t, err)
	r.On(wiretest.Exchange{Loose: true, Status: 429, Says: policy, Answer: `{"error":{"code":"RATE_LIMITED"}}`})
	require.Error(t, prepareCall(r))
	require.Equal(t, [][]upload.Quota{told, told, told}, r.Permits.Told, "of a list, of the answer to the bytes, and of a refusal")

	r.Permits.Told = nil
	r.On(wiretest.Exchange{Loose: true, Status: 429, Says: policy, Answer: `<html>slow down</html>`})
	require.Error(t, prepareCall(r))
	x.Says = map[string]string{"RateLimit-Policy": "as much as you like"}
	r.On(x)
	require.NoError(t, prepareCall(r))
	require.Empty(t, r.Permits.Told, "neither of a proxy, nor of what cannot be read")
}

func TestClosientsSerialKeyIsOneProductInEverySpelling(t *testing.T) {
	keyOf := func(base, org, gtin string, primary any) (string, bool) {
		fields := upload.Fields{"organization_id": org, "gtin": gtin}
		if primary != nil {
			fields["is_primary"] = primary
		}
		return closient.SerialKey(spec.Account{Name: "any", BaseURL: base}, fields)
	}
	want, last := keyOf("https://h/v1", "MLpZDiEXM4VsUryR9oE8uc", "12345678905", nil)
	require.False(t, last)
	for name, got := range map[string]func() (string, bool){
		"a canonical UUID": func() (string, bool) {
			return keyOf("https://h/v1", "6ca4f0f8-2508-4bac-b8f1-5d1e3da2247a", "12345678905", nil)
		},
		"a canonical UUID in upper case": func() (string, bool) {
			return keyOf("https://h/v1", "6CA4F0F8-2508-4BAC-B8F1-5D1E3DA2247A", "12345678905", nil)
		},
		"a GTIN with its zeros":     func() (string, bool) { return keyOf("https://h/v1", "MLpZDiEXM4VsUryR9oE8uc", "00012345678905", false) },
		"a base URL with its slash": func() (string, bool) { return keyOf("https://h/v1/", "MLpZDiEXM4VsUryR9oE8uc", "012345678905", nil) },
	} {
		t.Run(name, func(t *testing.T) {
			key, last := got()
			require.Equal(t, want, key)
			require.False(t, last)
		})
	}
	other, _ := keyOf("https://h/v1", "MLpZDiEXM4VsUryR9oE8uc", "12345678906", nil)
	require.NotEqual(t, want, other)
	elsewhere, _ := keyOf("https://other/v1", "MLpZDiEXM4VsUryR9oE8uc", "12345678905", nil)
	require.NotEqual(t, want, elsewhere)
	_, last = keyOf("https://h/v1", "MLpZDiEXM4VsUryR9oE8uc", "12345678905", true)
	require.True(t, last, "the first image is sent after the others")
}

func TestShortUUIDsAreTheVendors(t *testing.T) {
	for uuid, want := range map[string]string{
		"6ca4f0f8-2508-4bac-b8f1-5d1e3da2247a": "MLpZDiEXM4VsUryR9oE8uc",
		"00000000-0000-0000-0000-000000000000": "2222222222222222222222",
		"00000000-0000-0000-0000-000000000001": "2222222222222222222223",
		"ffffffff-ffff-ffff-ffff-ffffffffffff": "oZEq7ovRbLq6UnGMPwc8B5",
		"MLpZDiEXM4VsUryR9oE8uc":               "MLpZDiEXM4VsUryR9oE8uc",
		"zzzzzzzz-zzzz-zzzz-zzzz-zzzzzzzzzzzz": "zzzzzzzz-zzzz-zzzz-zzzz-zzzzzzzzzzzz",
	} {
		require.Equal(t, want, shortUUID(uuid))
	}
}

// Contract 8.3: the CRC-32 in a key.
func TestAMistypedKeyIsNoticed(t *testing.T) {
	for name, c := range map[string]struct{ key, want string }{
		"a key":                              {"csb_0123456789abcdefghijABCDEFGHIJ01_56ee0708", ""},
		"no key, which is told elsewhere":    {"", ""},
		"a letter that is another":           {"csb_0123456789abcdefghijABCDEFGHIJ02_56ee0708", "wrong checksum"},
		"a checksum in upper case":           {"csb_0123456789abcdefghijABCDEFGHIJ01_56EE0708", "does not have the form"},
		"a prefix that is none":              {"xyz_0123456789abcdefghijABCDEFGHIJ01_56ee0708", "does not have the form"},
		"something else, which is not shown": {wiretest.Canary, "does not have the form"},
	} {
		t.Run(name, func(t *testing.T) {
			advice := advise(map[string]string{"api_key": c.key})
			if c.want == "" {
				require.Empty(t, advice)
				return
			}
			require.Len(t, advice, 1)
			require.Contains(t, advice[0], c.want)
			wiretest.Secretless(t, advice)
		})
	}
}

func TestNoClosientCallIsMadeWithoutAPermitOrLostWithoutAWord(t *testing.T) {
	wiretest.CheckCalls(t, closient, map[string]wiretest.ControlCall{
		"list":   {Settings: settings, Call: prepareCall},
		"settle": {Settings: settings, Call: settleCall},
	})
}

func TestSecretSettingsAreMarkedAsSuch(t *testing.T) {
	require.Equal(t, []string{"api_key"}, wiretest.SecretSettings(closient))
}
