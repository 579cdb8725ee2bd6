package truvideo

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/wire"
	"github.com/mediaferry/mediaferry/internal/vendors/wire/wiretest"
)

// Contract 8.3.
func TestTruvideosSignature(t *testing.T) {
	const body = `{"timestamp":"2024-09-06T05:36:25.966Z"}`
	require.Equal(t, "df1abbc30eca9b4ad3308681ecd4f70f850da1945ee121431d26339a23cad2ce", sign("tv_secret", []byte(body)))

	r := wiretest.New(t, truvideo, map[string]string{"api_key": "key", "secret": "tv_secret", "external_id": "tenant"})
	r.Now = time.Date(2024, 9, 6, 5, 36, 25, 966_000_000, time.UTC)
	r.On(wiretest.Exchange{
		Ask: "POST /login/api/login", Body: body, Answer: `{"accessToken":"jwt"}`, Absent: []string{"Authorization"},
		Header: map[string]string{
			"x-authentication-api-key":   "key",
			"x-authentication-signature": "df1abbc30eca9b4ad3308681ecd4f70f850da1945ee121431d26339a23cad2ce",
			"x-multitenant-external-id":  "tenant",
		},
	}, wiretest.Exchange{Ask: "POST /base/upload/start", Loose: true, Answer: started})
	require.NoError(t, prepareCall(r))
}

func TestTheLoginsTimeHasMillisecondsAlways(t *testing.T) {
	r := wiretest.New(t, truvideo, settings).On(
		wiretest.Exchange{Ask: "POST /login/api/login", Body: `{"timestamp":"2026-03-01T12:00:00.000Z"}`, Answer: `{"accessToken":"jwt"}`},
		wiretest.Exchange{Loose: true, Answer: started},
	)
	r.Now = wiretest.Noon.In(time.FixedZone("elsewhere", 3600))
	require.NoError(t, prepareCall(r))
}

// jwt is a token that lives until exp; signatures are the vendor's business.
func jwt(claims string) string {
	return "h." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".s"
}

func login(token string) wiretest.Exchange {
	return wiretest.Exchange{Ask: "POST /login/api/login", Loose: true, Answer: `{"accessToken":"` + token + `","refreshToken":"r"}`}
}

func status(token string, x wiretest.Exchange) wiretest.Exchange {
	x.Ask, x.Header = "GET /base/upload/66d9", map[string]string{"Authorization": "Bearer " + token}
	return x
}

func known() wiretest.Exchange { return wiretest.Exchange{Answer: `{"status":"PARTIAL"}`} }

func TestOneLoginServesManyCalls(t *testing.T) {
	token := jwt(fmt.Sprintf(`{"exp":%d}`, wiretest.Noon.Add(24*time.Hour).Unix()))
	r := wiretest.New(t, truvideo, settings).On(login(token), status(token, known()), status(token, known()), status(token, known()))
	require.NoError(t, pollCall(r))
	require.NoError(t, pollCall(r))
	r.Now = wiretest.Noon.Add(24*time.Hour/5*4 - time.Second)
	require.NoError(t, pollCall(r))
	require.Equal(t, 4, r.Permits.Taken, "the login is a call as any other")

	r.Now = wiretest.Noon.Add(24 * time.Hour / 5 * 4)
	r.On(login("two"), status("two", known()))
	require.NoError(t, pollCall(r))
}

