package vendors

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// Contract 8.3.
func TestTruvideosSignature(t *testing.T) {
	const body = `{"timestamp":"2024-09-06T05:36:25.966Z"}`
	require.Equal(t, "df1abbc30eca9b4ad3308681ecd4f70f850da1945ee121431d26339a23cad2ce", truvideoSign("tv_secret", []byte(body)))

	r := newRig(t, "truvideo", map[string]string{"api_key": "key", "secret": "tv_secret", "external_id": "tenant"})
	r.now = time.Date(2024, 9, 6, 5, 36, 25, 966_000_000, time.UTC)
	r.on(exchange{
		ask: "POST /login/api/login", body: body, answer: `{"accessToken":"jwt"}`, absent: []string{"Authorization"},
		header: map[string]string{
			"x-authentication-api-key":   "key",
			"x-authentication-signature": "df1abbc30eca9b4ad3308681ecd4f70f850da1945ee121431d26339a23cad2ce",
			"x-multitenant-external-id":  "tenant",
		},
	}, exchange{ask: "POST /base/upload/start", loose: true, answer: started})
	require.NoError(t, truvideoPrepareCall(r))
}

func TestTheLoginsTimeHasMillisecondsAlways(t *testing.T) {
	r := newRig(t, "truvideo", truvideoSettings).on(
		exchange{ask: "POST /login/api/login", body: `{"timestamp":"2026-03-01T12:00:00.000Z"}`, answer: `{"accessToken":"jwt"}`},
		exchange{loose: true, answer: started},
	)
	r.now = noon.In(time.FixedZone("elsewhere", 3600))
	require.NoError(t, truvideoPrepareCall(r))
}

// jwt is a token that lives until exp; signatures are the vendor's business.
func jwt(claims string) string {
	return "h." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".s"
}

func login(token string) exchange {
	return exchange{ask: "POST /login/api/login", loose: true, answer: `{"accessToken":"` + token + `","refreshToken":"r"}`}
}

func status(token string, x exchange) exchange {
	x.ask, x.header = "GET /base/upload/66d9", map[string]string{"Authorization": "Bearer " + token}
	return x
}

func known() exchange { return exchange{answer: `{"status":"PARTIAL"}`} }

func TestOneLoginServesManyCalls(t *testing.T) {
	token := jwt(fmt.Sprintf(`{"exp":%d}`, noon.Add(24*time.Hour).Unix()))
	r := newRig(t, "truvideo", truvideoSettings).on(login(token), status(token, known()), status(token, known()), status(token, known()))
	require.NoError(t, truvideoPollCall(r))
	require.NoError(t, truvideoPollCall(r))
	r.now = noon.Add(24*time.Hour/5*4 - time.Second)
	require.NoError(t, truvideoPollCall(r))
	require.Equal(t, 4, r.permits.taken, "the login is a call as any other")

	r.now = noon.Add(24 * time.Hour / 5 * 4)
	r.on(login("two"), status("two", known()))
	require.NoError(t, truvideoPollCall(r))
}

func TestATokensLife(t *testing.T) {
	exp := func(after time.Duration) string { return fmt.Sprintf(`{"exp":%d}`, noon.Add(after).Unix()) }
	span := func(from, to time.Duration) string {
		return jwt(fmt.Sprintf(`{"iat":%d,"exp":%d}`, noon.Add(from).Unix(), noon.Add(to).Unix()))
	}
	for _, c := range []struct {
		name, token string
		date, want  time.Duration
	}{
		{"is from iat to exp", span(0, 24*time.Hour), 0, 24 * time.Hour},
		{"is from iat to exp, whatever the Date says", span(0, 24*time.Hour), 48 * time.Hour, 24 * time.Hour},
		{"is from iat to exp, although the Date is behind", span(0, 24*time.Hour), -48 * time.Hour, 24 * time.Hour},
		{"is from iat to exp, where the vendor's clock differs from ours", span(48*time.Hour, 72*time.Hour), 48 * time.Hour, 24 * time.Hour},
		{"is not from an iat that is absurd", jwt(fmt.Sprintf(`{"iat":1,"exp":%d}`, noon.Add(10*time.Hour).Unix())), 0, 10 * time.Hour},
		{"is not from an iat after exp", span(20*time.Hour, 10*time.Hour), 0, 10 * time.Hour},
		{"is not from an iat that is no number", jwt(fmt.Sprintf(`{"iat":"now","exp":%d}`, noon.Add(10*time.Hour).Unix())), 0, 10 * time.Hour},
		{"is until exp without an iat", jwt(exp(10 * time.Hour)), 0, 10 * time.Hour},
		{"is until exp by the vendor's clock without an iat", jwt(exp(10 * time.Hour)), time.Hour, 9 * time.Hour},
		{"may have padding", "h." + base64.URLEncoding.EncodeToString([]byte(exp(10*time.Hour)+" ")) + ".s", 0, 10 * time.Hour},
		{"may have fractions", jwt(fmt.Sprintf(`{"exp":%d.5}`, noon.Add(time.Hour).Unix())), 0, time.Hour + 500*time.Millisecond},
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
			x.date = c.date
			r := newRig(t, "truvideo", truvideoSettings).on(x, exchange{loose: true, answer: `{"status":"PARTIAL"}`})
			require.NoError(t, truvideoPollCall(r))
			require.Equal(t, noon.Add(c.want/5*4), r.tokens.get("access").ExpiresAt)
		})
	}
}

