package trustoo_test

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/sandbox/sandboxtest"
	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
	"github.com/mediaferry/mediaferry/internal/sandbox/trustoo"
)

// seedCallback is the text of the vendor's page.
const seedCallback = "eyJjYWxsYmFja1VybCI6IiIsImNhbGxiYWNrQm9keSI6ImZpbGVuYW1lPSR7b2JqZWN0fS4uLn0="

func TestTrustooTakesAnImageAndHearsOfItFromOSS(t *testing.T) {
	s := sandboxtest.Start(t)
	p := sandboxtest.TrustooPolicy(t, s)
	for name, v := range p {
		require.IsType(t, "", v, name)
	}
	require.Regexp(t, `^test\d+/\d{4}/\d{1,2}/\d{1,2}/$`, p["dir"])
	policy, err := base64.StdEncoding.DecodeString(p["policy"].(string))
	require.NoError(t, err)
	expire, err := strconv.ParseInt(p["expire"].(string), 10, 64)
	require.NoError(t, err)
	require.Contains(t, string(policy), `"expiration":"`+time.Unix(expire, 0).UTC().Format("2006-01-02T15:04:05Z")+`"`)

	body := sandboxtest.PNG(t, 30, 20)
	a := sandboxtest.OSSPost(t, p["host"], sandboxtest.TrustooFields(p, "a.png"), body)
	require.Equal(t, 200, a.Status, "%s", a.Body)
	key := p["dir"].(string) + "a.png"
	require.Equal(t, map[string]any{
		"code": 0.0, "message": "success", "data": map[string]any{"url": p["host"].(string) + "/" + key},
	}, a.JSON(t))
	require.Regexp(t, `^"[0-9A-F]{32}"$`, a.Header.Get("ETag"))
	require.NotEmpty(t, a.Header.Get("x-oss-request-id"))
	require.Equal(t, "AliyunOSS", a.Header.Get("Server"))

	got := sandboxtest.Send(t, "GET", p["host"].(string)+"/"+key+"?x-oss-process=style/trustoo_big", nil, nil)
	require.Equal(t, body, got.Body)
	sandboxtest.NoViolations(t, s)
	m := s.Ledger().Of("trustoo")
	require.Len(t, m, 1)
	require.Equal(t, key, m[0].MediaID)
	require.Equal(t, "stored", m[0].State)
	require.Equal(t, 1, m[0].Callbacks)
	require.Equal(t, sandboxtest.Sum(body), m[0].SHA256)
	require.Equal(t, a.Header.Get("x-oss-hash-crc64ecma"), m[0].CRC64)

	again := sandboxtest.OSSPost(t, p["host"], sandboxtest.TrustooFields(p, "a.png"), body)
	require.Equal(t, 200, again.Status, "the same key is overwritten")
	m = s.Ledger().Of("trustoo")
	require.Len(t, m, 1)
	require.Equal(t, 2, m[0].Received)
	require.Equal(t, 2, m[0].Callbacks)
}

func TestTrustooChecksSignatures(t *testing.T) {
	s := sandboxtest.Start(t)
	u := s.URL() + "/trustoo/api/v1/openapi/get_image_upload_policy_token"
	good := sandboxtest.TrustooSigned(time.Now(), "")
	for _, c := range []struct {
		name string
		h    sandboxtest.Headers
	}{
		{"nothing", sandboxtest.Headers{}},
		{"the public token alone", sandboxtest.Headers{"Public-Token": "sandbox-trustoo-public"}},
		{"an unknown public token", sandboxtest.Headers{"Public-Token": "x", "Timestamp": good["Timestamp"], "Sign": good["Sign"]}},
		{"a signature in capitals", sandboxtest.Headers{"Public-Token": good["Public-Token"], "Timestamp": good["Timestamp"], "Sign": strings.ToUpper(good["Sign"])}},
		{"an old time stamp", sandboxtest.TrustooSigned(time.Now().Add(-901*time.Second), "")},
		{"a time stamp from the future", sandboxtest.TrustooSigned(time.Now().Add(930*time.Second), "")},
		{"a wrong bearer token beside a right signature", sandboxtest.Headers{
			"Authorization": "Bearer x", "Public-Token": good["Public-Token"], "Timestamp": good["Timestamp"], "Sign": good["Sign"],
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := sandboxtest.Send(t, "GET", u, c.h, nil)
			require.Equal(t, 200, a.Status)
			require.EqualValues(t, 16, a.JSON(t)["code"])
			require.Nil(t, a.JSON(t)["data"])
			s.Configure(func(v *simulate.Settings) { simulate.In[trustoo.Settings](v).ErrorStatus = true })
			require.Equal(t, 401, sandboxtest.Send(t, "GET", u, c.h, nil).Status)
			s.Configure(func(v *simulate.Settings) { simulate.In[trustoo.Settings](v).ErrorStatus = false })
		})
	}
	s.Configure(func(v *simulate.Settings) { simulate.In[trustoo.Settings](v).Lenient = true })
	require.EqualValues(t, 0, sandboxtest.Send(t, "GET", u, sandboxtest.Headers{"Public-Token": "sandbox-trustoo-public"}, nil).JSON(t)["code"])
	require.EqualValues(t, 0, sandboxtest.Send(t, "GET", u, sandboxtest.Headers{"Authorization": "Bearer sandbox-trustoo-access"}, nil).JSON(t)["code"])
}