func TestATokensLife(t *testing.T) {
	exp := func(after time.Duration) string { return fmt.Sprintf(`{"exp":%d}`, wiretest.Noon.Add(after).Unix()) }
	span := func(from, to time.Duration) string {
		return jwt(fmt.Sprintf(`{"iat":%d,"exp":%d}`, wiretest.Noon.Add(from).Unix(), wiretest.Noon.Add(to).Unix()))
	}
	for _, c := range []struct {
		name, token string
		date, want  time.Duration
	}{
		{"is from iat to exp", span(0, 24*time.Hour), 0, 24 * time.Hour},
		{"is from iat to exp, whatever the Date says", span(0, 24*time.Hour), 48 * time.Hour, 24 * time.Hour},
		{"is from iat to exp, although the Date is behind", span(0, 24*time.Hour), -48 * time.Hour, 24 * time.Hour},
		{"is from iat to exp, where the vendor's clock differs from ours", span(48*time.Hour, 72*time.Hour), 48 * time.Hour, 24 * time.Hour},
		{"is not from an iat that is absurd", jwt(fmt.Sprintf(`{"iat":1,"exp":%d}`, wiretest.Noon.Add(10*time.Hour).Unix())), 0, 10 * time.Hour},
		{"is not from an iat after exp", span(20*time.Hour, 10*time.Hour), 0, 10 * time.Hour},
		{"is not from an iat that is no number", jwt(fmt.Sprintf(`{"iat":"now","exp":%d}`, wiretest.Noon.Add(10*time.Hour).Unix())), 0, 10 * time.Hour},
		{"is until exp without an iat", jwt(exp(10 * time.Hour)), 0, 10 * time.Hour},
		{"is until exp by the vendor's clock without an iat", jwt(exp(10 * time.Hour)), time.Hour, 9 * time.Hour},
		{"may have padding", "h." + base64.URLEncoding.EncodeToString([]byte(exp(10*time.Hour)+" ")) + ".s", 0, 10 * time.Hour},
		{"may have fractions", jwt(fmt.Sprintf(`{"exp":%d.5}`, wiretest.Noon.Add(time.Hour).Unix())), 0, time.Hour + 500*time.Millisecond},
		{"is half an hour where it is over on arrival", jwt(exp(-time.Hour)), 0, 30 * time.Minute},
		{"is half an hour where it is over on arrival by the vendor's clock", jwt(exp(24 * time.Hour)), 48 * time.Hour, 30 * time.Minute},
		{"is never longer than a week", jwt(exp(30 * 24 * time.Hour)), 0, 7 * 24 * time.Hour},
		{"is a week where it never ends", jwt(`{"exp":9999999999}`), 0, 7 * 24 * time.Hour},
		{"is a week where the number is absurd", jwt(`{"exp":1e300}`), 0, 7 * 24 * time.Hour},
		{"is half an hour where it does not say", jwt(`{}`), 0, 30 * time.Minute},
		{"is half an hour where it says nothing", jwt(`{"exp":0}`), 0, 30 * time.Minute},
		{"is half an hour where it is no JWT", "opaque", 0, 30 * time.Minute},
		{"is half an hour where it is no JSON", jwt(`x`), 0, 30 * time.Minute},
		{"is half an hour where it is no base64", "a.%.c", 0, 30 * time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := login(c.token)
			x.Date = c.date
			r := wiretest.New(t, truvideo, settings).On(x, wiretest.Exchange{Loose: true, Answer: `{"status":"PARTIAL"}`})
			require.NoError(t, pollCall(r))
			require.Equal(t, wiretest.Noon.Add(c.want/5*4), r.Tokens.Kept(wire.AccessToken).ExpiresAt)
		})
	}
}

func TestTheLoginIsRepeatedOnceWithTheVendorsTime(t *testing.T) {
	for _, code := range []int{400, 401, 403} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			r := wiretest.New(t, truvideo, settings)
			r.Date = 45 * time.Minute
			r.On(
				wiretest.Exchange{Ask: "POST /login/api/login", Body: `{"timestamp":"2026-03-01T12:00:00.000Z"}`, Status: code},
				wiretest.Exchange{
					Ask: "POST /login/api/login", Body: `{"timestamp":"2026-03-01T12:45:00.000Z"}`, Answer: `{"accessToken":"jwt"}`,
					Header: map[string]string{"x-authentication-signature": sign(wiretest.Canary+"-secret", []byte(`{"timestamp":"2026-03-01T12:45:00.000Z"}`))},
				},
				status("jwt", known()),
			)
			require.NoError(t, pollCall(r))
		})
	}
}

