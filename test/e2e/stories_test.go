package e2e

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/mediaferry/mediaferry/internal/codec"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
	"github.com/mediaferry/mediaferry/workflows"
)

// story is something that can happen to an upload. It begins with its upload
// running in the background and ends with its upload's end.
type story struct {
	name   string         // of the recorded history, after the vendor's
	faults []string       // that the upload meets
	before func(s *scene) // nil: nothing but the faults
	state  upload.State
	happen func(s *scene) // while it runs
	size   int64          // of a film in bytes; 0: as usual
}

// stories are what is told of each vendor, one after the other.
func stories() map[string][]story {
	return map[string][]story{
		"trustana": {
			{name: "ready", state: upload.StateReady},
			{name: "tried-again", state: upload.StateReady, faults: []string{"trustana.prepare#1=status=503", "trustana.put#1=lost", "trustana.status#1=status=500"}},
			{name: "denied-and-resumed", state: upload.StateReady, faults: []string{"trustana.prepare=status=401"}, happen: (*scene).resume},
			{name: "expired-and-renewed", state: upload.StateReady, faults: []string{"trustana.put#1=expired"}},
			{name: "failed", state: upload.StateFailed, faults: []string{"trustana.prepare=status=422"}},
		},
		"trustoo": {
			{name: "ready", state: upload.StateReady},
			{name: "stored-and-untold", state: upload.StateReady, faults: []string{"trustoo.post#1=callback-failed"}},
			{name: "expired-and-renewed", state: upload.StateReady, faults: []string{"trustoo.post#1=expired"}},
		},
		"sitoo": {
			{name: "ready", state: upload.StateReady},
			{name: "arrived-without-an-answer", state: upload.StateReady, faults: []string{"sitoo.post#1=lost"}},
			{name: "failed-once", state: upload.StateReady, faults: []string{"sitoo.post#1=failed"}},
			{name: "asked-for-longer", state: upload.StateReady, faults: []string{"sitoo.post#1=lost", "sitoo.get#1*7=status=503"}},
			{name: "canceled", state: upload.StateCanceled, faults: []string{"sitoo.get=status=503"}, happen: (*scene).cancel},
		},
		"closient": {
			{name: "ready", state: upload.StateReady},
			{name: "adopted", state: upload.StateReady, faults: []string{"closient.post#1=reset-after"}},
			{name: "unconfirmed-and-decided", state: upload.StateReady, faults: []string{"closient.post#1=reset-after", "closient.list#2=status=422"}, happen: (*scene).decide},
		},
		"truvideo": {
			{name: "ready", state: upload.StateReady},
			{name: "with-more-urls", state: upload.StateReady, before: (*scene).fewURLs},
			{name: "part-expired", state: upload.StateReady, faults: []string{"truvideo.part#2=expired"}},
			{name: "session-lost", state: upload.StateReady, faults: []string{"truvideo.part#2=status=404,code=NoSuchUpload"}},
			{name: "complete-refused", state: upload.StateReady, faults: []string{"truvideo.complete#1=status=400"}},
			{name: "canceled", state: upload.StateCanceled, faults: []string{"truvideo.part=slow=10m"}, happen: (*scene).cancel},
			{name: "worker-killed", state: upload.StateReady, faults: []string{"truvideo.part#2+=slow=10m"}, happen: (*scene).kill},
			{name: "slowed-down", state: upload.StateReady, faults: []string{"truvideo.part#2*3=status=503,code=SlowDown"}},
			{name: "paused", state: upload.StateReady, faults: []string{"truvideo.part#2+=slow=10m"}, happen: (*scene).pause},
			{name: "paused-and-canceled", state: upload.StateCanceled, faults: []string{"truvideo.part=slow=10m"}, happen: (*scene).pauseAndCancel},
			{name: "renewals", state: upload.StateReady, faults: []string{"truvideo.part=slow=3s"}, before: (*scene).shortLives, size: 90 << 20},
		},
	}
}

// scene is where a vendor's stories happen.
type scene struct {
	*place
	box control
	up  *process
	at  upLine
	id  string // of the upload
}

// TestRecord lets every story happen, replays its history, and records it where
// MEDIAFERRY_RECORD is set.
func TestRecord(t *testing.T) {
	folder := filepath.Join("..", "..", "workflows", "testdata", "histories")
	key, err := os.ReadFile(filepath.Join(folder, "key"))
	require.NoError(t, err)
	keys, err := codec.ParseKeys(strings.TrimSpace(string(key)))
	require.NoError(t, err)
	for vendor, told := range stories() {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			s := &scene{place: newPlace(t)}
			s.box = s.place.box()
			s.env = append(s.env, "MEDIAFERRY_KEY="+strings.TrimSpace(string(key)))
			s.configure("encryption: {key: \"${MEDIAFERRY_KEY}\"}\n")
			s.up, s.at = s.place.up()
			for _, one := range told {
				h := s.tell(t, vendor, one)
				replay(t, keys, h)
				if os.Getenv("MEDIAFERRY_RECORD") != "" {
					keep(t, filepath.Join(folder, vendor+"-"+one.name+".json.gz"), h)
				}
			}
		})
	}
}

