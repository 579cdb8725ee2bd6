package sandbox

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// trustooSigned signs a request by the vendor's construction.
func trustooSigned(at time.Time, query url.Values, body string) headers {
	stamp := strconv.FormatInt(at.Unix(), 10)
	return headers{
		"Public-Token": "sandbox-trustoo-public", "Timestamp": stamp,
		"Sign": trustooSign("sandbox-trustoo-private", query, stamp, []byte(body)),
	}
}

func trustooPolicy(t *testing.T, s *Sandbox) map[string]any {
	t.Helper()
	a := send(t, "GET", s.URL()+"/trustoo/api/v1/openapi/get_image_upload_policy_token", trustooSigned(time.Now(), nil, ""), nil)
	require.Equal(t, 200, a.status)
	doc := a.json(t)
	require.EqualValues(t, 0, doc["code"], "%s", a.body)
	require.Len(t, doc["request_id"], 32)
	return doc["data"].(map[string]any)
}

func trustooFields(p map[string]any, name string) []field {
	return []field{
		{"key", p["dir"].(string) + name},
		{"policy", p["policy"].(string)},
		{"OSSAccessKeyId", p["access_id"].(string)},
		{"Signature", p["signature"].(string)},
		{"callback", p["callback"].(string)},
	}
}

func ossPost(t *testing.T, host any, fields []field, body []byte) answered {
	t.Helper()
	contentType, r := formOf(t, fields, "file", "x.png", "image/png", body)
	return send(t, "POST", host.(string), headers{"Content-Type": contentType}, r)
}

func TestTrustooTakesAnImageAndHearsOfItFromOSS(t *testing.T) {
	s := start(t)
	p := trustooPolicy(t, s)
	for name, v := range p {
		require.IsType(t, "", v, name)
	}
	require.Regexp(t, `^test\d+/\d{4}/\d{1,2}/\d{1,2}/$`, p["dir"])
	policy, err := base64.StdEncoding.DecodeString(p["policy"].(string))
	require.NoError(t, err)
	expire, err := strconv.ParseInt(p["expire"].(string), 10, 64)
	require.NoError(t, err)
	require.Contains(t, string(policy), `"expiration":"`+time.Unix(expire, 0).UTC().Format("2006-01-02T15:04:05Z")+`"`)

	body := pngOf(t, 30, 20)
	a := ossPost(t, p["host"], trustooFields(p, "a.png"), body)
	require.Equal(t, 200, a.status, "%s", a.body)
	key := p["dir"].(string) + "a.png"
	require.Equal(t, map[string]any{
		"code": 0.0, "message": "success", "data": map[string]any{"url": p["host"].(string) + "/" + key},
	}, a.json(t))
	require.Regexp(t, `^"[0-9A-F]{32}"$`, a.header.Get("ETag"))
	require.NotEmpty(t, a.header.Get("x-oss-request-id"))
	require.Equal(t, "AliyunOSS", a.header.Get("Server"))

	got := send(t, "GET", p["host"].(string)+"/"+key+"?x-oss-process=style/trustoo_big", nil, nil)
	require.Equal(t, body, got.body)
	noViolations(t, s)
	m := s.Ledger().Of("trustoo")
	require.Len(t, m, 1)
	require.Equal(t, key, m[0].MediaID)
	require.Equal(t, "stored", m[0].State)
	require.Equal(t, 1, m[0].Callbacks)
	require.Equal(t, sum(body), m[0].SHA256)
	require.Equal(t, a.header.Get("x-oss-hash-crc64ecma"), m[0].CRC64)

	again := ossPost(t, p["host"], trustooFields(p, "a.png"), body)
	require.Equal(t, 200, again.status, "the same key is overwritten")
	m = s.Ledger().Of("trustoo")
	require.Len(t, m, 1)
	require.Equal(t, 2, m[0].Received)
	require.Equal(t, 2, m[0].Callbacks)
}

