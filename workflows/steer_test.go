package workflows

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// at lets something happen after so much virtual time.
func (w *world) at(after time.Duration, do func()) *world {
	w.env.RegisterDelayedCallback(do, after)
	return w
}

func (w *world) signal(name string) func() {
	return func() { w.env.SignalWorkflow(name, nil) }
}

// look asks for the status. Answers of activities are made beside the workflow,
// and must leave the look to it: w.at(0, …).
func (w *world) look() (status upload.Status) {
	value, err := w.env.QueryWorkflow(upload.QueryStatus)
	require.NoError(w.t, err)
	require.NoError(w.t, value.Get(&status))
	return status
}

// times counts how often an activity was asked for.
func (w *world) times(name string) (n int) {
	for _, asked := range w.asked {
		if asked == name {
			n++
		}
	}
	return n
}

func TestAPausedUploadStartsNothingAndGoesOnWhereItWas(t *testing.T) {
	w := video(t, 9).on(upload.ActivityPoll, ready("media-s1"))
	w.on(upload.ActivitySendPart, partSent, answer{value: partSent.value, do: w.signal(upload.SignalPause)}, partSent)
	var seen upload.Status
	var before int
	w.at(30*time.Second, func() { seen, before = w.look(), w.times(upload.ActivitySendPart) })
	w.at(59*time.Second, func() { require.Equal(t, before, w.times(upload.ActivitySendPart)) })
	w.at(time.Minute, w.signal(upload.SignalResume))
	result, err := w.run()
	require.NoError(t, err)
	require.True(t, seen.Paused)
	require.True(t, seen.Result.Paused)
	require.Equal(t, upload.StateTransferring, seen.Result.State, "a paused upload keeps its state")
	require.Less(t, before, 9)
	require.Equal(t, before, seen.PartsDone)
	require.GreaterOrEqual(t, w.took(), time.Minute)
	require.Equal(t, 9, result.Attempts.Transfer, "nothing was lost")
	require.False(t, result.Paused)
	require.GreaterOrEqual(t, w.times(upload.ActivityMarkPaused), 2, "the ledger knows of both")
}

func TestEveryFlowStopsBeforeItsNextCallWhilePaused(t *testing.T) {
	for _, vendor := range []string{"trustana", "trustoo", "sitoo", "closient"} {
		t.Run(vendor, func(t *testing.T) {
			w := newWorld(t, vendor).
				on(upload.ActivityTransfer, answer{value: upload.Receipt{BytesSent: 100, SHA256: "aa", CRC64: "1", Media: &upload.Media{ID: "m"}}}).
				on(upload.ActivityPoll, ready("m"))
			prepared := session("s1")
			prepared.do = w.signal(upload.SignalPause)
			w.on(upload.ActivityPrepare, prepared)
			w.at(time.Minute, func() { require.Zero(t, w.times(upload.ActivityTransfer)) })
			w.at(time.Minute+1, w.signal(upload.SignalResume))
			_, err := w.run()
			require.NoError(t, err)
			require.Equal(t, 1, w.times(upload.ActivityTransfer))
			require.GreaterOrEqual(t, w.took(), time.Minute)
		})
	}
}

func TestAPauseThatComesBeforeAnythingElseIsHeard(t *testing.T) {
	w := video(t, 2).on(upload.ActivitySendPart, partSent).on(upload.ActivityPoll, ready("media-s1"))
	w.at(0, w.signal(upload.SignalPause)).at(time.Hour, w.signal(upload.SignalResume))
	_, err := w.run()
	require.NoError(t, err)
	require.GreaterOrEqual(t, w.took(), time.Hour)
}

func TestPauseAndResumeAtOnceChangeNothing(t *testing.T) {
	w := video(t, 2).on(upload.ActivitySendPart, partSent).on(upload.ActivityPoll, ready("media-s1"))
	w.at(0, func() {
		w.env.SignalWorkflow(upload.SignalPause, nil)
		w.env.SignalWorkflow(upload.SignalResume, nil)
	})
	_, err := w.run()
	require.NoError(t, err)
	require.Less(t, w.took(), time.Minute)
}

func TestAPausedUploadCanBeCanceled(t *testing.T) {
	w := video(t, 4).on(upload.ActivitySendPart, answer{value: partSent.value})
	w.answers[upload.ActivitySendPart][0].do = w.signal(upload.SignalPause)
	w.at(time.Minute, w.env.CancelWorkflow)
	result, err := w.run()
	require.Error(t, err)
	require.Equal(t, upload.StateCanceled, result.State)
	require.Contains(t, result.Note, "session s1 stays at the vendor")
	require.Zero(t, w.times(upload.ActivityComplete))
}

