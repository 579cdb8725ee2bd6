package shard

import (
	"bytes"
	"context"
	"crypto/md5" // what S3 makes its ETag of
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/internal/sources"
	"github.com/mediaferry/mediaferry/internal/steps"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

// gif is a small picture, as its first bytes tell.
var gif = append([]byte("GIF89a\x01\x00\x01\x00"), make([]byte, 40)...)

// world is a vendor with its store, and web servers with sources, on loopback.
type world struct {
	*httptest.Server
	slow  http.HandlerFunc // serves /slow/
	ready chan struct{}    // closed when the vendor has told of enough media
	left  atomic.Int64     // of which it has not told
	asked sync.Map         // paths of slow sources, by how often
}

func (w *world) serve(out http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasPrefix(r.URL.Path, "/slow/"):
		n, _ := w.asked.LoadOrStore(r.URL.Path, new(atomic.Int64))
		n.(*atomic.Int64).Add(1)
		w.slow(out, r)
	case strings.HasPrefix(r.URL.Path, "/quick/"):
		out.Header().Set("ETag", `"a"`)
		http.ServeContent(out, r, "", time.Time{}, bytes.NewReader(gif))
	case r.URL.Path == "/v1/upload/prepare":
		var ask struct{ FileName string }
		_ = json.NewDecoder(r.Body).Decode(&ask)
		_, _ = fmt.Fprintf(out, `{"errorCode":0,"data":{"uploadUrl":"%s/put/%s","expiresIn":900,"fileName":%q,"uploadId":%q}}`, w.URL, ask.FileName, ask.FileName, ask.FileName)
	case r.Method == http.MethodPut:
		body, _ := io.ReadAll(r.Body)
		sum := md5.Sum(body)
		out.Header().Set("ETag", `"`+hex.EncodeToString(sum[:])+`"`)
	case r.URL.Path == "/v1/upload/status":
		_, _ = fmt.Fprintf(out, `{"errorCode":0,"data":{"fileId":"id-%s"}}`, r.URL.Query().Get("uploadId"))
		if w.left.Add(-1) == 0 {
			close(w.ready)
		}
	default:
		out.WriteHeader(http.StatusNotFound)
	}
}

// shardOf is a shard with the rows of these sources, a carrier for it, and the world
// that the carrier sees. ready is closed when so many rows are ready at the vendor.
func shardOf(t *testing.T, paths []string, ready int64) (Carrier, *ledger.Ledger, *world) {
	t.Helper()
	w := &world{ready: make(chan struct{})}
	w.left.Store(ready)
	w.Server = httptest.NewServer(http.HandlerFunc(w.serve))
	t.Cleanup(w.Close)
	account := spec.Account{
		Name: "trustana", Vendor: "trustana", BaseURL: w.URL + "/v1", Settings: map[string]string{"api_key": "key-1234"},
		Patience: time.Hour, Policy: egress.Policy{Private: true, Insecure: true},
	}
	door := egress.New()
	t.Cleanup(door.CloseIdle)
	s := &steps.Steps{
		Ledger: ledgertest.Open(t, ledgertest.SQLite(t), ledger.Options{}), Log: zap.NewNop(), Now: time.Now, Owner: "test",
		Accounts: asked{account: func(string) (spec.Account, error) { return account, nil }},
		Sources:  sources.New(sources.Options{AllowPrivate: true, Egress: door}), Egress: door,
	}
	_, _, err := s.Ledger.OpenBatch(t.Context(), ledger.Batch{ID: "spring", Manifest: "spring.csv", Digest: "d", CreatedAt: time.Now()})
	require.NoError(t, err)
	var records []upload.Record
	for i, path := range paths {
		id := fmt.Sprintf("%03d", i)
		item := upload.Item{
			UploadID: "batch/spring/" + id, Batch: "spring", ID: id, Line: i + 2, Account: account.Name, Vendor: account.Vendor,
			Source: w.URL + path, Fields: upload.Fields{"fileName": id + ".gif"},
		}
		records = append(records, upload.Record{Item: item, Result: upload.NewResult(item, upload.WayPacked, time.Now())})
	}
	_, err = s.Ledger.RecordAll(t.Context(), records)
	require.NoError(t, err)
	require.NoError(t, s.Ledger.BatchLoaded(t.Context(), "spring", int64(len(paths))))
	shard := upload.Shard{Batch: "spring", Route: upload.Route{Account: account.Name, Vendor: account.Vendor}, First: 2, Last: len(paths) + 1, Rows: len(paths)}
	c, err := new(Carriers).Open(s, shard, Attempt{Run: steps.Run{WorkflowID: "shard/spring/trustana/2", ID: "run", Started: time.Now()}, N: 1, Stop: make(chan struct{})})
	require.NoError(t, err)
	return c, s.Ledger, w
}