func TestTrustooSignsBodies(t *testing.T) {
	s := sandboxtest.Start(t)
	body := `{"product_id":"0","rating":5,"author":"A"}`
	a := sandboxtest.SendJSON(t, "POST", s.URL()+"/trustoo/api/v1/openapi/create_review", sandboxtest.TrustooSigned(time.Now(), body), body)
	require.EqualValues(t, 0, a.JSON(t)["code"], "%s", a.Body)
	require.NotEmpty(t, a.JSON(t)["data"].(map[string]any)["id"])
	a = sandboxtest.SendJSON(t, "POST", s.URL()+"/trustoo/api/v1/openapi/create_review", sandboxtest.TrustooSigned(time.Now(), body), body+" ")
	require.EqualValues(t, 16, a.JSON(t)["code"])
	body = `{"rating":6,"author":"A"}`
	a = sandboxtest.SendJSON(t, "POST", s.URL()+"/trustoo/api/v1/openapi/create_review", sandboxtest.TrustooSigned(time.Now(), body), body)
	require.EqualValues(t, 3, a.JSON(t)["code"])
}

func TestTrustooHandsOutOAuthTokens(t *testing.T) {
	s := sandboxtest.Start(t, sandboxtest.With(func(v *simulate.Settings) { simulate.In[trustoo.Settings](v).RotateRefreshTokens = true }))
	ask := func(refresh string) map[string]any {
		return sandboxtest.SendJSON(t, "POST", s.URL()+"/trustoo/api/v1/openapi/oauth/token", nil,
			`{"grant_type":"refresh_token","client_id":"sandbox-trustoo-client","client_secret":"sandbox-trustoo-client-secret","refresh_token":"`+refresh+`"}`).JSON(t)
	}
	policy := func(token any) any {
		return sandboxtest.Send(t, "GET", s.URL()+"/trustoo/api/v1/openapi/get_image_upload_policy_token", sandboxtest.Headers{"Authorization": "Bearer " + token.(string)}, nil).JSON(t)["code"]
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
	a := sandboxtest.SendJSON(t, "POST", s.URL()+"/trustoo/api/v1/openapi/oauth/disconnect", sandboxtest.Headers{"Authorization": "Bearer " + second["access_token"].(string)}, "{}")
	require.EqualValues(t, 0, a.JSON(t)["code"])
	require.EqualValues(t, 16, policy(second["access_token"]))
	require.EqualValues(t, 16, ask(second["refresh_token"].(string))["code"])
}

func TestOSSRefusesFormsAsItsContractSays(t *testing.T) {
	s := sandboxtest.Start(t)
	for _, c := range []struct {
		name   string
		change func([]sandboxtest.Field) []sandboxtest.Field
		status int
		text   string
	}{
		{"a key elsewhere", func(f []sandboxtest.Field) []sandboxtest.Field { return sandboxtest.Swap(f, "key", "mine.png") }, 403, "Policy Condition failed"},
		{"another signature", func(f []sandboxtest.Field) []sandboxtest.Field { return sandboxtest.Swap(f, "Signature", "x") }, 403, "SignatureDoesNotMatch"},
		{"another access key", func(f []sandboxtest.Field) []sandboxtest.Field { return sandboxtest.Swap(f, "OSSAccessKeyId", "x") }, 403, "InvalidAccessKeyId"},
		{"no signature", func(f []sandboxtest.Field) []sandboxtest.Field { return sandboxtest.Drop(f, "Signature") }, 400, "InvalidArgument"},
		{"nothing signed", func(f []sandboxtest.Field) []sandboxtest.Field { return f[:1] }, 403, "AccessDenied"},
		{"no key", func(f []sandboxtest.Field) []sandboxtest.Field { return sandboxtest.Drop(f, "key") }, 400, "InvalidArgument"},
		{"the access key in another spelling", func(f []sandboxtest.Field) []sandboxtest.Field {
			return append(sandboxtest.Drop(f, "OSSAccessKeyId"), sandboxtest.Field{Name: "ossaccesskeyid", Value: "x"})
		}, 400, "InvalidArgument"},
		{"a callback that is no JSON", func(f []sandboxtest.Field) []sandboxtest.Field { return sandboxtest.Swap(f, "callback", seedCallback) }, 400, "callback"},
		{"a callback that is not base64", func(f []sandboxtest.Field) []sandboxtest.Field { return sandboxtest.Swap(f, "callback", "{}") }, 400, "InvalidArgument"},
		{"a field that is too long", func(f []sandboxtest.Field) []sandboxtest.Field {
			return append(f, sandboxtest.Field{Name: "x:note", Value: strings.Repeat("x", 5000)})
		}, 400, "FieldItemTooLong"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := sandboxtest.TrustooPolicy(t, s)
			a := sandboxtest.OSSPost(t, p["host"], c.change(sandboxtest.TrustooFields(p, "a.png")), sandboxtest.PNG(t, 2, 2))
			require.Equal(t, c.status, a.Status, "%s", a.Body)
			require.Contains(t, string(a.Body), c.text)
			require.Contains(t, string(a.Body), "<RequestId>")
		})
	}
	require.Empty(t, s.Ledger().Of("trustoo"))

	p := sandboxtest.TrustooPolicy(t, s)
	without := sandboxtest.Drop(sandboxtest.TrustooFields(p, "b.png"), "callback")
	require.Equal(t, 204, sandboxtest.OSSPost(t, p["host"], without, []byte("x")).Status)
	require.Equal(t, 200, sandboxtest.OSSPost(t, p["host"], append(without, sandboxtest.Field{Name: "success_action_status", Value: "200"}), []byte("x")).Status)
	created := sandboxtest.OSSPost(t, p["host"], append(without, sandboxtest.Field{Name: "success_action_status", Value: "201"}), []byte("x"))
	require.Equal(t, 201, created.Status)
	require.Contains(t, string(created.Body), "<PostResponse>")
	kept := sandboxtest.OSSPost(t, p["host"], append(without, sandboxtest.Field{Name: "x-oss-forbid-overwrite", Value: "true"}), []byte("x"))
	require.Equal(t, 409, kept.Status)
	require.Contains(t, string(kept.Body), "FileAlreadyExists")
	s.Advance(301 * time.Second)
	late := sandboxtest.OSSPost(t, p["host"], without, []byte("x"))
	require.Equal(t, 403, late.Status)
	require.Contains(t, string(late.Body), "Policy expired")
}

