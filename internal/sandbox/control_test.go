package sandbox

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

func control(t *testing.T, s *Sandbox, method, path, body string) answered {
	t.Helper()
	return sendJSON(t, method, s.URL()+"/_sandbox/"+path, nil, body)
}

func TestControlDoesOverHTTPWhatTheMethodsDo(t *testing.T) {
	s := start(t)
	require.Equal(t, "ok", control(t, s, "GET", "health", "").json(t)["status"])
	require.Contains(t, control(t, s, "GET", "", "").json(t), "calls")

	d := prepared(t, s, "a.jpg")
	require.Equal(t, 200, control(t, s, "POST", "clock", `{"advance":"15m1s"}`).status)
	require.Equal(t, 403, putJPEG(t, d["uploadUrl"], jpegOf(t, 2, 2)).status)
	require.Equal(t, "20m0s", control(t, s, "POST", "clock", `{"skew":1200}`).json(t)["skew"])
	require.Equal(t, 400, control(t, s, "POST", "clock", `{}`).status)

	require.Equal(t, 200, control(t, s, "POST", "faults", `"trustana.status#1=status=500"`).status)
	require.Equal(t, 200, control(t, s, "POST", "faults", `[{"vendor":"sitoo","call":"get","what":"lost"},"closient.list=lost"]`).status)
	bad := control(t, s, "POST", "faults", `["trustana.status=lost","trustana.status=explode"]`)
	require.Equal(t, 400, bad.status)
	require.Contains(t, bad.json(t)["error"], "choose from")
	var rules []map[string]any
	require.NoError(t, json.Unmarshal(control(t, s, "GET", "faults", "").body, &rules))
	require.Len(t, rules, 3, "a list is taken whole or not at all")
	require.Equal(t, 500, trustanaStatus(t, s, "uploadId=x").status)
	require.Equal(t, 200, control(t, s, "DELETE", "faults", "").status)
	require.Equal(t, 404, send(t, "GET", s.URL()+"/sitoo/v1/media/x", sitooToken(), nil).status)

	require.Equal(t, 200, control(t, s, "POST", "options", `{"trustana":{"grant_life":"1m"},"truvideo":{"initial_urls":1}}`).status)
	require.Equal(t, seconds(60), s.Settings().Trustana.GrantLife)
	require.Equal(t, 1, s.Settings().TruVideo.InitialURLs)
	require.Equal(t, 300, DefaultSettings().Closient.PerMinute)
	require.Equal(t, 400, control(t, s, "POST", "options", `{"trustana":{"grant_live":"1m"}}`).status)
	require.EqualValues(t, 60, prepared(t, s, "a.jpg")["expiresIn"])

	require.Equal(t, 200, control(t, s, "POST", "credentials", `{"vendor":"trustana","state":"revoked"}`).status)
	require.Equal(t, 401, trustanaStatus(t, s, "uploadId=x").status)
	require.Equal(t, 200, control(t, s, "POST", "credentials", `{"vendor":"trustana","name":"new","values":{"api_key":"k"}}`).status)
	require.Equal(t, 404, send(t, "GET", s.URL()+"/trustana/v1/upload/status?uploadId=x", headers{"X-API-Key": "k"}, nil).status)
	fresh := control(t, s, "POST", "credentials", `{"vendor":"trustana","rotate":true}`).json(t)
	require.NotEmpty(t, fresh["values"].(map[string]any)["api_key"])
	require.Equal(t, 400, control(t, s, "POST", "credentials", `{"vendor":"nobody","rotate":true}`).status)

	var log []Request
	require.NoError(t, json.Unmarshal(control(t, s, "GET", "requests?vendor=trustana", "").body, &log))
	require.Equal(t, "prepare", log[0].Call)
	var l Ledger
	require.NoError(t, json.Unmarshal(control(t, s, "GET", "ledger", "").body, &l))
	require.Len(t, l.Media, 2)

	require.Equal(t, 200, control(t, s, "POST", "reset", "").status)
	require.Empty(t, s.Ledger().Media)
	require.Empty(t, s.Requests(""))
	require.Equal(t, 404, trustanaStatusWith(t, s, fresh["values"].(map[string]any)["api_key"].(string)).status, "credentials outlive a reset")
}

func trustanaStatusWith(t *testing.T, s *Sandbox, key string) answered {
	t.Helper()
	return send(t, "GET", s.URL()+"/trustana/v1/upload/status?uploadId=x", headers{"X-API-Key": key}, nil)
}

