package sandbox_test

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/sandbox"
	"github.com/mediaferry/mediaferry/internal/sandbox/sandboxtest"
	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
)

func TestDiscardKeepsSumsButNoBytes(t *testing.T) {
	s := sandboxtest.Start(t, sandboxtest.Discarding)
	body := sandboxtest.JPEG(t, 30, 30)
	d := sandboxtest.TrustanaPrepared(t, s, "a.jpg")
	a := sandboxtest.PutJPEG(t, d["uploadUrl"], body)
	require.Equal(t, 200, a.Status)
	md := md5.Sum(body)
	require.Equal(t, `"`+hex.EncodeToString(md[:])+`"`, a.Header.Get("ETag"))
	require.Equal(t, 200, sandboxtest.TrustanaStatus(t, s, "uploadId="+d["uploadId"].(string)).Status)
	require.Equal(t, sandboxtest.Sum(body), s.Ledger().Of("trustana")[0].SHA256)
	require.Equal(t, 404, sandboxtest.Send(t, "GET", d["finalUrl"].(string), nil, nil).Status)

	g := sandboxtest.SitooOpen(t, s, "a.jpg", "image/jpeg", sandboxtest.SitooEntity)
	require.Equal(t, 204, sandboxtest.SitooSend(t, g, sandboxtest.SitooFields(g), "image/jpeg", body).Status)
	require.Equal(t, "ready", sandboxtest.SitooGet(t, s, g["file_id"])["status"])
	g = sandboxtest.SitooOpen(t, s, "a.jpg", "image/jpeg", sandboxtest.SitooEntity)
	require.Equal(t, 403, sandboxtest.SitooSend(t, g, append(sandboxtest.SitooFields(g), sandboxtest.Field{Name: "acl", Value: "x"}), "image/jpeg", body).Status)
	require.Equal(t, 403, sandboxtest.SitooSend(t, g, sandboxtest.Swap(sandboxtest.SitooFields(g), "key", "x"), "image/jpeg", body).Status)
	require.Equal(t, 400, sandboxtest.SitooSend(t, g, sandboxtest.SitooFields(g), "image/jpeg", nil).Status)

	h := sandboxtest.TruvideoBearer(t, s)
	session := sandboxtest.TruvideoStarted(t, s, h, 2)
	list := sandboxtest.PutParts(t, session, sandboxtest.Noise(5<<20, 1), []byte("end"))
	require.Equal(t, 202, sandboxtest.SendJSON(t, "POST", s.URL()+"/truvideo/upload/"+session["uploadId"].(string)+"/complete", h, list).Status)
	require.Equal(t, "COMPLETED", sandboxtest.TruvideoStatus(t, s, h, session["uploadId"])["status"])
	short := sandboxtest.TruvideoStarted(t, s, h, 2)
	list = sandboxtest.PutParts(t, short, []byte("short"), []byte("end"))
	require.Equal(t, 202, sandboxtest.SendJSON(t, "POST", s.URL()+"/truvideo/upload/"+short["uploadId"].(string)+"/complete", h, list).Status)
	require.Contains(t, sandboxtest.TruvideoStatus(t, s, h, short["uploadId"])["failureReason"], "EntityTooSmall")

	require.Equal(t, 201, sandboxtest.ClosientPost(t, s, nil, sandboxtest.File{Name: "a.jpg", Type: "image/jpeg", Body: body}).Status)
	p := sandboxtest.TrustooPolicy(t, s)
	require.Equal(t, 200, sandboxtest.OSSPost(t, p["host"], sandboxtest.TrustooFields(p, "a.png"), body).Status)
	require.Equal(t, simulate.Source{}, s.S3())
	require.NoError(t, s.PutOSSObject("a", []byte("abc")), "sources are kept")
	signed, err := sandboxtest.OSSBucket(t, s).SignURL("a", "GET", 60)
	require.NoError(t, err)
	require.Equal(t, "abc", string(sandboxtest.Send(t, "GET", signed, nil, nil).Body))
}

