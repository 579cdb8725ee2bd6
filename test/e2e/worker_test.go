package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/codec"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// fleet is a place whose commands and workers share a Temporal service, a ledger
// in PostgreSQL and a key, as they do on several machines.
type fleet struct {
	*place
	box     control
	service upLine
}

func newFleet(t *testing.T) fleet {
	t.Helper()
	p := newPlace(t)
	url := ledgertest.Postgres(t)
	f := fleet{place: p, box: p.box()}
	_, f.service = p.up("--no-worker")
	f.join(url, newKey(t))
	return f
}

// worker starts mediaferry-worker and waits until it is ready.
func (f fleet) worker(flags ...string) *process {
	f.t.Helper()
	w := f.start("mediaferry-worker", append([]string{"--listen", "127.0.0.1:0"}, flags...)...)
	var said struct{ Msg, Listen string }
	until(f.t, "the worker is ready", func() bool {
		for line := range strings.Lines(w.stderr.String()) {
			if json.Unmarshal([]byte(line), &said) == nil && said.Msg == "ready" {
				return true
			}
		}
		select {
		case <-w.ended:
			f.t.Fatalf("the worker has ended: %s", w.stderr)
		default:
		}
		return false
	})
	for path, want := range map[string]string{"healthz": "ok\n", "readyz": "ready\n", "metrics": "temporal_"} {
		response, err := http.Get("http://" + said.Listen + "/" + path)
		require.NoError(f.t, err)
		body, err := io.ReadAll(response.Body)
		require.NoError(f.t, err)
		require.NoError(f.t, response.Body.Close())
		require.Equal(f.t, http.StatusOK, response.StatusCode)
		require.Contains(f.t, string(body), want)
	}
	return w
}

// queues are the task queues in which an upload's activities of a type were
// scheduled.
func (f fleet) queues(id, activity string) (names []string) {
	f.t.Helper()
	for _, e := range history(f.t, stranger(f.t, f.service), id).Events {
		if a := e.GetActivityTaskScheduledEventAttributes(); a.GetActivityType().GetName() == activity {
			names = append(names, a.GetTaskQueue().GetName())
		}
	}
	return names
}

func TestAWorkerThatIsKilledIsReplacedByAnother(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	film := f.film("film.mp4", 60<<20)
	web := httptest.NewServer(http.FileServer(http.Dir(f.media)))
	t.Cleanup(web.Close)
	first := f.worker()
	f.box.faults("truvideo.part#3+=slow=10m", "trustana.status=status=503")
	f.do(sending("truvideo", "film", film, "--detach")...)
	f.do(sending("trustana", "far", web.URL+"/mug.png?token=secret", "--detach")...)
	f.box.hits(1)
	who := stranger(t, f.service)
	until(t, "two parts are acknowledged", func() bool {
		return completed(history(t, who, "upload/truvideo/film"), upload.ActivitySendPart) == 2
	})

	parts := f.box.acknowledged()
	require.Len(t, parts, 2)

	first.kill()
	f.worker()
	f.box.faults()
	r := f.ready("upload/truvideo/film")
	require.EqualValues(t, sum(t, film), r.SHA256)
	m := f.box.medium("truvideo", film)
	require.Equal(t, 1, m.Completes)
	sentOnce(t, m, parts)
	r = f.ready("upload/trustana/far")
	require.Equal(t, web.URL+"/mug.png", r.Source, "without its query")
	require.Equal(t, 1, f.box.medium("trustana", f.file("mug.png")).Received)
	f.box.content()
}

func TestAWorkerThatEndsHandsOver(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	first := f.worker("--drain", "1ms")
	f.box.faults("trustoo.post#1=slow=10m", "sitoo.get=status=503")
	f.do(sending("trustoo", "one", f.file("mug.png"), "--detach")...)
	f.do(sending("sitoo", "two", f.file("lamp.webp"), "--detach")...)
	f.box.hits(1)
	require.NoError(t, first.cmd.Process.Signal(syscall.SIGTERM))
	status, stdout := first.end()
	require.Zero(t, status, first.stderr)
	require.Empty(t, stdout)

	f.worker()
	f.box.faults()
	f.ready("upload/trustoo/one")
	f.ready("upload/sitoo/two")
	f.box.medium("trustoo", f.file("mug.png"))
	require.Equal(t, 1, f.box.medium("sitoo", f.file("lamp.webp")).Received)
	f.box.content()
}

