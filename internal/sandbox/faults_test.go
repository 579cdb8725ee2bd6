package sandbox_test

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

	"github.com/mediaferry/mediaferry/internal/sandbox/sandboxtest"
	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
)

func TestStatusFaultsSpeakTheLanguageOfWhoeverIsAsked(t *testing.T) {
	s := sandboxtest.Faulty(t,
		"trustana.prepare=status=429,retry-after=3", "trustoo.policy=status=500", "sitoo.upload-url=status=409",
		"closient.list=status=503", "truvideo.login=status=403", "trustoo.object=status=503", "sitoo.download=status=403")
	prepare := sandboxtest.SendJSON(t, "POST", s.URL()+"/trustana/v1/upload/prepare", sandboxtest.TrustanaKey(), `{"fileName":"a.jpg"}`)
	require.Equal(t, 429, prepare.Status)
	require.Equal(t, "3", prepare.Header.Get("Retry-After"))
	require.EqualValues(t, 429, prepare.JSON(t)["errorCode"])

	policy := sandboxtest.Send(t, "GET", s.URL()+"/trustoo/api/v1/openapi/get_image_upload_policy_token", nil, nil)
	require.Equal(t, 500, policy.Status)
	require.EqualValues(t, 13, policy.JSON(t)["code"])

	upload := sandboxtest.SendJSON(t, "POST", s.URL()+"/sitoo/v1/media/upload-url", nil, `{}`)
	require.Equal(t, 409, upload.Status)
	require.NotEmpty(t, upload.JSON(t)["error_code"])

	list := sandboxtest.Send(t, "GET", s.URL()+sandboxtest.ClosientImages, sandboxtest.ClosientHeader(), nil)
	require.Equal(t, 503, list.Status)
	require.EqualValues(t, 503, list.JSON(t)["error"].(map[string]any)["status"])

	login := sandboxtest.SendJSON(t, "POST", s.URL()+"/truvideo-login/api/login", nil, `{}`)
	require.Equal(t, 403, login.Status)
	require.Equal(t, "/api/login", login.JSON(t)["instance"])

	object := sandboxtest.Send(t, "GET", s.URL()+"/some/key.png", nil, nil)
	require.Equal(t, 503, object.Status)
	require.Contains(t, string(object.Body), "<Code>ServiceUnavailable</Code>")
	download := sandboxtest.Send(t, "GET", s.URL()+"/cdn/sitoo/x/image.jpg", nil, nil)
	require.Equal(t, 403, download.Status)
	require.Empty(t, s.Ledger().Media)
}

func TestStorageFaultsLookLikeS3(t *testing.T) {
	s := sandboxtest.Start(t)
	body := sandboxtest.JPEG(t, 8, 8)
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
			d := sandboxtest.TrustanaPrepared(t, s, "a.jpg")
			a := sandboxtest.PutJPEG(t, d["uploadUrl"], body)
			require.NoError(t, a.Err)
			require.Equal(t, c.status, a.Status)
			require.Contains(t, string(a.Body), c.text)
			require.Equal(t, "application/xml", a.Header.Get("Content-Type"))
			require.NotEmpty(t, a.Header.Get("x-amz-request-id"))
			require.NotEmpty(t, a.Header.Get("x-amz-id-2"))
			require.Equal(t, 404, sandboxtest.TrustanaStatus(t, s, "uploadId="+d["uploadId"].(string)).Status)
			require.Equal(t, 200, sandboxtest.PutJPEG(t, d["uploadUrl"], body).Status, "the rule is over")
		})
	}
}

func TestARefusalReachesASenderOfMuch(t *testing.T) {
	s := sandboxtest.Faulty(t, "trustana.put=status=503,code=SlowDown")
	d := sandboxtest.TrustanaPrepared(t, s, "a.jpg")
	for range 5 {
		a := sandboxtest.PutJPEG(t, d["uploadUrl"], make([]byte, 8<<20))
		require.NoError(t, a.Err)
		require.Equal(t, 503, a.Status)
	}
	r := s.Requests("trustana")
	require.EqualValues(t, 8<<20, r[len(r)-1].BytesIn)
}

func TestASenderThatAsksFirstIsToldFirst(t *testing.T) {
	s := sandboxtest.Faulty(t, "trustana.put#1=status=503")
	url := sandboxtest.TrustanaPrepared(t, s, "a.jpg")["uploadUrl"].(string)
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
	s := sandboxtest.Faulty(t, "trustana.put=status=503,undrained")
	sandboxtest.PutJPEG(t, sandboxtest.TrustanaPrepared(t, s, "a.jpg")["uploadUrl"], make([]byte, 64<<20)) // an answer or a reset: both are right
	r := s.Requests("trustana")
	last := r[len(r)-1]
	require.Equal(t, 503, last.Status)
	require.Zero(t, last.BytesIn)
	small := sandboxtest.Faulty(t, "trustana.status=status=500,undrained")
	require.Equal(t, 500, sandboxtest.TrustanaStatus(t, small, "uploadId=x").Status)
}

