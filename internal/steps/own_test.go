package steps

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/flow"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/transfer"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
)

// owning is an item of a vendor whose session is open, held by run "first".
func owning(t *testing.T, vendor string) (s *Steps, item upload.Item, way flow.Flow) {
	t.Helper()
	s, _ = metered(t)
	v, err := vendors.Find(vendor)
	require.NoError(t, err)
	item = upload.Item{UploadID: "upload/" + vendor + "/a", ID: "a", Account: vendor, Vendor: vendor, Source: "/a.jpg"}
	content := upload.Content{Size: 100, Fingerprint: "f"}
	claim, err := s.Ledger.Claim(t.Context(), ledger.ClaimRequest{
		Item: item, Content: content, WorkflowID: item.UploadID, RunID: "first", Way: upload.WayOwn, StartedAt: s.Now(),
	})
	require.NoError(t, err)
	require.Equal(t, ledger.Granted, claim.Outcome)
	refused, err := s.Ledger.SaveProgress(t.Context(), []ledger.ProgressUpdate{{
		UploadID: item.UploadID, RunID: "first", State: upload.StateTransferring,
		Progress: upload.Progress{Version: 1, Next: upload.StepTransfer, Content: content, Session: upload.Session{ID: "s", Method: "POST"}},
	}})
	require.NoError(t, err)
	require.Empty(t, refused)
	return s, item, flow.Flow{Policy: v.Spec().Policy, Seed: item.UploadID}
}

// running makes these runs the open ones.
func running(s *Steps, open ...string) {
	s.Running = func(_ context.Context, _, run string) (bool, error) {
		for _, one := range open {
			if one == run {
				return true, nil
			}
		}
		return false, nil
	}
}

func TestARunActsOnlyForItsOwnItem(t *testing.T) {
	for name, c := range map[string]struct {
		run        string
		open       []string
		taken      bool
		superseded bool
	}{
		"its own":                              {run: "first", open: []string{"first"}},
		"that of a run that is over":           {run: "second", open: []string{"second"}, taken: true},
		"that of an open run":                  {run: "second", open: []string{"first", "second"}, superseded: true},
		"it is over itself, as both are":       {run: "second", superseded: true},
		"it is over, and was taken over":       {run: "second", open: []string{"first"}, superseded: true},
		"its own, although Temporal forgot it": {run: "first"},
	} {
		t.Run(name, func(t *testing.T) {
			s, item, way := owning(t, "trustana")
			running(s, c.open...)
			owned, err := s.Own(t.Context(), item, way, Run{WorkflowID: item.UploadID, ID: c.run, Started: s.Now()}, upload.Content{Size: 100, Fingerprint: "f"})
			if c.superseded {
				require.Equal(t, upload.KindSuperseded, upload.KindOf(err))
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.taken, owned.Taken)
			require.Equal(t, "s", owned.Progress.Session.ID, "it goes on with the session that there is")
			row, err := s.Ledger.ReadProgress(t.Context(), item.UploadID)
			require.NoError(t, err)
			require.Equal(t, c.run, row.RunID)
		})
	}
}

func TestARunWhoseItemHasEndedEndsWithThatResult(t *testing.T) {
	s, item, way := owning(t, "trustana")
	running(s, "second")
	result := upload.NewResult(item, upload.WayOwn, s.Now())
	result.State, result.MediaID, result.WorkflowID = upload.StateReady, "m1", upload.Text(item.UploadID)
	require.NoError(t, s.Ledger.Record(t.Context(), upload.Record{Item: item, Result: result, Fingerprint: "f", RunID: "first"}))
	for _, run := range []string{"first", "second"} {
		_, err := s.Own(t.Context(), item, way, Run{WorkflowID: item.UploadID, ID: run, Started: s.Now()}, upload.Content{})
		var ended *Ended
		require.ErrorAs(t, err, &ended, run)
		require.EqualValues(t, "m1", ended.Result.MediaID)
	}
}

func TestAnUnconfirmedItemIsTakenOverToWaitForAPerson(t *testing.T) {
	s, item, way := owning(t, "closient")
	running(s, "second")
	result := upload.NewResult(item, upload.WayOwn, s.Now())
	result.State, result.WorkflowID = upload.StateUnconfirmed, upload.Text(item.UploadID)
	result.Error = &upload.Failure{Kind: upload.KindUnconfirmed, Message: "nobody knows"}
	require.NoError(t, s.Ledger.Record(t.Context(), upload.Record{Item: item, Result: result, Fingerprint: "f", RunID: "first"}))
	for _, run := range []string{"first", "second"} {
		s.Now = func() time.Time { return time.Now().Add(time.Hour) }
		owned, err := s.Own(t.Context(), item, way, Run{WorkflowID: item.UploadID, ID: run, Started: s.Now()}, upload.Content{Size: 100, Fingerprint: "f"})
		require.NoError(t, err, run)
		require.Equal(t, upload.StepEnd, owned.Progress.Next)
		require.Equal(t, upload.KindUnconfirmed, owned.Progress.Cause.Kind)
	}
}

func TestATakeoverWaitsUntilNothingWasHeardOfACallThatMustNotBeMadeTwice(t *testing.T) {
	for vendor, waits := range map[string]bool{"closient": true, "trustana": false} {
		t.Run(vendor, func(t *testing.T) {
			s, item, way := owning(t, vendor)
			running(s, "second")
			second := Run{WorkflowID: item.UploadID, ID: "second", Started: s.Now()}
			_, err := s.Own(t.Context(), item, way, second, upload.Content{Size: 100, Fingerprint: "f"})
			var later *Later
			if !waits {
				require.NoError(t, err)
				return
			}
			require.ErrorAs(t, err, &later)
			require.Positive(t, later.After)
			require.LessOrEqual(t, later.After, silentLeast)
			now := s.Now
			s.Now = func() time.Time { return now().Add(silentLeast + time.Second) }
			owned, err := s.Own(t.Context(), item, way, second, upload.Content{Size: 100, Fingerprint: "f"})
			require.NoError(t, err)
			require.True(t, owned.Taken)
		})
	}
}

func TestASenderThatSleptClosesItsConnection(t *testing.T) {
	s, item, _ := owning(t, "closient")
	asleep := time.Duration(0)
	s.Now = func() time.Time { return time.Now().Add(asleep) }
	meter := &transfer.Meter{}
	_, stop := s.UnderWay(t.Context(), item, Run{WorkflowID: item.UploadID, ID: "first"}, &upload.Progress{}, meter)
	stop()
	require.NoError(t, meter.Guard())
	asleep = unrenewedMost + time.Second
	err := meter.Guard()
	require.Equal(t, upload.KindUnavailable, upload.KindOf(err))
	require.ErrorContains(t, err, "closed the connection so that nothing is sent twice")
}
