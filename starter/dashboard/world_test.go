package dashboard

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/config"
	"github.com/mediaferry/mediaferry/internal/front"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/wiring"
	"github.com/mediaferry/mediaferry/starter/opening"
	"github.com/mediaferry/mediaferry/starter/output"
)

const (
	operator = "the-token-of-an-operator"
	viewer   = "the-token-of-a-viewer"
	homeURL  = "http://127.0.0.1:8235"
)

const accounts = `accounts:
  trustana: {vendor: trustana, base_url: "https://api.trustana.com/v1", api_key: "${NOTHING}"}
  sitoo: {vendor: sitoo, base_url: "https://media-object-storage.sitooapis.com", token: "${NOTHING}"}
  closient: {vendor: closient, base_url: "https://www.closient.com/dashboard/api/v1", api_key: "${NOTHING}"}
results: %q
`

// world is a page before a ledger, behind its front.
type world struct {
	t      testing.TB
	ledger *ledger.Ledger
	page   *Page
	front  http.Handler
	now    time.Time
	dir    string

	noWorker bool

	mu      sync.Mutex
	ran     [][]string
	by      []string
	outcome Outcome
}

func newWorld(t testing.TB, ledgerURL string) *world {
	t.Helper()
	w := &world{t: t, now: time.Now().UTC().Truncate(time.Microsecond), dir: t.TempDir()}
	require.NoError(t, os.Chmod(w.dir, 0o700))
	file := filepath.Join(w.dir, "mediaferry.yaml")
	require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, accounts, filepath.Join(w.dir, "results")), 0o600))
	read, err := config.Watch(file, nil).Config()
	require.NoError(t, err)
	w.ledger = ledgertest.Open(t, ledgerURL, ledger.Options{Names: wiring.Named})
	w.page = New(Options{
		Lend: func(c output.Console) (*opening.Session, bool) {
			return &opening.Session{Console: c, Ledger: w.ledger, Config: read, Data: w.dir, Lent: true}, true
		},
		Run: func(_ context.Context, by string, args []string) Outcome {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.ran, w.by = append(w.ran, args), append(w.by, by)
			return w.outcome
		},
		Inbox:   func() (string, error) { return filepath.Join(w.dir, "dropped"), nil },
		Version: "2", Log: zap.NewNop(), Now: func() time.Time { return w.now },
	})
	w.front, err = front.New(front.Options{URL: homeURL, Token: operator, Viewer: viewer, Where: "here", Page: w.page})
	require.NoError(t, err)
	return w
}

// get asks as a program does that wants one form of answer.
func (w *world) get(path, accept, token string) *httptest.ResponseRecorder {
	w.t.Helper()
	r := httptest.NewRequest(http.MethodGet, homeURL+path, nil)
	r.Header.Set("Accept", accept)
	r.Header.Set("Authorization", "Bearer "+token)
	answer := httptest.NewRecorder()
	w.front.ServeHTTP(answer, r)
	return answer
}

func (w *world) html(path string) string {
	w.t.Helper()
	answer := w.get(path, "text/html", viewer)
	require.Equal(w.t, http.StatusOK, answer.Code, "%s: %s", path, answer.Body)
	require.Equal(w.t, "text/html; charset=utf-8", answer.Header().Get("Content-Type"))
	require.NotContains(w.t, answer.Body.String(), " style=", "the policy forbids it")
	require.NotContains(w.t, answer.Body.String(), "ZgotmplZ")
	return answer.Body.String()
}

func (w *world) json(path string, into any) {
	w.t.Helper()
	answer := w.get(path, "application/json", viewer)
	require.Equal(w.t, http.StatusOK, answer.Code, "%s: %s", path, answer.Body)
	require.NoError(w.t, json.Unmarshal(answer.Body.Bytes(), into))
}

func (w *world) post(path, token string, form url.Values) *httptest.ResponseRecorder {
	w.t.Helper()
	r := httptest.NewRequest(http.MethodPost, homeURL+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Authorization", "Bearer "+token)
	answer := httptest.NewRecorder()
	w.front.ServeHTTP(answer, r)
	return answer
}

// alive announces a worker that carries uploads.
func (w *world) alive(version string, queues ...string) {
	w.t.Helper()
	require.NoError(w.t, w.ledger.Announce(w.t.Context(), ledger.Worker{
		ID: "w-" + version, Host: "alpha", PID: 7, Version: version, Schema: ledger.KnownSchema(), Duties: []string{wiring.DutyUploads}, Queues: append(queues, upload.TaskQueue), StartedAt: w.now,
	}))
}

// batch puts a batch into the ledger whose rows wait.
func (w *world) batch(id string, rows []upload.Item) {
	w.t.Helper()
	_, _, err := w.ledger.OpenBatch(w.t.Context(), ledger.Batch{ID: id, Manifest: "/srv/" + id + ".csv", By: "ann@desk", CreatedAt: w.now.Add(-time.Hour)})
	require.NoError(w.t, err)
	var records []upload.Record
	for _, item := range rows {
		result := upload.NewResult(item, upload.WayPacked, w.now)
		records = append(records, upload.Record{Item: item, Result: result})
	}
	refused, err := w.ledger.RecordAll(w.t.Context(), records)
	require.NoError(w.t, err)
	for _, r := range refused {
		require.Nil(w.t, r)
	}
	require.NoError(w.t, w.ledger.BatchLoaded(w.t.Context(), id, int64(len(rows))))
}

func row(batch, account string, line int) upload.Item {
	id := fmt.Sprintf("%s-%d", account, line)
	return upload.Item{UploadID: upload.BatchUploadID(batch, id), Batch: batch, ID: id, Line: line, Account: account, Vendor: account, Source: fmt.Sprintf("https://shop.example/%d.jpg?signature=secret", line)}
}

func rows(batch, account string, n int) (items []upload.Item) {
	for line := range n {
		items = append(items, row(batch, account, line+2))
	}
	return items
}

// claimed gives an item to a run.
func (w *world) claimed(item upload.Item) {
	w.t.Helper()
	claim, err := w.ledger.Claim(w.t.Context(), ledger.ClaimRequest{
		Item: item, Content: upload.Content{Size: 1000, Fingerprint: "f"}, WorkflowID: "shard/x/1", RunID: "run", Way: upload.WayPacked, StartedAt: w.now,
	})
	require.NoError(w.t, err)
	require.Equal(w.t, ledger.Granted, claim.Outcome)
}

// ended records how an item ended.
func (w *world) ended(item upload.Item, state upload.State, failure *upload.Failure) {
	w.t.Helper()
	result := upload.NewResult(item, upload.WayPacked, w.now)
	at := w.now
	result.State, result.Error, result.FinishedAt, result.Size = state, failure, &at, 1000
	if state == upload.StateReady {
		result.MediaID = upload.Text("IM-" + item.ID)
	}
	require.NoError(w.t, w.ledger.Record(w.t.Context(), upload.Record{Item: item, Result: result, RunID: "run"}))
}
