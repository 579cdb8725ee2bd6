package trustoo

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/wire/wiretest"
)

const (
	policyAsk = "GET /base/api/v1/openapi/get_image_upload_policy_token"
	tokenAsk  = "POST /base/api/v1/openapi/oauth/token"
	dir       = "test79198486784/2026/3/1/"
)

var (
	signed = map[string]string{"public_token": "pub", "private_token": wiretest.Canary + "_private"}
	fixed  = map[string]string{"access_token": wiretest.Canary + "_fixed"}
	oAuth  = map[string]string{"client_id": "cid", "client_secret": wiretest.Canary + "_client", "refresh_token": wiretest.Canary + "_r0"}
)

func prepareCall(r *wiretest.Rig) error {
	_, err := Client{}.Prepare(r.Ctx, r.Caller, upload.Prepare{Item: wiretest.Item("trustoo", nil), Content: wiretest.JPEG()})
	return err
}

func videoCall(r *wiretest.Rig) error {
	content := wiretest.JPEG()
	content.Type = "video/mp4"
	_, err := Client{}.Prepare(r.Ctx, r.Caller, upload.Prepare{Item: wiretest.Item("trustoo", nil), Content: content})
	return err
}

func said(data any) string {
	raw, err := json.Marshal(map[string]any{"code": 0, "message": "success", "time": 1, "request_id": "04f7", "data": data})
	if err != nil {
		panic(err)
	}
	return string(raw)
}

// grant is a policy's answer.
func grant(signature string, expires time.Time) map[string]any {
	return map[string]any{
		"access_id": "LTAI" + wiretest.Canary, "host": "https://img.trustoo.io", "expire": strconv.FormatInt(expires.Unix(), 10),
		"signature": signature, "policy": "eyJ" + wiretest.Canary, "dir": dir, "callback": callback(`{"callbackUrl":"https://app/cb","callbackBody":"x"}`),
	}
}

