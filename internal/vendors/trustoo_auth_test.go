package vendors

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// Contract 8.3.
func TestTrustoosSignature(t *testing.T) {
	for _, c := range []struct {
		name  string
		query string
		body  string
		want  string
	}{
		{"of a GET", "", "", "2a0ed981cd3ac584cf45aa7eabf487625ceb3ef007ea248c2b0a94d62e581e80"},
		{"of a GET with a query", "page_size=10&page=1", "", "05384fb4a80084a3c09386c4843f6a8d9ae70fc7a6d6b1e595ed6d6decf29b1c"},
		{"of a POST", "", `{"product_id":"0","rating":5,"author":"A"}`, "fa40f40a1f909e16d04a4e1727f989d89c0dddd66714f19c1f0fcfc8701fddf6"},
	} {
		t.Run(c.name, func(t *testing.T) {
			query, err := url.ParseQuery(c.query)
			require.NoError(t, err)
			require.Equal(t, c.want, trustooSign("prv_test_token", query, "1700000000", []byte(c.body)))
		})
	}
	t.Run("is over values as they are, not as URLs write them", func(t *testing.T) {
		require.Equal(t,
			trustooSign("k", url.Values{"a": {"x y&z"}}, "1", nil),
			trustooSign("k", mustQuery("a=x%20y%26z"), "1", nil))
	})
}

func mustQuery(text string) url.Values {
	query, err := url.ParseQuery(text)
	if err != nil {
		panic(err)
	}
	return query
}

func TestTrustooSendsTheVectorsHeaders(t *testing.T) {
	r := newRig(t, "trustoo", map[string]string{"public_token": "pub_test_token", "private_token": "prv_test_token"})
	r.now = time.Unix(1700000000, 0)
	r.on(exchange{ask: trustooPolicyAsk, header: map[string]string{
		"Public-Token": "pub_test_token", "Timestamp": "1700000000", "Sign": "2a0ed981cd3ac584cf45aa7eabf487625ceb3ef007ea248c2b0a94d62e581e80",
	}, answer: said(grant("s", r.now.Add(time.Hour)))})
	require.NoError(t, trustooPrepareCall(r))
}

func TestTrustooSignsOnceMoreWithTheVendorsTime(t *testing.T) {
	const unauthenticated = `{"code":16,"message":"timestamp expired","data":null}`
	for name, status := range map[string]int{"under 200": 200, "under 401": 401} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "trustoo", trustooSigned)
			r.date = -40 * time.Minute
			there := strconv.FormatInt(noon.Add(r.date).Unix(), 10)
			r.on(
				exchange{ask: trustooPolicyAsk, header: map[string]string{"Timestamp": "1772366400"}, status: status, answer: unauthenticated},
				exchange{
					ask: trustooPolicyAsk, answer: said(grant("s", noon)),
					header: map[string]string{"Timestamp": there, "Sign": trustooSign(canary+"_private", nil, there, nil)},
				},
			)
			require.NoError(t, trustooPrepareCall(r))
			require.Equal(t, 2, r.permits.taken)
		})
	}
}

func TestAFixedTokenIsNotTriedTwice(t *testing.T) {
	r := newRig(t, "trustoo", trustooFixed).on(refuse(401, `{"code":16,"message":"token `+canary+`_fixed expired"}`))
	e := r.failed(trustooPrepareCall(r))
	require.Equal(t, upload.KindDenied, e.Kind)
	require.Equal(t, "policy token answered 401: token [redacted] expired", e.Message)
}

// token is an OAuth answer in the envelope (TT-2).
func token(access, refresh string, expiresIn int64) exchange {
	return exchange{ask: trustooTokenAsk, loose: true, answer: said(map[string]any{
		"access_token": access, "refresh_token": refresh, "token_type": "Bearer", "expires_in": expiresIn, "scope": "write_reviews",
	})}
}

func refreshing(refresh string, x exchange) exchange {
	raw, err := json.Marshal(map[string]string{
		"grant_type": "refresh_token", "refresh_token": refresh, "client_id": "cid", "client_secret": canary + "_client",
	})
	if err != nil {
		panic(err)
	}
	x.loose, x.body, x.absent = false, string(raw), []string{"Authorization", "Public-Token", "Sign"}
	return x
}

func policyWith(access string, x exchange) exchange {
	x.ask, x.loose, x.header, x.absent = trustooPolicyAsk, false, map[string]string{"Authorization": "Bearer " + access}, []string{"Sign", "Public-Token", "Timestamp"}
	return x
}

// spent is a policy that nobody shares, so that each call asks for one.
func spentPolicy() exchange { return exchange{answer: said(grant("s", noon.Add(-time.Hour)))} }

