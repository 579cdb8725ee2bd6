package dashboard

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/wiring"
	"github.com/mediaferry/mediaferry/starter/opening"
)

// down is a Temporal that does not answer.
type down struct{ client.Client }

func (down) CheckHealth(context.Context, *client.CheckHealthRequest) (*client.CheckHealthResponse, error) {
	return nil, errors.New("unavailable")
}

var outage = upload.Error{Kind: upload.KindUnavailable, Step: upload.StepPrepare, Message: "trustana answered 503", Status: 503, RequestID: "req-1"}

// Each trouble is found from the page alone: what it is, why, since when, and what to do.
func TestThePageTellsOfEachTrouble(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(t *testing.T, w *world)
		path    string
		says    []string
		json    func(t *testing.T, b map[string]any)
	}{
		"the vendor is out": {
			func(t *testing.T, w *world) {
				w.batch("spring", rows("spring", "trustana", 5))
				_, err := w.ledger.BeginOutage(t.Context(), "trustana", ledger.Outage{Peer: upload.PeerVendor, Since: w.now.Add(-2 * time.Minute), Tries: 7, Next: w.now.Add(40 * time.Second), Last: outage})
				require.NoError(t, err)
			},
			"/",
			[]string{"trustana answered 503", "2m ago", "tried 7 times", "in 40s", "mediaferry account resume trustana", "unavailable", "5 uploads", "spring"},
			func(t *testing.T, b map[string]any) {
				one := first(t, b, "trouble")
				require.Equal(t, "vendor", one["for"])
				require.InDelta(t, 5, one["rows"], 0)
				require.InDelta(t, 7, one["tries"], 0)
				require.NotNil(t, one["since"])
				require.NotNil(t, one["next_try_at"])
				require.NotEmpty(t, one["do"])
				require.Equal(t, "req-1", one["last_error"].(map[string]any)["vendor_request_id"])
			},
		},
		"an account is denied": {
			func(t *testing.T, w *world) {
				w.batch("spring", rows("spring", "sitoo", 3))
				_, err := w.ledger.PauseAccount(t.Context(), "sitoo", "sitoo refused the token (401)", upload.ByItself)
				require.NoError(t, err)
			},
			"/",
			[]string{"sitoo refused the token (401)", "denied", "3 uploads wait", "mediaferry account resume sitoo"},
			func(t *testing.T, b map[string]any) {
				one := first(t, b, "accounts")
				require.Equal(t, "denied", one["state"])
				require.Equal(t, "sitoo refused the token (401)", one["paused_because"])
				require.InDelta(t, 3, one["open_items"], 0)
				require.NotNil(t, one["paused_since"])
				require.Contains(t, one["do"], "mediaferry account resume sitoo")
			},
		},
		"a limit is reached": {
			func(t *testing.T, w *world) {
				w.batch("spring", rows("spring", "closient", 3))
				require.NoError(t, w.ledger.Rest(t.Context(), "closient", time.Hour, "closient has used up its 10000 requests in 24h"))
			},
			"/",
			[]string{"used up its 10000 requests", "throttled", "goes on by itself when the limit allows"},
			func(t *testing.T, b map[string]any) {
				require.Equal(t, "throttled", first(t, b, "limited")["state"])
				require.Equal(t, "rate", first(t, b, "trouble")["for"])
				require.NotNil(t, first(t, b, "trouble")["until"])
			},
		},
		"the host of the sources is gone": {
			func(t *testing.T, w *world) {
				item := row("spring", "trustana", 2)
				item.Source, item.Queue = "/srv/media/a.jpg", upload.HostQueue("studio", "/srv/media")
				w.batch("spring", []upload.Item{item})
			},
			"/",
			[]string{"no worker on host studio that can read /srv/media is running", "Start mediaferry-worker on that host", "mediaferry move"},
			func(t *testing.T, b map[string]any) { require.Equal(t, "host", first(t, b, "trouble")["for"]) },
		},
		"a shard waits": {
			func(t *testing.T, w *world) {
				items := rows("spring", "sitoo", 100)
				w.batch("spring", items)
				for _, item := range items[:29] {
					w.claimed(item)
					refused, err := w.ledger.SaveProgress(t.Context(), []ledger.ProgressUpdate{{UploadID: item.UploadID, RunID: "run", State: upload.StateTransferring, Progress: upload.Progress{
						Version: 1, Waiting: &upload.Wait{Step: upload.StepTransfer, Last: outage, Since: w.now.Add(-3 * time.Minute), Next: w.now.Add(time.Minute), Tries: 4},
					}}})
					require.NoError(t, err)
					require.Empty(t, refused)
				}
			},
			"/",
			[]string{"29 uploads to sitoo", "trustana answered 503", "3m ago", "in 1m00s"},
			func(t *testing.T, b map[string]any) { require.InDelta(t, 29, first(t, b, "trouble")["rows"], 0) },
		},
		"a batch is held": {
			func(t *testing.T, w *world) {
				w.batch("spring", rows("spring", "sitoo", 10))
				why := "5 rows failed: rejected"
				_, err := w.ledger.ChangeBatch(t.Context(), "spring", ledger.BatchChange{Event: ledger.BatchEvent{At: w.now.Add(-10 * time.Minute), What: ledger.EventHold, By: upload.ByItself, Because: why}, State: upload.BatchHeld, Because: &why})
				require.NoError(t, err)
			},
			"/",
			[]string{"5 rows failed: rejected", "held", "10m ago", "mediaferry batch resume spring"},
			func(t *testing.T, b map[string]any) {
				one := first(t, b, "held")
				require.Equal(t, "held", one["state"])
				require.Equal(t, "5 rows failed: rejected", one["because"])
				require.NotNil(t, one["since"])
			},
		},
		"an upload is unconfirmed, which the first page says": {
			func(t *testing.T, w *world) {
				item := row("spring", "closient", 2)
				w.batch("spring", []upload.Item{item})
				w.claimed(item)
				w.ended(item, upload.StateUnconfirmed, &upload.Failure{Kind: upload.KindUnconfirmed, Step: upload.StepTransfer, Message: "the answer was lost"})
			},
			"/",
			[]string{"1 upload of batch spring waits for your decision: nobody knows whether the file is at the vendor", "since 0s ago", "mediaferry decide --batch spring ready|retry|fail --because TEXT"},
			func(t *testing.T, b map[string]any) {
				one := first(t, b, "decisions")
				require.InDelta(t, 1, one["items"], 0)
				require.NotNil(t, one["since"])
			},
		},
		"an upload is unconfirmed": {
			func(t *testing.T, w *world) {
				item := row("spring", "closient", 2)
				item.Fields = upload.Fields{"gtin": "4006381333931"}
				w.batch("spring", []upload.Item{item})
				w.claimed(item)
				w.ended(item, upload.StateUnconfirmed, &upload.Failure{Kind: upload.KindUnconfirmed, Step: upload.StepTransfer, Message: "the answer was lost", RequestID: "req-9"})
			},
			"/decisions",
			[]string{"the answer was lost", "req-9", "4006381333931", "mediaferry decide batch/spring/closient-2 ready|retry|fail --because TEXT"},
			func(t *testing.T, b map[string]any) {
				one := first(t, b, "decisions")
				require.Equal(t, "unconfirmed", one["state"])
				require.Equal(t, "person", one["waiting"].(map[string]any)["for"])
				require.Equal(t, "4006381333931", one["fields"].(map[string]any)["gtin"])
			},
		},
		"a worker is older than the schema": {
			func(t *testing.T, w *world) {
				old := ledger.Worker{ID: "w-1", Host: "beta", PID: 9, Version: "1", Schema: ledger.KnownSchema() - 1, Duties: []string{wiring.DutyUploads}, StartedAt: w.now.Add(-time.Hour)}
				require.NoError(t, w.ledger.Announce(t.Context(), old))
			},
			"/",
			[]string{"The worker on beta is older than the ledger’s schema. It still works.", "version 1, process 9", "1h ago", "stop it with SIGTERM"},
			func(t *testing.T, b map[string]any) {
				one := first(t, b, "old_workers")
				require.Equal(t, "1", one["version"])
				require.Equal(t, true, one["older"])
				require.Equal(t, false, one["outdated"])
			},
		},
		"a worker is too old": {
			func(t *testing.T, w *world) {
				old := ledger.Worker{ID: "w-0", Host: "gamma", PID: 9, Version: "0", Schema: 1, Outdated: true, StartedAt: w.now.Add(-time.Hour)}
				require.NoError(t, w.ledger.Announce(t.Context(), old))
			},
			"/",
			[]string{"The worker on gamma is too old for the ledger and takes no more work.", "version 0, process 9", "1h ago", "Stop it and start the new version"},
			func(t *testing.T, b map[string]any) {
				require.Equal(t, true, first(t, b, "old_workers")["outdated"])
			},
		},
		"a worker of another version knows the schema": {
			func(_ *testing.T, w *world) { w.alive("1") },
			"/",
			[]string{"What is in trouble? Nothing"},
			func(t *testing.T, b map[string]any) { require.Empty(t, b["old_workers"]) },
		},
		"the results are full": {
			func(t *testing.T, w *world) {
				item := row("spring", "sitoo", 2)
				w.batch("spring", []upload.Item{item})
				w.claimed(item)
				w.ended(item, upload.StateReady, nil)
				_, err := w.ledger.ChangeBatch(t.Context(), "spring", ledger.BatchChange{Event: ledger.BatchEvent{What: ledger.EventFinish, By: upload.ByItself}, State: upload.BatchCompleted})
				require.NoError(t, err)
				require.NoError(t, w.ledger.ReportFailed(t.Context(), "spring", "write spring.csv: no space left on device"))
			},
			"/",
			[]string{"The report of batch spring could not be written: write spring.csv: no space left on device", "results/spring", "since 0s ago", "mediaferry batch report spring --format html -o FILE"},
			func(t *testing.T, b map[string]any) {
				one := first(t, b, "reports")
				require.Equal(t, "write spring.csv: no space left on device", one["reason"])
				require.NotNil(t, one["since"])
			},
		},
		"the engine restarts": {
			func(t *testing.T, w *world) { w.page.pulse.ask(t.Context(), &opening.Session{Temporal: down{}}) },
			"/",
			[]string{"Temporal has not answered since", "what runs goes on when Temporal answers"},
			func(t *testing.T, b map[string]any) { require.Contains(t, b["temporal"], "has not answered since") },
		},
		"no worker runs": {
			func(_ *testing.T, w *world) {
				w.batch("spring", rows("spring", "sitoo", 3))
				w.noWorker = true
			},
			"/",
			[]string{"Nothing goes on: no worker is running; start one with: mediaferry up"},
			func(t *testing.T, b map[string]any) { require.Equal(t, "worker", b["workers"].(map[string]any)["for"]) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, ledgertest.SQLite(t))
			c.prepare(t, w)
			if !w.noWorker {
				w.alive("2")
			}
			page := w.html(c.path)
			for _, text := range c.says {
				require.Contains(t, plain(page), text)
			}
			var b map[string]any
			w.json(c.path, &b)
			c.json(t, b)
			require.NotContains(t, page, "signature=secret")
		})
	}
}

func first(t *testing.T, b map[string]any, name string) map[string]any {
	t.Helper()
	list, ok := b[name].([]any)
	require.True(t, ok && len(list) > 0, "%s of %v", name, b)
	one, ok := list[0].(map[string]any)
	require.True(t, ok)
	return one
}
