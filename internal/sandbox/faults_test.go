package sandbox

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// faulty gives a sandbox with rules in force.
func faulty(t *testing.T, rules ...string) *Sandbox {
	t.Helper()
	return start(t, func(o *Options) { o.Faults = rules })
}

func putJPEG(t *testing.T, url any, body []byte) answered {
	t.Helper()
	return send(t, "PUT", url.(string), headers{"Content-Type": "image/jpeg"}, bytes.NewReader(body))
}

func TestStatusFaultsSpeakTheLanguageOfWhoeverIsAsked(t *testing.T) {
	s := faulty(t,
		"trustana.prepare=status=429,retry-after=3", "trustoo.policy=status=500", "sitoo.upload-url=status=409",
		"closient.list=status=503", "truvideo.login=status=403", "trustoo.object=status=503", "sitoo.download=status=403")
	prepare := sendJSON(t, "POST", s.URL()+"/trustana/v1/upload/prepare", trustanaKey(), `{"fileName":"a.jpg"}`)
	require.Equal(t, 429, prepare.status)
	require.Equal(t, "3", prepare.header.Get("Retry-After"))
	require.EqualValues(t, 429, prepare.json(t)["errorCode"])

	policy := send(t, "GET", s.URL()+"/trustoo/api/v1/openapi/get_image_upload_policy_token", nil, nil)
	require.Equal(t, 500, policy.status)
	require.EqualValues(t, 13, policy.json(t)["code"])

	upload := sendJSON(t, "POST", s.URL()+"/sitoo/v1/media/upload-url", nil, `{}`)
	require.Equal(t, 409, upload.status)
	require.NotEmpty(t, upload.json(t)["error_code"])

	list := send(t, "GET", s.URL()+closientImages, closientHeader(), nil)
	require.Equal(t, 503, list.status)
	require.EqualValues(t, 503, list.json(t)["error"].(map[string]any)["status"])

	login := sendJSON(t, "POST", s.URL()+"/truvideo-login/api/login", nil, `{}`)
	require.Equal(t, 403, login.status)
	require.Equal(t, "/api/login", login.json(t)["instance"])

	object := send(t, "GET", s.URL()+"/some/key.png", nil, nil)
	require.Equal(t, 503, object.status)
	require.Contains(t, string(object.body), "<Code>ServiceUnavailable</Code>")
	download := send(t, "GET", s.URL()+"/cdn/sitoo/x/image.jpg", nil, nil)
	require.Equal(t, 403, download.status)
	require.Empty(t, s.Ledger().Media)
}

func TestStorageFaultsLookLikeS3(t *testing.T) {
	s := start(t)
	body := jpegOf(t, 8, 8)
	for _, c := range []struct {
		rule   string
		status int
		text   string
	}{
		{"status=503,code=SlowDown", 503, "<Code>SlowDown</Code><Message>Please reduce your request rate.</Message>"},
		{"status=503,code=ServiceUnavailable", 503, "ServiceUnavailable"},
		{"status=500", 500, "<Code>InternalError</Code>"},
		{"status=403,code=SignatureDoesNotMatch", 403, "SignatureDoesNotMatch"},
		{"status=403,code=RequestTimeTooSkewed", 403, "RequestTimeTooSkewed"},
		{"status=400,code=ExpiredToken", 400, "ExpiredToken"},
		{"status=400,code=RequestTimeout", 400, "RequestTimeout"},
		{"status=400,code=EntityTooLarge", 400, "EntityTooLarge"},
		{"status=404,code=NoSuchUpload", 404, "NoSuchUpload"},
		{"status=409", 409, "OperationAborted"},
		{`status=403,message="Invalid according to Policy: Policy expired."`, 403, "<Code>AccessDenied</Code><Message>Invalid according to Policy: Policy expired.</Message>"},
		{"expired", 403, "Request has expired"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			s.ClearFaults()
			require.NoError(t, s.AddFaultText("trustana.put#1="+c.rule))
			d := prepared(t, s, "a.jpg")
			a := putJPEG(t, d["uploadUrl"], body)
			require.NoError(t, a.err)
			require.Equal(t, c.status, a.status)
			require.Contains(t, string(a.body), c.text)
			require.Equal(t, "application/xml", a.header.Get("Content-Type"))
			require.NotEmpty(t, a.header.Get("x-amz-request-id"))
			require.NotEmpty(t, a.header.Get("x-amz-id-2"))
			require.Equal(t, 404, trustanaStatus(t, s, "uploadId="+d["uploadId"].(string)).status)
			require.Equal(t, 200, putJPEG(t, d["uploadUrl"], body).status, "the rule is over")
		})
	}
}