func TestAnUploadThatIsCanceledAfterItsBytesWereSentSaysSo(t *testing.T) {
	for name, cancelAt := range map[string]string{"while it is completed": upload.ActivityComplete, "while it is processed": upload.ActivityPoll} {
		t.Run(name, func(t *testing.T) {
			w := video(t, 2).on(upload.ActivitySendPart, partSent)
			w.on(cancelAt, answer{do: w.env.CancelWorkflow, err: unavailable(upload.ArrivedNothing).err})
			result, err := w.run()
			require.Error(t, err)
			require.Equal(t, upload.StateCanceled, result.State)
			require.Equal(t, "the bytes of session s1 were sent, and the vendor may still process them", result.Note)
		})
	}
}

// told is what an update answered.
type told struct {
	rejected, failed error
	answer           string
	accepted         bool
}

func (w *world) move(m upload.Move) *told {
	got := &told{}
	w.env.UpdateWorkflow(upload.UpdateMove, "", &testsuite.TestUpdateCallback{
		OnAccept: func() { got.accepted = true },
		OnReject: func(err error) { got.rejected = err },
		OnComplete: func(answer any, err error) {
			got.answer, _ = answer.(string)
			got.failed = err
		},
	}, m)
	return got
}

// localVideo is a film on host one, of which some parts are sent when it is
// paused.
func localVideo(t *testing.T, parts int) *world {
	w := video(t, parts)
	w.item.Source, w.item.Queue = "/films/a.mp4", upload.HostQueue("one", "/films")
	w.on(upload.ActivitySendPart, partSent, answer{value: partSent.value, do: w.signal(upload.SignalPause)}, partSent).
		on(upload.ActivityPoll, ready("media-s1")).
		on(upload.ActivityDigest, answer{value: upload.Digest{SHA256: "feed", CRC64: "0"}})
	return w
}

var elsewhere = upload.Move{Queue: upload.HostQueue("two", "/srv"), Host: "two", Source: "/srv/b.mp4", By: "ada@two"}

func TestAMoveIsProvedAndOnlyWhatIsMissingIsSentFromThere(t *testing.T) {
	w := localVideo(t, 8)
	var asked upload.Prove
	var sources []string
	w.on(upload.ActivityProve, answer{value: func(in any) any {
		asked = in.(upload.Prove)
		return upload.Proved{Fingerprint: "f2", By: "CRC-64"}
	}})
	var got *told
	w.at(time.Minute, func() { got = w.move(elsewhere) })
	w.at(2*time.Minute, func() {
		w.answers[upload.ActivitySendPart] = []answer{{value: func(in any) any {
			part := in.(upload.SendPart)
			sources = append(sources, part.Item.Source+" "+part.Content.Fingerprint)
			return partSent.value.(func(any) any)(in)
		}}}
		w.env.SignalWorkflow(upload.SignalResume, nil)
	})
	result, err := w.run()
	require.NoError(t, err)
	require.NoError(t, got.failed)
	require.Contains(t, got.answer, "moved to host two, proved by CRC-64")
	require.Equal(t, elsewhere.Source, asked.Item.Source)
	require.Equal(t, "f", asked.Content.Fingerprint)
	require.NotEmpty(t, asked.Parts)
	require.Len(t, sources, 8-len(asked.Parts), "what the store has is not sent again")
	for _, source := range sources {
		require.Equal(t, elsewhere.Source+" f2", source)
	}
	require.Contains(t, result.Note, "moved to host two by ada@two")
	require.Equal(t, 8, result.Attempts.Transfer)
}

func TestAMoveToAnotherFileIsToldAndTheUploadGoesOnWhereItWas(t *testing.T) {
	w := localVideo(t, 6)
	w.on(upload.ActivityProve, answer{err: fails(upload.Error{Kind: upload.KindInvalid, Message: "the file is not the same: part 1"})})
	var got *told
	w.at(time.Minute, func() { got = w.move(elsewhere) })
	w.at(2*time.Minute, w.signal(upload.SignalResume))
	result, err := w.run()
	require.NoError(t, err)
	require.ErrorContains(t, got.failed, "the file is not the same: part 1")
	require.Equal(t, upload.StateReady, result.State)
	require.NotContains(t, result.Note, "moved")
}

func TestAMoveThatCannotBeMeantIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*world, *upload.Move)
		want   string
	}{
		"of a source that all hosts read": {func(w *world, _ *upload.Move) { w.item.Source, w.item.Queue = "https://host/a.mp4", "" }, "not a local file"},
		"to something that is no file":    {func(_ *world, m *upload.Move) { m.Source = "s3://bucket/b.mp4" }, "not a local file"},
		"to nowhere":                      {func(_ *world, m *upload.Move) { m.Queue = "" }, "a move needs a host's queue"},
	} {
		t.Run(name, func(t *testing.T) {
			w := localVideo(t, 4)
			m := elsewhere
			c.change(w, &m)
			var got *told
			w.at(time.Minute, func() { got = w.move(m) }).at(2*time.Minute, w.signal(upload.SignalResume))
			_, err := w.run()
			require.NoError(t, err)
			require.False(t, got.accepted)
			require.ErrorContains(t, got.rejected, c.want)
			require.Zero(t, w.times(upload.ActivityProve))
		})
	}
}

