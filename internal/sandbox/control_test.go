package sandbox_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/mediaferry/mediaferry/internal/sandbox"
	"github.com/mediaferry/mediaferry/internal/sandbox/closient"
	"github.com/mediaferry/mediaferry/internal/sandbox/sandboxtest"
	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
	"github.com/mediaferry/mediaferry/internal/sandbox/trustana"
	"github.com/mediaferry/mediaferry/internal/sandbox/truvideo"
)

func control(t *testing.T, s *sandbox.Sandbox, method, path, body string) sandboxtest.Answered {
	t.Helper()
	return sandboxtest.SendJSON(t, method, s.URL()+"/_sandbox/"+path, nil, body)
}

func TestControlDoesOverHTTPWhatTheMethodsDo(t *testing.T) {
	s := sandboxtest.Start(t)
	require.Equal(t, "ok", control(t, s, "GET", "health", "").JSON(t)["status"])
	require.Contains(t, control(t, s, "GET", "", "").JSON(t), "calls")

	d := sandboxtest.TrustanaPrepared(t, s, "a.jpg")
	require.Equal(t, 200, control(t, s, "POST", "clock", `{"advance":"15m1s"}`).Status)
	require.Equal(t, 403, sandboxtest.PutJPEG(t, d["uploadUrl"], sandboxtest.JPEG(t, 2, 2)).Status)
	require.Equal(t, "20m0s", control(t, s, "POST", "clock", `{"skew":1200}`).JSON(t)["skew"])
	require.Equal(t, 400, control(t, s, "POST", "clock", `{}`).Status)

	require.Equal(t, 200, control(t, s, "POST", "faults", `"trustana.status#1=status=500"`).Status)
	require.Equal(t, 200, control(t, s, "POST", "faults", `[{"vendor":"sitoo","call":"get","what":"lost"},"closient.list=lost"]`).Status)
	bad := control(t, s, "POST", "faults", `["trustana.status=lost","trustana.status=explode"]`)
	require.Equal(t, 400, bad.Status)
	require.Contains(t, bad.JSON(t)["error"], "choose from")
	var rules []map[string]any
	require.NoError(t, json.Unmarshal(control(t, s, "GET", "faults", "").Body, &rules))
	require.Len(t, rules, 3, "a list is taken whole or not at all")
	require.Equal(t, 500, sandboxtest.TrustanaStatus(t, s, "uploadId=x").Status)
	require.Equal(t, 200, control(t, s, "DELETE", "faults", "").Status)
	require.Equal(t, 404, sandboxtest.Send(t, "GET", s.URL()+"/sitoo/v1/media/x", sandboxtest.SitooToken(), nil).Status)

	require.Equal(t, 200, control(t, s, "POST", "options", `{"trustana":{"grant_life":"1m"},"truvideo":{"initial_urls":1}}`).Status)
	require.Equal(t, simulate.Seconds(60), sandboxtest.SettingsNow[trustana.Settings](s).GrantLife)
	require.Equal(t, 1, sandboxtest.SettingsNow[truvideo.Settings](s).InitialURLs)
	require.Equal(t, 300, simulate.In[closient.Settings](defaults()).PerMinute)
	require.Equal(t, 400, control(t, s, "POST", "options", `{"trustana":{"grant_live":"1m"}}`).Status)
	require.EqualValues(t, 60, sandboxtest.TrustanaPrepared(t, s, "a.jpg")["expiresIn"])

	require.Equal(t, 200, control(t, s, "POST", "credentials", `{"vendor":"trustana","state":"revoked"}`).Status)
	require.Equal(t, 401, sandboxtest.TrustanaStatus(t, s, "uploadId=x").Status)
	require.Equal(t, 200, control(t, s, "POST", "credentials", `{"vendor":"trustana","name":"new","values":{"api_key":"k"}}`).Status)
	require.Equal(t, 404, sandboxtest.Send(t, "GET", s.URL()+"/trustana/v1/upload/status?uploadId=x", sandboxtest.Headers{"X-API-Key": "k"}, nil).Status)
	fresh := control(t, s, "POST", "credentials", `{"vendor":"trustana","rotate":true}`).JSON(t)
	require.NotEmpty(t, fresh["values"].(map[string]any)["api_key"])
	require.Equal(t, 400, control(t, s, "POST", "credentials", `{"vendor":"nobody","rotate":true}`).Status)

	var log []simulate.Request
	require.NoError(t, json.Unmarshal(control(t, s, "GET", "requests?vendor=trustana", "").Body, &log))
	require.Equal(t, "prepare", log[0].Call)
	var l simulate.Ledger
	require.NoError(t, json.Unmarshal(control(t, s, "GET", "ledger", "").Body, &l))
	require.Len(t, l.Media, 2)

	require.Equal(t, 200, control(t, s, "POST", "reset", "").Status)
	require.Empty(t, s.Ledger().Media)
	require.Empty(t, s.Requests(""))
	require.Equal(t, 404, trustanaStatusWith(t, s, fresh["values"].(map[string]any)["api_key"].(string)).Status, "credentials outlive a reset")
}

func trustanaStatusWith(t *testing.T, s *sandbox.Sandbox, key string) sandboxtest.Answered {
	t.Helper()
	return sandboxtest.Send(t, "GET", s.URL()+"/trustana/v1/upload/status?uploadId=x", sandboxtest.Headers{"X-API-Key": key}, nil)
}