func TestTheLoginIsRepeatedOnceWithTheVendorsTime(t *testing.T) {
	for _, code := range []int{400, 401, 403} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			r := newRig(t, "truvideo", truvideoSettings)
			r.date = 45 * time.Minute
			r.on(
				exchange{ask: "POST /login/api/login", body: `{"timestamp":"2026-03-01T12:00:00.000Z"}`, status: code},
				exchange{
					ask: "POST /login/api/login", body: `{"timestamp":"2026-03-01T12:45:00.000Z"}`, answer: `{"accessToken":"jwt"}`,
					header: map[string]string{"x-authentication-signature": truvideoSign(canary+"-secret", []byte(`{"timestamp":"2026-03-01T12:45:00.000Z"}`))},
				},
				status("jwt", known()),
			)
			require.NoError(t, truvideoPollCall(r))
		})
	}
}

// Contract 7.8, its first row and what the others say of 401.
func TestWhatTruvideosLoginRefuses(t *testing.T) {
	again := func(status int, body string) []exchange {
		return []exchange{refuse(status, body), refuse(status, body)}
	}
	once := func(status int, body string) []exchange { return []exchange{refuse(status, body)} }
	echo := `{"detail":"key ` + canary + `-key with ` + canary + `-secret is unknown","message":"error.key"}`
	checkRefusals(t, "truvideo", truvideoSettings, []refusal{
		{
			name: "400 twice stops the account", call: truvideoPrepareCall, script: again(400, echo),
			kind: upload.KindDenied, arrived: upload.ArrivedNothing, status: 400, code: "error.key", text: "login answered 400: key [redacted] with [redacted] is unknown",
		},
		{
			name: "401 twice stops the account", call: truvideoPrepareCall, script: again(401, ""),
			kind: upload.KindDenied, arrived: upload.ArrivedNothing, status: 401,
		},
		{
			name: "403 twice stops the account", call: truvideoPollCall, script: again(403, ""),
			kind: upload.KindDenied, arrived: upload.ArrivedNothing, status: 403,
		},
		{
			name: "401 twice, at a call that is not repeated", call: truvideoCompleteCall, script: again(401, ""),
			kind: upload.KindDenied, arrived: upload.ArrivedNothing, status: 401,
		},
		{
			name: "404 stops the account, and not the item", call: truvideoPrepareCall, script: once(404, ""),
			kind: upload.KindDenied, arrived: upload.ArrivedNothing, status: 404, hint: "check login_url of account acct",
		},
		{
			name: "429 waits", call: truvideoPrepareCall, script: once(429, ""),
			kind: upload.KindThrottled, arrived: upload.ArrivedNothing, status: 429,
		},
		{
			name: "500 may pass", call: truvideoPrepareCall, script: once(500, ""),
			kind: upload.KindUnavailable, arrived: upload.ArrivedNothing, status: 500,
		},
		{
			name: "a success without a token may pass", call: truvideoPrepareCall, script: once(200, `{"refreshToken":"`+canary+`"}`),
			kind: upload.KindUnavailable, arrived: upload.ArrivedNothing, status: 200, text: "no accessToken",
		},
		{
			name: "a success that is empty may pass", call: truvideoPrepareCall, script: once(200, ""),
			kind: upload.KindUnavailable, arrived: upload.ArrivedNothing, status: 200,
		},
	})
}

func TestA401DropsTheTokenAndIsRepeatedOnceWhereThatIsSafe(t *testing.T) {
	denied := func(x exchange) exchange {
		x.status, x.answer = 401, ""
		return x
	}
	withNew := func(x exchange) exchange {
		x.header = map[string]string{"Authorization": "Bearer new"}
		return x
	}
	calls := map[string]struct {
		call func(*rig) error
		ask  exchange
	}{
		"start":  {truvideoPrepareCall, exchange{ask: "POST /base/upload/start", body: `{"amountOfParts":3,"media":{"fileType":"MP4"}}`, header: bearer, status: 201, answer: started}},
		"parts":  {truvideoSignCall, exchange{ask: "GET /base/upload/66d9/parts?count=2", header: bearer, answer: `{"parts":[{"partNumber":3,"presignedUrl":"https://s3/3"}]}`}},
		"status": {truvideoPollCall, exchange{ask: "GET /base/upload/66d9", header: bearer, answer: `{"status":"PARTIAL"}`}},
	}
	for name, c := range calls {
		t.Run(name, func(t *testing.T) {
			r := truvideoRig(t).on(denied(c.ask), login("new"), withNew(c.ask))
			require.NoError(t, c.call(r))
			require.Equal(t, "new", string(r.tokens.get("access").Value))
			require.Equal(t, 3, r.permits.taken)
		})
	}
	t.Run("complete is left to its caller, who finds a new token", func(t *testing.T) {
		r := truvideoRig(t).on(exchange{ask: "POST /base/upload/66d9/complete", loose: true, status: 401})
		r.failed(truvideoCompleteCall(r))
		require.Empty(t, r.tokens.get("access").Value)
		r.on(login("new"), exchange{ask: "POST /base/upload/66d9/complete", loose: true, status: 202})
		require.NoError(t, truvideoCompleteCall(r))
	})
	t.Run("a token that another renewed meanwhile is not dropped", func(t *testing.T) {
		r := truvideoRig(t)
		r.on(exchange{ask: "GET /base/upload/66d9", loose: true, do: func(w http.ResponseWriter, _ *http.Request) {
			r.tokens.keep("access", Token{Value: []byte("theirs"), ExpiresAt: noon.Add(time.Hour), Version: 8})
			w.WriteHeader(http.StatusUnauthorized)
		}}, status("theirs", known()))
		require.NoError(t, truvideoPollCall(r))
	})
}