func TestARefusalReachesASenderOfMuch(t *testing.T) {
	s := faulty(t, "trustana.put=status=503,code=SlowDown")
	d := prepared(t, s, "a.jpg")
	for range 5 {
		a := putJPEG(t, d["uploadUrl"], make([]byte, 8<<20))
		require.NoError(t, a.err)
		require.Equal(t, 503, a.status)
	}
	r := s.Requests("trustana")
	require.EqualValues(t, 8<<20, r[len(r)-1].BytesIn)
}

func TestASenderThatAsksFirstIsToldFirst(t *testing.T) {
	s := faulty(t, "trustana.put#1=status=503")
	url := prepared(t, s, "a.jpg")["uploadUrl"].(string)
	c := &http.Client{Transport: &http.Transport{ExpectContinueTimeout: time.Minute, DisableKeepAlives: true}}
	for _, want := range []struct {
		status int
		bytes  int64
	}{{503, 0}, {200, 4 << 20}} {
		req, err := http.NewRequestWithContext(t.Context(), "PUT", url, bytes.NewReader(make([]byte, 4<<20)))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "image/jpeg")
		req.Header.Set("Expect", "100-continue")
		res, err := c.Do(req)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.Equal(t, want.status, res.StatusCode)
		r := s.Requests("trustana")
		require.Equal(t, want.bytes, r[len(r)-1].BytesIn)
	}
}

func TestAnUndrainedRefusalLeavesTheBodyUnread(t *testing.T) {
	s := faulty(t, "trustana.put=status=503,undrained")
	putJPEG(t, prepared(t, s, "a.jpg")["uploadUrl"], make([]byte, 64<<20)) // an answer or a reset: both are right
	r := s.Requests("trustana")
	last := r[len(r)-1]
	require.Equal(t, 503, last.Status)
	require.Zero(t, last.BytesIn)
	small := faulty(t, "trustana.status=status=500,undrained")
	require.Equal(t, 500, trustanaStatus(t, small, "uploadId=x").status)
}

func TestConnectionsAreReset(t *testing.T) {
	body := noise(4<<20, 1)
	for _, c := range []struct {
		what    string
		in      int64
		arrived int
	}{
		{"reset-before", 0, 0}, {"reset-in", 2 << 20, 0}, {"reset-in=1000", 1000, 0}, {"reset-after", 4 << 20, 1}, {"lost", 4 << 20, 1},
	} {
		t.Run(c.what, func(t *testing.T) {
			s := faulty(t, "trustana.put#1="+c.what)
			d := prepared(t, s, "a.jpg")
			a := putJPEG(t, d["uploadUrl"], append([]byte("\xff\xd8\xff"), body[3:]...))
			require.Error(t, a.err)
			if c.what == "lost" {
				require.ErrorIs(t, a.err, io.EOF)
			}
			r := s.Requests("trustana")
			last := r[len(r)-1]
			require.Equal(t, c.in, last.BytesIn)
			require.Zero(t, last.Status)
			require.Equal(t, "trustana.put#1="+c.what, last.Fault)
			require.Equal(t, c.arrived, s.Ledger().Of("trustana")[0].Received)
		})
	}
}

func TestAResetIsOneOfTCP(t *testing.T) {
	s := faulty(t, "trustana.status=reset-before", "trustana.prepare=lost")
	for path, want := range map[string]error{"GET /trustana/v1/upload/status": syscall.ECONNRESET, "POST /trustana/v1/upload/prepare": io.EOF} {
		conn, err := net.Dial("tcp", s.Addr())
		require.NoError(t, err)
		_, err = conn.Write([]byte(path + " HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"))
		require.NoError(t, err)
		_, err = conn.Read(make([]byte, 1))
		require.ErrorIs(t, err, want, path)
		require.NoError(t, conn.Close())
	}
}

func TestAnAnswerGetsLostAfterItsEffect(t *testing.T) {
	s := faulty(t, "closient.post#1=reset-after", "closient.post#2=lost", "closient.post#3=status=503,after", "closient.post#4=status=503")
	for range 2 {
		require.Error(t, closientPost(t, s, nil, "a.png", "image/png", pngOf(t, 2, 2)).err)
	}
	for range 2 {
		require.Equal(t, 503, closientPost(t, s, nil, "a.png", "image/png", pngOf(t, 2, 2)).status)
	}
	require.Len(t, s.Ledger().Of("closient"), 3, "the fourth was refused before it had an effect")
}

