package sandbox

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
)

func discarding(o *Options) { o.Discard = true }

func TestDiscardKeepsSumsButNoBytes(t *testing.T) {
	s := start(t, discarding)
	body := jpegOf(t, 30, 30)
	d := prepared(t, s, "a.jpg")
	a := putJPEG(t, d["uploadUrl"], body)
	require.Equal(t, 200, a.status)
	md := md5.Sum(body)
	require.Equal(t, `"`+hex.EncodeToString(md[:])+`"`, a.header.Get("ETag"))
	require.Equal(t, 200, trustanaStatus(t, s, "uploadId="+d["uploadId"].(string)).status)
	require.Equal(t, sum(body), s.Ledger().Of("trustana")[0].SHA256)
	require.Equal(t, 404, send(t, "GET", d["finalUrl"].(string), nil, nil).status)

	g := sitooOpen(t, s, "a.jpg", "image/jpeg", sitooEntity)
	require.Equal(t, 204, sitooSend(t, g, sitooFields(g), "image/jpeg", body).status)
	require.Equal(t, "ready", sitooGet(t, s, g["file_id"])["status"])
	g = sitooOpen(t, s, "a.jpg", "image/jpeg", sitooEntity)
	require.Equal(t, 403, sitooSend(t, g, append(sitooFields(g), field{"acl", "x"}), "image/jpeg", body).status)
	require.Equal(t, 403, sitooSend(t, g, swap(sitooFields(g), "key", "x"), "image/jpeg", body).status)
	require.Equal(t, 400, sitooSend(t, g, sitooFields(g), "image/jpeg", nil).status)

	h := truvideoBearer(t, s)
	session := truvideoStarted(t, s, h, 2)
	list := putParts(t, session, noise(5<<20, 1), []byte("end"))
	require.Equal(t, 202, sendJSON(t, "POST", s.URL()+"/truvideo/upload/"+session["uploadId"].(string)+"/complete", h, list).status)
	require.Equal(t, "COMPLETED", truvideoStatus(t, s, h, session["uploadId"])["status"])
	short := truvideoStarted(t, s, h, 2)
	list = putParts(t, short, []byte("short"), []byte("end"))
	require.Equal(t, 202, sendJSON(t, "POST", s.URL()+"/truvideo/upload/"+short["uploadId"].(string)+"/complete", h, list).status)
	require.Contains(t, truvideoStatus(t, s, h, short["uploadId"])["failureReason"], "EntityTooSmall")

	require.Equal(t, 201, closientPost(t, s, nil, "a.jpg", "image/jpeg", body).status)
	p := trustooPolicy(t, s)
	require.Equal(t, 200, ossPost(t, p["host"], trustooFields(p, "a.png"), body).status)
	require.Equal(t, Source{}, s.S3())
	require.NoError(t, s.PutOSSObject("a", []byte("abc")), "sources are kept")
	signed, err := ossBucket(t, s).SignURL("a", "GET", 60)
	require.NoError(t, err)
	require.Equal(t, "abc", string(send(t, "GET", signed, nil, nil).body))
}

func TestDiscardLooksAtTheSignatureAndTheClock(t *testing.T) {
	s := start(t, discarding)
	u := prepared(t, s, "a.jpg")["uploadUrl"].(string)
	for _, without := range []string{"X-Amz-Signature", "X-Amz-Credential", "X-Amz-Date", "X-Amz-SignedHeaders"} {
		a := putJPEG(t, strings.Replace(u, without+"=", "x=", 1), jpegOf(t, 2, 2))
		require.GreaterOrEqual(t, a.status, 400, without)
	}
	s.Advance(901 * time.Second)
	require.Equal(t, 403, putJPEG(t, u, jpegOf(t, 2, 2)).status)
}

func TestDiscardRemembersPartsOverARestart(t *testing.T) {
	s := start(t, discarding)
	h := truvideoBearer(t, s)
	session := truvideoStarted(t, s, h, 1)
	list := putParts(t, session, []byte("x"))
	require.NoError(t, s.Close())
	s = start(t, discarding, func(o *Options) { o.Dir, o.Listen = s.dir, s.Addr() })
	require.Equal(t, 202, sendJSON(t, "POST", s.URL()+"/truvideo/upload/"+session["uploadId"].(string)+"/complete", h, list).status)
	require.Equal(t, "COMPLETED", truvideoStatus(t, s, h, session["uploadId"])["status"])
}

