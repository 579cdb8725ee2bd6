package ledger_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/internal/upload"
)

func allEvents(upload.Event) bool { return true }

// leased are the notices that are due, as one owner gets them.
func leased(t *testing.T, l *ledger.Ledger, owner string) []ledger.Notice {
	t.Helper()
	due, err := l.LeaseNotices(t.Context(), owner, time.Minute, 100)
	require.NoError(t, err)
	return due
}

func TestEachChangeIsToldOnce(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		now := newClock()
		l := ledgertest.Open(t, url, ledger.Options{Now: now.Now, Notify: allEvents})
		ctx := t.Context()

		single := veiled(1)
		single.UploadID, single.Batch, single.Line = "upload/sitoo/one", "", 0
		done := announced(single)
		record(t, l, done)
		require.Empty(t, leased(t, l, "a"), "nothing has ended")
		done.RunID, done.Result.State, done.Result.StartedAt.Time = "run", upload.StateFailed, now.Now()
		done.Result.Error = &upload.Failure{Kind: upload.KindRejected, Message: "no"}
		for range 2 { // an activity may repeat it
			record(t, l, done)
		}
		got := leased(t, l, "a")
		require.Len(t, got, 1)
		require.Equal(t, upload.EventUploadEnded, got[0].Event)
		require.Equal(t, upload.Notice{UploadID: "upload/sitoo/one", Account: single.Account, State: "failed", Kind: upload.KindRejected}, got[0].Data)
		require.WithinDuration(t, now.Now(), got[0].At, 0)
		require.Regexp(t, `^msg_[A-Z0-9]{26}$`, got[0].ID)
		require.NoError(t, l.NoticeSent(ctx, got[0].ID, "a"))

		_, made, err := l.OpenBatch(ctx, ledger.Batch{ID: "spring"})
		require.NoError(t, err)
		require.True(t, made)
		row := spring(1)
		lost := announced(row)
		record(t, l, lost)
		lost.RunID, lost.Result.State, lost.Result.StartedAt.Time = "run", upload.StateUnconfirmed, now.Now()
		record(t, l, lost)
		lost.Result.State = upload.StateReady
		record(t, l, lost)
		require.NoError(t, l.BatchLoaded(ctx, "spring", 1))
		because := "too many failures"
		held := ledger.BatchChange{State: upload.BatchHeld, Because: &because, Event: ledger.BatchEvent{At: noon, What: ledger.EventHold}}
		over := ledger.BatchChange{State: upload.BatchCompleted, Event: ledger.BatchEvent{At: noon, What: ledger.EventFinish}}
		for _, change := range []ledger.BatchChange{held, held, over, over} {
			_, err := l.ChangeBatch(ctx, "spring", change)
			require.NoError(t, err)
		}
		for range 2 {
			require.NoError(t, l.ReportFailed(ctx, "spring", "disk full"))
		}
		events := map[upload.Event]upload.Notice{}
		for _, n := range leased(t, l, "a") {
			require.NotContains(t, events, n.Event)
			events[n.Event] = n.Data
		}
		require.Equal(t, map[upload.Event]upload.Notice{
			upload.EventUploadUnconfirmed: {UploadID: row.UploadID, Batch: "spring", Account: row.Account, State: "unconfirmed"},
			upload.EventBatchHeld:         {Batch: "spring", State: "held", Counts: map[upload.State]int64{upload.StateReady: 1}, Reason: because},
			upload.EventBatchEnded:        {Batch: "spring", State: "completed", Counts: map[upload.State]int64{upload.StateReady: 1}},
			upload.EventReportFailed:      {Batch: "spring", State: "completed", Reason: "disk full"},
		}, events)
	})
}

