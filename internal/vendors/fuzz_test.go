package vendors_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
	"github.com/mediaferry/mediaferry/internal/vendors/wire"
)

// FuzzAVendorsAnswerIsAlwaysUnderstood holds, whatever is answered to whichever call of
// whichever vendor: the call ends, with what can be gone on with or with an error of a
// known kind, in one line without controls; nothing is to be sent to anything but a web
// address; and no life is longer than the longest.
func FuzzAVendorsAnswerIsAlwaysUnderstood(f *testing.F) {
	for _, seed := range []string{
		`{"errorCode":0,"data":{"uploadUrl":"https://h/k?X-Amz-Date=20260301T120000Z&X-Amz-Expires=900","expiresIn":900,"uploadId":"u","fileId":"F"}}`,
		`{"code":0,"data":{"access_id":"a","host":"https://h","expire":"1772370000","signature":"s","policy":"e30=","dir":"d/","callback":"e30="}}`,
		`{"file_id":"f","upload_url":"https://h","fields":{"key":"k"},"upload_expires_at":1772370000,"status":"ready"}`,
		`{"data":[{"id":"a","title":"t","created":"2026-03-01","image_url":"https://h/i"}],"pagination":{"has_next":false},"id":"a"}`,
		`{"accessToken":"e30.e30.x","uploadId":"u","mediaId":"m","parts":[{"partNumber":1,"presignedUrl":"https://h/p","eTag":"\"x\""}],"status":"PARTIAL"}`,
		`{"errorCode":"x","message":["\u001b[31m",{"detail":"\u202e"}],"error":{"code":1e999,"details":[{}]}}`,
		"\ufeff{}", "", "[]", "<html>",
	} {
		f.Add(200, "", []byte(seed))
		f.Add(400, "7", []byte(seed))
	}
	f.Add(202, "", []byte("{}"))
	f.Add(370, "", []byte("")) // which has no words of its own
	f.Add(429, "1e308", []byte(`{"retry_after":-1e999}`))
	f.Fuzz(func(t *testing.T, status int, wait string, body []byte) {
		if status < 200 || status > 599 {
			return
		}
		for _, vendor := range vendors.All() {
			checkCalls(t, vendor, answering{status: status, wait: wait, body: body})
		}
	})
}

// checkCalls makes all calls of a vendor that answers the same to each.
func checkCalls(t *testing.T, vendor vendors.Vendor, says answering) {
	c := callerOf(vendor.Spec(), says)
	in := upload.Prepare{Content: upload.Content{Size: 3, Type: "image/jpeg", Name: "a.jpg"}, Plan: upload.Plan{Parts: 1}}
	session, err := vendor.Prepare(t.Context(), c, in)
	checkError(t, err)
	if err == nil {
		checkURL(t, session.URL)
		require.LessOrEqual(t, session.Life, wire.LongestLife)
		require.GreaterOrEqual(t, session.Life, time.Duration(0))
		checkParts(t, session.Parts)
	}
	_, err = vendor.Poll(t.Context(), c, upload.Poll{Content: in.Content, Session: session})
	checkError(t, err)
	if signer, ok := vendor.(vendors.PartSigner); ok {
		parts, err := signer.SignParts(t.Context(), c, upload.SignParts{Session: "s", Parts: []int{1}, Open: 1})
		checkError(t, err)
		checkParts(t, parts)
	}
	if completer, ok := vendor.(vendors.Completer); ok {
		_, err := completer.Complete(t.Context(), c, upload.Complete{Session: "s"})
		checkError(t, err)
	}
	if receiver, ok := vendor.(vendors.Receiver); ok {
		_, err := receiver.Received(t.Context(), c, says.status, http.Header{"Retry-After": {says.wait}}, says.body)
		checkError(t, err)
		_, err = receiver.Settle(t.Context(), c, upload.Settle{Content: in.Content, Session: session})
		checkError(t, err)
	}
}

func checkParts(t *testing.T, parts []upload.PartURL) {
	for _, part := range parts {
		checkURL(t, part.URL)
		require.Positive(t, part.Number)
		require.LessOrEqual(t, part.Life, wire.LongestLife)
	}
}

func checkURL(t *testing.T, raw string) {
	if raw == "" { // a session in parts has none
		return
	}
	u, err := url.Parse(raw)
	require.NoError(t, err)
	require.Contains(t, []string{"http", "https"}, u.Scheme)
	require.NotEmpty(t, u.Hostname())
	require.Nil(t, u.User)
}

func checkError(t *testing.T, err error) {
	if err == nil {
		return
	}
	var e *upload.Error
	require.ErrorAs(t, err, &e)
	require.Contains(t, upload.Kinds(), e.Kind)
	require.GreaterOrEqual(t, e.RetryAfter, time.Duration(0))
	require.LessOrEqual(t, e.RetryAfter, 24*time.Hour)
	require.Equal(t, upload.Plain(e.Message), e.Message)
	require.Less(t, len(e.Message), 4096)
	require.NotContains(t, e.Message, credential)
}

// credential is every credential of the account.
const credential = "c4n4ry-0123456789"

// answering is a vendor that answers the same to every call.
type answering struct {
	status int
	wait   string
	body   []byte
}

func (a answering) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: a.status, Status: strconv.Itoa(a.status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{
			"Retry-After": {a.wait}, "Ratelimit-Policy": {a.wait}, "Ratelimit-Reset": {a.wait}, "Ratelimit-Remaining": {"0"}, "X-Request-Id": {a.wait},
		},
		Body: io.NopCloser(bytes.NewReader(a.body)),
	}, nil
}

func callerOf(s *spec.Spec, says answering) *wire.Caller {
	settings := map[string]string{}
	for _, name := range []string{"api_key", "secret", "external_id", "token", "public_token", "private_token"} {
		settings[name] = credential
	}
	client := &http.Client{
		Transport:     says,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return &wire.Caller{
		Spec: s, Account: spec.Account{Name: "a", Vendor: s.Name, BaseURL: "https://v.example", LoginURL: "https://v.example", Settings: settings},
		HTTP: client, Storage: client, Permits: generous{}, Tokens: forgetful{},
		Now: func() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) },
	}
}

// generous permits every call.
type generous struct{}

func (generous) Take(context.Context, spec.Account) error                          { return nil }
func (generous) Slow(context.Context, spec.Account, time.Duration, string)         {}
func (generous) Rest(_ context.Context, _ spec.Account, _ time.Duration, _ string) {}
func (generous) Learn(context.Context, spec.Account, []upload.Quota)               {}

// forgetful keeps no token.
type forgetful struct{}

func (forgetful) Get(ctx context.Context, _, _ string, renew func(context.Context, wire.Token) (wire.Token, error)) (wire.Token, error) {
	return renew(ctx, wire.Token{})
}

func (forgetful) Drop(context.Context, string, string, int64) error { return nil }