func TestControlMakesFactsAtVendors(t *testing.T) {
	s := start(t)
	body := base64.StdEncoding.EncodeToString(pngOf(t, 2, 2))
	a := control(t, s, "POST", "put", `{"vendor":"closient","organization_id":"SandboxBrand2345678923","gtin":"12345678905","title":"theirs","body":"`+body+`"}`)
	require.Equal(t, 200, a.status, "%s", a.body)
	rows := closientList(t, s, "")["data"].([]any)
	require.Equal(t, a.json(t)["id"], rows[0].(map[string]any)["id"])
	require.Equal(t, 200, control(t, s, "POST", "put", `{"vendor":"s3","key":"a","body":"YQ=="}`).status)
	require.Equal(t, 200, control(t, s, "POST", "put", `{"vendor":"oss","key":"a","body":"YQ=="}`).status)
	g := sitooOpen(t, s, "a.jpg", "image/jpeg", sitooEntity)
	require.Equal(t, 200, control(t, s, "POST", "put", `{"vendor":"sitoo","lose":"`+g["file_id"].(string)+`"}`).status)
	require.Equal(t, 404, send(t, "GET", s.URL()+"/sitoo/v1/media/"+g["file_id"].(string), sitooToken(), nil).status)
	require.Equal(t, 400, control(t, s, "POST", "put", `{"vendor":"trustana"}`).status)
	require.Contains(t, control(t, s, "GET", "sources", "").json(t)["s3"].(map[string]any)["bucket"], "sources-")
}

func TestConfigNamesFiveAccounts(t *testing.T) {
	s := start(t)
	var doc struct {
		Accounts map[string]map[string]string `yaml:"accounts"`
	}
	require.NoError(t, yaml.Unmarshal(s.Config(), &doc))
	require.Equal(t, map[string]map[string]string{
		"trustana": {"vendor": "trustana", "base_url": s.URL() + "/trustana/v1", "api_key": "sandbox-trustana-key"},
		"trustoo": {
			"vendor": "trustoo", "base_url": s.URL() + "/trustoo",
			"public_token": "sandbox-trustoo-public", "private_token": "sandbox-trustoo-private",
		},
		"sitoo":    {"vendor": "sitoo", "base_url": s.URL() + "/sitoo", "token": "sandbox-sitoo-token"},
		"closient": {"vendor": "closient", "base_url": s.URL() + "/closient/dashboard/api/v1", "api_key": closientHeader()["X-API-Key"]},
		"truvideo": {
			"vendor": "truvideo", "base_url": s.URL() + "/truvideo", "login_url": s.URL() + "/truvideo-login",
			"api_key": "sandbox-truvideo-key", "secret": "sandbox-truvideo-secret", "external_id": "sandbox-truvideo-tenant",
		},
	}, doc.Accounts)
	require.Equal(t, string(s.Config()), string(control(t, s, "GET", "config", "").body))
}

func TestTheLogShowsNoSecretsOfAQuery(t *testing.T) {
	s := start(t)
	session := truvideoStarted(t, s, truvideoBearer(t, s), 1)
	send(t, "PUT", partURL(session, 0), headers{"Content-Type": "video/mp4", "Cookie": "a=b"}, strings.NewReader("x"))
	r := s.Requests("truvideo")
	last := r[len(r)-1]
	require.NotContains(t, last.Path, "X-Amz")
	require.Contains(t, last.Path, "partNumber=1")
	require.True(t, last.Storage)
	require.Equal(t, []string{"Cookie"}, last.Credentials)
	require.Equal(t, sum([]byte("x")), last.SHA256)
	require.EqualValues(t, 1, last.BytesIn)
	require.Equal(t, "part", last.Call)
	require.Equal(t, []string{"credentials-at-storage"}, violationKinds(s))
}

func TestTheLogIsBounded(t *testing.T) {
	s := start(t, func(o *Options) { o.LogLimit = 3 })
	for range 5 {
		trustanaStatus(t, s, "uploadId=x")
	}
	r := s.Requests("")
	require.Len(t, r, 3)
	require.EqualValues(t, 3, r[0].N)
	require.EqualValues(t, 5, r[2].N)
}

func TestAStartThatCannotWorkSaysWhy(t *testing.T) {
	_, err := Start(t.Context(), Options{Dir: t.TempDir(), Faults: []string{"trustana.put=explode"}})
	require.ErrorContains(t, err, "choose from")
	_, err = Start(t.Context(), Options{Dir: t.TempDir(), Listen: "nowhere"})
	require.ErrorContains(t, err, `listen at "nowhere"`)
}
