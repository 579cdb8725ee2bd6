package vendors

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
)

var closientSettings = map[string]string{"api_key": canary + "-key"}

const (
	closientOrg  = "3NxmYwJ9zKqBvT7cRfPdHa"
	closientPath = "/base/trade-items/" + closientOrg + "/00012345678905/images"
)

func closientItem(more upload.Fields) upload.Item {
	fields := upload.Fields{"organization_id": closientOrg, "gtin": "00012345678905"}
	for name, value := range more {
		fields[name] = value
	}
	return item("closient", fields)
}

func closientPrepareCall(r *rig) error {
	_, err := Closient{}.Prepare(r.ctx, r.caller, upload.Prepare{Item: closientItem(nil), Content: jpeg()})
	return err
}

func closientSettleCall(r *rig) error {
	_, err := Closient{}.Settle(r.ctx, r.caller, upload.Settle{Item: closientItem(nil), Content: jpeg()})
	return err
}

// images is one page of a product's images.
func images(hasNext bool, list ...map[string]any) string {
	if list == nil {
		list = []map[string]any{}
	}
	raw, err := json.Marshal(map[string]any{"data": list, "pagination": map[string]any{"has_next": hasNext}})
	if err != nil {
		panic(err)
	}
	return string(raw)
}

func image(id string) map[string]any {
	return map[string]any{"id": id, "title": "", "created": noon, "image_url": "https://cdn/" + id}
}

func listed(page int, answer string) exchange {
	return exchange{
		ask:    fmt.Sprintf("GET %s?page=%d&page_size=100", closientPath, page),
		header: map[string]string{"X-API-Key": canary + "-key"}, answer: answer,
	}
}

func TestClosientRemembersWhatWasThereBefore(t *testing.T) {
	r := newRig(t, "closient", closientSettings).on(
		listed(1, images(true, image("a"), image("b"))),
		listed(2, images(true, image("c"))),
		listed(3, images(false, image("d"))),
	)
	in := upload.Prepare{Item: closientItem(upload.Fields{"title": "Front of package", "is_primary": true}), Content: jpeg()}
	session, err := Closient{}.Prepare(t.Context(), r.caller, in)
	require.NoError(t, err)
	require.Equal(t, upload.Session{
		Method: upload.MethodForm, Store: upload.StoreVendor,
		URL:  r.server.URL + closientPath,
		Form: []upload.FormField{{Name: "title", Value: "Front of package"}, {Name: "is_primary", Value: "true"}},
		File: upload.FormFile{Field: "image", Name: "photo.jpg", Type: "image/jpeg"},

		OpenedAt: noon, Before: []string{"a", "b", "c", "d"},
	}, session)
	require.Equal(t, 3, r.permits.taken)
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
			r := newRig(t, "closient", closientSettings).on(listed(1, images(false)))
			session, err := Closient{}.Prepare(t.Context(), r.caller, upload.Prepare{Item: closientItem(c.fields), Content: jpeg()})
			require.NoError(t, err)
			require.Equal(t, c.want, session.Form)
			require.Empty(t, session.Before)
		})
	}
}

func TestAListThatNeverEndsIsNotBelieved(t *testing.T) {
	r := newRig(t, "closient", closientSettings)
	for range closientPages {
		r.on(exchange{loose: true, answer: images(true, image("a"))})
	}
	e := r.failed(closientPrepareCall(r))
	require.Equal(t, upload.KindUnavailable, e.Kind)
	require.Contains(t, e.Message, "more than 100 pages")
}

func TestAListEndsWithAnEmptyPage(t *testing.T) {
	r := newRig(t, "closient", closientSettings).on(listed(1, images(true, image("a"))), listed(2, images(true)))
	require.NoError(t, closientPrepareCall(r))
}

func TestTheVendorsTimeIsThatOfItsList(t *testing.T) {
	r := newRig(t, "closient", closientSettings)
	r.date = -5 * time.Minute
	r.on(listed(1, images(false)))
	session, err := Closient{}.Prepare(t.Context(), r.caller, upload.Prepare{Item: closientItem(nil), Content: jpeg()})
	require.NoError(t, err)
	require.Equal(t, noon.Add(-5*time.Minute), session.OpenedAt)
}

func TestClosientLetsTheBytesInByItsKey(t *testing.T) {
	r := newRig(t, "closient", closientSettings)
	header, err := Closient{}.Admission(t.Context(), r.caller)
	require.NoError(t, err)
	require.Equal(t, http.Header{"X-Api-Key": {canary + "-key"}, "Accept": {"application/json"}}, header)
}