func TestDiscardLooksAtTheSignatureAndTheClock(t *testing.T) {
	s := sandboxtest.Start(t, sandboxtest.Discarding)
	u := sandboxtest.TrustanaPrepared(t, s, "a.jpg")["uploadUrl"].(string)
	for _, without := range []string{"X-Amz-Signature", "X-Amz-Credential", "X-Amz-Date", "X-Amz-SignedHeaders"} {
		a := sandboxtest.PutJPEG(t, strings.Replace(u, without+"=", "x=", 1), sandboxtest.JPEG(t, 2, 2))
		require.GreaterOrEqual(t, a.Status, 400, without)
	}
	s.Advance(901 * time.Second)
	require.Equal(t, 403, sandboxtest.PutJPEG(t, u, sandboxtest.JPEG(t, 2, 2)).Status)
}

func TestDiscardRemembersPartsOverARestart(t *testing.T) {
	s := sandboxtest.Start(t, sandboxtest.Discarding)
	h := sandboxtest.TruvideoBearer(t, s)
	session := sandboxtest.TruvideoStarted(t, s, h, 1)
	list := sandboxtest.PutParts(t, session, []byte("x"))
	require.NoError(t, s.Close())
	s = sandboxtest.Start(t, sandboxtest.Discarding, func(o *sandbox.Options) { o.Dir, o.Listen = s.Dir(), s.Addr() })
	require.Equal(t, 202, sandboxtest.SendJSON(t, "POST", s.URL()+"/truvideo/upload/"+session["uploadId"].(string)+"/complete", h, list).Status)
	require.Equal(t, "COMPLETED", sandboxtest.TruvideoStatus(t, s, h, session["uploadId"])["status"])
}

func TestDirectURLsLeadPastTheSandbox(t *testing.T) {
	s := sandboxtest.Start(t, func(o *sandbox.Options) { o.DirectStorage = true })
	d := sandboxtest.TrustanaPrepared(t, s, "a.jpg")
	require.NotContains(t, d["uploadUrl"], s.Addr())
	body := sandboxtest.JPEG(t, 5, 5)
	require.Equal(t, 200, sandboxtest.PutJPEG(t, d["uploadUrl"], body).Status)
	require.Equal(t, 200, sandboxtest.TrustanaStatus(t, s, "uploadId="+d["uploadId"].(string)).Status)
	require.Equal(t, sandboxtest.Sum(body), s.Ledger().Of("trustana")[0].SHA256)
	h := sandboxtest.TruvideoBearer(t, s)
	session := sandboxtest.TruvideoStarted(t, s, h, 1)
	list := sandboxtest.PutParts(t, session, []byte("x"))
	require.Equal(t, 202, sandboxtest.SendJSON(t, "POST", s.URL()+"/truvideo/upload/"+session["uploadId"].(string)+"/complete", h, list).Status)
	require.Equal(t, "COMPLETED", sandboxtest.TruvideoStatus(t, s, h, session["uploadId"])["status"])
	for _, r := range s.Requests("") {
		require.False(t, r.Storage)
	}
	require.ErrorContains(t, s.AddFaultText("trustana.put=lost"), "DirectStorage")
	require.NoError(t, s.AddFaultText("trustana.status=lost"))
}

func TestStorageCanHaveANameOfItsOwn(t *testing.T) {
	s := sandboxtest.Start(t, func(o *sandbox.Options) { o.StorageHost = "localhost" })
	d := sandboxtest.TrustanaPrepared(t, s, "a.jpg")
	require.Contains(t, d["uploadUrl"], "http://localhost:")
	require.Equal(t, 200, sandboxtest.PutJPEG(t, d["uploadUrl"], sandboxtest.JPEG(t, 5, 5)).Status)
	p := sandboxtest.TrustooPolicy(t, s)
	require.Equal(t, 200, sandboxtest.OSSPost(t, p["host"], sandboxtest.TrustooFields(p, "a.png"), sandboxtest.PNG(t, 2, 2)).Status)
}

func TestURLsCanNameAnotherHost(t *testing.T) {
	s := sandboxtest.Start(t, func(o *sandbox.Options) { o.Listen, o.Host = "127.0.0.1:0", "localhost" })
	require.True(t, strings.HasPrefix(s.URL(), "http://localhost:"))
	require.True(t, strings.HasPrefix(s.Addr(), "127.0.0.1:"))
	require.Equal(t, 200, sandboxtest.PutJPEG(t, sandboxtest.TrustanaPrepared(t, s, "a.jpg")["uploadUrl"], sandboxtest.JPEG(t, 2, 2)).Status)
	require.Contains(t, string(s.Config()), s.URL()+"/trustana/v1")
	everywhere := sandboxtest.Start(t, func(o *sandbox.Options) { o.Listen = "0.0.0.0:0" })
	require.True(t, strings.HasPrefix(everywhere.URL(), "http://127.0.0.1:"))
}