// Contract 7.8, its first row and what the others say of 401.
func TestWhatTruvideosLoginRefuses(t *testing.T) {
	again := func(status int, body string) []wiretest.Exchange {
		return []wiretest.Exchange{wiretest.Refuse(status, body), wiretest.Refuse(status, body)}
	}
	once := func(status int, body string) []wiretest.Exchange {
		return []wiretest.Exchange{wiretest.Refuse(status, body)}
	}
	echo := `{"detail":"key ` + wiretest.Canary + `-key with ` + wiretest.Canary + `-secret is unknown","message":"error.key"}`
	wiretest.CheckRefusals(t, truvideo, settings, []wiretest.Refusal{
		{
			Name: "400 twice stops the account", Call: prepareCall, Script: again(400, echo),
			Kind: upload.KindDenied, Arrived: upload.ArrivedNothing, Status: 400, Code: "error.key", Text: "login answered 400: key [redacted] with [redacted] is unknown",
		},
		{
			Name: "401 twice stops the account", Call: prepareCall, Script: again(401, ""),
			Kind: upload.KindDenied, Arrived: upload.ArrivedNothing, Status: 401,
		},
		{
			Name: "403 twice stops the account", Call: pollCall, Script: again(403, ""),
			Kind: upload.KindDenied, Arrived: upload.ArrivedNothing, Status: 403,
		},
		{
			Name: "401 twice, at a call that is not repeated", Call: completeCall, Script: again(401, ""),
			Kind: upload.KindDenied, Arrived: upload.ArrivedNothing, Status: 401,
		},
		{
			Name: "404 stops the account, and not the item", Call: prepareCall, Script: once(404, ""),
			Kind: upload.KindDenied, Arrived: upload.ArrivedNothing, Status: 404, Hint: "check the login_url of account acct",
		},
		{
			Name: "429 waits", Call: prepareCall, Script: once(429, ""),
			Kind: upload.KindThrottled, Arrived: upload.ArrivedNothing, Status: 429,
		},
		{
			Name: "500 may pass", Call: prepareCall, Script: once(500, ""),
			Kind: upload.KindUnavailable, Arrived: upload.ArrivedNothing, Status: 500,
		},
		{
			Name: "a success without a token may pass", Call: prepareCall, Script: once(200, `{"refreshToken":"`+wiretest.Canary+`"}`),
			Kind: upload.KindUnavailable, Then: upload.KindRejected, Arrived: upload.ArrivedNothing, Status: 200, Text: "without accessToken",
		},
		{
			Name: "a token of another shape may pass once", Call: prepareCall, Script: once(200, `{"accessToken":{"token":"`+wiretest.Canary+`"}}`),
			Kind: upload.KindUnavailable, Then: upload.KindRejected, Arrived: upload.ArrivedNothing, Status: 200, Text: "login answered OK without accessToken",
		},
		{
			Name: "a page about the size of the request says nothing of the account", Call: prepareCall, Script: once(413, "<html>"),
			Kind: upload.KindUnavailable, Then: upload.KindRejected, Arrived: upload.ArrivedNothing, Status: 413, Text: "(not in the vendor's format: text/html",
		},
		{
			Name: "nor does one about its header", Call: pollCall, Script: once(431, "<html>"),
			Kind: upload.KindUnavailable, Then: upload.KindRejected, Arrived: upload.ArrivedNothing, Status: 431, Text: "(not in the vendor's format: text/html",
		},
		{
			Name: "nor does a page that says 404", Call: prepareCall, Script: once(404, "<html>"),
			Kind: upload.KindUnavailable, Then: upload.KindRejected, Arrived: upload.ArrivedNothing, Status: 404,
		},
		{
			Name: "nor does a redirect", Call: prepareCall, Script: once(302, ""),
			Kind: upload.KindUnavailable, Arrived: upload.ArrivedNothing, Status: 302,
		},
		{
			Name: "413 of its own stops the account", Call: prepareCall, Script: once(413, `{"detail":"too much"}`),
			Kind: upload.KindDenied, Arrived: upload.ArrivedNothing, Status: 413, Text: "too much",
		},
		{
			Name: "a success that is empty may pass", Call: prepareCall, Script: once(200, ""),
			Kind: upload.KindUnavailable, Arrived: upload.ArrivedNothing, Status: 200,
		},
	})
}

func TestA401DropsTheTokenAndIsRepeatedOnceWhereThatIsSafe(t *testing.T) {
	denied := func(x wiretest.Exchange) wiretest.Exchange {
		x.Status, x.Answer = 401, ""
		return x
	}
	withNew := func(x wiretest.Exchange) wiretest.Exchange {
		x.Header = map[string]string{"Authorization": "Bearer new"}
		return x
	}
	calls := map[string]struct {
		call func(*wiretest.Rig) error
		ask  wiretest.Exchange
	}{
		"start":  {prepareCall, wiretest.Exchange{Ask: "POST /base/upload/start", Body: `{"amountOfParts":3,"media":{"fileType":"MP4"}}`, Header: bearer, Status: 201, Answer: started}},
		"parts":  {signCall, wiretest.Exchange{Ask: "GET /base/upload/66d9/parts?count=2", Header: bearer, Answer: `{"parts":[{"partNumber":3,"presignedUrl":"https://s3/3"}]}`}},
		"status": {pollCall, wiretest.Exchange{Ask: "GET /base/upload/66d9", Header: bearer, Answer: `{"status":"PARTIAL"}`}},
	}
	for name, c := range calls {
		t.Run(name, func(t *testing.T) {
			r := rig(t).On(denied(c.ask), login("new"), withNew(c.ask))
			require.NoError(t, c.call(r))
			require.Equal(t, "new", string(r.Tokens.Kept(wire.AccessToken).Value))
			require.Equal(t, 3, r.Permits.Taken)
		})
	}
	t.Run("complete is left to its caller, who finds a new token", func(t *testing.T) {
		r := rig(t).On(wiretest.Exchange{Ask: "POST /base/upload/66d9/complete", Loose: true, Status: 401})
		r.Failed(completeCall(r))
		require.Empty(t, r.Tokens.Kept(wire.AccessToken).Value)
		r.On(login("new"), wiretest.Exchange{Ask: "POST /base/upload/66d9/complete", Loose: true, Status: 202})
		require.NoError(t, completeCall(r))
	})
	t.Run("a token that another renewed meanwhile is not dropped", func(t *testing.T) {
		r := rig(t)
		r.On(wiretest.Exchange{Ask: "GET /base/upload/66d9", Loose: true, Do: func(w http.ResponseWriter, _ *http.Request) {
			r.Tokens.Keep("access", wire.Token{Value: []byte("theirs"), ExpiresAt: wiretest.Noon.Add(time.Hour), Version: 8})
			w.WriteHeader(http.StatusUnauthorized)
		}}, status("theirs", known()))
		require.NoError(t, pollCall(r))
	})
}

