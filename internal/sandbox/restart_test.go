package sandbox

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
)

// again stops a sandbox and starts another on the same folder and address.
func again(t *testing.T, s *Sandbox) *Sandbox {
	t.Helper()
	require.NoError(t, s.Close())
	return start(t, func(o *Options) { o.Dir, o.Listen = s.dir, s.Addr() })
}

func TestARestartGoesOnWhereItStopped(t *testing.T) {
	s := start(t)
	jpg := jpegOf(t, 9, 9)
	waiting := prepared(t, s, "waiting.jpg")
	arrived := prepared(t, s, "arrived.jpg")
	require.Equal(t, 200, putJPEG(t, arrived["uploadUrl"], jpg).status)
	formGrant := sitooOpen(t, s, "a.jpg", "image/jpeg", sitooEntity)
	policy := trustooPolicy(t, s)
	created := closientPost(t, s, []field{{"title", "t"}}, "a.png", "image/png", pngOf(t, 2, 2)).json(t)
	h := truvideoBearer(t, s)
	session := truvideoStarted(t, s, h, 2)
	require.Equal(t, 200, send(t, "PUT", partURL(session, 0), headers{"Content-Type": "video/mp4"}, bytes.NewReader(noise(5<<20, 1))).status)
	require.NoError(t, s.AddCredential(Credential{Vendor: "sitoo", Name: "second", Values: map[string]string{"token": "t2"}}))
	before := s.Ledger()

	s = again(t, s)
	require.Equal(t, before, s.Ledger())

	require.Equal(t, 200, putJPEG(t, waiting["uploadUrl"], jpg).status, "URLs handed out before are still good")
	require.Equal(t, 200, trustanaStatus(t, s, "fileName="+waiting["fileName"].(string)).status)
	require.Equal(t, 200, trustanaStatus(t, s, "uploadId="+arrived["uploadId"].(string)).status)
	require.Equal(t, jpg, send(t, "GET", arrived["finalUrl"].(string), nil, nil).body)
	require.Equal(t, 204, sitooSend(t, formGrant, sitooFields(formGrant), "image/jpeg", jpg).status)
	require.Equal(t, "ready", sitooGet(t, s, formGrant["file_id"])["status"])
	require.Equal(t, 200, ossPost(t, policy["host"], trustooFields(policy, "a.png"), pngOf(t, 2, 2)).status)
	require.Equal(t, created["id"], closientList(t, s, "")["data"].([]any)[0].(map[string]any)["id"])
	require.Equal(t, 404, send(t, "GET", s.URL()+"/sitoo/v1/media/x", headers{"Authorization": "Bearer t2"}, nil).status)

	last := send(t, "PUT", partURL(session, 1), headers{"Content-Type": "video/mp4"}, strings.NewReader("end"))
	require.Equal(t, 200, last.status)
	parts := truvideoStatus(t, s, h, session["uploadId"])["parts"].([]any)
	require.Len(t, parts, 2, "the part that came before the restart counts")
	var list []string
	for _, p := range parts {
		list = append(list, fmt.Sprintf(`{"partNumber":%v,"eTag":%q}`, p.(map[string]any)["partNumber"], p.(map[string]any)["eTag"]))
	}
	done := sendJSON(t, "POST", s.URL()+"/truvideo/upload/"+session["uploadId"].(string)+"/complete", h, `{"parts":[`+strings.Join(list, ",")+`]}`)
	require.Equal(t, 202, done.status)
	require.Equal(t, "COMPLETED", truvideoStatus(t, s, h, session["uploadId"])["status"])
	noViolations(t, s)
}

func TestARestartKeepsTheClock(t *testing.T) {
	s := start(t)
	d := prepared(t, s, "a.jpg")
	s.Advance(16 * time.Minute)
	again(t, s)
	require.Equal(t, 403, putJPEG(t, d["uploadUrl"], jpegOf(t, 2, 2)).status)
}