// states counts the rows of the batch by their states.
func states(t *testing.T, l *ledger.Ledger) map[upload.State]int64 {
	t.Helper()
	counts, err := l.Counts(t.Context(), ledger.Filter{Batch: "spring"})
	require.NoError(t, err)
	maps.DeleteFunc(counts, func(_ upload.State, n int64) bool { return n == 0 })
	return counts
}

// dripped are the paths of so many rows, of which each n-th has a slow source.
func dripped(rows, n int) (paths []string, quick int64) {
	for i := range rows {
		if i%n == 0 {
			paths = append(paths, fmt.Sprintf("/slow/%d.gif", i))
			continue
		}
		paths = append(paths, fmt.Sprintf("/quick/%d.gif", i))
		quick++
	}
	return paths, quick
}

// Everything here takes less than a minute, which is how long a slow source is waited
// for: were the others to wait for it, the shard would be cut off before they are ready.
const soon = 40 * time.Second

func TestASourceThatDripsHoldsUpNoOtherRow(t *testing.T) {
	for name, c := range map[string]struct {
		rows, each int
		most       int // rows in flight
	}{
		"one row":                            {60, 60, 0},
		"many rows":                          {120, 3, 0},
		"many rows of a batch with a limit":  {30, 3, 2},
		"all rows but the last of the group": {64, 2, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			paths, quick := dripped(c.rows, c.each)
			carrier, l, w := shardOf(t, paths, quick)
			if c.most > 0 {
				_, err := l.ChangeBatch(t.Context(), "spring", ledger.BatchChange{Limits: &upload.Limits{InFlight: c.most}, Event: ledger.BatchEvent{What: "set", By: "test"}})
				require.NoError(t, err)
			}
			w.slow = func(out http.ResponseWriter, r *http.Request) {
				out.Header().Set("ETag", `"a"`)
				select {
				case <-w.ready:
					http.ServeContent(out, r, "", time.Time{}, bytes.NewReader(gif))
					return
				default:
				}
				out.Header().Set("Content-Range", fmt.Sprintf("bytes 0-%d/%d", len(gif)-1, len(gif)))
				out.Header().Set("Content-Length", fmt.Sprint(len(gif)))
				out.WriteHeader(http.StatusPartialContent)
				_, _ = out.Write(gif[:10])
				_ = http.NewResponseController(out).Flush()
				select { // it gives the rest when all others are ready
				case <-w.ready:
					_, _ = out.Write(gif[10:])
				case <-r.Context().Done():
				}
			}
			ctx, cancel := context.WithTimeout(t.Context(), soon)
			defer cancel()
			detached, err := carrier.Carry(ctx)
			require.NoError(t, err)
			require.False(t, detached)
			require.Equal(t, map[upload.State]int64{upload.StateReady: int64(c.rows)}, states(t, l))
		})
	}
}

func TestASourceThatIsOutOfOrderStopsItsOwnRowsAlone(t *testing.T) {
	paths, quick := dripped(80, 4)
	carrier, l, w := shardOf(t, paths, quick)
	w.slow = func(out http.ResponseWriter, _ *http.Request) {
		out.Header().Set("Retry-After", "600")
		out.WriteHeader(http.StatusServiceUnavailable)
	}
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	_, err := carrier.Carry(ctx)
	var later *steps.Later
	require.ErrorAs(t, err, &later)
	require.Contains(t, later.Why, "waiting for their sources")
	require.Greater(t, later.After, 5*time.Minute)
	require.Equal(t, map[upload.State]int64{upload.StateReady: quick, upload.StateWaiting: 20}, states(t, l))
	entry, err := l.Get(t.Context(), "batch/spring/000")
	require.NoError(t, err)
	require.NotNil(t, entry.Waiting, "it says what it waits for")
	require.Equal(t, upload.PeerSource, entry.Waiting.Last.Peer)
}

func TestAShardThatOnlyWaitsForSourcesEndsWhileOtherRowsWait(t *testing.T) {
	paths, quick := dripped(40, 4)
	for name, c := range map[string]struct {
		tried   bool          // the other rows
		running time.Duration // the shard
		ends    bool
	}{
		"rows that nobody has tried":                {false, 0, true},
		"rows that wait for sources":                {true, 0, false},
		"rows that wait for sources, after a while": {true, passOnAfter, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			carrier, l, w := shardOf(t, slices.Concat(paths, []string{"/quick/40.gif"}), quick)
			carrier.shard.Last-- // the last row is of another shard
			carrier.attempt.Run.Started = time.Now().Add(-c.running)
			if c.tried {
				require.NoError(t, l.NoteWait(t.Context(), "batch/spring/040", "", &upload.Wait{Step: upload.StepClaim, Since: time.Now(), Tries: 1}))
			}
			w.slow = func(out http.ResponseWriter, _ *http.Request) {
				out.Header().Set("Retry-After", "600")
				out.WriteHeader(http.StatusServiceUnavailable)
			}
			detached, err := carrier.Carry(t.Context())
			require.False(t, detached)
			var later *steps.Later
			require.Equal(t, !c.ends, errors.As(err, &later), "%v", err)
			require.Equal(t, map[upload.State]int64{upload.StateReady: quick, upload.StateWaiting: 11}, states(t, l))
		})
	}
}