func TestTruvideosTokenIsTakenInTheTurnOfItsCall(t *testing.T) {
	t.Run("one that is refused while a call waits for its turn is not tried by it", func(t *testing.T) {
		r := rig(t).On(login("new"), status("new", known()))
		refused := r.Tokens.Kept(wire.AccessToken).Version
		r.Permits.OnTake = func() error { return r.Tokens.Drop(r.Ctx, "", "access", refused) }
		require.NoError(t, pollCall(r))
	})
	t.Run("who has to log in does so in the turn that came, and calls in the next", func(t *testing.T) {
		var turns []int
		at := func(r *wiretest.Rig, body string) wiretest.Exchange {
			return wiretest.Exchange{Do: func(w http.ResponseWriter, _ *http.Request) {
				turns = append(turns, r.Permits.Taken)
				_, _ = w.Write([]byte(body))
			}}
		}
		r := wiretest.New(t, truvideo, settings)
		in := at(r, `{"accessToken":"new"}`)
		in.Ask, in.Loose = "POST /login/api/login", true
		r.On(in, status("new", at(r, `{"status":"PARTIAL"}`)))
		require.NoError(t, pollCall(r))
		require.Equal(t, []int{1, 2}, turns)
	})
	t.Run("one that never outlives a wait is tried all the same", func(t *testing.T) {
		r := wiretest.New(t, truvideo, settings).On(login("one"), login("two"), status("two", known()))
		r.Permits.OnTake = func() error {
			r.Now = r.Now.Add(tokenLife)
			return nil
		}
		require.NoError(t, pollCall(r))
	})
}

// Contract 7.8 and 8.1: a session is lost by what its own call answers, and never
// by what the login does.
func TestALoginThatIsRefusedInMidRunSaysNothingOfTheSession(t *testing.T) {
	calls := map[string]func(*wiretest.Rig) error{"parts": signCall, "status": pollCall, "complete": completeCall}
	for name, call := range calls {
		for _, c := range []struct {
			script []wiretest.Exchange
			kind   upload.Kind
		}{
			{[]wiretest.Exchange{wiretest.Refuse(400, ""), wiretest.Refuse(400, "")}, upload.KindDenied},
			{[]wiretest.Exchange{wiretest.Refuse(401, ""), wiretest.Refuse(401, "")}, upload.KindDenied},
			{[]wiretest.Exchange{wiretest.Refuse(404, "")}, upload.KindDenied},
			{[]wiretest.Exchange{wiretest.Refuse(405, "")}, upload.KindDenied},
			{[]wiretest.Exchange{wiretest.Refuse(503, "")}, upload.KindUnavailable},
			{[]wiretest.Exchange{{Loose: true, Do: wiretest.Drop}}, upload.KindUnavailable},
		} {
			check := func(t *testing.T, r *wiretest.Rig) {
				e := r.Failed(call(r))
				require.Equal(t, c.kind, e.Kind, "%v", e)
				require.False(t, e.Lost)
				require.Empty(t, e.Then)
				require.Equal(t, upload.ArrivedNothing, e.Arrived)
			}
			answered := fmt.Sprint(c.script[0].Status)
			t.Run(name+" without a token, login "+answered, func(t *testing.T) {
				check(t, wiretest.New(t, truvideo, settings).On(c.script...))
			})
			if name != "complete" { // which leaves its 401 to the flow
				t.Run(name+" after a 401, login "+answered, func(t *testing.T) {
					check(t, rig(t).On(wiretest.Refuse(401, "")).On(c.script...))
				})
			}
		}
	}
}

func TestATokenThatTruvideoRefusesAndCannotBeDropped(t *testing.T) {
	for name, call := range map[string]func(*wiretest.Rig) error{"start": prepareCall, "complete": completeCall} {
		t.Run(name, func(t *testing.T) {
			r := rig(t).On(wiretest.Refuse(401, ""))
			trouble := upload.Errorf(upload.KindInternal, "", "ledger is out of reach")
			r.Tokens.OnDrop = func() error { return trouble }
			require.ErrorIs(t, call(r), trouble)
		})
	}
}

func TestTokensThatCannotBeAskedAreNoFaultOfTheAccounts(t *testing.T) {
	r := wiretest.New(t, truvideo, settings)
	r.Caller.Tokens = wiretest.FailingTokens{FakeTokens: r.Tokens}
	require.ErrorContains(t, prepareCall(r), "out of reach")
}
