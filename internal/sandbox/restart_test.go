package sandbox_test

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/sandbox"
	"github.com/mediaferry/mediaferry/internal/sandbox/sandboxtest"
	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
	"github.com/mediaferry/mediaferry/internal/sandbox/sitoo"
	"github.com/mediaferry/mediaferry/internal/sandbox/truvideo"
)

func TestARestartGoesOnWhereItStopped(t *testing.T) {
	s := sandboxtest.Start(t)
	jpg := sandboxtest.JPEG(t, 9, 9)
	waiting := sandboxtest.TrustanaPrepared(t, s, "waiting.jpg")
	arrived := sandboxtest.TrustanaPrepared(t, s, "arrived.jpg")
	require.Equal(t, 200, sandboxtest.PutJPEG(t, arrived["uploadUrl"], jpg).Status)
	formGrant := sandboxtest.SitooOpen(t, s, "a.jpg", "image/jpeg", sandboxtest.SitooEntity)
	policy := sandboxtest.TrustooPolicy(t, s)
	created := sandboxtest.ClosientPost(t, s, sandboxtest.Fields("title", "t"), sandboxtest.File{Name: "a.png", Type: "image/png", Body: sandboxtest.PNG(t, 2, 2)}).JSON(t)
	h := sandboxtest.TruvideoBearer(t, s)
	session := sandboxtest.TruvideoStarted(t, s, h, 2)
	require.Equal(t, 200, sandboxtest.Send(t, "PUT", sandboxtest.PartURL(session, 0), sandboxtest.Headers{"Content-Type": "video/mp4"}, bytes.NewReader(sandboxtest.Noise(5<<20, 1))).Status)
	require.NoError(t, s.AddCredential(simulate.Credential{Vendor: "sitoo", Name: "second", Values: map[string]string{"token": "t2"}}))
	before := s.Ledger()

	s = sandboxtest.Again(t, s)
	require.Equal(t, before, s.Ledger())

	require.Equal(t, 200, sandboxtest.PutJPEG(t, waiting["uploadUrl"], jpg).Status, "URLs handed out before are still good")
	require.Equal(t, 200, sandboxtest.TrustanaStatus(t, s, "fileName="+waiting["fileName"].(string)).Status)
	require.Equal(t, 200, sandboxtest.TrustanaStatus(t, s, "uploadId="+arrived["uploadId"].(string)).Status)
	require.Equal(t, jpg, sandboxtest.Send(t, "GET", arrived["finalUrl"].(string), nil, nil).Body)
	require.Equal(t, 204, sandboxtest.SitooSend(t, formGrant, sandboxtest.SitooFields(formGrant), "image/jpeg", jpg).Status)
	require.Equal(t, "ready", sandboxtest.SitooGet(t, s, formGrant["file_id"])["status"])
	require.Equal(t, 200, sandboxtest.OSSPost(t, policy["host"], sandboxtest.TrustooFields(policy, "a.png"), sandboxtest.PNG(t, 2, 2)).Status)
	require.Equal(t, created["id"], sandboxtest.ClosientList(t, s, "")["data"].([]any)[0].(map[string]any)["id"])
	require.Equal(t, 404, sandboxtest.Send(t, "GET", s.URL()+"/sitoo/v1/media/x", sandboxtest.Headers{"Authorization": "Bearer t2"}, nil).Status)

	last := sandboxtest.Send(t, "PUT", sandboxtest.PartURL(session, 1), sandboxtest.Headers{"Content-Type": "video/mp4"}, strings.NewReader("end"))
	require.Equal(t, 200, last.Status)
	parts := sandboxtest.TruvideoStatus(t, s, h, session["uploadId"])["parts"].([]any)
	require.Len(t, parts, 2, "the part that came before the restart counts")
	var list []string
	for _, p := range parts {
		list = append(list, fmt.Sprintf(`{"partNumber":%v,"eTag":%q}`, p.(map[string]any)["partNumber"], p.(map[string]any)["eTag"]))
	}
	done := sandboxtest.SendJSON(t, "POST", s.URL()+"/truvideo/upload/"+session["uploadId"].(string)+"/complete", h, `{"parts":[`+strings.Join(list, ",")+`]}`)
	require.Equal(t, 202, done.Status)
	require.Equal(t, "COMPLETED", sandboxtest.TruvideoStatus(t, s, h, session["uploadId"])["status"])
	sandboxtest.NoViolations(t, s)
}

func TestARestartKeepsTheClock(t *testing.T) {
	s := sandboxtest.Start(t)
	d := sandboxtest.TrustanaPrepared(t, s, "a.jpg")
	s.Advance(16 * time.Minute)
	sandboxtest.Again(t, s)
	require.Equal(t, 403, sandboxtest.PutJPEG(t, d["uploadUrl"], sandboxtest.JPEG(t, 2, 2)).Status)
}