func TestControlMakesFactsAtVendors(t *testing.T) {
	s := sandboxtest.Start(t)
	body := base64.StdEncoding.EncodeToString(sandboxtest.PNG(t, 2, 2))
	a := control(t, s, "POST", "put", `{"vendor":"closient","organization_id":"SandboxBrand2345678923","gtin":"12345678905","title":"theirs","body":"`+body+`"}`)
	require.Equal(t, 200, a.Status, "%s", a.Body)
	rows := sandboxtest.ClosientList(t, s, "")["data"].([]any)
	require.Equal(t, a.JSON(t)["id"], rows[0].(map[string]any)["id"])
	require.Equal(t, 200, control(t, s, "POST", "put", `{"vendor":"s3","key":"a","body":"YQ=="}`).Status)
	require.Equal(t, 200, control(t, s, "POST", "put", `{"vendor":"oss","key":"a","body":"YQ=="}`).Status)
	g := sandboxtest.SitooOpen(t, s, "a.jpg", "image/jpeg", sandboxtest.SitooEntity)
	require.Equal(t, 200, control(t, s, "POST", "put", `{"vendor":"sitoo","lose":"`+g["file_id"].(string)+`"}`).Status)
	require.Equal(t, 404, sandboxtest.Send(t, "GET", s.URL()+"/sitoo/v1/media/"+g["file_id"].(string), sandboxtest.SitooToken(), nil).Status)
	require.Equal(t, 400, control(t, s, "POST", "put", `{"vendor":"trustana"}`).Status)
	require.Contains(t, control(t, s, "GET", "sources", "").JSON(t)["s3"].(map[string]any)["bucket"], "sources-")
}

func TestTheConfigNamesAnAccountForEachVendor(t *testing.T) {
	s := sandboxtest.Start(t)
	var doc struct {
		Accounts map[string]map[string]string `yaml:"accounts"`
	}
	require.NoError(t, yaml.Unmarshal(s.Config(), &doc))
	for name, want := range map[string]map[string]string{
		"trustana": {"vendor": "trustana", "base_url": s.URL() + "/trustana/v1", "api_key": "sandbox-trustana-key"},
		"trustoo": {
			"vendor": "trustoo", "base_url": s.URL() + "/trustoo",
			"public_token": "sandbox-trustoo-public", "private_token": "sandbox-trustoo-private",
		},
		"sitoo":    {"vendor": "sitoo", "base_url": s.URL() + "/sitoo", "token": "sandbox-sitoo-token"},
		"closient": {"vendor": "closient", "base_url": s.URL() + "/closient/dashboard/api/v1", "api_key": sandboxtest.ClosientHeader()["X-API-Key"]},
		"truvideo": {
			"vendor": "truvideo", "base_url": s.URL() + "/truvideo", "login_url": s.URL() + "/truvideo-login",
			"api_key": "sandbox-truvideo-key", "secret": "sandbox-truvideo-secret", "external_id": "sandbox-truvideo-tenant",
		},
	} {
		require.Equal(t, want, doc.Accounts[name])
	}
	require.Equal(t, string(s.Config()), string(control(t, s, "GET", "config", "").Body))
}

func TestTheLogShowsNoSecretsOfAQuery(t *testing.T) {
	s := sandboxtest.Start(t)
	session := sandboxtest.TruvideoStarted(t, s, sandboxtest.TruvideoBearer(t, s), 1)
	sandboxtest.Send(t, "PUT", sandboxtest.PartURL(session, 0), sandboxtest.Headers{"Content-Type": "video/mp4", "Cookie": "a=b"}, strings.NewReader("x"))
	r := s.Requests("truvideo")
	last := r[len(r)-1]
	require.NotContains(t, last.Path, "X-Amz")
	require.Contains(t, last.Path, "partNumber=1")
	require.True(t, last.Storage)
	require.Equal(t, []string{"Cookie"}, last.Credentials)
	require.Equal(t, sandboxtest.Sum([]byte("x")), last.SHA256)
	require.EqualValues(t, 1, last.BytesIn)
	require.Equal(t, "part", last.Call)
	require.Equal(t, []string{"credentials-at-storage"}, sandboxtest.ViolationKinds(s))
}

func TestTheLogIsBounded(t *testing.T) {
	s := sandboxtest.Start(t, func(o *sandbox.Options) { o.LogLimit = 3 })
	for range 5 {
		sandboxtest.TrustanaStatus(t, s, "uploadId=x")
	}
	r := s.Requests("")
	require.Len(t, r, 3)
	require.EqualValues(t, 3, r[0].N)
	require.EqualValues(t, 5, r[2].N)
}

func TestAStartThatCannotWorkSaysWhy(t *testing.T) {
	_, err := sandbox.Start(t.Context(), sandbox.Options{Dir: t.TempDir(), Faults: []string{"trustana.put=explode"}})
	require.ErrorContains(t, err, "choose from")
	_, err = sandbox.Start(t.Context(), sandbox.Options{Dir: t.TempDir(), Listen: "nowhere"})
	require.ErrorContains(t, err, `listen at "nowhere"`)
}

func defaults() *simulate.Settings {
	s := sandbox.DefaultSettings()
	return &s
}

func TestSettingsAreCopies(t *testing.T) {
	s := sandboxtest.Start(t)
	before := sandboxtest.SettingsNow[trustana.Settings](s)
	mine := s.Settings()
	sandbox.In[trustana.Settings](&mine).Burst++
	require.Equal(t, before, sandboxtest.SettingsNow[trustana.Settings](s))
	s.Configure(func(v *sandbox.Settings) { sandbox.In[trustana.Settings](v).Burst++ })
	require.Equal(t, before.Burst+1, sandboxtest.SettingsNow[trustana.Settings](s).Burst)
}