func TestProcessingThatWasInterruptedIsFinished(t *testing.T) {
	s := start(t, with(func(v *Settings) { v.Sitoo.Processing, v.TruVideo.Processing = seconds(600), seconds(600) }))
	g := sitooOpen(t, s, "a.jpg", "image/jpeg", sitooEntity)
	require.Equal(t, 204, sitooSend(t, g, sitooFields(g), "image/jpeg", jpegOf(t, 2, 2)).status)
	h := truvideoBearer(t, s)
	session := truvideoStarted(t, s, h, 1)
	list := putParts(t, session, []byte("x"))
	require.Equal(t, 202, sendJSON(t, "POST", s.URL()+"/truvideo/upload/"+session["uploadId"].(string)+"/complete", h, list).status)
	s = again(t, s)
	require.Equal(t, "processing", sitooGet(t, s, g["file_id"])["status"])
	require.Equal(t, "PENDING_COMPLETE", truvideoStatus(t, s, h, session["uploadId"])["status"])
	s.Advance(time.Hour)
	require.Equal(t, "ready", sitooGet(t, s, g["file_id"])["status"])
	require.Equal(t, "COMPLETED", truvideoStatus(t, s, h, session["uploadId"])["status"])
}

func TestBytesThatArrivedUnnoticedAreNoticedAtTheNextStart(t *testing.T) {
	s := start(t)
	d := prepared(t, s, "a.jpg")
	body := jpegOf(t, 5, 5)
	require.Equal(t, 200, putJPEG(t, d["uploadUrl"], body).status)
	// A kill between the storing and the note of it leaves the object, but not the note.
	s.trustana.table.update(d["uploadId"].(string), func(m *trustanaMedium) bool {
		m.Arrived, m.Received, m.Size, m.SHA256 = 0, 0, 0, ""
		return true
	})
	s = again(t, s)
	require.Equal(t, 200, trustanaStatus(t, s, "uploadId="+d["uploadId"].(string)).status)
	require.Equal(t, sum(body), s.Ledger().Of("trustana")[0].SHA256)
}

func TestAFolderServesOneSandboxAtATime(t *testing.T) {
	s := start(t)
	_, err := Start(t.Context(), Options{Dir: s.dir})
	require.ErrorContains(t, err, "in use by another sandbox")
}

func TestAJournalCutOffInALineIsReadUpToThere(t *testing.T) {
	s := start(t)
	prepared(t, s, "a.jpg")
	prepared(t, s, "b.jpg")
	require.NoError(t, s.Close())
	path := s.dir + "/journal.jsonl"
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, raw[:len(raw)-10], 0o600))
	s = start(t, func(o *Options) { o.Dir = s.dir })
	require.Len(t, s.Ledger().Of("trustana"), 1)
}

func TestATemporaryFolderIsRemoved(t *testing.T) {
	s := start(t, func(o *Options) { o.Dir = "" })
	_, err := os.Stat(s.dir)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	_, err = os.Stat(s.dir)
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
	settings := DefaultSettings().Instant().Unlimited()
	s, err := Start(t.Context(), Options{Dir: dir, Settings: &settings})
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

	child := &Sandbox{base: "http://" + addr}
	d := prepared(t, child, "a.jpg")
	body := jpegOf(t, 7, 7)
	require.Equal(t, 200, putJPEG(t, d["uploadUrl"], body).status)
	session := truvideoStarted(t, child, truvideoBearer(t, child), 2)
	require.Equal(t, 200, send(t, "PUT", partURL(session, 0), headers{"Content-Type": "video/mp4"}, bytes.NewReader(noise(5<<20, 9))).status)
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())

	s := start(t, func(o *Options) { o.Dir, o.Listen = dir, addr })
	require.Equal(t, 200, trustanaStatus(t, s, "uploadId="+d["uploadId"].(string)).status)
	require.Equal(t, sum(body), s.Ledger().Of("trustana")[0].SHA256)
	require.Equal(t, 1, s.Ledger().Of("truvideo")[0].Parts[0].Received)
	require.Equal(t, 200, send(t, "PUT", partURL(session, 1), headers{"Content-Type": "video/mp4"}, strings.NewReader("end")).status)
}