func TestRulesMatchNamesKeysAndIDs(t *testing.T) {
	s := start(t)
	t.Run("a name in a JSON body", func(t *testing.T) {
		require.NoError(t, s.AddFaultText("trustana.prepare@bad=status=500"))
		prepared(t, s, "good.jpg")
		require.Equal(t, 500, sendJSON(t, "POST", s.URL()+"/trustana/v1/upload/prepare", trustanaKey(), `{"fileName":"bad.jpg"}`).status)
	})
	t.Run("the name of the medium whose bytes come", func(t *testing.T) {
		require.NoError(t, s.AddFaultText("trustana.put@second=status=500"))
		require.Equal(t, 200, putJPEG(t, prepared(t, s, "first.jpg")["uploadUrl"], jpegOf(t, 2, 2)).status)
		require.Equal(t, 500, putJPEG(t, prepared(t, s, "second.jpg")["uploadUrl"], jpegOf(t, 2, 2)).status)
	})
	t.Run("the name of the medium that is asked for", func(t *testing.T) {
		require.NoError(t, s.AddFaultText("trustana.status@second=status=500"))
		require.Equal(t, 500, trustanaStatus(t, s, "uploadId="+prepared(t, s, "second.png")["uploadId"].(string)).status)
	})
	t.Run("a field or file name of a form", func(t *testing.T) {
		require.NoError(t, s.AddFaultText("closient.post@hero=status=500"))
		require.Equal(t, 201, closientPost(t, s, nil, "side.png", "image/png", pngOf(t, 2, 2)).status)
		require.Equal(t, 500, closientPost(t, s, nil, "hero.png", "image/png", pngOf(t, 2, 2)).status)
		require.Equal(t, 500, closientPost(t, s, []field{{"title", "hero"}}, "side.png", "image/png", pngOf(t, 2, 2)).status)
	})
	t.Run("the name that a form's session was opened with", func(t *testing.T) {
		require.NoError(t, s.AddFaultText("sitoo.post@broken=status=503"))
		g := sitooOpen(t, s, "broken.jpg", "image/jpeg", sitooEntity)
		require.Equal(t, 503, sitooSend(t, g, sitooFields(g), "image/jpeg", jpegOf(t, 2, 2)).status)
	})
	t.Run("a key at OSS", func(t *testing.T) {
		require.NoError(t, s.AddFaultText("trustoo.post@b.png=status=503"))
		p := trustooPolicy(t, s)
		require.Equal(t, 200, ossPost(t, p["host"], trustooFields(p, "a.png"), pngOf(t, 2, 2)).status)
		require.Equal(t, 503, ossPost(t, p["host"], trustooFields(p, "b.png"), pngOf(t, 2, 2)).status)
	})
	t.Run("a part's number", func(t *testing.T) {
		require.NoError(t, s.AddFaultText(`truvideo.part@"partNumber=2"=status=503`))
		session := truvideoStarted(t, s, truvideoBearer(t, s), 2)
		mp4 := headers{"Content-Type": "video/mp4"}
		require.Equal(t, 200, send(t, "PUT", partURL(session, 0), mp4, strings.NewReader("x")).status)
		require.Equal(t, 503, send(t, "PUT", partURL(session, 1), mp4, strings.NewReader("x")).status)
	})
}