func TestTrustooRefreshesItsToken(t *testing.T) {
	prepare := func(r *rig) {
		t.Helper()
		require.NoError(t, trustooPrepareCall(r))
	}
	t.Run("once for many calls, by four fifths of its life", func(t *testing.T) {
		r := newRig(t, "trustoo", trustooOAuth).on(
			refreshing(canary+"_r0", token("at1", canary+"_r1", 7200)),
			policyWith("at1", spentPolicy()), policyWith("at1", spentPolicy()), policyWith("at1", spentPolicy()),
		)
		prepare(r)
		prepare(r)
		r.now = noon.Add(7200*time.Second/5*4 - time.Second)
		prepare(r)
		require.Equal(t, 4, r.permits.taken)
		r.now = noon.Add(7200 * time.Second / 5 * 4)
		r.on(refreshing(canary+"_r1", token("at2", canary+"_r2", 7200)), policyWith("at2", spentPolicy()))
		prepare(r)
	})
	t.Run("with the refresh token that came last, also after an access token was refused and dropped", func(t *testing.T) {
		r := newRig(t, "trustoo", trustooOAuth).on(
			refreshing(canary+"_r0", token("at1", canary+"_r1", 7200)),
			policyWith("at1", refuse(401, "")),
			refreshing(canary+"_r1", token("at2", canary+"_r2", 7200)),
			policyWith("at2", spentPolicy()),
			policyWith("at2", refuse(200, `{"code":16,"message":"token revoked","data":null}`)),
			refreshing(canary+"_r2", token("at3", canary+"_r3", 7200)),
			policyWith("at3", spentPolicy()),
		)
		prepare(r)
		prepare(r)
	})
	t.Run("in the turn of the call, also where it was refused while that waited", func(t *testing.T) {
		r := newRig(t, "trustoo", trustooOAuth).on(
			refreshing(canary+"_r0", token("at1", canary+"_r1", 7200)), policyWith("at1", spentPolicy()),
			refreshing(canary+"_r1", token("at2", canary+"_r2", 7200)), policyWith("at2", spentPolicy()),
		)
		prepare(r)
		refused := r.tokens.get("access").Version
		r.permits.take = func() error { return r.tokens.Drop(r.ctx, "", "access", refused) }
		prepare(r)
	})
	t.Run("with the same refresh token again, where none came", func(t *testing.T) {
		r := newRig(t, "trustoo", trustooOAuth).on(
			refreshing(canary+"_r0", token("at1", "", 100)), policyWith("at1", spentPolicy()),
			refreshing(canary+"_r0", token("at2", canary+"_r1", 100)), policyWith("at2", spentPolicy()),
			refreshing(canary+"_r1", token("at3", "", 100)), policyWith("at3", spentPolicy()),
			refreshing(canary+"_r1", token("at4", "", 100)), policyWith("at4", spentPolicy()),
		)
		for range 4 {
			prepare(r)
			r.now = r.now.Add(time.Hour)
		}
	})
	t.Run("from the start, where another refresh token is configured", func(t *testing.T) {
		r := newRig(t, "trustoo", trustooOAuth).on(
			refreshing(canary+"_r0", token("at1", canary+"_r1", 100)), policyWith("at1", spentPolicy()),
		)
		prepare(r)
		r.caller.Account.Settings = map[string]string{"client_id": "cid", "client_secret": canary + "_client", "refresh_token": canary + "_new"}
		r.now = noon.Add(time.Hour)
		r.on(
			refreshing(canary+"_new", token("at2", canary+"_n1", 100)), policyWith("at2", spentPolicy()),
			refreshing(canary+"_n1", token("at3", canary+"_n2", 100)), policyWith("at3", spentPolicy()),
		)
		prepare(r)
		r.now = noon.Add(2 * time.Hour)
		prepare(r)
	})
	t.Run("from an answer without an envelope (TT-2)", func(t *testing.T) {
		r := newRig(t, "trustoo", trustooOAuth).on(
			refreshing(canary+"_r0", exchange{ask: trustooTokenAsk, answer: `{"access_token":"at1","refresh_token":"` + canary + `_r1","expires_in":7200}`}),
			policyWith("at1", spentPolicy()),
		)
		prepare(r)
	})
	t.Run("which lives an hour where nobody says, and never longer than a week", func(t *testing.T) {
		for expiresIn, want := range map[int64]time.Duration{0: time.Hour, -5: time.Hour, 1 << 62: 7 * 24 * time.Hour} {
			r := newRig(t, "trustoo", trustooOAuth).on(token("at1", "", expiresIn), policyWith("at1", spentPolicy()))
			prepare(r)
			require.Equal(t, noon.Add(want/5*4), r.tokens.get("access").ExpiresAt)
		}
	})
	t.Run("one caller at a time", func(t *testing.T) {
		r := newRig(t, "trustoo", trustooOAuth).on(token("at1", "", 7200), exchange{loose: true, answer: said(grant("s", noon.Add(time.Hour)))})
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				_, err := Trustoo{}.Prepare(t.Context(), r.caller, upload.Prepare{Item: item("trustoo", nil), Content: jpeg()})
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	})
}

