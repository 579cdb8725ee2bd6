package codec_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/mediaferry/mediaferry/internal/codec"
	"github.com/mediaferry/mediaferry/internal/guard"
)

// pages are loopback's names, with pages of other origins.
func pages(origins ...string) guard.Names { return guard.Names{Origins: origins} }

const ui = "http://127.0.0.1:8233"

// ask is one request to a codec server.
type ask struct {
	method, path, host, origin, contentType string
	body                                    []byte
	header                                  http.Header
}

func (a ask) do(handler http.Handler) *httptest.ResponseRecorder {
	if a.method == "" {
		a.method = http.MethodPost
	}
	if a.path == "" {
		a.path = "/decode"
	}
	if a.host == "" {
		a.host = "127.0.0.1:9000"
	}
	r := httptest.NewRequest(a.method, "http://"+a.host+a.path, bytes.NewReader(a.body))
	if a.contentType != "-" {
		r.Header.Set("Content-Type", "application/json")
	}
	if a.contentType != "" {
		r.Header.Set("Content-Type", a.contentType)
	}
	if a.origin != "" {
		r.Header.Set("Origin", a.origin)
	}
	for name, values := range a.header {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

// encrypted is a request's body with one payload, the canary.
func encrypted(t *testing.T, keys codec.Keys) []byte {
	t.Helper()
	payload, err := codec.DataConverter(keys).ToPayload(canary)
	require.NoError(t, err)
	body, err := protojson.Marshal(&commonpb.Payloads{Payloads: []*commonpb.Payload{payload}})
	require.NoError(t, err)
	return body
}

func decodedText(t *testing.T, body []byte) string {
	t.Helper()
	var payloads commonpb.Payloads
	require.NoError(t, protojson.Unmarshal(body, &payloads))
	require.Len(t, payloads.GetPayloads(), 1)
	var text string
	require.NoError(t, converter.GetDefaultDataConverter().FromPayload(payloads.GetPayloads()[0], &text))
	return text
}

func TestServerDecodesForTheUI(t *testing.T) {
	keys := keysOf(t, 1)
	w := ask{origin: ui, path: "/decode?preserveStorageRefs=true", body: encrypted(t, keys), contentType: "application/json; charset=utf-8"}.do(codec.Handler(keys, pages(ui+"/"), nil))
	require.Equal(t, http.StatusOK, w.Code)
	require.Equal(t, canary, decodedText(t, w.Body.Bytes()))
	require.Equal(t, ui, w.Header().Get("Access-Control-Allow-Origin"))
	require.Equal(t, "true", w.Header().Get("Access-Control-Allow-Credentials"))
	require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	require.Equal(t, "Origin", w.Header().Get("Vary"))
}

func TestServerAnswersTemporalsOwnClient(t *testing.T) {
	keys := keysOf(t, 1)
	server := httptest.NewServer(codec.Handler(keys, guard.Names{}, nil))
	defer server.Close()
	payload, err := codec.DataConverter(keys).ToPayload(canary)
	require.NoError(t, err)
	remote := converter.NewRemotePayloadCodec(converter.RemotePayloadCodecOptions{Endpoint: server.URL})
	got, err := remote.Decode([]*commonpb.Payload{payload})
	require.NoError(t, err)
	var text string
	require.NoError(t, converter.GetDefaultDataConverter().FromPayload(got[0], &text))
	require.Equal(t, canary, text)
	_, err = remote.Encode(got)
	require.ErrorContains(t, err, "only decodes")
}

func TestServerAnswersThePreflight(t *testing.T) {
	handler := codec.Handler(keysOf(t, 1), pages("https://other.example", ui), nil)
	w := ask{method: http.MethodOptions, origin: ui, header: http.Header{"Access-Control-Request-Private-Network": {"true"}}}.do(handler)
	require.Equal(t, http.StatusNoContent, w.Code)
	require.Equal(t, ui, w.Header().Get("Access-Control-Allow-Origin"))
	require.Equal(t, "POST", w.Header().Get("Access-Control-Allow-Methods"))
	require.Equal(t, "true", w.Header().Get("Access-Control-Allow-Private-Network"))
	for _, name := range []string{"Authorization", "Authorization-Extras", "Content-Type", "X-Namespace"} {
		require.Contains(t, w.Header().Get("Access-Control-Allow-Headers"), name)
	}
}

func TestServerRefuses(t *testing.T) {
	keys := keysOf(t, 1)
	body := encrypted(t, keys)
	cases := map[string]struct {
		ask    ask
		status int
		want   string
	}{
		"a page of another origin":                {ask{origin: "http://evil.example"}, http.StatusForbidden, "not allowed to send requests here"},
		"another port of the UI's host":           {ask{origin: "http://127.0.0.1:8234"}, http.StatusForbidden, "not allowed to send requests here"},
		"an origin that begins like the UI's":     {ask{origin: ui + ".evil.example"}, http.StatusForbidden, "not allowed to send requests here"},
		"an origin that hides itself":             {ask{origin: "null"}, http.StatusForbidden, "not allowed to send requests here"},
		"the preflight of another origin":         {ask{method: http.MethodOptions, origin: "http://evil.example"}, http.StatusForbidden, "not allowed to send requests here"},
		"a foreign name that points here":         {ask{host: "rebound.example:9000"}, http.StatusForbidden, `host "rebound.example" is not allowed`},
		"a name that begins like a loopback name": {ask{host: "127.0.0.1.evil.example"}, http.StatusForbidden, "is not allowed"},
		"encoding":                         {ask{path: "/encode", origin: ui}, http.StatusForbidden, "only decodes"},
		"another path":                     {ask{path: "/v1/decode"}, http.StatusNotFound, "use POST /decode"},
		"another method":                   {ask{method: http.MethodGet}, http.StatusMethodNotAllowed, "use POST"},
		"a form, which needs no preflight": {ask{contentType: "text/plain"}, http.StatusUnsupportedMediaType, "application/json"},
		"no type":                          {ask{contentType: "-"}, http.StatusUnsupportedMediaType, "application/json"},
		"no JSON":                          {ask{body: []byte("{")}, http.StatusBadRequest, ""},
		"too much":                         {ask{body: make([]byte, 16<<20+1)}, http.StatusRequestEntityTooLarge, "more than 16777216 bytes"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if c.ask.body == nil {
				c.ask.body = body
			}
			w := c.ask.do(codec.Handler(keys, pages(ui), nil))
			require.Equal(t, c.status, w.Code)
			require.Contains(t, w.Body.String(), c.want)
			if c.ask.origin != ui {
				require.Empty(t, w.Header().Get("Access-Control-Allow-Origin"))
			}
		})
	}
}

func TestServerNamesTheKeyThatItLacks(t *testing.T) {
	w := ask{origin: ui, body: encrypted(t, keysOf(t, 1))}.do(codec.Handler(keysOf(t, 2), pages(ui), nil))
	require.Equal(t, http.StatusBadRequest, w.Code)
	require.Contains(t, w.Body.String(), keysOf(t, 1).IDs()[0])
	require.Equal(t, ui, w.Header().Get("Access-Control-Allow-Origin"), "or the page could not show why")
}

func TestServerAsksWhoeverIsToAllow(t *testing.T) {
	keys := keysOf(t, 1)
	handler := codec.Handler(keys, pages(ui), func(r *http.Request) *guard.Refusal { return guard.Tokens{"right-token"}.Check(r, "here") })
	body := encrypted(t, keys)
	require.Equal(t, http.StatusUnauthorized, ask{body: body}.do(handler).Code)
	w := ask{body: body, origin: ui, header: http.Header{"Authorization": {"Bearer wrong"}}}.do(handler)
	require.Equal(t, http.StatusUnauthorized, w.Code)
	require.Equal(t, ui, w.Header().Get("Access-Control-Allow-Origin"), "or the page could not show why")
	require.Equal(t, http.StatusOK, ask{body: body, header: http.Header{"Authorization": {"Bearer right-token"}}}.do(handler).Code)
	require.Equal(t, http.StatusNoContent, ask{method: http.MethodOptions, origin: ui}.do(handler).Code, "browsers ask without it")
}

func TestUnencryptedPayloadsComeBackAsTheyAre(t *testing.T) {
	payload, err := converter.GetDefaultDataConverter().ToPayload(canary)
	require.NoError(t, err)
	body, err := protojson.Marshal(&commonpb.Payloads{Payloads: []*commonpb.Payload{payload}})
	require.NoError(t, err)
	w := ask{body: body}.do(codec.Handler(keysOf(t, 1), guard.Names{}, nil))
	require.Equal(t, http.StatusOK, w.Code)
	require.Equal(t, canary, decodedText(t, w.Body.Bytes()))
	require.False(t, strings.Contains(w.Body.String(), "encrypted"))
}