// tell lets a story happen and returns its history.
func (s *scene) tell(t *testing.T, vendor string, one story) *historypb.History {
	t.Helper()
	s.id = "upload/" + vendor + "/" + one.name
	source := s.file("mug.png")
	if vendor == "truvideo" {
		source = s.film(one.name+".mp4", max(one.size, filmSize))
	}
	s.box.faults(one.faults...)
	if one.before != nil {
		one.before(s)
	}
	status, stdout, stderr := s.run(sending(vendor, one.name, source, "--detach")...)
	require.Contains(t, []int{0, 3}, status, "%s: %s%s", one.name, stdout, stderr) // it may have failed at once
	if one.happen != nil {
		one.happen(s)
	}
	status, stdout, stderr = s.run("wait", "--json", s.id)
	require.Equal(t, one.state, result(t, stdout).State, "%s: %s%s", one.name, stdout, stderr)
	require.Equal(t, one.state == upload.StateReady, status == 0)
	return history(t, stranger(t, s.at), s.id)
}

func (s *scene) cancel() {
	s.box.hits(1)
	s.do("cancel", s.id)
}

// pause lets parts be given up that do not end, and goes on without the fault
// that held them.
func (s *scene) pause() {
	who := stranger(s.t, s.at)
	until(s.t, "a part is acknowledged", func() bool { return completed(history(s.t, who, s.id), upload.ActivitySendPart) == 1 })
	s.do("pause", s.id)
	until(s.t, "nothing is in flight any more", func() bool {
		seen, err := who.DescribeWorkflowExecution(s.t.Context(), s.id, "")
		require.NoError(s.t, err)
		return len(seen.GetPendingActivities()) == 0
	})
	s.box.faults()
	s.do("resume", s.id)
}

func (s *scene) pauseAndCancel() {
	s.box.hits(1)
	s.do("pause", s.id)
	s.do("cancel", s.id)
}

// shortLives makes URLs run out before the parts that wait for their turn begin.
func (s *scene) shortLives() {
	s.box.configure(map[string]any{"truvideo": map[string]any{"url_life": "4s", "token_life": "8s", "initial_urls": 0}})
}

func (s *scene) resume() {
	_, vendor, _ := strings.Cut(s.id, "/")
	vendor, _, _ = strings.Cut(vendor, "/")
	until(s.t, "the account is denied", func() bool { return strings.Contains(s.do("account", "list"), "denied") })
	s.box.faults()
	s.do("account", "resume", vendor)
}

func (s *scene) decide() {
	until(s.t, "it is unconfirmed", func() bool { return strings.Contains(s.do("list", "--state", "unconfirmed"), s.id) })
	s.do("decide", s.id, "retry", "--because", "there is no such image")
}

// fewURLs makes the vendor hand out URLs for two parts at first.
func (s *scene) fewURLs() {
	s.box.call(http.MethodPost, "options", map[string]any{"truvideo": map[string]int{"initial_urls": 2}}, nil)
}

func (s *scene) kill() {
	who := stranger(s.t, s.at)
	until(s.t, "a part is acknowledged", func() bool { return completed(history(s.t, who, s.id), upload.ActivitySendPart) == 1 })
	s.up.kill()
	s.noEngineIsLeft()
	s.box.faults()
	s.up, s.at = s.place.up()
}

// replay holds a history against the workflows as they are.
func replay(t *testing.T, keys codec.Keys, h *historypb.History) {
	t.Helper()
	converter := codec.DataConverter(keys)
	replayer, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{
		DataConverter: converter, FailureConverter: codec.FailureConverter(converter),
	})
	require.NoError(t, err)
	for name, flow := range workflows.Uploads(vendors.Names()) {
		replayer.RegisterWorkflowWithOptions(flow, workflow.RegisterOptions{Name: name})
	}
	id := h.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes().GetWorkflowId()
	require.NoError(t, replayer.ReplayWorkflowHistoryWithOptions(nil, h, worker.ReplayWorkflowHistoryOptions{
		OriginalExecution: workflow.Execution{ID: id},
	}))
}

// keep writes a history, with this host's name taken out.
func keep(t *testing.T, file string, h *historypb.History) {
	t.Helper()
	raw, err := protojson.Marshal(h)
	require.NoError(t, err)
	host, err := os.Hostname()
	require.NoError(t, err)
	raw = bytes.ReplaceAll(raw, []byte("@"+host), []byte("@host"))
	_, err = client.HistoryFromJSON(bytes.NewReader(raw), client.HistoryJSONOptions{})
	require.NoError(t, err)
	var packed bytes.Buffer
	out, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	require.NoError(t, err)
	_, err = out.Write(raw)
	require.NoError(t, err)
	require.NoError(t, out.Close())
	require.NoError(t, os.WriteFile(file, packed.Bytes(), 0o644))
}