func TestOSSComparesAContentMD5WithTheWholeForm(t *testing.T) {
	s := sandboxtest.Start(t)
	p := sandboxtest.TrustooPolicy(t, s)
	contentType, r := sandboxtest.FormOf(t, sandboxtest.TrustooFields(p, "a.png"), sandboxtest.File{Part: "file", Name: "x.png", Type: "image/png", Body: sandboxtest.PNG(t, 2, 2)})
	raw, err := sandboxtest.ReadAll(r)
	require.NoError(t, err)
	for digest, want := range map[[16]byte]int{md5.Sum(raw): 200, md5.Sum(sandboxtest.PNG(t, 2, 2)): 400} {
		a := sandboxtest.Send(t, "POST", p["host"].(string), sandboxtest.Headers{
			"Content-Type": contentType, "Content-MD5": base64.StdEncoding.EncodeToString(digest[:]),
		}, bytes.NewReader(raw))
		require.Equal(t, want, a.Status, "%s", a.Body)
	}
}

func TestOSSIgnoresWhatFollowsTheFile(t *testing.T) {
	s := sandboxtest.Start(t)
	p := sandboxtest.TrustooPolicy(t, s)
	contentType, r := sandboxtest.FormOf(t, sandboxtest.TrustooFields(p, "a.png"), sandboxtest.File{Part: "file", Name: "x.png", Type: "image/png", Body: sandboxtest.PNG(t, 2, 2)})
	raw, err := sandboxtest.ReadAll(r)
	require.NoError(t, err)
	end := []byte("\r\n--" + strings.TrimPrefix(contentType, "multipart/form-data; boundary=") + "--\r\n")
	more := slices.Concat(bytes.TrimSuffix(raw, end), bytes.TrimSuffix(end, []byte("--\r\n")),
		[]byte("\r\nContent-Disposition: form-data; name=\"success_action_status\"\r\n\r\n201"), end)
	a := sandboxtest.Send(t, "POST", p["host"].(string), sandboxtest.Headers{"Content-Type": contentType}, bytes.NewReader(more))
	require.Equal(t, 200, a.Status, "%s", a.Body)
	require.Equal(t, []string{"file-not-last"}, sandboxtest.ViolationKinds(s))
}