func TestClosientReceives(t *testing.T) {
	r := newRig(t, "closient", closientSettings)
	media, err := Closient{}.Received(t.Context(), r.caller, 201, http.Header{}, []byte(
		`{"id":"3Nxm","title":"Front","is_primary":true,"priority":0,"created":"2026-01-01T00:00:00Z","image_url":"https://cdn.closient.com/hero.jpg"}`))
	require.NoError(t, err)
	require.Equal(t, "3Nxm", media.ID)
	require.Equal(t, "https://cdn.closient.com/hero.jpg", media.URL)
	require.Equal(t, upload.StateReady, media.State)

	polled, err := Closient{}.Poll(t.Context(), r.caller, upload.Poll{Session: upload.Session{Media: media}})
	require.NoError(t, err)
	require.Equal(t, media, polled)

	media, err = Closient{}.Received(t.Context(), r.caller, 200, http.Header{}, []byte(`{"id":"3Nxm","image_url":null}`))
	require.NoError(t, err)
	require.Empty(t, media.URL)
	media, err = Closient{}.Received(t.Context(), r.caller, 200, http.Header{}, []byte(`{"id":"3Nxm","image_url":"https://s3/x?X-Amz-Signature=`+canary+`"}`))
	require.NoError(t, err)
	secretless(t, media)
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
	receive := func(status int, header http.Header, body string) func(*rig) error {
		return func(r *rig) error {
			r.permits.taken = 0
			_, err := Closient{}.Received(r.ctx, r.caller, status, header, []byte(body))
			return err
		}
	}
	rows := []refusal{}
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
		a, b := shapeA(one.status, one.code, "no "+canary+"-key"), shapeB(one.status, one.code, "no "+canary+"-key", "")
		rows = append(rows,
			refusal{
				name: fmt.Sprintf("POST %d of shape a", one.status), call: receive(one.status, nil, a),
				kind: one.kind, arrived: arrived, status: one.status, code: one.code, text: fmt.Sprintf("images answered %d: no [redacted]; image: unsupported", one.status),
			},
			refusal{
				name: fmt.Sprintf("POST %d of shape b", one.status), call: receive(one.status, nil, b),
				kind: one.kind, arrived: arrived, status: one.status, code: one.code, text: fmt.Sprintf("images answered %d: no [redacted]", one.status),
			},
			refusal{
				name: fmt.Sprintf("POST %d with a page", one.status), call: receive(one.status, nil, "<html>"),
				kind: one.kind, arrived: arrived, status: one.status, text: fmt.Sprintf("images answered %d: ", one.status),
			},
			refusal{
				name: fmt.Sprintf("list %d of shape a", one.status), call: closientPrepareCall, script: []exchange{refuse(one.status, a)},
				kind: one.kind, arrived: arrived, status: one.status, code: one.code, text: fmt.Sprintf("list images answered %d: no [redacted]; image: unsupported", one.status),
			},
			refusal{
				name: fmt.Sprintf("list %d without words", one.status), call: closientPrepareCall, script: []exchange{refuse(one.status, "")},
				kind: one.kind, arrived: arrived, status: one.status,
			},
		)
	}
	rows = append(rows,
		refusal{
			name: "POST 429: nothing was made, and it waits as it is told", call: receive(429, http.Header{"Retry-After": {"12"}}, shapeA(429, "RATE_LIMITED", "slow")),
			kind: upload.KindThrottled, arrived: upload.ArrivedNothing, status: 429, code: "RATE_LIMITED", wait: 12 * time.Second,
		},
		refusal{
			name: "POST 429 that says in its body when to come back", call: receive(429, nil, shapeB(429, "rate_limited", "slow", `,"retry_after":12.5`)),
			kind: upload.KindThrottled, arrived: upload.ArrivedNothing, status: 429, code: "rate_limited", wait: 12500 * time.Millisecond,
		},
		refusal{
			name: "POST 429 that says both: the longer one", call: receive(429, http.Header{"Retry-After": {"20"}}, shapeB(429, "rate_limited", "slow", `,"retry_after":12`)),
			kind: upload.KindThrottled, arrived: upload.ArrivedNothing, status: 429, code: "rate_limited", wait: 20 * time.Second,
		},
		refusal{
			name: "POST 429 that says nonsense", call: receive(429, nil, shapeB(429, "rate_limited", "slow", `,"retry_after":-7`)),
			kind: upload.KindThrottled, arrived: upload.ArrivedNothing, status: 429, code: "rate_limited",
		},
		refusal{
			name: "POST 429 that says for ever", call: receive(429, nil, shapeB(429, "rate_limited", "slow", `,"retry_after":1e30`)),
			kind: upload.KindThrottled, arrived: upload.ArrivedNothing, status: 429, code: "rate_limited", wait: 24 * time.Hour,
		},
		refusal{
			name: "a success that is empty leaves it open", call: receive(201, nil, ""),
			kind: upload.KindUnavailable, arrived: upload.ArrivedMaybe, status: 201,
		},
		refusal{
			name: "a success that is a page leaves it open", call: receive(201, nil, "<html>"),
			kind: upload.KindUnavailable, arrived: upload.ArrivedMaybe, status: 201,
		},
		refusal{
			name: "a success without an ID leaves it open", call: receive(201, nil, `{"title":"x"}`),
			kind: upload.KindUnavailable, arrived: upload.ArrivedMaybe, status: 201, text: "no id",
		},
		refusal{
			name: "a success with a time that is none leaves it open", call: receive(201, nil, `{"id":"x","created":"`+"x?signature="+canary+`"}`),
			kind: upload.KindUnavailable, arrived: upload.ArrivedMaybe, status: 201,
		},
		refusal{
			name: "a redirect, which nobody follows with the key", call: receive(307, http.Header{"Location": {"https://elsewhere/"}}, ""),
			kind: upload.KindRejected, arrived: upload.ArrivedMaybe, status: 307,
		},
		refusal{
			name: "a list that is no JSON", call: closientPrepareCall, script: []exchange{refuse(200, "<html>")},
			kind: upload.KindUnavailable, arrived: upload.ArrivedMaybe, status: 200,
		},
	)
	checkRefusals(t, "closient", closientSettings, rows)
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
			r := newRig(t, "closient", closientSettings)
			x := listed(1, images(false))
			x.says = c.header
			r.on(x)
			require.NoError(t, closientPrepareCall(r))
			require.Equal(t, c.want, r.permits.slowed)

			header := http.Header{}
			for name, value := range c.header {
				header.Set(name, value)
			}
			r.permits.slowed = nil
			_, err := Closient{}.Received(t.Context(), r.caller, 201, header, []byte(`{"id":"x"}`))
			require.NoError(t, err)
			require.Equal(t, c.want, r.permits.slowed, "also by the answer to the bytes")
		})
	}
}

