package trustoo

import (
	"encoding/json"
	"errors"
	"net/url"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/wire"
	"github.com/mediaferry/mediaferry/internal/vendors/wire/wiretest"
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
			require.Equal(t, c.want, sign("prv_test_token", query, "1700000000", []byte(c.body)))
		})
	}
	t.Run("is over values as they are, not as URLs write them", func(t *testing.T) {
		require.Equal(t,
			sign("k", url.Values{"a": {"x y&z"}}, "1", nil),
			sign("k", mustQuery("a=x%20y%26z"), "1", nil))
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
	r := wiretest.New(t, trustoo, map[string]string{"public_token": "pub_test_token", "private_token": "prv_test_token"})
	r.Now = time.Unix(1700000000, 0)
	r.On(wiretest.Exchange{Ask: policyAsk, Header: map[string]string{
		"Public-Token": "pub_test_token", "Timestamp": "1700000000", "Sign": "2a0ed981cd3ac584cf45aa7eabf487625ceb3ef007ea248c2b0a94d62e581e80",
	}, Answer: said(grant("s", r.Now.Add(time.Hour)))})
	require.NoError(t, prepareCall(r))
}

func TestTrustooSignsOnceMoreWithTheVendorsTime(t *testing.T) {
	const unauthenticated = `{"code":16,"message":"timestamp expired","data":null}`
	for name, status := range map[string]int{"under 200": 200, "under 401": 401} {
		t.Run(name, func(t *testing.T) {
			r := wiretest.New(t, trustoo, signed)
			r.Date = -40 * time.Minute
			there := strconv.FormatInt(wiretest.Noon.Add(r.Date).Unix(), 10)
			r.On(
				wiretest.Exchange{Ask: policyAsk, Header: map[string]string{"Timestamp": "1772366400"}, Status: status, Answer: unauthenticated},
				wiretest.Exchange{
					Ask: policyAsk, Answer: said(grant("s", wiretest.Noon)),
					Header: map[string]string{"Timestamp": there, "Sign": sign(wiretest.Canary+"_private", nil, there, nil)},
				},
			)
			require.NoError(t, prepareCall(r))
			require.Equal(t, 2, r.Permits.Taken)
		})
	}
}

func TestAFixedTokenIsNotTriedTwice(t *testing.T) {
	r := wiretest.New(t, trustoo, fixed).On(wiretest.Refuse(401, `{"code":16,"message":"token `+wiretest.Canary+`_fixed expired"}`))
	e := r.Failed(prepareCall(r))
	require.Equal(t, upload.KindDenied, e.Kind)
	require.Equal(t, "policy token answered 401: token [redacted] expired", e.Message)
}

// token is an OAuth answer in the envelope (TT-2).
func token(access, refresh string, expiresIn int64) wiretest.Exchange {
	return wiretest.Exchange{Ask: tokenAsk, Loose: true, Answer: said(map[string]any{
		"access_token": access, "refresh_token": refresh, "token_type": "Bearer", "expires_in": expiresIn, "scope": "write_reviews",
	})}
}

func refreshing(refresh string, x wiretest.Exchange) wiretest.Exchange {
	raw, err := json.Marshal(map[string]string{
		"grant_type": "refresh_token", "refresh_token": refresh, "client_id": "cid", "client_secret": wiretest.Canary + "_client",
	})
	if err != nil {
		panic(err)
	}
	x.Loose, x.Body, x.Absent = false, string(raw), []string{"Authorization", "Public-Token", "Sign"}
	return x
}

func policyWith(access string, x wiretest.Exchange) wiretest.Exchange {
	x.Ask, x.Loose, x.Header, x.Absent = policyAsk, false, map[string]string{"Authorization": "Bearer " + access}, []string{"Sign", "Public-Token", "Timestamp"}
	return x
}

// spent is a policy that nobody shares, so that each call asks for one.
func spentPolicy() wiretest.Exchange {
	return wiretest.Exchange{Answer: said(grant("s", wiretest.Noon.Add(-time.Hour)))}
}

func TestTrustooRefreshesItsToken(t *testing.T) {
	prepare := func(r *wiretest.Rig) {
		t.Helper()
		require.NoError(t, prepareCall(r))
	}
	t.Run("once for many calls, by four fifths of its life", func(t *testing.T) {
		r := wiretest.New(t, trustoo, oAuth).On(
			refreshing(wiretest.Canary+"_r0", token("at1", wiretest.Canary+"_r1", 7200)),
			policyWith("at1", spentPolicy()), policyWith("at1", spentPolicy()), policyWith("at1", spentPolicy()),
		)
		prepare(r)
		prepare(r)
		r.Now = wiretest.Noon.Add(7200*time.Second/5*4 - time.Second)
		prepare(r)
		require.Equal(t, 4, r.Permits.Taken)
		r.Now = wiretest.Noon.Add(7200 * time.Second / 5 * 4)
		r.On(refreshing(wiretest.Canary+"_r1", token("at2", wiretest.Canary+"_r2", 7200)), policyWith("at2", spentPolicy()))
		prepare(r)
	})
	t.Run("with the refresh token that came last, also after an access token was refused and dropped", func(t *testing.T) {
		r := wiretest.New(t, trustoo, oAuth).On(
			refreshing(wiretest.Canary+"_r0", token("at1", wiretest.Canary+"_r1", 7200)),
			policyWith("at1", wiretest.Refuse(401, "")),
			refreshing(wiretest.Canary+"_r1", token("at2", wiretest.Canary+"_r2", 7200)),
			policyWith("at2", spentPolicy()),
			policyWith("at2", wiretest.Refuse(200, `{"code":16,"message":"token revoked","data":null}`)),
			refreshing(wiretest.Canary+"_r2", token("at3", wiretest.Canary+"_r3", 7200)),
			policyWith("at3", spentPolicy()),
		)
		prepare(r)
		prepare(r)
	})
	t.Run("in the turn of the call, also where it was refused while that waited", func(t *testing.T) {
		r := wiretest.New(t, trustoo, oAuth).On(
			refreshing(wiretest.Canary+"_r0", token("at1", wiretest.Canary+"_r1", 7200)), policyWith("at1", spentPolicy()),
			refreshing(wiretest.Canary+"_r1", token("at2", wiretest.Canary+"_r2", 7200)), policyWith("at2", spentPolicy()),
		)
		prepare(r)
		refused := r.Tokens.Kept(wire.AccessToken).Version
		r.Permits.OnTake = func() error { return r.Tokens.Drop(r.Ctx, "", wire.AccessToken, refused) }
		prepare(r)
	})
	t.Run("with the same refresh token again, where none came", func(t *testing.T) {
		r := wiretest.New(t, trustoo, oAuth).On(
			refreshing(wiretest.Canary+"_r0", token("at1", "", 100)), policyWith("at1", spentPolicy()),
			refreshing(wiretest.Canary+"_r0", token("at2", wiretest.Canary+"_r1", 100)), policyWith("at2", spentPolicy()),
			refreshing(wiretest.Canary+"_r1", token("at3", "", 100)), policyWith("at3", spentPolicy()),
			refreshing(wiretest.Canary+"_r1", token("at4", "", 100)), policyWith("at4", spentPolicy()),
		)
		for range 4 {
			prepare(r)
			r.Now = r.Now.Add(time.Hour)
		}
	})
	t.Run("from the start, where another refresh token is configured", func(t *testing.T) {
		r := wiretest.New(t, trustoo, oAuth).On(
			refreshing(wiretest.Canary+"_r0", token("at1", wiretest.Canary+"_r1", 100)), policyWith("at1", spentPolicy()),
		)
		prepare(r)
		r.Caller.Account.Settings = map[string]string{"client_id": "cid", "client_secret": wiretest.Canary + "_client", "refresh_token": wiretest.Canary + "_new"}
		r.Now = wiretest.Noon.Add(time.Hour)
		r.On(
			refreshing(wiretest.Canary+"_new", token("at2", wiretest.Canary+"_n1", 100)), policyWith("at2", spentPolicy()),
			refreshing(wiretest.Canary+"_n1", token("at3", wiretest.Canary+"_n2", 100)), policyWith("at3", spentPolicy()),
		)
		prepare(r)
		r.Now = wiretest.Noon.Add(2 * time.Hour)
		prepare(r)
	})
	t.Run("from an answer without an envelope (TT-2)", func(t *testing.T) {
		r := wiretest.New(t, trustoo, oAuth).On(
			refreshing(wiretest.Canary+"_r0", wiretest.Exchange{Ask: tokenAsk, Answer: `{"access_token":"at1","refresh_token":"` + wiretest.Canary + `_r1","expires_in":7200}`}),
			policyWith("at1", spentPolicy()),
		)
		prepare(r)
	})
	t.Run("whose life is said in text, or not at all", func(t *testing.T) { // as in github.com/MicrosoftDocs/azure-docs/issues/54997
		for expiresIn, want := range map[string]time.Duration{`"3599"`: 3599 * time.Second, `null`: time.Hour, `"soon"`: time.Hour, `{}`: time.Hour, `7200.5`: 2 * time.Hour} {
			answer := wiretest.Exchange{Ask: tokenAsk, Loose: true, Answer: `{"code":0,"data":{"access_token":"at1","expires_in":` + expiresIn + `}}`}
			r := wiretest.New(t, trustoo, oAuth).On(answer, policyWith("at1", spentPolicy()))
			prepare(r)
			require.Equal(t, wiretest.Noon.Add(want/5*4), r.Tokens.Kept(wire.AccessToken).ExpiresAt, expiresIn)
		}
	})
	t.Run("which lives an hour where nobody says, and never longer than a week", func(t *testing.T) {
		for expiresIn, want := range map[int64]time.Duration{0: time.Hour, -5: time.Hour, 1 << 62: 7 * 24 * time.Hour} {
			r := wiretest.New(t, trustoo, oAuth).On(token("at1", "", expiresIn), policyWith("at1", spentPolicy()))
			prepare(r)
			require.Equal(t, wiretest.Noon.Add(want/5*4), r.Tokens.Kept(wire.AccessToken).ExpiresAt)
		}
	})
	t.Run("one caller at a time", func(t *testing.T) {
		r := wiretest.New(t, trustoo, oAuth).On(token("at1", "", 7200), wiretest.Exchange{Loose: true, Answer: said(grant("s", wiretest.Noon.Add(time.Hour)))})
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				_, err := Client{}.Prepare(t.Context(), r.Caller, upload.Prepare{Item: wiretest.Item("trustoo", nil), Content: wiretest.JPEG()})
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	})
}

func TestWhatTrustoosRefreshRefuses(t *testing.T) {
	refused := func(status int, body string) []wiretest.Exchange {
		return []wiretest.Exchange{wiretest.Refuse(status, body)}
	}
	// A vendor that repeats what it refuses.
	echo := `{"code":%,"message":"refresh token ` + wiretest.Canary + `_r0 of ` + wiretest.Canary + `_client is unknown","request_id":"04f7","data":null}`
	code := func(n string) string { return echo[:8] + n + echo[9:] }
	wiretest.CheckRefusals(t, trustoo, oAuth, []wiretest.Refusal{
		{
			Name: "a refresh token that is unknown, by its code", Call: prepareCall, Script: refused(200, code("16")),
			Kind: upload.KindDenied, Arrived: upload.ArrivedNothing, Status: 200, Code: "16", Request: "04f7",
			Text: "oauth token answered 200 with code 16: refresh token [redacted] of [redacted] is unknown",
		},
		{
			Name: "an argument that is invalid: the account's, not the item's", Call: prepareCall, Script: refused(200, code("3")),
			Kind: upload.KindDenied, Arrived: upload.ArrivedNothing, Status: 200, Code: "3", Request: "04f7",
		},
		{
			Name: "by its status 400", Call: prepareCall, Script: refused(400, ""),
			Kind: upload.KindDenied, Arrived: upload.ArrivedNothing, Status: 400,
		},
		{
			Name: "by its status 401", Call: prepareCall, Script: refused(401, ""),
			Kind: upload.KindDenied, Arrived: upload.ArrivedNothing, Status: 401,
		},
		{
			Name: "for now", Call: prepareCall, Script: refused(503, ""),
			Kind: upload.KindUnavailable, Arrived: upload.ArrivedMaybe, Status: 503,
		},
		{
			Name: "too fast", Call: prepareCall, Script: refused(200, code("8")),
			Kind: upload.KindThrottled, Arrived: upload.ArrivedNothing, Status: 200, Code: "8", Request: "04f7",
		},
		{
			Name: "nothing, but gives no token", Call: prepareCall, Script: refused(200, `{"code":0,"data":{"refresh_token":"`+wiretest.Canary+`"}}`),
			Kind: upload.KindUnavailable, Then: upload.KindRejected, Arrived: upload.ArrivedMaybe, Status: 200, Text: "without access_token",
		},
		{
			Name: "nothing, but gives no data", Call: prepareCall, Script: refused(200, `{"code":0,"data":null}`),
			Kind: upload.KindUnavailable, Then: upload.KindRejected, Arrived: upload.ArrivedMaybe, Status: 200, Text: "without access_token",
		},
		{
			Name: "nothing, but gives a token of another shape", Call: prepareCall, Script: refused(200, `{"access_token":{"value":"`+wiretest.Canary+`"}}`),
			Kind: upload.KindUnavailable, Then: upload.KindRejected, Arrived: upload.ArrivedMaybe, Status: 200, Text: "without access_token",
		},
		{
			Name: "with a page that is too strange for the account", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(400, "<html>")},
			Kind: upload.KindUnavailable, Then: upload.KindRejected, Arrived: upload.ArrivedNothing, Status: 400, Text: "(not in the vendor's format: text/html",
		},
		{
			Name: "with a page about the size of the request", Call: prepareCall, Script: []wiretest.Exchange{wiretest.Refuse(413, "<html>")},
			Kind: upload.KindUnavailable, Then: upload.KindRejected, Arrived: upload.ArrivedNothing, Status: 413, Text: "(not in the vendor's format: text/html",
		},
		{
			Name: "nothing, but gives no JSON", Call: prepareCall, Script: refused(200, `ok`),
			Kind: upload.KindUnavailable, Arrived: upload.ArrivedMaybe, Status: 200,
		},
		{
			Name: "a second access token too", Call: prepareCall,
			Script: []wiretest.Exchange{token(wiretest.Canary+"_at1", "", 100), policyWith(wiretest.Canary+"_at1", wiretest.Refuse(401, "")), token(wiretest.Canary+"_at2", "", 100), policyWith(wiretest.Canary+"_at2", wiretest.Refuse(401, `{"message":"token `+wiretest.Canary+`_at2"}`))},
			Kind:   upload.KindDenied, Arrived: upload.ArrivedNothing, Status: 401,
		},
	})
}