func TestTrustooChecksSignatures(t *testing.T) {
	s := start(t)
	u := s.URL() + "/trustoo/api/v1/openapi/get_image_upload_policy_token"
	good := trustooSigned(time.Now(), nil, "")
	for _, c := range []struct {
		name string
		h    headers
	}{
		{"nothing", headers{}},
		{"the public token alone", headers{"Public-Token": "sandbox-trustoo-public"}},
		{"an unknown public token", headers{"Public-Token": "x", "Timestamp": good["Timestamp"], "Sign": good["Sign"]}},
		{"a signature in capitals", headers{"Public-Token": good["Public-Token"], "Timestamp": good["Timestamp"], "Sign": strings.ToUpper(good["Sign"])}},
		{"an old time stamp", trustooSigned(time.Now().Add(-901*time.Second), nil, "")},
		{"a time stamp from the future", trustooSigned(time.Now().Add(901*time.Second), nil, "")},
		{"a wrong bearer token beside a right signature", headers{
			"Authorization": "Bearer x", "Public-Token": good["Public-Token"], "Timestamp": good["Timestamp"], "Sign": good["Sign"],
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := send(t, "GET", u, c.h, nil)
			require.Equal(t, 200, a.status)
			require.EqualValues(t, 16, a.json(t)["code"])
			require.Nil(t, a.json(t)["data"])
			s.Configure(func(v *Settings) { v.Trustoo.ErrorStatus = true })
			require.Equal(t, 401, send(t, "GET", u, c.h, nil).status)
			s.Configure(func(v *Settings) { v.Trustoo.ErrorStatus = false })
		})
	}
	s.Configure(func(v *Settings) { v.Trustoo.Lenient = true })
	require.EqualValues(t, 0, send(t, "GET", u, headers{"Public-Token": "sandbox-trustoo-public"}, nil).json(t)["code"])
	require.EqualValues(t, 0, send(t, "GET", u, headers{"Authorization": "Bearer sandbox-trustoo-access"}, nil).json(t)["code"])
}

func TestTrustooSignsBodies(t *testing.T) {
	s := start(t)
	body := `{"product_id":"0","rating":5,"author":"A"}`
	a := sendJSON(t, "POST", s.URL()+"/trustoo/api/v1/openapi/create_review", trustooSigned(time.Now(), nil, body), body)
	require.EqualValues(t, 0, a.json(t)["code"], "%s", a.body)
	require.NotEmpty(t, a.json(t)["data"].(map[string]any)["id"])
	a = sendJSON(t, "POST", s.URL()+"/trustoo/api/v1/openapi/create_review", trustooSigned(time.Now(), nil, body), body+" ")
	require.EqualValues(t, 16, a.json(t)["code"])
	body = `{"rating":6,"author":"A"}`
	a = sendJSON(t, "POST", s.URL()+"/trustoo/api/v1/openapi/create_review", trustooSigned(time.Now(), nil, body), body)
	require.EqualValues(t, 3, a.json(t)["code"])
}

func TestTrustooHandsOutOAuthTokens(t *testing.T) {
	s := start(t, with(func(v *Settings) { v.Trustoo.RotateRefreshTokens = true }))
	ask := func(refresh string) map[string]any {
		return sendJSON(t, "POST", s.URL()+"/trustoo/api/v1/openapi/oauth/token", nil,
			`{"grant_type":"refresh_token","client_id":"sandbox-trustoo-client","client_secret":"sandbox-trustoo-client-secret","refresh_token":"`+refresh+`"}`).json(t)
	}
	policy := func(token any) any {
		return send(t, "GET", s.URL()+"/trustoo/api/v1/openapi/get_image_upload_policy_token", headers{"Authorization": "Bearer " + token.(string)}, nil).json(t)["code"]
	}
	first := ask("sandbox-trustoo-refresh")["data"].(map[string]any)
	require.EqualValues(t, 7200, first["expires_in"])
	require.Equal(t, "Bearer", first["token_type"])
	require.EqualValues(t, 0, policy(first["access_token"]))
	require.EqualValues(t, 16, policy(first["refresh_token"]), "a refresh token opens nothing")
	require.EqualValues(t, 16, ask("sandbox-trustoo-refresh")["code"], "and is good for one use")
	s.Advance(7201 * time.Second)
	require.EqualValues(t, 16, policy(first["access_token"]))
	second := ask(first["refresh_token"].(string))["data"].(map[string]any)
	require.EqualValues(t, 0, policy(second["access_token"]))
	a := sendJSON(t, "POST", s.URL()+"/trustoo/api/v1/openapi/oauth/disconnect", headers{"Authorization": "Bearer " + second["access_token"].(string)}, "{}")
	require.EqualValues(t, 0, a.json(t)["code"])
	require.EqualValues(t, 16, policy(second["access_token"]))
	require.EqualValues(t, 16, ask(second["refresh_token"].(string))["code"])
}