func callback(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

func TestTrustooMakesAFormOfThePolicy(t *testing.T) {
	for name, c := range map[string]struct {
		settings map[string]string
		header   map[string]string
		absent   []string
	}{
		"with signed headers":     {signed, map[string]string{"Public-Token": "pub", "Timestamp": "1772366400", "Sign": sign(wiretest.Canary+"_private", nil, "1772366400", nil)}, []string{"Authorization"}},
		"with a fixed token":      {fixed, map[string]string{"Authorization": "Bearer " + wiretest.Canary + "_fixed"}, []string{"Public-Token", "Sign", "Timestamp"}},
		"with a fixed one of two": {map[string]string{"access_token": "fixed", "public_token": "p", "private_token": "q"}, map[string]string{"Authorization": "Bearer fixed"}, []string{"Sign"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := wiretest.New(t, trustoo, c.settings).On(wiretest.Exchange{Ask: policyAsk, Header: c.header, Absent: c.absent, Answer: said(grant("sig1", wiretest.Noon.Add(5*time.Minute)))})
			in := upload.Prepare{Item: wiretest.Item("trustoo", upload.Fields{"fileName": "Bild 1.jpg"}), Content: wiretest.JPEG()}
			session, err := Client{}.Prepare(t.Context(), r.Caller, in)
			require.NoError(t, err)

			key := session.Media.ID
			require.Regexp(t, `^test79198486784/2026/3/1/[0-9a-f]{32}-Bild 1\.jpg$`, key)
			require.Equal(t, upload.Session{
				Method: upload.MethodForm, Store: upload.StoreOSS, URL: "https://img.trustoo.io",
				Form: []upload.FormField{
					{Name: "key", Value: key},
					{Name: "policy", Value: "eyJ" + wiretest.Canary},
					{Name: "OSSAccessKeyId", Value: "LTAI" + wiretest.Canary},
					{Name: "Signature", Value: "sig1"},
					{Name: "callback", Value: callback(`{"callbackUrl":"https://app/cb","callbackBody":"x"}`)},
				},
				File:      upload.FormFile{Field: "file", Name: "Bild 1.jpg", Type: "image/jpeg"},
				ExpiresAt: wiretest.Noon.Add(5 * time.Minute), Life: 150 * time.Second, OpenedAt: wiretest.Noon,
				Media: upload.Media{ID: key, URL: "https://img.trustoo.io/" + dir + url.PathEscape(key[len(dir):])},
			}, session)
			require.Nil(t, session.Header, "nothing of Trustoo's goes to OSS")

			media, err := Client{}.Poll(t.Context(), r.Caller, upload.Poll{Session: session})
			require.NoError(t, err)
			require.Equal(t, upload.StateReady, media.State)
			require.Equal(t, key, media.ID)
			require.Equal(t, 1, r.Permits.Taken)
		})
	}
}

func TestTrustoosKeyIsMadeOfIdentityContentAndName(t *testing.T) {
	key := func(uploadID, sum, name string) string {
		content := wiretest.JPEG()
		content.SHA256 = sum
		return keyBelowDir(upload.Prepare{Item: upload.Item{UploadID: uploadID}, Content: content}, name)
	}
	require.Equal(t, key("a", "1", "x.jpg"), key("a", "1", "x.jpg"), "stable")
	require.NotEqual(t, key("a", "1", "x.jpg"), key("b", "1", "x.jpg"), "another item")
	require.NotEqual(t, key("a", "1", "x.jpg"), key("a", "2", "x.jpg"), "another content")
	for name, want := range map[string]string{
		"plain.jpg":       "plain.jpg",
		`a/b\c.jpg`:       "a_b_c.jpg",
		"../../etc/p.jpg": ".._.._etc_p.jpg",
		"new\nline.jpg":   "new_line.jpg",
		"${filename}.jpg": "_{filename}.jpg",
		"5$.jpg":          "5$.jpg",
		"奶酪.jpg":          "奶酪.jpg",
	} {
		require.Equal(t, want, key("a", "1", name)[33:])
	}
}

func TestTrustooKeepsItsKeyForAsLongAsThePolicyAllowsIt(t *testing.T) {
	previous := upload.Session{Media: upload.Media{ID: dir + "old-key.jpg"}, Form: []upload.FormField{{Name: "Signature", Value: "old"}}}
	for name, c := range map[string]struct {
		dir  string
		want string
	}{
		"under the same directory":           {dir, `^` + dir + `old-key\.jpg$`},
		"not under that of another day":      {"test79198486784/2026/3/2/", `^test79198486784/2026/3/2/[0-9a-f]{32}-photo\.jpg$`},
		"nor under one that is a part of it": {dir + "deeper/", `^` + dir + `deeper/[0-9a-f]{32}-photo\.jpg$`},
	} {
		t.Run(name, func(t *testing.T) {
			given := grant("sig1", wiretest.Noon.Add(5*time.Minute))
			given["dir"] = c.dir
			r := wiretest.New(t, trustoo, signed).On(wiretest.Exchange{Answer: said(given)})
			session, err := Client{}.Prepare(t.Context(), r.Caller, upload.Prepare{Item: wiretest.Item("trustoo", nil), Content: wiretest.JPEG(), Previous: &previous})
			require.NoError(t, err)
			require.Regexp(t, c.want, session.Media.ID)
			require.Equal(t, session.Media.ID, formValue(session, "key"))
		})
	}
}

func TestTrustoosCallbackIsPassedOnAsItIs(t *testing.T) {
	// The documentation's own sample lacks a quotation mark.
	malformed := callback(`{"callbackUrl":"","callbackBody":"filename=${object}&size=${size}}`)
	valid := callback(`{"callbackUrl":"https://app/cb"}`)
	cases := []struct {
		name     string
		callback string
		because  string
		drop     string
		want     []string // the callback's values in the form
	}{
		{name: "a valid one", callback: valid, want: []string{valid}},
		{name: "a malformed one", callback: malformed, want: []string{malformed}},
		{name: "a malformed one that OSS refused, without leave to drop it", callback: malformed, because: "InvalidArgument", want: []string{malformed}},
		{name: "a malformed one that OSS did not refuse yet, with leave", callback: malformed, drop: "true", want: []string{malformed}},
		{name: "a malformed one that OSS refused, with leave: it is dropped", callback: malformed, because: "InvalidArgument", drop: "true"},
		{name: "one without a URL that OSS refused, with leave: it is dropped", callback: callback(`{"callbackUrl":""}`), because: "InvalidArgument", drop: "true"},
		{name: "one that is no base64 and that OSS refused, with leave: it is dropped", callback: "%%%", because: "InvalidArgument", drop: "true"},
		{name: "a valid one that OSS refused, with leave: nothing is wrong with it", callback: valid, because: "InvalidArgument", drop: "true", want: []string{valid}},
		{name: "a malformed one after another refusal", callback: malformed, because: "AccessDenied", drop: "true", want: []string{malformed}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			given := grant("sig1", wiretest.Noon.Add(5*time.Minute))
			given["callback"] = c.callback
			settings := map[string]string{"public_token": "p", "private_token": "q", "drop_invalid_callback": c.drop}
			r := wiretest.New(t, trustoo, settings).On(wiretest.Exchange{Answer: said(given), Loose: true})
			session, err := Client{}.Prepare(t.Context(), r.Caller, upload.Prepare{Item: wiretest.Item("trustoo", nil), Content: wiretest.JPEG(), Because: c.because})
			require.NoError(t, err)
			var got []string
			for _, field := range session.Form {
				if field.Name == "callback" {
					got = append(got, field.Value)
				}
			}
			require.Equal(t, c.want, got)
		})
	}
}