func TestARotatedRefreshTokenIsHiddenToo(t *testing.T) {
	r := wiretest.New(t, trustoo, oAuth).On(token("at1", wiretest.Canary+"_r1", 100), policyWith("at1", spentPolicy()))
	require.NoError(t, prepareCall(r))
	r.Now = wiretest.Noon.Add(time.Hour)
	r.On(wiretest.Refuse(401, `{"code":16,"message":"`+wiretest.Canary+`_r1 was used"}`))
	require.Equal(t, "oauth token answered 401: [redacted] was used", r.Failed(prepareCall(r)).Message)
}

func TestATokenThatCannotBeDroppedIsTroubleOfOurs(t *testing.T) {
	r := wiretest.New(t, trustoo, oAuth).On(token("at1", "", 100), policyWith("at1", wiretest.Refuse(401, "")))
	trouble := errors.New("ledger is out of reach")
	r.Tokens.OnDrop = func() error { return trouble }
	require.ErrorIs(t, prepareCall(r), trouble, "the account is not denied for that")
}

func TestStoredValuesThatCannotBeReadAreAFaultOfOurs(t *testing.T) {
	for name, settings := range map[string]map[string]string{"policy": signed, "refresh": oAuth} {
		r := wiretest.New(t, trustoo, settings)
		r.Tokens.Keep(name, wire.Token{Value: []byte(wiretest.Canary), ExpiresAt: wiretest.Noon.Add(time.Hour)})
		require.Equal(t, upload.KindInternal, r.Failed(prepareCall(r)).Kind)
	}
}

func TestTokensThatCannotBeAskedAreNoFaultOfTheAccounts(t *testing.T) {
	r := wiretest.New(t, trustoo, oAuth)
	r.Caller.Tokens = wiretest.FailingTokens{FakeTokens: r.Tokens}
	require.ErrorContains(t, prepareCall(r), "out of reach")
}