func TestConnectionsAreReset(t *testing.T) {
	body := sandboxtest.Noise(4<<20, 1)
	for _, c := range []struct {
		what    string
		in      int64
		arrived int
	}{
		{"reset-before", 0, 0}, {"reset-in", 2 << 20, 0}, {"reset-in=1000", 1000, 0}, {"reset-after", 4 << 20, 1}, {"lost", 4 << 20, 1},
	} {
		t.Run(c.what, func(t *testing.T) {
			s := sandboxtest.Faulty(t, "trustana.put#1="+c.what)
			d := sandboxtest.TrustanaPrepared(t, s, "a.jpg")
			a := sandboxtest.PutJPEG(t, d["uploadUrl"], append([]byte("\xff\xd8\xff"), body[3:]...))
			require.Error(t, a.Err)
			if c.what == "lost" {
				require.ErrorIs(t, a.Err, io.EOF)
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
	s := sandboxtest.Faulty(t, "trustana.status=reset-before", "trustana.prepare=lost")
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
	s := sandboxtest.Faulty(t, "closient.post#1=reset-after", "closient.post#2=lost", "closient.post#3=status=503,after", "closient.post#4=status=503")
	for range 2 {
		require.Error(t, sandboxtest.ClosientPost(t, s, nil, sandboxtest.File{Name: "a.png", Type: "image/png", Body: sandboxtest.PNG(t, 2, 2)}).Err)
	}
	for range 2 {
		require.Equal(t, 503, sandboxtest.ClosientPost(t, s, nil, sandboxtest.File{Name: "a.png", Type: "image/png", Body: sandboxtest.PNG(t, 2, 2)}).Status)
	}
	require.Len(t, s.Ledger().Of("closient"), 3, "the fourth was refused before it had an effect")
}

func TestRulesMatchNamesKeysAndIDs(t *testing.T) {
	s := sandboxtest.Start(t)
	t.Run("a name in a JSON body", func(t *testing.T) {
		require.NoError(t, s.AddFaultText("trustana.prepare@bad=status=500"))
		sandboxtest.TrustanaPrepared(t, s, "good.jpg")
		require.Equal(t, 500, sandboxtest.SendJSON(t, "POST", s.URL()+"/trustana/v1/upload/prepare", sandboxtest.TrustanaKey(), `{"fileName":"bad.jpg"}`).Status)
	})
	t.Run("the name of the medium whose bytes come", func(t *testing.T) {
		require.NoError(t, s.AddFaultText("trustana.put@second=status=500"))
		require.Equal(t, 200, sandboxtest.PutJPEG(t, sandboxtest.TrustanaPrepared(t, s, "first.jpg")["uploadUrl"], sandboxtest.JPEG(t, 2, 2)).Status)
		require.Equal(t, 500, sandboxtest.PutJPEG(t, sandboxtest.TrustanaPrepared(t, s, "second.jpg")["uploadUrl"], sandboxtest.JPEG(t, 2, 2)).Status)
	})
	t.Run("the name of the medium that is asked for", func(t *testing.T) {
		require.NoError(t, s.AddFaultText("trustana.status@second=status=500"))
		require.Equal(t, 500, sandboxtest.TrustanaStatus(t, s, "uploadId="+sandboxtest.TrustanaPrepared(t, s, "second.png")["uploadId"].(string)).Status)
	})
	t.Run("a field or file name of a form", func(t *testing.T) {
		require.NoError(t, s.AddFaultText("closient.post@hero=status=500"))
		require.Equal(t, 201, sandboxtest.ClosientPost(t, s, nil, sandboxtest.File{Name: "side.png", Type: "image/png", Body: sandboxtest.PNG(t, 2, 2)}).Status)
		require.Equal(t, 500, sandboxtest.ClosientPost(t, s, nil, sandboxtest.File{Name: "hero.png", Type: "image/png", Body: sandboxtest.PNG(t, 2, 2)}).Status)
		require.Equal(t, 500, sandboxtest.ClosientPost(t, s, sandboxtest.Fields("title", "hero"), sandboxtest.File{Name: "side.png", Type: "image/png", Body: sandboxtest.PNG(t, 2, 2)}).Status)
	})
	t.Run("the name that a form's session was opened with", func(t *testing.T) {
		require.NoError(t, s.AddFaultText("sitoo.post@broken=status=503"))
		g := sandboxtest.SitooOpen(t, s, "broken.jpg", "image/jpeg", sandboxtest.SitooEntity)
		require.Equal(t, 503, sandboxtest.SitooSend(t, g, sandboxtest.SitooFields(g), "image/jpeg", sandboxtest.JPEG(t, 2, 2)).Status)
	})
	t.Run("a key at OSS", func(t *testing.T) {
		require.NoError(t, s.AddFaultText("trustoo.post@b.png=status=503"))
		p := sandboxtest.TrustooPolicy(t, s)
		require.Equal(t, 200, sandboxtest.OSSPost(t, p["host"], sandboxtest.TrustooFields(p, "a.png"), sandboxtest.PNG(t, 2, 2)).Status)
		require.Equal(t, 503, sandboxtest.OSSPost(t, p["host"], sandboxtest.TrustooFields(p, "b.png"), sandboxtest.PNG(t, 2, 2)).Status)
	})
	t.Run("a part's number", func(t *testing.T) {
		require.NoError(t, s.AddFaultText(`truvideo.part@"partNumber=2"=status=503`))
		session := sandboxtest.TruvideoStarted(t, s, sandboxtest.TruvideoBearer(t, s), 2)
		mp4 := sandboxtest.Headers{"Content-Type": "video/mp4"}
		require.Equal(t, 200, sandboxtest.Send(t, "PUT", sandboxtest.PartURL(session, 0), mp4, strings.NewReader("x")).Status)
		require.Equal(t, 503, sandboxtest.Send(t, "PUT", sandboxtest.PartURL(session, 1), mp4, strings.NewReader("x")).Status)
	})
}

func TestGrantsAreHandedOutExpired(t *testing.T) {
	s := sandboxtest.Faulty(t, "trustana.prepare#1=expired", "sitoo.upload-url#1=expired", "trustoo.policy#1=expired", "truvideo.start#2=expired",
		"truvideo.login#1=expired", "trustoo.token#1=expired", "trustoo.post#2=expired", "sitoo.post#2=expired")
	require.Equal(t, 403, sandboxtest.PutJPEG(t, sandboxtest.TrustanaPrepared(t, s, "a.jpg")["uploadUrl"], sandboxtest.JPEG(t, 2, 2)).Status)
	require.Equal(t, 200, sandboxtest.PutJPEG(t, sandboxtest.TrustanaPrepared(t, s, "a.jpg")["uploadUrl"], sandboxtest.JPEG(t, 2, 2)).Status)

	for i, want := range []int{403, 403, 204} {
		g := sandboxtest.SitooOpen(t, s, "a.jpg", "image/jpeg", sandboxtest.SitooEntity)
		require.Equal(t, want, sandboxtest.SitooSend(t, g, sandboxtest.SitooFields(g), "image/jpeg", sandboxtest.JPEG(t, 2, 2)).Status, "form %d", i)
	}

	p := sandboxtest.TrustooPolicy(t, s)
	require.Equal(t, 403, sandboxtest.OSSPost(t, p["host"], sandboxtest.TrustooFields(p, "a.png"), sandboxtest.PNG(t, 2, 2)).Status)
	p = sandboxtest.TrustooPolicy(t, s)
	require.Equal(t, 403, sandboxtest.OSSPost(t, p["host"], sandboxtest.TrustooFields(p, "a.png"), sandboxtest.PNG(t, 2, 2)).Status)
	require.Equal(t, 200, sandboxtest.OSSPost(t, p["host"], sandboxtest.TrustooFields(p, "a.png"), sandboxtest.PNG(t, 2, 2)).Status)

	require.Equal(t, 401, sandboxtest.SendJSON(t, "POST", s.URL()+"/truvideo/upload/start", sandboxtest.TruvideoBearer(t, s), `{}`).Status)
	h := sandboxtest.TruvideoBearer(t, s)
	session := sandboxtest.TruvideoStarted(t, s, h, 1)
	mp4 := sandboxtest.Headers{"Content-Type": "video/mp4"}
	require.Equal(t, 403, sandboxtest.Send(t, "PUT", sandboxtest.PartURL(session, 0), mp4, strings.NewReader("x")).Status)
	again := sandboxtest.Send(t, "GET", s.URL()+"/truvideo/upload/"+session["uploadId"].(string)+"/parts?count=1", h, nil).JSON(t)
	require.Equal(t, 200, sandboxtest.Send(t, "PUT", sandboxtest.PartURL(again, 0), mp4, strings.NewReader("x")).Status)

	token := sandboxtest.SendJSON(t, "POST", s.URL()+"/trustoo/api/v1/openapi/oauth/token", nil,
		`{"grant_type":"client_credentials","client_id":"sandbox-trustoo-client","client_secret":"sandbox-trustoo-client-secret"}`).JSON(t)["data"].(map[string]any)["access_token"]
	a := sandboxtest.Send(t, "GET", s.URL()+"/trustoo/api/v1/openapi/get_image_upload_policy_token", sandboxtest.Headers{"Authorization": "Bearer " + token.(string)}, nil)
	require.EqualValues(t, 16, a.JSON(t)["code"])
}

func TestProcessingGetsStuckOrFails(t *testing.T) {
	s := sandboxtest.Faulty(t, "trustana.put#1=stuck", "trustana.prepare@doomed=failed", "sitoo.post#1=stuck", "sitoo.post#2=failed",
		"truvideo.complete#1=stuck", "truvideo.complete#2=failed=codec is not supported")
	d := sandboxtest.TrustanaPrepared(t, s, "a.jpg")
	sandboxtest.PutJPEG(t, d["uploadUrl"], sandboxtest.JPEG(t, 2, 2))
	s.Advance(time.Hour)
	require.Equal(t, 404, sandboxtest.TrustanaStatus(t, s, "uploadId="+d["uploadId"].(string)).Status)
	doomed := sandboxtest.TrustanaPrepared(t, s, "doomed.jpg")
	sandboxtest.PutJPEG(t, doomed["uploadUrl"], sandboxtest.JPEG(t, 2, 2))
	require.Equal(t, 404, sandboxtest.TrustanaStatus(t, s, "uploadId="+doomed["uploadId"].(string)).Status)

	for _, want := range []string{"processing", "failed", "ready"} {
		g := sandboxtest.SitooOpen(t, s, "a.jpg", "image/jpeg", sandboxtest.SitooEntity)
		require.Equal(t, 204, sandboxtest.SitooSend(t, g, sandboxtest.SitooFields(g), "image/jpeg", sandboxtest.JPEG(t, 2, 2)).Status)
		require.Equal(t, want, sandboxtest.SitooGet(t, s, g["file_id"])["status"])
	}
	h := sandboxtest.TruvideoBearer(t, s)
	for _, want := range []string{"PENDING_COMPLETE", "FAILED", "COMPLETED"} {
		session := sandboxtest.TruvideoStarted(t, s, h, 1)
		list := sandboxtest.PutParts(t, session, []byte("x"))
		require.Equal(t, 202, sandboxtest.SendJSON(t, "POST", s.URL()+"/truvideo/upload/"+session["uploadId"].(string)+"/complete", h, list).Status)
		st := sandboxtest.TruvideoStatus(t, s, h, session["uploadId"])
		require.Equal(t, want, st["status"])
		if want == "FAILED" {
			require.Equal(t, "codec is not supported", st["failureReason"])
		}
	}
}

func TestCallbacksFailAndComeTwice(t *testing.T) {
	s := sandboxtest.Faulty(t, "trustoo.post#1=callback-failed", "trustoo.callback#1=status=500", "trustoo.post#3=duplicate-callback")
	p := sandboxtest.TrustooPolicy(t, s)
	for _, name := range []string{"a.png", "b.png"} {
		a := sandboxtest.OSSPost(t, p["host"], sandboxtest.TrustooFields(p, name), sandboxtest.PNG(t, 2, 2))
		require.Equal(t, 203, a.Status)
		require.Contains(t, string(a.Body), "<Code>CallbackFailed</Code>")
		require.NotEmpty(t, a.Header.Get("x-oss-hash-crc64ecma"))
	}
	require.Equal(t, 200, sandboxtest.OSSPost(t, p["host"], sandboxtest.TrustooFields(p, "c.png"), sandboxtest.PNG(t, 2, 2)).Status)
	m := s.Ledger().Of("trustoo")
	require.Len(t, m, 3, "what failed is stored all the same")
	require.Equal(t, []int{0, 0, 2}, []int{m[0].Callbacks, m[1].Callbacks, m[2].Callbacks})
	require.Equal(t, "stored, callback unconfirmed", m[0].State)
	require.True(t, m[0].Visible)
}

func TestTruVideoLeavesURLsOut(t *testing.T) {
	s := sandboxtest.Faulty(t, "truvideo.start#1=missing-url=2", "truvideo.parts#1=missing-url")
	h := sandboxtest.TruvideoBearer(t, s)
	session := sandboxtest.TruvideoStarted(t, s, h, 3)
	require.Len(t, session["parts"], 2)
	require.EqualValues(t, 3, session["parts"].([]any)[1].(map[string]any)["partNumber"])
	more := s.URL() + "/truvideo/upload/" + session["uploadId"].(string) + "/parts?count=2"
	parts := sandboxtest.Send(t, "GET", more, h, nil).JSON(t)["parts"].([]any)
	require.Len(t, parts, 1)
	require.EqualValues(t, 2, parts[0].(map[string]any)["partNumber"], "the lowest is the one that is needed")
	require.Len(t, sandboxtest.Send(t, "GET", more, h, nil).JSON(t)["parts"], 2)
}

func TestCredentialsAreTakenAwayInMidRun(t *testing.T) {
	s := sandboxtest.Start(t)
	sandboxtest.TrustanaPrepared(t, s, "a.jpg")
	require.NoError(t, s.SetCredential("trustana", "default", simulate.CredentialRevoked))
	require.Equal(t, 401, sandboxtest.TrustanaStatus(t, s, "uploadId=x").Status)
	require.NoError(t, s.SetCredential("trustana", "default", simulate.CredentialForbidden))
	require.Equal(t, 403, sandboxtest.TrustanaStatus(t, s, "uploadId=x").Status)
	require.NoError(t, s.SetCredential("trustana", "default", simulate.CredentialActive))
	require.Equal(t, 404, sandboxtest.TrustanaStatus(t, s, "uploadId=x").Status)

	fresh, err := s.RotateCredential("trustana")
	require.NoError(t, err)
	require.Equal(t, 401, sandboxtest.TrustanaStatus(t, s, "uploadId=x").Status)
	a := sandboxtest.Send(t, "GET", s.URL()+"/trustana/v1/upload/status?uploadId=x", sandboxtest.Headers{"X-API-Key": fresh.Values["api_key"]}, nil)
	require.Equal(t, 404, a.Status)
	require.Contains(t, string(s.Config()), fresh.Values["api_key"])

	h := sandboxtest.TruvideoBearer(t, s)
	session := sandboxtest.TruvideoStarted(t, s, h, 1)
	require.NoError(t, s.SetCredential("truvideo", "default", simulate.CredentialExpired))
	require.Equal(t, 401, sandboxtest.Send(t, "GET", s.URL()+"/truvideo/upload/"+session["uploadId"].(string), h, nil).Status)
	require.Equal(t, 401, sandboxtest.TruvideoLoginAt(t, s, time.Now()).Status)
	require.NoError(t, s.SetCredential("trustoo", "default", simulate.CredentialForbidden))
	require.Equal(t, 403, sandboxtest.Send(t, "GET", s.URL()+"/trustoo/api/v1/openapi/get_image_upload_policy_token", sandboxtest.TrustooSigned(time.Now(), ""), nil).Status)
	require.NoError(t, s.SetCredential("sitoo", "default", simulate.CredentialForbidden))
	require.Equal(t, 403, sandboxtest.Send(t, "GET", s.URL()+"/sitoo/v1/media/x", sandboxtest.SitooToken(), nil).Status)
	require.NoError(t, s.SetCredential("closient", "default", simulate.CredentialExpired))
	require.Equal(t, 401, sandboxtest.Send(t, "GET", s.URL()+sandboxtest.ClosientImages, sandboxtest.ClosientHeader(), nil).Status)
	require.ErrorContains(t, s.SetCredential("sitoo", "default", "gone"), "choose from")
	require.ErrorContains(t, s.SetCredential("sitoo", "nobody", simulate.CredentialRevoked), "nobody")
}

func TestTheVendorsClockIsWrong(t *testing.T) {
	s := sandboxtest.Start(t)
	s.Skew(20 * time.Minute)
	a := sandboxtest.Send(t, "GET", s.URL()+"/trustoo/api/v1/openapi/get_image_upload_policy_token", sandboxtest.TrustooSigned(time.Now(), ""), nil)
	require.EqualValues(t, 16, a.JSON(t)["code"])
	at, err := http.ParseTime(a.Header.Get("Date"))
	require.NoError(t, err)
	require.WithinDuration(t, time.Now().Add(20*time.Minute), at, time.Minute)
	a = sandboxtest.Send(t, "GET", s.URL()+"/trustoo/api/v1/openapi/get_image_upload_policy_token", sandboxtest.TrustooSigned(at, ""), nil)
	require.EqualValues(t, 0, a.JSON(t)["code"])
	require.Equal(t, 200, sandboxtest.TruvideoLoginAt(t, s, time.Now()).Status, "20 minutes are within TruVideo's 30")
}
