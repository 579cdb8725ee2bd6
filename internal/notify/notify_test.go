package notify_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/internal/notify"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/webhook"
)

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// rig is a ledger with its clock, a receiver, and what sends from one to the other.
type rig struct {
	*notify.Sender
	t      *testing.T
	books  *ledger.Ledger
	mu     sync.Mutex
	now    time.Time
	answer func(w http.ResponseWriter)
	got    []*http.Request
	bodies []string
	told   []string
	to     notify.Settings
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, now: time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC), answer: func(http.ResponseWriter) {}}
	receiver := httptest.NewServer(r)
	t.Cleanup(receiver.Close)
	key, err := webhook.ParseKey(secret)
	require.NoError(t, err)
	r.to = notify.Settings{URL: receiver.URL + "/hook-with-a-token", Key: key, Policy: egress.Policy{Private: true, Insecure: true}}
	r.books = ledgertest.Open(t, ledgertest.SQLite(t), ledger.Options{Now: r.Now, Notify: func(upload.Event) bool { return true }})
	r.Sender = &notify.Sender{
		Books: r.books, Settings: func() (notify.Settings, error) { return r.to, nil }, Egress: egress.New(), Owner: "a",
		Told: func(e upload.Event, outcome string) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.told = append(r.told, string(e)+" "+outcome)
		},
		Log: zap.NewNop(), Now: r.Now,
	}
	return r
}

func (r *rig) Now() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}

func (r *rig) pass(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = r.now.Add(d)
}

func (r *rig) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, _ := io.ReadAll(request.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got, r.bodies = append(r.got, request), append(r.bodies, string(body))
	r.answer(w)
}

// deny makes something to be told.
func (r *rig) deny(account string) {
	_, err := r.books.PauseAccount(r.t.Context(), account, "answered 401", upload.ByItself)
	require.NoError(r.t, err)
}

func (r *rig) once() { require.NoError(r.t, r.Once(r.t.Context())) }

func answers(status int, headers ...string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
	}
}

func TestANoticeIsSignedAndSentOnce(t *testing.T) {
	r := newRig(t)
	r.Page = func() string { return "http://127.0.0.1:8233/" }
	r.deny("sitoo")
	r.once()
	r.once()
	require.Len(t, r.got, 1)
	head := r.got[0].Header
	require.Equal(t, "/hook-with-a-token", r.got[0].URL.Path)
	require.Equal(t, "application/json", head.Get("Content-Type"))
	require.Equal(t, "1796040000", head.Get("Webhook-Timestamp"))
	require.Equal(t, webhook.Sign(r.to.Key, head.Get("Webhook-Id"), r.now, []byte(r.bodies[0])), head.Get("Webhook-Signature"))
	require.JSONEq(t, `{"type":"account.denied","timestamp":"2026-11-30T12:00:00Z",
		"data":{"account":"sitoo","state":"denied","reason":"answered 401","link":"http://127.0.0.1:8233/accounts"}}`, r.bodies[0])
	require.Equal(t, []string{"account.denied sent"}, r.told)
}

func TestALinkLeadsToThePage(t *testing.T) {
	r := newRig(t)
	r.Page = func() string { return "http://127.0.0.1:8233" }
	_, _, err := r.books.OpenBatch(t.Context(), ledger.Batch{ID: "spring summer"})
	require.NoError(t, err)
	_, err = r.books.ChangeBatch(t.Context(), "spring summer", ledger.BatchChange{State: upload.BatchCompleted, Event: ledger.BatchEvent{What: ledger.EventFinish}})
	require.NoError(t, err)
	r.once()
	var body struct{ Data upload.Notice }
	require.NoError(t, json.Unmarshal([]byte(r.bodies[0]), &body))
	require.Equal(t, "http://127.0.0.1:8233/batches/spring%20summer", body.Data.Link)
}

func TestANoticeIsRepeatedForADay(t *testing.T) {
	r := newRig(t)
	r.answer = answers(500)
	r.deny("sitoo")
	r.once()
	require.Len(t, r.got, 1)
	r.pass(4 * time.Second)
	r.once()
	require.Len(t, r.got, 1, "the first pause is five seconds")
	began := r.Now()
	for r.Now().Sub(began) < 30*time.Hour {
		r.pass(time.Minute)
		r.once()
	}
	require.InDelta(t, 29, len(r.got), 3, "with growing pauses of at most an hour")
	for _, request := range r.got {
		require.Equal(t, r.got[0].Header.Get("Webhook-Id"), request.Header.Get("Webhook-Id"))
	}
	require.NotEqual(t, r.got[0].Header.Get("Webhook-Signature"), r.got[1].Header.Get("Webhook-Signature"), "it holds the time of the attempt")
	require.Equal(t, "account.denied failed", r.told[0])
	require.Equal(t, "account.denied given_up", r.told[len(r.told)-1])
	counts, err := r.books.Notices(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 1, counts.GivenUp)
	require.Contains(t, counts.Last, "answered 500")
	require.NotContains(t, counts.Last, "hook-with-a-token")
}

func TestTheReceiverSaysWhenAndWhetherToRepeat(t *testing.T) {
	r := newRig(t)
	r.answer = answers(503, "Retry-After", "600")
	r.deny("sitoo")
	r.once()
	r.pass(9 * time.Minute)
	r.once()
	require.Len(t, r.got, 1)
	r.answer = answers(410)
	r.pass(2 * time.Minute)
	r.once()
	require.Len(t, r.got, 2)
	r.pass(time.Hour)
	r.once()
	require.Len(t, r.got, 2, "gone is gone")
	require.Equal(t, []string{"account.denied failed", "account.denied given_up"}, r.told)

	r.answer = answers(302, "Location", "https://elsewhere.example/")
	r.deny("closient")
	r.once()
	require.Equal(t, "account.denied failed", r.told[2], "a redirect is not followed, and proves nothing")
}

func TestManyNoticesAreSentAtOnce(t *testing.T) {
	r := newRig(t)
	for i := range 30 {
		r.deny(string(rune('A' + i)))
	}
	r.once()
	require.Len(t, r.got, 30)
}

func TestWithoutAWebhookNoticesStay(t *testing.T) {
	r := newRig(t)
	to := r.to
	r.to.URL = ""
	r.deny("sitoo")
	r.once()
	require.Empty(t, r.got)
	r.to = to
	r.once()
	require.Len(t, r.got, 1)
}

func TestAnAddressThatMayNotBeReachedIsNot(t *testing.T) {
	r := newRig(t)
	r.to.Policy.Private = false
	r.deny("sitoo")
	r.once()
	require.Empty(t, r.got)
	require.Equal(t, []string{"account.denied failed"}, r.told)
}

func TestAnAttemptThatIsCutShortIsMadeAgainByAnother(t *testing.T) {
	r := newRig(t)
	ctx, cancel := context.WithCancel(t.Context())
	r.answer = func(w http.ResponseWriter) {
		cancel()
		w.WriteHeader(500)
	}
	r.deny("sitoo")
	_ = r.Once(ctx)
	require.Len(t, r.got, 1)
	r.answer = answers(204)
	r.Owner = "b"
	r.pass(10 * time.Second)
	r.once()
	require.Len(t, r.got, 2)
	require.Equal(t, r.got[0].Header.Get("Webhook-Id"), r.got[1].Header.Get("Webhook-Id"))
}