func TestAnAccountIsToldToBeDeniedUnavailableAndActive(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		now := newClock()
		l := ledgertest.Open(t, url, ledger.Options{Now: now.Now, Notify: allEvents})
		ctx := t.Context()
		next := func() []string {
			t.Helper()
			require.NoError(t, l.TellOutages(ctx, 5*time.Minute))
			var events []string
			for _, n := range leased(t, l, "a") {
				require.Equal(t, "sitoo", n.Data.Account)
				events = append(events, string(n.Event)+" "+n.Data.Reason)
				require.NoError(t, l.NoticeSent(ctx, n.ID, "a"))
			}
			return events
		}
		pause := func(because, by string) {
			_, err := l.PauseAccount(ctx, "sitoo", because, by)
			require.NoError(t, err)
		}
		resume := func() {
			_, err := l.ResumeAccount(ctx, "sitoo", "eve")
			require.NoError(t, err)
		}
		begin := func(peer upload.Peer) {
			begun, err := l.BeginOutage(ctx, "sitoo", ledger.Outage{Peer: peer, Since: now.Now(), Tries: 3, Last: upload.Error{Kind: upload.KindUnavailable, Message: "503"}})
			require.NoError(t, err)
			require.True(t, begun)
		}
		end := func(peer upload.Peer) {
			_, err := l.EndOutage(ctx, "sitoo", peer)
			require.NoError(t, err)
		}

		pause("answered 401", upload.ByItself)
		pause("answered 401 again", upload.ByItself)
		require.Equal(t, []string{"account.denied answered 401"}, next())
		resume()
		resume()
		require.Equal(t, []string{"account.active "}, next())
		pause("freeze", "eve")
		resume()
		require.Empty(t, next(), "a person knows what they do")

		begin(upload.PeerVendor)
		now.Add(4 * time.Minute)
		require.Empty(t, next(), "it may be over soon")
		end(upload.PeerVendor)
		require.Empty(t, next(), "nobody was told of it")
		now.Add(time.Minute)
		begin(upload.PeerVendor)
		now.Add(time.Minute)
		begin(upload.PeerStore)
		now.Add(4 * time.Minute)
		require.Equal(t, []string{"account.unavailable 503"}, next())
		now.Add(time.Hour)
		require.Empty(t, next(), "it is known, whoever else does not answer")
		end(upload.PeerVendor)
		require.Empty(t, next(), "the store does not answer yet")
		end(upload.PeerStore)
		end(upload.PeerStore)
		require.Equal(t, []string{"account.active "}, next())
		now.Add(time.Minute)
		begin(upload.PeerVendor)
		now.Add(6 * time.Minute)
		require.Equal(t, []string{"account.unavailable 503"}, next(), "another outage is told anew")
	})
}

func TestANoticeIsSentByOneAtATime(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		now := newClock()
		l := ledgertest.Open(t, url, ledger.Options{Now: now.Now, Notify: allEvents})
		ctx := t.Context()
		_, err := l.PauseAccount(ctx, "sitoo", "answered 401", upload.ByItself)
		require.NoError(t, err)
		first := leased(t, l, "a")
		require.Len(t, first, 1)
		require.EqualValues(t, 1, first[0].Tries)
		require.Empty(t, leased(t, l, "b"))

		now.Add(time.Minute) // a was killed
		second := leased(t, l, "b")
		require.Len(t, second, 1)
		require.Equal(t, first[0].ID, second[0].ID)
		require.EqualValues(t, 2, second[0].Tries)
		require.Equal(t, first[0].First, second[0].First)
		require.NoError(t, l.NoticeSent(ctx, second[0].ID, "a"), "a word of one that lost its lease changes nothing")
		require.NoError(t, l.RepeatNotice(ctx, second[0].ID, "b", 10*time.Second, "answered 500"))
		require.Empty(t, leased(t, l, "a"))
		counts, err := l.Notices(ctx)
		require.NoError(t, err)
		require.Equal(t, ledger.NoticeCounts{Pending: 1, Failing: 1, Last: "answered 500"}, counts)
		now.Add(10 * time.Second)
		require.Len(t, leased(t, l, "a"), 1)
		require.NoError(t, l.GiveNoticeUp(ctx, second[0].ID, "a", "answered 410"))
		now.Add(time.Hour)
		require.Empty(t, leased(t, l, "a"))
		counts, err = l.Notices(ctx)
		require.NoError(t, err)
		require.Equal(t, ledger.NoticeCounts{GivenUp: 1, Last: "answered 410"}, counts)
		require.NoError(t, l.ForgetNotices(ctx, now.Now(), now.Now()))
		counts, err = l.Notices(ctx)
		require.NoError(t, err)
		require.Zero(t, counts)
	})
}

func TestWhatIsNotWantedIsNotPutDown(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{Notify: func(e upload.Event) bool { return e == upload.EventBatchEnded }})
		_, err := l.PauseAccount(t.Context(), "sitoo", "answered 401", upload.ByItself)
		require.NoError(t, err)
		require.Empty(t, leased(t, l, "a"))
		none := ledgertest.Open(t, url, ledger.Options{})
		_, err = none.ResumeAccount(t.Context(), "sitoo", "eve")
		require.NoError(t, err)
		require.Empty(t, leased(t, l, "a"))
	})
}

func TestNoticesAreLeasedByManyAtOnce(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{Notify: allEvents})
		const n = 40
		for i := range n {
			_, err := l.PauseAccount(t.Context(), string(rune('A'+i)), "answered 401", upload.ByItself)
			require.NoError(t, err)
		}
		got := make(chan string, 2*n)
		failed := make(chan error, 4)
		for owner := range 4 {
			go func() {
				for {
					due, err := l.LeaseNotices(context.Background(), string(rune('a'+owner)), time.Minute, 3)
					if err != nil || len(due) == 0 {
						failed <- err
						return
					}
					for _, one := range due {
						got <- one.ID
					}
				}
			}()
		}
		var errs error
		for range 4 {
			errs = errors.Join(errs, <-failed)
		}
		require.NoError(t, errs)
		close(got)
		ids := map[string]bool{}
		for id := range got {
			require.False(t, ids[id], "leased twice")
			ids[id] = true
		}
		require.Len(t, ids, n)
	})
}