func TestGrantsAreHandedOutExpired(t *testing.T) {
	s := faulty(t, "trustana.prepare#1=expired", "sitoo.upload-url#1=expired", "trustoo.policy#1=expired", "truvideo.start#2=expired",
		"truvideo.login#1=expired", "trustoo.token#1=expired", "trustoo.post#2=expired", "sitoo.post#2=expired")
	require.Equal(t, 403, putJPEG(t, prepared(t, s, "a.jpg")["uploadUrl"], jpegOf(t, 2, 2)).status)
	require.Equal(t, 200, putJPEG(t, prepared(t, s, "a.jpg")["uploadUrl"], jpegOf(t, 2, 2)).status)

	for i, want := range []int{403, 403, 204} {
		g := sitooOpen(t, s, "a.jpg", "image/jpeg", sitooEntity)
		require.Equal(t, want, sitooSend(t, g, sitooFields(g), "image/jpeg", jpegOf(t, 2, 2)).status, "form %d", i)
	}

	p := trustooPolicy(t, s)
	require.Equal(t, 403, ossPost(t, p["host"], trustooFields(p, "a.png"), pngOf(t, 2, 2)).status)
	p = trustooPolicy(t, s)
	require.Equal(t, 403, ossPost(t, p["host"], trustooFields(p, "a.png"), pngOf(t, 2, 2)).status)
	require.Equal(t, 200, ossPost(t, p["host"], trustooFields(p, "a.png"), pngOf(t, 2, 2)).status)

	require.Equal(t, 401, sendJSON(t, "POST", s.URL()+"/truvideo/upload/start", truvideoBearer(t, s), `{}`).status)
	h := truvideoBearer(t, s)
	session := truvideoStarted(t, s, h, 1)
	mp4 := headers{"Content-Type": "video/mp4"}
	require.Equal(t, 403, send(t, "PUT", partURL(session, 0), mp4, strings.NewReader("x")).status)
	again := send(t, "GET", s.URL()+"/truvideo/upload/"+session["uploadId"].(string)+"/parts?count=1", h, nil).json(t)
	require.Equal(t, 200, send(t, "PUT", partURL(again, 0), mp4, strings.NewReader("x")).status)

	token := sendJSON(t, "POST", s.URL()+"/trustoo/api/v1/openapi/oauth/token", nil,
		`{"grant_type":"client_credentials","client_id":"sandbox-trustoo-client","client_secret":"sandbox-trustoo-client-secret"}`).json(t)["data"].(map[string]any)["access_token"]
	a := send(t, "GET", s.URL()+"/trustoo/api/v1/openapi/get_image_upload_policy_token", headers{"Authorization": "Bearer " + token.(string)}, nil)
	require.EqualValues(t, 16, a.json(t)["code"])
}

func TestProcessingGetsStuckOrFails(t *testing.T) {
	s := faulty(t, "trustana.put#1=stuck", "trustana.prepare@doomed=failed", "sitoo.post#1=stuck", "sitoo.post#2=failed",
		"truvideo.complete#1=stuck", "truvideo.complete#2=failed=codec is not supported")
	d := prepared(t, s, "a.jpg")
	putJPEG(t, d["uploadUrl"], jpegOf(t, 2, 2))
	s.Advance(time.Hour)
	require.Equal(t, 404, trustanaStatus(t, s, "uploadId="+d["uploadId"].(string)).status)
	doomed := prepared(t, s, "doomed.jpg")
	putJPEG(t, doomed["uploadUrl"], jpegOf(t, 2, 2))
	require.Equal(t, 404, trustanaStatus(t, s, "uploadId="+doomed["uploadId"].(string)).status)

	for _, want := range []string{"processing", "failed", "ready"} {
		g := sitooOpen(t, s, "a.jpg", "image/jpeg", sitooEntity)
		require.Equal(t, 204, sitooSend(t, g, sitooFields(g), "image/jpeg", jpegOf(t, 2, 2)).status)
		require.Equal(t, want, sitooGet(t, s, g["file_id"])["status"])
	}
	h := truvideoBearer(t, s)
	for _, want := range []string{"PENDING_COMPLETE", "FAILED", "COMPLETED"} {
		session := truvideoStarted(t, s, h, 1)
		list := putParts(t, session, []byte("x"))
		require.Equal(t, 202, sendJSON(t, "POST", s.URL()+"/truvideo/upload/"+session["uploadId"].(string)+"/complete", h, list).status)
		st := truvideoStatus(t, s, h, session["uploadId"])
		require.Equal(t, want, st["status"])
		if want == "FAILED" {
			require.Equal(t, "codec is not supported", st["failureReason"])
		}
	}
}

func TestCallbacksFailAndComeTwice(t *testing.T) {
	s := faulty(t, "trustoo.post#1=callback-failed", "trustoo.callback#1=status=500", "trustoo.post#3=duplicate-callback")
	p := trustooPolicy(t, s)
	for _, name := range []string{"a.png", "b.png"} {
		a := ossPost(t, p["host"], trustooFields(p, name), pngOf(t, 2, 2))
		require.Equal(t, 203, a.status)
		require.Contains(t, string(a.body), "<Code>CallbackFailed</Code>")
		require.NotEmpty(t, a.header.Get("x-oss-hash-crc64ecma"))
	}
	require.Equal(t, 200, ossPost(t, p["host"], trustooFields(p, "c.png"), pngOf(t, 2, 2)).status)
	m := s.Ledger().Of("trustoo")
	require.Len(t, m, 3, "what failed is stored all the same")
	require.Equal(t, []int{0, 0, 2}, []int{m[0].Callbacks, m[1].Callbacks, m[2].Callbacks})
	require.Equal(t, "stored, callback unconfirmed", m[0].State)
	require.True(t, m[0].Visible)
}