func TestOSSRefusesFormsAsItsContractSays(t *testing.T) {
	s := start(t)
	for _, c := range []struct {
		name   string
		change func([]field) []field
		status int
		text   string
	}{
		{"a key elsewhere", func(f []field) []field { return swap(f, "key", "mine.png") }, 403, "Policy Condition failed"},
		{"another signature", func(f []field) []field { return swap(f, "Signature", "x") }, 403, "SignatureDoesNotMatch"},
		{"another access key", func(f []field) []field { return swap(f, "OSSAccessKeyId", "x") }, 403, "InvalidAccessKeyId"},
		{"no signature", func(f []field) []field { return drop(f, "Signature") }, 400, "InvalidArgument"},
		{"nothing signed", func(f []field) []field { return f[:1] }, 403, "AccessDenied"},
		{"no key", func(f []field) []field { return drop(f, "key") }, 400, "InvalidArgument"},
		{"the access key in another spelling", func(f []field) []field {
			return append(drop(f, "OSSAccessKeyId"), field{"ossaccesskeyid", "x"})
		}, 400, "InvalidArgument"},
		{"a callback that is no JSON", func(f []field) []field { return swap(f, "callback", trustooSeedCallback) }, 400, "callback"},
		{"a callback that is not base64", func(f []field) []field { return swap(f, "callback", "{}") }, 400, "InvalidArgument"},
		{"a field that is too long", func(f []field) []field { return append(f, field{"x:note", strings.Repeat("x", 5000)}) }, 400, "FieldItemTooLong"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := trustooPolicy(t, s)
			a := ossPost(t, p["host"], c.change(trustooFields(p, "a.png")), pngOf(t, 2, 2))
			require.Equal(t, c.status, a.status, "%s", a.body)
			require.Contains(t, string(a.body), c.text)
			require.Contains(t, string(a.body), "<RequestId>")
		})
	}
	require.Empty(t, s.Ledger().Of("trustoo"))

	p := trustooPolicy(t, s)
	without := drop(trustooFields(p, "b.png"), "callback")
	require.Equal(t, 204, ossPost(t, p["host"], without, []byte("x")).status)
	require.Equal(t, 200, ossPost(t, p["host"], append(without, field{"success_action_status", "200"}), []byte("x")).status)
	created := ossPost(t, p["host"], append(without, field{"success_action_status", "201"}), []byte("x"))
	require.Equal(t, 201, created.status)
	require.Contains(t, string(created.body), "<PostResponse>")
	kept := ossPost(t, p["host"], append(without, field{"x-oss-forbid-overwrite", "true"}), []byte("x"))
	require.Equal(t, 409, kept.status)
	require.Contains(t, string(kept.body), "FileAlreadyExists")
	s.Advance(301 * time.Second)
	late := ossPost(t, p["host"], without, []byte("x"))
	require.Equal(t, 403, late.status)
	require.Contains(t, string(late.body), "Policy expired")
}

func TestOSSComparesAContentMD5WithTheWholeForm(t *testing.T) {
	s := start(t)
	p := trustooPolicy(t, s)
	contentType, r := formOf(t, trustooFields(p, "a.png"), "file", "x.png", "image/png", pngOf(t, 2, 2))
	raw, err := readAll(r)
	require.NoError(t, err)
	for digest, want := range map[[16]byte]int{md5.Sum(raw): 200, md5.Sum(pngOf(t, 2, 2)): 400} {
		a := send(t, "POST", p["host"].(string), headers{
			"Content-Type": contentType, "Content-MD5": base64.StdEncoding.EncodeToString(digest[:]),
		}, bytes.NewReader(raw))
		require.Equal(t, want, a.status, "%s", a.body)
	}
}