func TestClosientsLaneIsOneProductInEverySpelling(t *testing.T) {
	lane := func(base, org, gtin string, primary any) (string, bool) {
		fields := upload.Fields{"organization_id": org, "gtin": gtin}
		if primary != nil {
			fields["is_primary"] = primary
		}
		return closientLane(Account{Name: "any", BaseURL: base}, fields)
	}
	want, last := lane("https://h/v1", "MLpZDiEXM4VsUryR9oE8uc", "12345678905", nil)
	require.False(t, last)
	for name, got := range map[string]func() (string, bool){
		"a canonical UUID": func() (string, bool) {
			return lane("https://h/v1", "6ca4f0f8-2508-4bac-b8f1-5d1e3da2247a", "12345678905", nil)
		},
		"a canonical UUID in upper case": func() (string, bool) {
			return lane("https://h/v1", "6CA4F0F8-2508-4BAC-B8F1-5D1E3DA2247A", "12345678905", nil)
		},
		"a GTIN with its zeros":     func() (string, bool) { return lane("https://h/v1", "MLpZDiEXM4VsUryR9oE8uc", "00012345678905", false) },
		"a base URL with its slash": func() (string, bool) { return lane("https://h/v1/", "MLpZDiEXM4VsUryR9oE8uc", "012345678905", nil) },
	} {
		t.Run(name, func(t *testing.T) {
			lane, last := got()
			require.Equal(t, want, lane)
			require.False(t, last)
		})
	}
	other, _ := lane("https://h/v1", "MLpZDiEXM4VsUryR9oE8uc", "12345678906", nil)
	require.NotEqual(t, want, other)
	elsewhere, _ := lane("https://other/v1", "MLpZDiEXM4VsUryR9oE8uc", "12345678905", nil)
	require.NotEqual(t, want, elsewhere)
	_, last = lane("https://h/v1", "MLpZDiEXM4VsUryR9oE8uc", "12345678905", true)
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
		"something else, which is not shown": {canary, "does not have the form"},
	} {
		t.Run(name, func(t *testing.T) {
			advice := closientAdvise(map[string]string{"api_key": c.key})
			if c.want == "" {
				require.Empty(t, advice)
				return
			}
			require.Len(t, advice, 1)
			require.Contains(t, advice[0], c.want)
			secretless(t, advice)
		})
	}
}