func TestWhatTrustoosRefreshRefuses(t *testing.T) {
	refused := func(status int, body string) []exchange { return []exchange{refuse(status, body)} }
	// A vendor that repeats what it refuses.
	echo := `{"code":%,"message":"refresh token ` + canary + `_r0 of ` + canary + `_client is unknown","request_id":"04f7","data":null}`
	code := func(n string) string { return echo[:8] + n + echo[9:] }
	checkRefusals(t, "trustoo", trustooOAuth, []refusal{
		{
			name: "a refresh token that is unknown, by its code", call: trustooPrepareCall, script: refused(200, code("16")),
			kind: upload.KindDenied, arrived: upload.ArrivedNothing, status: 200, code: "16", request: "04f7",
			text: "oauth token answered 200 with code 16: refresh token [redacted] of [redacted] is unknown",
		},
		{
			name: "an argument that is invalid: the account's, not the item's", call: trustooPrepareCall, script: refused(200, code("3")),
			kind: upload.KindDenied, arrived: upload.ArrivedNothing, status: 200, code: "3", request: "04f7",
		},
		{
			name: "by its status 400", call: trustooPrepareCall, script: refused(400, ""),
			kind: upload.KindDenied, arrived: upload.ArrivedNothing, status: 400,
		},
		{
			name: "by its status 401", call: trustooPrepareCall, script: refused(401, ""),
			kind: upload.KindDenied, arrived: upload.ArrivedNothing, status: 401,
		},
		{
			name: "for now", call: trustooPrepareCall, script: refused(503, ""),
			kind: upload.KindUnavailable, arrived: upload.ArrivedMaybe, status: 503,
		},
		{
			name: "too fast", call: trustooPrepareCall, script: refused(200, code("8")),
			kind: upload.KindThrottled, arrived: upload.ArrivedNothing, status: 200, code: "8", request: "04f7",
		},
		{
			name: "nothing, but gives no token", call: trustooPrepareCall, script: refused(200, `{"code":0,"data":{"refresh_token":"`+canary+`"}}`),
			kind: upload.KindUnavailable, arrived: upload.ArrivedMaybe, status: 200, text: "no access_token",
		},
		{
			name: "nothing, but gives no data", call: trustooPrepareCall, script: refused(200, `{"code":0,"data":null}`),
			kind: upload.KindUnavailable, arrived: upload.ArrivedMaybe, status: 200, text: "no access_token",
		},
		{
			name: "nothing, but gives no JSON", call: trustooPrepareCall, script: refused(200, `ok`),
			kind: upload.KindUnavailable, arrived: upload.ArrivedMaybe, status: 200,
		},
		{
			name: "a second access token too", call: trustooPrepareCall,
			script: []exchange{token(canary+"_at1", "", 100), policyWith(canary+"_at1", refuse(401, "")), token(canary+"_at2", "", 100), policyWith(canary+"_at2", refuse(401, "token "+canary+"_at2"))},
			kind:   upload.KindDenied, arrived: upload.ArrivedNothing, status: 401,
		},
	})
}

func TestARotatedRefreshTokenIsHiddenToo(t *testing.T) {
	r := newRig(t, "trustoo", trustooOAuth).on(token("at1", canary+"_r1", 100), policyWith("at1", spentPolicy()))
	require.NoError(t, trustooPrepareCall(r))
	r.now = noon.Add(time.Hour)
	r.on(refuse(401, `{"code":16,"message":"`+canary+`_r1 was used"}`))
	require.Equal(t, "oauth token answered 401: [redacted] was used", r.failed(trustooPrepareCall(r)).Message)
}

func TestATokenThatCannotBeDroppedIsTroubleOfOurs(t *testing.T) {
	r := newRig(t, "trustoo", trustooOAuth).on(token("at1", "", 100), policyWith("at1", refuse(401, "")))
	trouble := errors.New("ledger is out of reach")
	r.tokens.drop = func() error { return trouble }
	require.ErrorIs(t, trustooPrepareCall(r), trouble, "the account is not denied for that")
}

func TestStoredValuesThatCannotBeReadAreAFaultOfOurs(t *testing.T) {
	for name, settings := range map[string]map[string]string{"policy": trustooSigned, "refresh": trustooOAuth} {
		r := newRig(t, "trustoo", settings)
		r.tokens.kept[name] = Token{Value: []byte(canary), ExpiresAt: noon.Add(time.Hour)}
		require.Equal(t, upload.KindInternal, r.failed(trustooPrepareCall(r)).Kind)
	}
}

// failingTokens cannot be asked.
type failingTokens struct{ *fakeTokens }

func (failingTokens) Get(context.Context, string, string, func(context.Context, Token) (Token, error)) (Token, error) {
	return Token{}, errors.New("ledger is out of reach")
}

func TestTokensThatCannotBeAskedAreNoFaultOfTheAccounts(t *testing.T) {
	for vendor, settings := range map[string]map[string]string{"trustoo": trustooOAuth, "truvideo": truvideoSettings} {
		r := newRig(t, vendor, settings)
		r.caller.Tokens = failingTokens{r.tokens}
		call := trustooPrepareCall
		if vendor == "truvideo" {
			call = truvideoPrepareCall
		}
		require.ErrorContains(t, call(r), "out of reach")
	}
}