func TestOSSIgnoresWhatFollowsTheFile(t *testing.T) {
	s := start(t)
	p := trustooPolicy(t, s)
	contentType, r := formOf(t, trustooFields(p, "a.png"), "file", "x.png", "image/png", pngOf(t, 2, 2))
	raw, err := readAll(r)
	require.NoError(t, err)
	end := []byte("\r\n--" + strings.TrimPrefix(contentType, "multipart/form-data; boundary=") + "--\r\n")
	more := slices.Concat(bytes.TrimSuffix(raw, end), bytes.TrimSuffix(end, []byte("--\r\n")),
		[]byte("\r\nContent-Disposition: form-data; name=\"success_action_status\"\r\n\r\n201"), end)
	a := send(t, "POST", p["host"].(string), headers{"Content-Type": contentType}, bytes.NewReader(more))
	require.Equal(t, 200, a.status, "%s", a.body)
	require.Equal(t, []string{"file-not-last"}, violationKinds(s))
}

func TestTrustooFolderFollowsTheDay(t *testing.T) {
	s := start(t)
	before := trustooPolicy(t, s)["dir"]
	s.Advance(24 * time.Hour)
	after := trustooPolicy(t, s)
	require.NotEqual(t, before, after["dir"])
	fields := swap(trustooFields(after, "a.png"), "key", before.(string)+"a.png")
	require.Equal(t, 403, ossPost(t, after["host"], fields, []byte("x")).status)
}

func TestTrustooSeedModeHandsOutThePagesCallback(t *testing.T) {
	s := start(t, with(func(v *Settings) { v.Trustoo.SeedCallback = true }))
	p := trustooPolicy(t, s)
	require.Equal(t, "eyJjYWxsYmFja1VybCI6IiIsImNhbGxiYWNrQm9keSI6ImZpbGVuYW1lPSR7b2JqZWN0fS4uLn0=", p["callback"])
	a := ossPost(t, p["host"], trustooFields(p, "a.png"), pngOf(t, 2, 2))
	require.Equal(t, 400, a.status)
	require.Contains(t, string(a.body), "InvalidArgument")
	require.Contains(t, string(a.body), "callback")
	require.Empty(t, s.Ledger().Of("trustoo"))
}

func TestTrustooBackendBelievesOnlyOSS(t *testing.T) {
	s := start(t)
	a := send(t, "POST", s.URL()+trustooCallbackPath, headers{
		"Authorization": "AAAA", "x-oss-pub-key-url": base64.StdEncoding.EncodeToString([]byte("http://gosspublic.example.com/key.pem")),
	}, strings.NewReader("filename=x"))
	require.Equal(t, http.StatusForbidden, a.status)
	a = send(t, "POST", s.URL()+trustooCallbackPath, headers{
		"Authorization": "AAAA", "x-oss-pub-key-url": base64.StdEncoding.EncodeToString([]byte(s.URL() + "/gosspublic/callback_pub_key.pem")),
	}, strings.NewReader("filename=x"))
	require.Equal(t, http.StatusForbidden, a.status)
}

func TestTrustooVideoIsOffUnlessSwitchedOn(t *testing.T) {
	s := start(t)
	u := s.URL() + "/trustoo/api/v1/openapi/get_video_upload_url"
	require.EqualValues(t, 5, send(t, "GET", u, trustooSigned(time.Now(), nil, ""), nil).json(t)["code"])
	s.Configure(func(v *Settings) { v.Trustoo.Video = true })
	d := send(t, "GET", u, trustooSigned(time.Now(), nil, ""), nil).json(t)["data"].(map[string]any)
	a := send(t, "PUT", d["upload_url"].(string), headers{"Content-Type": "video/mp4"}, strings.NewReader("video"))
	require.Equal(t, 200, a.status, "%s", a.body)
	require.Equal(t, "video", string(send(t, "GET", d["url"].(string), nil, nil).body))
	s.Advance(301 * time.Second)
	require.Equal(t, 403, send(t, "PUT", d["upload_url"].(string), nil, strings.NewReader("video")).status)
}