func TestProcessingThatWasInterruptedIsFinished(t *testing.T) {
	s := sandboxtest.Start(t, sandboxtest.With(func(v *simulate.Settings) {
		simulate.In[sitoo.Settings](v).Processing, simulate.In[truvideo.Settings](v).Processing = simulate.Seconds(600), simulate.Seconds(600)
	}))
	g := sandboxtest.SitooOpen(t, s, "a.jpg", "image/jpeg", sandboxtest.SitooEntity)
	require.Equal(t, 204, sandboxtest.SitooSend(t, g, sandboxtest.SitooFields(g), "image/jpeg", sandboxtest.JPEG(t, 2, 2)).Status)
	h := sandboxtest.TruvideoBearer(t, s)
	session := sandboxtest.TruvideoStarted(t, s, h, 1)
	list := sandboxtest.PutParts(t, session, []byte("x"))
	require.Equal(t, 202, sandboxtest.SendJSON(t, "POST", s.URL()+"/truvideo/upload/"+session["uploadId"].(string)+"/complete", h, list).Status)
	s = sandboxtest.Again(t, s)
	require.Equal(t, "processing", sandboxtest.SitooGet(t, s, g["file_id"])["status"])
	require.Equal(t, "PENDING_COMPLETE", sandboxtest.TruvideoStatus(t, s, h, session["uploadId"])["status"])
	s.Advance(time.Hour)
	require.Equal(t, "ready", sandboxtest.SitooGet(t, s, g["file_id"])["status"])
	require.Equal(t, "COMPLETED", sandboxtest.TruvideoStatus(t, s, h, session["uploadId"])["status"])
}

func TestAFolderServesOneSandboxAtATime(t *testing.T) {
	s := sandboxtest.Start(t)
	_, err := sandbox.Start(t.Context(), sandbox.Options{Dir: s.Dir()})
	require.ErrorContains(t, err, "in use by another sandbox")
}

func TestAJournalCutOffInALineIsReadUpToThere(t *testing.T) {
	s := sandboxtest.Start(t)
	sandboxtest.TrustanaPrepared(t, s, "a.jpg")
	sandboxtest.TrustanaPrepared(t, s, "b.jpg")
	require.NoError(t, s.Close())
	path := s.Dir() + "/journal.jsonl"
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, raw[:len(raw)-10], 0o600))
	s = sandboxtest.Start(t, func(o *sandbox.Options) { o.Dir = s.Dir() })
	require.Len(t, s.Ledger().Of("trustana"), 1)
}

func TestATemporaryFolderIsRemoved(t *testing.T) {
	s := sandboxtest.Start(t, func(o *sandbox.Options) { o.Dir = "" })
	_, err := os.Stat(s.Dir())
	require.NoError(t, err)
	require.NoError(t, s.Close())
	_, err = os.Stat(s.Dir())
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, s.Close(), "closing again is no error")
}

const childDir = "SANDBOX_TEST_CHILD_DIR"

// TestChild is no test: it is the process that TestAKilledProcessForgetsNothing
// kills.
func TestChild(t *testing.T) {
	dir := os.Getenv(childDir)
	if dir == "" {
		return // only as a child
	}
	settings := sandbox.DefaultSettings().Instant().Unlimited()
	s, err := sandbox.Start(t.Context(), sandbox.Options{Dir: dir, Settings: &settings})
	require.NoError(t, err)
	fmt.Println("ready " + s.Addr())
	<-t.Context().Done() // never: the parent kills
}

func TestAKilledProcessForgetsNothing(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestChild$")
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	addr, ok := strings.CutPrefix(strings.TrimSpace(line), "ready ")
	require.True(t, ok, "the first thing on standard output is ours, not the gateway's: %q", line)

	child := sandboxtest.Site("http://" + addr)
	d := sandboxtest.TrustanaPrepared(t, child, "a.jpg")
	body := sandboxtest.JPEG(t, 7, 7)
	require.Equal(t, 200, sandboxtest.PutJPEG(t, d["uploadUrl"], body).Status)
	session := sandboxtest.TruvideoStarted(t, child, sandboxtest.TruvideoBearer(t, child), 2)
	require.Equal(t, 200, sandboxtest.Send(t, "PUT", sandboxtest.PartURL(session, 0), sandboxtest.Headers{"Content-Type": "video/mp4"}, bytes.NewReader(sandboxtest.Noise(5<<20, 9))).Status)
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())

	s := sandboxtest.Start(t, func(o *sandbox.Options) { o.Dir, o.Listen = dir, addr })
	require.Equal(t, 200, sandboxtest.TrustanaStatus(t, s, "uploadId="+d["uploadId"].(string)).Status)
	require.Equal(t, sandboxtest.Sum(body), s.Ledger().Of("trustana")[0].SHA256)
	require.Equal(t, 1, s.Ledger().Of("truvideo")[0].Parts[0].Received)
	require.Equal(t, 200, sandboxtest.Send(t, "PUT", sandboxtest.PartURL(session, 1), sandboxtest.Headers{"Content-Type": "video/mp4"}, strings.NewReader("end")).Status)
}