func TestAShardLeavesSlowSourcesToTheNextRoundWhileOtherRowsWait(t *testing.T) {
	paths, quick := dripped(40, 4)
	carrier, l, w := shardOf(t, slices.Concat(paths, []string{"/quick/40.gif"}), quick)
	carrier.shard.Last-- // the last row is of another shard
	w.slow = func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	detached, err := carrier.Carry(ctx)
	require.NoError(t, err)
	require.False(t, detached)
	require.Equal(t, map[upload.State]int64{upload.StateReady: quick, upload.StateWaiting: 11}, states(t, l))
	entry, err := l.Get(t.Context(), "batch/spring/000")
	require.NoError(t, err)
	require.Contains(t, entry.Waiting.Last.Message, "did not answer within 1s")

	others, err := l.WaitingOutside(t.Context(), carrier.shard, true)
	require.NoError(t, err)
	require.True(t, others, "the row that nobody has tried")
}

func TestAWaitForASourceLastsAcrossAttempts(t *testing.T) {
	carrier, l, w := shardOf(t, []string{"/slow/0.gif"}, 1)
	since := time.Now().Add(-2 * time.Hour).UTC() // longer than the account's patience
	last := *upload.Errorf(upload.KindUnavailable, upload.StepClaim, "source does not answer")
	last.Peer = upload.PeerSource
	require.NoError(t, l.NoteWait(t.Context(), "batch/spring/000", "run", &upload.Wait{Step: upload.StepClaim, Since: since, Tries: 64, Last: last}))
	w.slow = func(out http.ResponseWriter, _ *http.Request) { out.WriteHeader(http.StatusServiceUnavailable) }
	_, err := carrier.Carry(t.Context())
	require.NoError(t, err)
	entry, err := l.Get(t.Context(), "batch/spring/000")
	require.NoError(t, err)
	require.Equal(t, upload.StateFailed, entry.Result.State)
	require.Equal(t, upload.KindUnavailable, entry.Result.Error.Kind)
}

func TestARowWhoseTurnComesLateLooksAtItsSourceAgain(t *testing.T) {
	carrier, l, w := shardOf(t, []string{"/slow/0.gif"}, 1)
	content := gif
	w.slow = func(out http.ResponseWriter, r *http.Request) {
		out.Header().Set("ETag", fmt.Sprintf(`"%d"`, len(content)))
		http.ServeContent(out, r, "", time.Time{}, bytes.NewReader(content))
	}
	rows, err := l.ShardRows(t.Context(), carrier.shard)
	require.NoError(t, err)
	r := newRow(carrier.carrier, rows[0])
	require.True(t, r.look(t.Context()))
	content = append(bytes.Clone(gif), 0)
	r.refresh(t.Context())
	require.EqualValues(t, len(gif), r.seen.Size, "it has just been seen")
	r.seenAt = r.seenAt.Add(-seenFor)
	r.refresh(t.Context())
	require.EqualValues(t, len(content), r.seen.Size)
	w.slow = func(out http.ResponseWriter, _ *http.Request) { out.WriteHeader(http.StatusServiceUnavailable) }
	r.seenAt = r.seenAt.Add(-seenFor)
	r.refresh(t.Context())
	require.EqualValues(t, len(content), r.seen.Size, "what cannot be seen now is noticed later")
}

func TestAHostThatWasSlowOfLateIsForgottenAfterAWhile(t *testing.T) {
	var l slowHosts
	now := time.Now()
	require.False(t, l.slow("https://a", now))
	l.note("https://a", now.Add(time.Minute))
	require.True(t, l.slow("https://a", now))
	require.False(t, l.slow("https://b", now))
	require.False(t, l.slow("https://a", now.Add(time.Minute)))
	require.Empty(t, l.until)
	require.Equal(t, "https://cdn.example:8443", hostOf("https://CDN.example:8443/a.jpg?x"))
	require.Equal(t, "s3://bucket", hostOf("s3://bucket/key"))
	require.Empty(t, hostOf("/srv/a.jpg"))
}