func TestTrustoosPolicyIsShared(t *testing.T) {
	prepare := func(r *wiretest.Rig, previous *upload.Session) upload.Session {
		t.Helper()
		session, err := Client{}.Prepare(t.Context(), r.Caller, upload.Prepare{Item: wiretest.Item("trustoo", nil), Content: wiretest.JPEG(), Previous: previous})
		require.NoError(t, err)
		return session
	}
	ask := func(signature string, expires time.Time) wiretest.Exchange {
		return wiretest.Exchange{Ask: policyAsk, Answer: said(grant(signature, expires)), Loose: true}
	}
	t.Run("until a session made of it would be spent", func(t *testing.T) {
		r := wiretest.New(t, trustoo, signed).On(ask("sig1", wiretest.Noon.Add(10*time.Minute)))
		for range 3 {
			require.Equal(t, "sig1", formValue(prepare(r, nil), "Signature"))
		}
		r.Now = wiretest.Noon.Add(9*time.Minute + 29*time.Second)
		session := prepare(r, nil)
		require.Equal(t, "sig1", formValue(session, "Signature"))
		require.False(t, upload.Spent(r.Now, session.ExpiresAt, session.Life, 0))
		r.Now = wiretest.Noon.Add(9*time.Minute + 30*time.Second)
		r.On(ask("sig2", wiretest.Noon.Add(19*time.Minute)))
		require.Equal(t, "sig2", formValue(prepare(r, nil), "Signature"))
	})
	t.Run("for four fifths of a short life", func(t *testing.T) {
		r := wiretest.New(t, trustoo, signed).On(ask("sig1", wiretest.Noon.Add(100*time.Second)))
		prepare(r, nil)
		r.Now = wiretest.Noon.Add(79 * time.Second)
		prepare(r, nil)
		r.Now = wiretest.Noon.Add(80 * time.Second)
		r.On(ask("sig2", r.Now.Add(100*time.Second)))
		prepare(r, nil)
	})
	t.Run("until a session failed with it, which drops it once", func(t *testing.T) {
		r := wiretest.New(t, trustoo, signed).On(ask("sig1", wiretest.Noon.Add(10*time.Minute)), ask("sig2", wiretest.Noon.Add(10*time.Minute)))
		failed := prepare(r, nil)
		require.Equal(t, "sig2", formValue(prepare(r, &failed), "Signature"))
		require.Equal(t, "sig2", formValue(prepare(r, &failed), "Signature"), "another item that failed with the old one")
	})
	t.Run("though a form that OSS refused for its callback says nothing against it", func(t *testing.T) {
		r := wiretest.New(t, trustoo, map[string]string{"public_token": "p", "private_token": "q", "drop_invalid_callback": "true"})
		given := grant("sig1", wiretest.Noon.Add(10*time.Minute))
		given["callback"] = callback(`{"callbackUrl":""}`)
		r.On(wiretest.Exchange{Ask: policyAsk, Answer: said(given), Loose: true}, ask("sig2", wiretest.Noon.Add(10*time.Minute)))
		again := func(previous *upload.Session) upload.Session {
			session, err := Client{}.Prepare(t.Context(), r.Caller, upload.Prepare{
				Item: wiretest.Item("trustoo", nil), Content: wiretest.JPEG(), Previous: previous, Because: badCallback,
			})
			require.NoError(t, err)
			return session
		}
		refused := prepare(r, nil)
		without := again(&refused)
		require.Equal(t, "sig1", formValue(without, "Signature"))
		require.Empty(t, formValue(without, "callback"))
		require.Equal(t, "sig2", formValue(again(&without), "Signature"), "a form without a callback failed for something else")
	})
	t.Run("and no session made of it is spent before half a minute is left", func(t *testing.T) {
		r := wiretest.New(t, trustoo, signed).On(ask("sig1", wiretest.Noon.Add(10*time.Minute)))
		for _, at := range []time.Duration{0, 8 * time.Minute, 9*time.Minute + 29*time.Second} {
			r.Now = wiretest.Noon.Add(at)
			session := prepare(r, nil)
			require.False(t, upload.Spent(wiretest.Noon.Add(9*time.Minute+29*time.Second), session.ExpiresAt, session.Life, 0), at)
			require.True(t, upload.Spent(wiretest.Noon.Add(10*time.Minute-time.Second), session.ExpiresAt, session.Life, 0), at)
		}
	})
	t.Run("and a new one that is the same is taken", func(t *testing.T) {
		r := wiretest.New(t, trustoo, signed).On(ask("sig1", wiretest.Noon.Add(10*time.Minute)), ask("sig1", wiretest.Noon.Add(10*time.Minute)))
		failed := prepare(r, nil)
		require.Equal(t, "sig1", formValue(prepare(r, &failed), "Signature"))
	})
	t.Run("but by nobody where it had run out on arrival (TT-3): it is worth one attempt", func(t *testing.T) {
		for _, expires := range []time.Time{wiretest.Noon, wiretest.Noon.Add(-time.Hour), time.Unix(0, 0)} {
			r := wiretest.New(t, trustoo, signed).On(ask("sig1", expires), ask("sig2", expires))
			session := prepare(r, nil)
			require.Zero(t, session.ExpiresAt, "an attempt is made")
			require.Zero(t, session.Life)
			require.Equal(t, "sig2", formValue(prepare(r, nil), "Signature"))
		}
	})
	t.Run("for as long as the policy itself says, where expire cannot be read", func(t *testing.T) {
		for _, expire := range []any{nil, "", "soon", map[string]any{"at": 1}, []string{"1"}, true} {
			given := grant("sig1", wiretest.Noon)
			given["expire"], given["policy"] = expire, callback(`{"expiration":"2026-03-01T12:07:00Z","conditions":[]}`)
			r := wiretest.New(t, trustoo, signed).On(wiretest.Exchange{Answer: said(given), Loose: true})
			session := prepare(r, nil)
			require.Equal(t, wiretest.Noon.Add(7*time.Minute), session.ExpiresAt, expire)
			require.Equal(t, "sig1", formValue(prepare(r, nil), "Signature"), "it is shared")
		}
	})
	t.Run("and for the usual time where nothing says when it ends", func(t *testing.T) {
		given := grant("sig1", wiretest.Noon)
		delete(given, "expire")
		r := wiretest.New(t, trustoo, signed).On(wiretest.Exchange{Answer: said(given), Loose: true})
		require.Equal(t, wiretest.Noon.Add(5*time.Minute), prepare(r, nil).ExpiresAt)
	})
	t.Run("without a callback, where the account lets it be dropped", func(t *testing.T) {
		given := grant("sig1", wiretest.Noon.Add(10*time.Minute))
		delete(given, "callback")
		settings := map[string]string{"public_token": "p", "private_token": "q", "drop_invalid_callback": "true"}
		r := wiretest.New(t, trustoo, settings).On(wiretest.Exchange{Answer: said(given), Loose: true})
		for _, field := range prepare(r, nil).Form {
			require.NotEqual(t, "callback", field.Name)
		}
	})
	t.Run("without a code, where there is data", func(t *testing.T) {
		r := wiretest.New(t, trustoo, signed).On(wiretest.Exchange{Answer: strings.Replace(said(grant("sig1", wiretest.Noon.Add(10*time.Minute))), `"code":0,`, "", 1), Loose: true})
		require.Equal(t, "sig1", formValue(prepare(r, nil), "Signature"))
	})
	t.Run("by the vendor's clock", func(t *testing.T) {
		r := wiretest.New(t, trustoo, signed)
		r.Date = time.Hour // ahead of ours
		r.On(ask("sig1", wiretest.Noon.Add(time.Hour+10*time.Minute)))
		session := prepare(r, nil)
		require.Equal(t, wiretest.Noon.Add(10*time.Minute), session.ExpiresAt)
	})
}