func TestTruvideosTokenIsTakenInTheTurnOfItsCall(t *testing.T) {
	t.Run("one that is refused while a call waits for its turn is not tried by it", func(t *testing.T) {
		r := truvideoRig(t).on(login("new"), status("new", known()))
		refused := r.tokens.get("access").Version
		r.permits.take = func() error { return r.tokens.Drop(r.ctx, "", "access", refused) }
		require.NoError(t, truvideoPollCall(r))
	})
	t.Run("who has to log in does so in the turn that came, and calls in the next", func(t *testing.T) {
		var turns []int
		at := func(r *rig, body string) exchange {
			return exchange{do: func(w http.ResponseWriter, _ *http.Request) {
				turns = append(turns, r.permits.taken)
				_, _ = w.Write([]byte(body))
			}}
		}
		r := newRig(t, "truvideo", truvideoSettings)
		in := at(r, `{"accessToken":"new"}`)
		in.ask, in.loose = "POST /login/api/login", true
		r.on(in, status("new", at(r, `{"status":"PARTIAL"}`)))
		require.NoError(t, truvideoPollCall(r))
		require.Equal(t, []int{1, 2}, turns)
	})
	t.Run("one that never outlives a wait is tried all the same", func(t *testing.T) {
		r := newRig(t, "truvideo", truvideoSettings).on(login("one"), login("two"), status("two", known()))
		r.permits.take = func() error {
			r.now = r.now.Add(truvideoTokenLife)
			return nil
		}
		require.NoError(t, truvideoPollCall(r))
	})
}

// Contract 7.8 and 8.1: a session is lost by what its own call answers, and never
// by what the login does.
func TestALoginThatIsRefusedInMidRunSaysNothingOfTheSession(t *testing.T) {
	calls := map[string]func(*rig) error{"parts": truvideoSignCall, "status": truvideoPollCall, "complete": truvideoCompleteCall}
	for name, call := range calls {
		for _, c := range []struct {
			script []exchange
			kind   upload.Kind
		}{
			{[]exchange{refuse(400, ""), refuse(400, "")}, upload.KindDenied},
			{[]exchange{refuse(401, ""), refuse(401, "")}, upload.KindDenied},
			{[]exchange{refuse(404, "")}, upload.KindDenied},
			{[]exchange{refuse(405, "")}, upload.KindDenied},
			{[]exchange{refuse(503, "")}, upload.KindUnavailable},
			{[]exchange{{loose: true, do: drop}}, upload.KindUnavailable},
		} {
			check := func(t *testing.T, r *rig) {
				e := r.failed(call(r))
				require.Equal(t, c.kind, e.Kind, "%v", e)
				require.False(t, e.Lost)
				require.Empty(t, e.Then)
				require.Equal(t, upload.ArrivedNothing, e.Arrived)
			}
			answered := fmt.Sprint(c.script[0].status)
			t.Run(name+" without a token, login "+answered, func(t *testing.T) {
				check(t, newRig(t, "truvideo", truvideoSettings).on(c.script...))
			})
			if name != "complete" { // which leaves its 401 to the flow
				t.Run(name+" after a 401, login "+answered, func(t *testing.T) {
					check(t, truvideoRig(t).on(refuse(401, "")).on(c.script...))
				})
			}
		}
	}
}

func TestATokenThatTruvideoRefusesAndCannotBeDropped(t *testing.T) {
	for name, call := range map[string]func(*rig) error{"start": truvideoPrepareCall, "complete": truvideoCompleteCall} {
		t.Run(name, func(t *testing.T) {
			r := truvideoRig(t).on(refuse(401, ""))
			trouble := upload.Errorf(upload.KindInternal, "", "ledger is out of reach")
			r.tokens.drop = func() error { return trouble }
			require.ErrorIs(t, call(r), trouble)
		})
	}
}