func TestAMoveBeforeARowIsClaimedAgainIsProvedByWhatWasSentOfIt(t *testing.T) {
	w := newWorld(t, "sitoo")
	w.item.Source, w.item.Queue = "/media/a.jpg", upload.HostQueue("one", "/media")
	w.item.Resume = &upload.Resume{Because: "travels alone", Progress: upload.Progress{
		Next: upload.StepPoll, Session: upload.Session{Method: upload.MethodForm, Store: upload.StoreS3, ID: "old"}, SentAt: w.start,
		Content: upload.Content{Size: 100, Fingerprint: "f"}, Receipt: upload.Receipt{SHA256: "feed"},
	}}
	w.claimed.Progress.Content = upload.Content{Size: 100, Fingerprint: "f2"} // as the other place has it
	var asked upload.Prove
	w.on(upload.ActivityProve, answer{value: func(in any) any {
		asked = in.(upload.Prove)
		return upload.Proved{Fingerprint: "f2", By: "SHA-256"}
	}}).on(upload.ActivityPoll, ready("m"))
	var got *told
	w.at(0, w.signal(upload.SignalPause)).at(time.Minute, func() { got = w.move(elsewhere) }).at(time.Hour, w.signal(upload.SignalResume))
	result, err := w.run()
	require.NoError(t, err)
	require.NoError(t, got.failed)
	require.Equal(t, "feed", asked.Content.SHA256)
	require.Equal(t, upload.StateReady, result.State)
	require.Zero(t, w.times(upload.ActivityTransfer), "its bytes were there")
}

// localImage is an image on host one.
func localImage(t *testing.T, vendor string) *world {
	w := newWorld(t, vendor)
	w.item.Source, w.item.Queue = "/media/a.jpg", upload.HostQueue("one", "/media")
	return w
}

func TestAMoveThatGivesASendUpLooksForItFirst(t *testing.T) {
	for seenAs, sends := range map[string]int{"uploaded": 1, "uploading": 2} {
		t.Run(seenAs, func(t *testing.T) {
			w := localImage(t, "sitoo")
			var last upload.Advance
			w.on(upload.ActivityPrepare, session("f1")).
				on(upload.ActivityTransfer, answer{err: comesBack("draining", time.Hour)}, answer{value: func(in any) any {
					last = in.(upload.Advance)
					return sent.value
				}}).
				on(upload.ActivityProve, answer{value: upload.Proved{Fingerprint: "f2", By: "SHA-256"}}).
				on(upload.ActivityFind, seen(upload.StateProcessing, seenAs)).
				on(upload.ActivityPoll, ready("f1"))
			var got *told
			w.at(time.Minute, func() { got = w.move(elsewhere) })
			result, err := w.run()
			require.NoError(t, err)
			require.NoError(t, got.failed)
			require.EqualValues(t, "f1", result.MediaID)
			require.Equal(t, 1, w.times(upload.ActivityFind))
			require.Equal(t, sends, w.times(upload.ActivityTransfer))
			require.Less(t, w.took(), time.Hour)
			if sends > 1 {
				require.Equal(t, elsewhere.Source, last.Item.Source)
				require.Equal(t, "f2", last.Progress.Content.Fingerprint)
			}
		})
	}
}

func TestASendThatNoWorkerOfItsHostTakesWaitsForOne(t *testing.T) {
	absent := answer{err: temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START, nil)}
	for name, c := range map[string]struct {
		life  time.Duration
		asked []string
	}{
		"its session is good still":   {time.Hour, []string{"Claim", "Prepare", "Transfer", "Here", "Transfer", "Poll", "Record"}},
		"its session ran out by then": {0, []string{"Claim", "Prepare", "Transfer", "Here", "Prepare", "Transfer", "Poll", "Record"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := localImage(t, "trustana")
			w.on(upload.ActivityPrepare, answer{value: func(any) any {
				return upload.Session{Method: upload.MethodPut, ID: "u1", ExpiresAt: w.start.Add(c.life), Life: time.Hour}
			}}, session("u2"))
			var status upload.Status
			w.on(upload.ActivityTransfer, absent, sent).on(upload.ActivityPoll, ready("IM1")).
				on(upload.ActivityHere, answer{do: func() { w.at(0, func() { status = w.look() }) }})
			result, err := w.run()
			require.NoError(t, err)
			require.Equal(t, c.asked, w.asked)
			require.Equal(t, "a worker on host one that can read /media", status.Waiting)
			require.Equal(t, 1, result.Attempts.Transfer, "waiting is no attempt")
		})
	}
}