func TestAVideoGoesToTrustooByASignedURL(t *testing.T) {
	content := wiretest.JPEG()
	content.Type, content.Name = "video/mp4", "film.mp4"
	r := wiretest.New(t, trustoo, signed).On(wiretest.Exchange{
		Ask:    "GET /base/api/v1/openapi/get_video_upload_url",
		Answer: said(map[string]any{"upload_url": "https://oss/k?Signature=" + wiretest.Canary, "url": "https://img.trustoo.io/v/a%20b.mp4", "expire": strconv.FormatInt(wiretest.Noon.Add(time.Hour).Unix(), 10)}),
	})
	session, err := Client{}.Prepare(t.Context(), r.Caller, upload.Prepare{Item: wiretest.Item("trustoo", nil), Content: content})
	require.NoError(t, err)
	require.Equal(t, upload.Session{
		Method: upload.MethodPut, Store: upload.StoreOSS, URL: "https://oss/k?Signature=" + wiretest.Canary,
		Header: map[string]string{"Content-Type": "video/mp4"}, OpenedAt: wiretest.Noon,
		ExpiresAt: wiretest.Noon.Add(time.Hour), Life: time.Hour,
		Media: upload.Media{ID: "v/a b.mp4", URL: "https://img.trustoo.io/v/a%20b.mp4"},
	}, session)
}

// Contract 4.9, under the status and under 200 (TT-1).

func TestNoTrustooCallIsMadeWithoutAPermitOrLostWithoutAWord(t *testing.T) {
	wiretest.CheckCalls(t, trustoo, map[string]wiretest.ControlCall{
		"policy":  {Settings: signed, Call: prepareCall},
		"refresh": {Settings: oAuth, Call: prepareCall},
		"video":   {Settings: signed, Call: videoCall},
	})
}

func TestSecretSettingsAreMarkedAsSuch(t *testing.T) {
	require.Equal(t, []string{"private_token", "access_token", "client_secret", "refresh_token"}, wiretest.SecretSettings(trustoo))
}