func TestDirectURLsLeadPastTheSandbox(t *testing.T) {
	s := start(t, func(o *Options) { o.DirectStorage = true })
	d := prepared(t, s, "a.jpg")
	require.NotContains(t, d["uploadUrl"], s.Addr())
	body := jpegOf(t, 5, 5)
	require.Equal(t, 200, putJPEG(t, d["uploadUrl"], body).status)
	require.Equal(t, 200, trustanaStatus(t, s, "uploadId="+d["uploadId"].(string)).status)
	require.Equal(t, sum(body), s.Ledger().Of("trustana")[0].SHA256)
	h := truvideoBearer(t, s)
	session := truvideoStarted(t, s, h, 1)
	list := putParts(t, session, []byte("x"))
	require.Equal(t, 202, sendJSON(t, "POST", s.URL()+"/truvideo/upload/"+session["uploadId"].(string)+"/complete", h, list).status)
	require.Equal(t, "COMPLETED", truvideoStatus(t, s, h, session["uploadId"])["status"])
	for _, r := range s.Requests("") {
		require.False(t, r.Storage)
	}
	require.ErrorContains(t, s.AddFaultText("trustana.put=lost"), "DirectStorage")
	require.NoError(t, s.AddFaultText("trustana.status=lost"))
}

func TestStorageCanHaveANameOfItsOwn(t *testing.T) {
	s := start(t, func(o *Options) { o.StorageHost = "localhost" })
	d := prepared(t, s, "a.jpg")
	require.Contains(t, d["uploadUrl"], "http://localhost:")
	require.Equal(t, 200, putJPEG(t, d["uploadUrl"], jpegOf(t, 5, 5)).status)
	p := trustooPolicy(t, s)
	require.Equal(t, 200, ossPost(t, p["host"], trustooFields(p, "a.png"), pngOf(t, 2, 2)).status)
}

func TestURLsCanNameAnotherHost(t *testing.T) {
	s := start(t, func(o *Options) { o.Listen, o.Host = "127.0.0.1:0", "localhost" })
	require.True(t, strings.HasPrefix(s.URL(), "http://localhost:"))
	require.True(t, strings.HasPrefix(s.Addr(), "127.0.0.1:"))
	require.Equal(t, 200, putJPEG(t, prepared(t, s, "a.jpg")["uploadUrl"], jpegOf(t, 2, 2)).status)
	require.Contains(t, string(s.Config()), s.URL()+"/trustana/v1")
	everywhere := start(t, func(o *Options) { o.Listen = "0.0.0.0:0" })
	require.True(t, strings.HasPrefix(everywhere.URL(), "http://127.0.0.1:"))
}

func TestConnectionsThatAreKeptDoNotHoldAClose(t *testing.T) {
	for name, change := range map[string]func(*Options){"to the sandbox": func(*Options) {}, "past it": func(o *Options) { o.DirectStorage = true }} {
		t.Run(name, func(t *testing.T) {
			s := start(t, change)
			c := &http.Client{}
			req, err := http.NewRequestWithContext(t.Context(), "PUT", prepared(t, s, "a.jpg")["uploadUrl"].(string), bytes.NewReader(jpegOf(t, 2, 2)))
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
	s := start(t, func(o *Options) { o.SkipSHA256 = true })
	d := prepared(t, s, "a.jpg")
	body := jpegOf(t, 5, 5)
	require.Equal(t, 200, putJPEG(t, d["uploadUrl"], body).status)
	m := s.Ledger().Of("trustana")[0]
	require.Empty(t, m.SHA256)
	require.EqualValues(t, len(body), m.Size)
}

func TestManyUploadsAtOnce(t *testing.T) {
	for name, change := range map[string]func(*Options){"on S3": func(*Options) {}, "discarding": discarding} {
		t.Run(name, func(t *testing.T) {
			s := start(t, change)
			var all sync.WaitGroup
			for w := range 8 {
				all.Go(func() {
					for i := range 5 {
						d := prepared(t, s, fmt.Sprintf("a-%d-%d.png", w, i))
						a := send(t, "PUT", d["uploadUrl"].(string), headers{"Content-Type": "image/png"}, bytes.NewReader(pngOf(t, w+1, i+1)))
						if a.status != 200 {
							t.Errorf("PUT: %d %v %s", a.status, a.err, a.body)
						}
						trustanaStatus(t, s, "uploadId="+d["uploadId"].(string))
						closientPost(t, s, []field{{"is_primary", "true"}}, "a.png", "image/png", pngOf(t, w+1, i+1))
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
			for _, row := range closientList(t, s, "?page_size=100")["data"].([]any) {
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
	s := start(t)
	require.Equal(t, 200, putJPEG(t, prepared(t, s, "a.jpg")["uploadUrl"], jpegOf(t, 5, 5)).status)
	after, err := os.Getwd()
	require.NoError(t, err)
	require.Equal(t, before, after)
	_, err = os.Stat(".vgwlocks")
	require.ErrorIs(t, err, os.ErrNotExist)
}
