package e2e

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// receiver is an operator's webhook.
type receiver struct {
	t      *testing.T
	url    string
	secret string

	mu     sync.Mutex
	status int
	got    []delivery
}

// delivery is one attempt to tell the receiver something.
type delivery struct {
	id     string
	status int // that it was answered with
	event  string
	data   struct {
		UploadID string `json:"upload_id"`
		Batch    string
		State    string
		Kind     string
		Counts   map[string]int
		Link     string
	}
}

// newReceiver answers every delivery with a status until told otherwise.
func newReceiver(t *testing.T, status int) *receiver {
	t.Helper()
	r := &receiver{t: t, status: status, secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.url = server.URL + "/hook"
	return r
}

// ServeHTTP verifies a delivery as the standard says, and notes it.
func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil || !r.verifies(request.Header, body) {
		r.t.Errorf("a delivery is not signed as it should be: %v %v %s", err, request.Header, body)
	}
	got := delivery{id: request.Header.Get("webhook-id"), status: r.status}
	var said struct {
		Type      string
		Timestamp time.Time
		Data      json.RawMessage
	}
	if err := json.Unmarshal(body, &said); err != nil || said.Timestamp.IsZero() {
		r.t.Errorf("a delivery is no JSON: %v: %s", err, body)
	}
	got.event = said.Type
	_ = json.Unmarshal(said.Data, &got.data)
	r.got = append(r.got, got)
	w.WriteHeader(r.status)
}

// verifies is the standard's algorithm, with none of the program's code.
func (r *receiver) verifies(head http.Header, body []byte) bool {
	seconds, err := strconv.ParseInt(head.Get("webhook-timestamp"), 10, 64)
	if err != nil || time.Since(time.Unix(seconds, 0)).Abs() > 5*time.Minute {
		return false
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(r.secret, "whsec_"))
	if err != nil {
		return false
	}
	mac := hmac.New(sha256.New, key)
	_, _ = fmt.Fprintf(mac, "%s.%d.%s", head.Get("webhook-id"), seconds, body)
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	for one := range strings.FieldsSeq(head.Get("webhook-signature")) {
		if hmac.Equal([]byte(one), []byte(want)) {
			return true
		}
	}
	return false
}

func (r *receiver) answer(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

func (r *receiver) deliveries() []delivery {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]delivery(nil), r.got...)
}

// taken are the deliveries that were answered with success, by their IDs.
func (r *receiver) taken() map[string]delivery {
	taken := map[string]delivery{}
	for _, one := range r.deliveries() {
		if one.status == http.StatusOK {
			if before, twice := taken[one.id]; twice {
				r.t.Errorf("%+v was delivered again after success", before)
			}
			taken[one.id] = one
		}
	}
	return taken
}

// notifies adds the receiver to a configuration.
func (p *place) notifies(file string, r *receiver) {
	p.t.Helper()
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(p.t, err)
	_, err = fmt.Fprintf(f, "notify: {webhook: %q, secret: %q}\n", r.url, r.secret)
	require.NoError(p.t, err)
	require.NoError(p.t, f.Close())
}

func TestNotificationsOutliveKill9OfAWorker(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	hook := newReceiver(t, http.StatusInternalServerError)
	f.notifies(filepath.Join(f.dir, "mediaferry.yaml"), hook)
	first := f.worker()
	outlives(f.place, hook, first, func() { f.worker() })
}

func TestNotificationsOutliveKill9OfUp(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.box()
	hook := newReceiver(t, http.StatusInternalServerError)
	p.configure("")
	p.notifies(filepath.Join(p.dir, "mediaferry.yaml"), hook)
	first, at := p.up()
	outlives(p, hook, first, func() {
		p.noEngineIsLeft()
		p.up()
	})
	base, _, _ := strings.Cut(at.Dashboard, "/?")
	for _, one := range hook.taken() {
		page := "/items/" + one.data.UploadID
		if one.data.UploadID == "" {
			page = "/batches/" + one.data.Batch
		}
		require.Equal(t, base+page, one.data.Link)
	}
}

// outlives has uploads and a batch end while the receiver is out of order, kills what
// sends with SIGKILL, and starts another: each event arrives once, under one ID.
func outlives(p *place, hook *receiver, first *process, another func()) {
	t := p.t
	p.do(sending("trustoo", "one", p.file("mug.png"))...)
	require.Equal(t, 3, statusOf(p.run("upload", "--to", "trustoo", "--id", "two", filepath.Join(p.media, "none.png"))))
	rows := filepath.Join(p.dir, "rows.csv")
	require.NoError(t, os.WriteFile(rows, []byte("source,to\n"+p.file("mug.png")+",trustoo\n"), 0o600))
	p.do("batch", "start", rows, "--id", "spring", "--again", "--follow")
	until(t, "each event was tried", func() bool {
		tried := map[string]bool{}
		for _, one := range hook.deliveries() {
			tried[one.id] = true
		}
		return len(tried) == 3
	})
	require.Empty(t, hook.taken())
	_, doctor, _ := p.run("doctor", "--json")
	require.Contains(t, doctor, `"check":"notifications","state":"warning"`)

	first.kill()
	hook.answer(http.StatusOK)
	another()
	until(t, "each event was taken", func() bool { return len(hook.taken()) == 3 })
	events := map[string]delivery{}
	for id, one := range hook.taken() {
		require.Contains(t, tried(hook), id, "the ID is that of the first attempt")
		events[one.event+" "+one.data.UploadID+one.data.Batch] = one
	}
	require.Len(t, events, 3)
	require.Equal(t, "ready", events["upload.ended upload/trustoo/one"].data.State)
	require.Equal(t, "failed", events["upload.ended upload/trustoo/two"].data.State)
	require.Equal(t, "invalid", events["upload.ended upload/trustoo/two"].data.Kind)
	ended := events["batch.ended spring"]
	require.Equal(t, "completed", ended.data.State)
	require.Equal(t, map[string]int{"ready": 1}, ended.data.Counts)
	_, doctor, _ = p.run("doctor", "--json")
	require.Contains(t, doctor, `"check":"notifications","state":"ok"`)
}

// tried are the IDs that were answered with a failure.
func tried(hook *receiver) map[string]bool {
	ids := map[string]bool{}
	for _, one := range hook.deliveries() {
		if one.status != http.StatusOK {
			ids[one.id] = true
		}
	}
	return ids
}

func statusOf(status int, _, _ string) int { return status }