func TestConnectionsThatAreKeptDoNotHoldAClose(t *testing.T) {
	for name, change := range map[string]func(*sandbox.Options){"to the sandbox": func(*sandbox.Options) {}, "past it": func(o *sandbox.Options) { o.DirectStorage = true }} {
		t.Run(name, func(t *testing.T) {
			s := sandboxtest.Start(t, change)
			c := &http.Client{}
			req, err := http.NewRequestWithContext(t.Context(), "PUT", sandboxtest.TrustanaPrepared(t, s, "a.jpg")["uploadUrl"].(string), bytes.NewReader(sandboxtest.JPEG(t, 2, 2)))
			require.NoError(t, err)
			req.Header.Set("Content-Type", "image/jpeg")
			res, err := c.Do(req)
			require.NoError(t, err)
			require.Equal(t, 200, res.StatusCode)
			require.NoError(t, res.Body.Close())
			require.NoError(t, s.Close())
		})
	}
}

func TestChecksumsCanBeLeftOut(t *testing.T) {
	s := sandboxtest.Start(t, func(o *sandbox.Options) { o.SkipSHA256 = true })
	d := sandboxtest.TrustanaPrepared(t, s, "a.jpg")
	body := sandboxtest.JPEG(t, 5, 5)
	require.Equal(t, 200, sandboxtest.PutJPEG(t, d["uploadUrl"], body).Status)
	m := s.Ledger().Of("trustana")[0]
	require.Empty(t, m.SHA256)
	require.EqualValues(t, len(body), m.Size)
}

func TestManyUploadsAtOnce(t *testing.T) {
	for name, change := range map[string]func(*sandbox.Options){"on S3": func(*sandbox.Options) {}, "discarding": sandboxtest.Discarding} {
		t.Run(name, func(t *testing.T) {
			s := sandboxtest.Start(t, change)
			var all sync.WaitGroup
			for w := range 8 {
				all.Go(func() {
					for i := range 5 {
						d := sandboxtest.TrustanaPrepared(t, s, fmt.Sprintf("a-%d-%d.png", w, i))
						a := sandboxtest.Send(t, "PUT", d["uploadUrl"].(string), sandboxtest.Headers{"Content-Type": "image/png"}, bytes.NewReader(sandboxtest.PNG(t, w+1, i+1)))
						if a.Status != 200 {
							t.Errorf("PUT: %d %v %s", a.Status, a.Err, a.Body)
						}
						sandboxtest.TrustanaStatus(t, s, "uploadId="+d["uploadId"].(string))
						sandboxtest.ClosientPost(t, s, sandboxtest.Fields("is_primary", "true"), sandboxtest.File{Name: "a.png", Type: "image/png", Body: sandboxtest.PNG(t, w+1, i+1)})
						s.Ledger()
					}
				})
			}
			all.Wait()
			l := s.Ledger()
			require.Len(t, l.Of("trustana"), 40)
			ids := map[string]bool{}
			for _, m := range l.Of("trustana") {
				ids[m.MediaID] = true
				require.True(t, m.Visible)
			}
			require.Len(t, ids, 40)
			primaries := 0
			for _, row := range sandboxtest.ClosientList(t, s, "?page_size=100")["data"].([]any) {
				if row.(map[string]any)["is_primary"] == true {
					primaries++
				}
			}
			require.Equal(t, 1, primaries)
			require.Empty(t, l.Violations)
		})
	}
}

func TestTheWorkingFolderStaysWhereItIs(t *testing.T) {
	before, err := os.Getwd()
	require.NoError(t, err)
	s := sandboxtest.Start(t)
	require.Equal(t, 200, sandboxtest.PutJPEG(t, sandboxtest.TrustanaPrepared(t, s, "a.jpg")["uploadUrl"], sandboxtest.JPEG(t, 5, 5)).Status)
	after, err := os.Getwd()
	require.NoError(t, err)
	require.Equal(t, before, after)
	_, err = os.Stat(".vgwlocks")
	require.ErrorIs(t, err, os.ErrNotExist)
}