func TestTrustooFolderFollowsTheDay(t *testing.T) {
	s := sandboxtest.Start(t)
	before := sandboxtest.TrustooPolicy(t, s)["dir"]
	s.Advance(24 * time.Hour)
	after := sandboxtest.TrustooPolicy(t, s)
	require.NotEqual(t, before, after["dir"])
	fields := sandboxtest.Swap(sandboxtest.TrustooFields(after, "a.png"), "key", before.(string)+"a.png")
	require.Equal(t, 403, sandboxtest.OSSPost(t, after["host"], fields, []byte("x")).Status)
}

func TestTrustooSeedModeHandsOutThePagesCallback(t *testing.T) {
	s := sandboxtest.Start(t, sandboxtest.With(func(v *simulate.Settings) { simulate.In[trustoo.Settings](v).SeedCallback = true }))
	p := sandboxtest.TrustooPolicy(t, s)
	require.Equal(t, "eyJjYWxsYmFja1VybCI6IiIsImNhbGxiYWNrQm9keSI6ImZpbGVuYW1lPSR7b2JqZWN0fS4uLn0=", p["callback"])
	a := sandboxtest.OSSPost(t, p["host"], sandboxtest.TrustooFields(p, "a.png"), sandboxtest.PNG(t, 2, 2))
	require.Equal(t, 400, a.Status)
	require.Contains(t, string(a.Body), "InvalidArgument")
	require.Contains(t, string(a.Body), "callback")
	require.Empty(t, s.Ledger().Of("trustoo"))
}

func TestTrustooBackendBelievesOnlyOSS(t *testing.T) {
	s := sandboxtest.Start(t)
	a := sandboxtest.Send(t, "POST", s.URL()+"/trustoo-app/oss/callback", sandboxtest.Headers{
		"Authorization": "AAAA", "x-oss-pub-key-url": base64.StdEncoding.EncodeToString([]byte("http://gosspublic.example.com/key.pem")),
	}, strings.NewReader("filename=x"))
	require.Equal(t, http.StatusForbidden, a.Status)
	a = sandboxtest.Send(t, "POST", s.URL()+"/trustoo-app/oss/callback", sandboxtest.Headers{
		"Authorization": "AAAA", "x-oss-pub-key-url": base64.StdEncoding.EncodeToString([]byte(s.URL() + "/gosspublic/callback_pub_key.pem")),
	}, strings.NewReader("filename=x"))
	require.Equal(t, http.StatusForbidden, a.Status)
}

func TestTrustooVideoIsOffUnlessSwitchedOn(t *testing.T) {
	s := sandboxtest.Start(t)
	u := s.URL() + "/trustoo/api/v1/openapi/get_video_upload_url"
	require.EqualValues(t, 5, sandboxtest.Send(t, "GET", u, sandboxtest.TrustooSigned(time.Now(), ""), nil).JSON(t)["code"])
	s.Configure(func(v *simulate.Settings) { simulate.In[trustoo.Settings](v).Video = true })
	d := sandboxtest.Send(t, "GET", u, sandboxtest.TrustooSigned(time.Now(), ""), nil).JSON(t)["data"].(map[string]any)
	a := sandboxtest.Send(t, "PUT", d["upload_url"].(string), sandboxtest.Headers{"Content-Type": "video/mp4"}, strings.NewReader("video"))
	require.Equal(t, 200, a.Status, "%s", a.Body)
	require.Equal(t, "video", string(sandboxtest.Send(t, "GET", d["url"].(string), nil, nil).Body))
	s.Advance(301 * time.Second)
	require.Equal(t, 403, sandboxtest.Send(t, "PUT", d["upload_url"].(string), nil, strings.NewReader("video")).Status)
}