func TestTruVideoLeavesURLsOut(t *testing.T) {
	s := faulty(t, "truvideo.start#1=missing-url=2", "truvideo.parts#1=missing-url")
	h := truvideoBearer(t, s)
	session := truvideoStarted(t, s, h, 3)
	require.Len(t, session["parts"], 2)
	require.EqualValues(t, 3, session["parts"].([]any)[1].(map[string]any)["partNumber"])
	more := s.URL() + "/truvideo/upload/" + session["uploadId"].(string) + "/parts?count=2"
	parts := send(t, "GET", more, h, nil).json(t)["parts"].([]any)
	require.Len(t, parts, 1)
	require.EqualValues(t, 2, parts[0].(map[string]any)["partNumber"], "the lowest is the one that is needed")
	require.Len(t, send(t, "GET", more, h, nil).json(t)["parts"], 2)
}

func TestCredentialsAreTakenAwayInMidRun(t *testing.T) {
	s := start(t)
	prepared(t, s, "a.jpg")
	require.NoError(t, s.SetCredential("trustana", "default", CredentialRevoked))
	require.Equal(t, 401, trustanaStatus(t, s, "uploadId=x").status)
	require.NoError(t, s.SetCredential("trustana", "default", CredentialForbidden))
	require.Equal(t, 403, trustanaStatus(t, s, "uploadId=x").status)
	require.NoError(t, s.SetCredential("trustana", "default", CredentialActive))
	require.Equal(t, 404, trustanaStatus(t, s, "uploadId=x").status)

	fresh, err := s.RotateCredential("trustana")
	require.NoError(t, err)
	require.Equal(t, 401, trustanaStatus(t, s, "uploadId=x").status)
	a := send(t, "GET", s.URL()+"/trustana/v1/upload/status?uploadId=x", headers{"X-API-Key": fresh.Values["api_key"]}, nil)
	require.Equal(t, 404, a.status)
	require.Contains(t, string(s.Config()), fresh.Values["api_key"])

	h := truvideoBearer(t, s)
	session := truvideoStarted(t, s, h, 1)
	require.NoError(t, s.SetCredential("truvideo", "default", CredentialExpired))
	require.Equal(t, 401, send(t, "GET", s.URL()+"/truvideo/upload/"+session["uploadId"].(string), h, nil).status)
	require.Equal(t, 401, truvideoLoginAt(t, s, time.Now()).status)
	require.NoError(t, s.SetCredential("trustoo", "default", CredentialForbidden))
	require.Equal(t, 403, send(t, "GET", s.URL()+"/trustoo/api/v1/openapi/get_image_upload_policy_token", trustooSigned(time.Now(), nil, ""), nil).status)
	require.NoError(t, s.SetCredential("sitoo", "default", CredentialForbidden))
	require.Equal(t, 403, send(t, "GET", s.URL()+"/sitoo/v1/media/x", sitooToken(), nil).status)
	require.NoError(t, s.SetCredential("closient", "default", CredentialExpired))
	require.Equal(t, 401, send(t, "GET", s.URL()+closientImages, closientHeader(), nil).status)
	require.ErrorContains(t, s.SetCredential("sitoo", "default", "gone"), "choose from")
	require.ErrorContains(t, s.SetCredential("sitoo", "nobody", CredentialRevoked), "nobody")
}

func TestTheVendorsClockIsWrong(t *testing.T) {
	s := start(t)
	s.Skew(20 * time.Minute)
	a := send(t, "GET", s.URL()+"/trustoo/api/v1/openapi/get_image_upload_policy_token", trustooSigned(time.Now(), nil, ""), nil)
	require.EqualValues(t, 16, a.json(t)["code"])
	at, err := http.ParseTime(a.header.Get("Date"))
	require.NoError(t, err)
	require.WithinDuration(t, time.Now().Add(20*time.Minute), at, time.Minute)
	a = send(t, "GET", s.URL()+"/trustoo/api/v1/openapi/get_image_upload_policy_token", trustooSigned(at, nil, ""), nil)
	require.EqualValues(t, 0, a.json(t)["code"])
	require.Equal(t, 200, truvideoLoginAt(t, s, time.Now()).status, "20 minutes are within TruVideo's 30")
}