func TestALocalSourceIsReadOnItsOwnHost(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	here, err := os.Hostname()
	require.NoError(t, err)
	f.worker("--host", "elsewhere")

	// Nobody here reads it but the command itself.
	status, _, stderr := f.run(sending("trustoo", "detached", f.file("mug.png"), "--detach")...)
	require.Equal(t, 2, status)
	require.Contains(t, stderr, "--detach needs a running worker")
	r := result(t, f.do(sending("trustoo", "mine", f.file("mug.png"))...))
	require.Equal(t, upload.StateReady, r.State)
	own := f.queues("upload/trustoo/mine", upload.ActivityClaim)
	require.Len(t, own, 1)
	require.Regexp(t, "^"+upload.TaskQueue+"@[0-9a-f]{32}$", own[0], "Temporal is told neither the host nor the folder")
	require.Equal(t, own, f.queues("upload/trustoo/mine", upload.ActivityTransfer))
	require.Equal(t, []string{upload.TaskQueue}, f.queues("upload/trustoo/mine", upload.ActivityPrepare))

	// A path outside of the roots is refused.
	outside := filepath.Join(f.dir, "outside.png")
	require.NoError(t, os.Link(f.file("mug.png"), outside))
	status, _, stderr = f.run(sending("trustoo", "outside", outside)...)
	require.Equal(t, 2, status)
	require.Contains(t, stderr, "outside.png is outside the folders in sources.local_roots: "+f.media)

	// With a worker on this host, a command may leave it alone.
	f.worker("--host", here)
	f.do(sending("trustoo", "theirs", f.file("lamp.webp"), "--detach")...)
	f.ready("upload/trustoo/theirs")
	require.Equal(t, own, f.queues("upload/trustoo/theirs", upload.ActivityTransfer))
	f.box.content()
}

func TestAWorkerSaysWhatItLacks(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	file := filepath.Join(p.dir, "mediaferry.yaml")
	write := func(text string) { require.NoError(t, os.WriteFile(file, []byte(text), 0o600)) }
	refused := func(status int, want string, args ...string) {
		t.Helper()
		s := p.start("mediaferry-worker", args...)
		got, stdout := s.end()
		require.Equal(t, status, got, s.stderr)
		require.Empty(t, stdout)
		require.Contains(t, s.stderr.String(), want)
	}
	refused(2, "no Temporal service is configured; set TEMPORAL_ADDRESS")
	refused(2, `unexpected argument "now"`, "now")
	refused(2, "flag provided but not defined: -hots", "--hots", "x")
	refused(2, `unknown --log-level "loud"`, "--log-level", "loud")
	p.env = append(p.env, "TEMPORAL_ADDRESS=127.0.0.1:1")
	refused(2, "found no configuration at")
	refused(2, "configuration nowhere.yaml, named by --config", "--config", "nowhere.yaml")
	write("acounts:\n")
	refused(2, `unknown key "acounts"`)
	write("accounts: {sitoo: {vendor: sitoo, token: \"${SITOO_TOKEN}\"}}\n")
	refused(2, "encryption.key is missing")
	key, err := codec.GenerateKey()
	require.NoError(t, err)
	write(fmt.Sprintf("encryption: {key: %q}\n", key))
	refused(2, "`ledger` is missing; set ledger: postgres://… in ")
	write(fmt.Sprintf("encryption: {key: %q}\nledger: \"postgres://nobody:canary@127.0.0.1:1/none\"\n", key))
	refused(2, "`results` is missing; set results: to a shared folder, s3://… or oss://… in ")
	write(fmt.Sprintf("encryption: {key: %q}\nledger: \"postgres://nobody:canary@127.0.0.1:1/none\"\nresults: here\n", key))
	s := p.start("mediaferry-worker")
	status, _ := s.end()
	require.Equal(t, 1, status)
	require.NotContains(t, s.stderr.String(), "canary")
}
