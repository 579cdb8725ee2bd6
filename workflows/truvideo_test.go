package workflows

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// partSent acknowledges any part.
var partSent = answer{value: func(in any) any {
	p := in.(upload.SendPart)
	return upload.Part{Number: p.Part.Number, Offset: p.Offset, Size: p.Size, ETag: fmt.Sprintf("e%d", p.Part.Number), CRC64: "0"}
}}

func video(t *testing.T, parts int) *world {
	w := newWorld(t, "truvideo")
	w.claimed.Progress.Content.Size = int64(parts) * 10
	w.claimed.Progress.Content.CRC64 = ""
	w.claimed.Terms.Plan = upload.Plan{Size: int64(parts) * 10, PartSize: 10, Parts: parts}
	return w.on(upload.ActivityPrepare, session("s1"), session("s2"), session("s3"), session("s4"))
}

func TestTruvideoSendsAllPartsCompletesAndPolls(t *testing.T) {
	var completed upload.Complete
	w := video(t, 5).
		on(upload.ActivitySendPart, partSent).
		on(upload.ActivityComplete, answer{value: func(in any) any { completed = in.(upload.Complete); return upload.Media{} }}).
		on(upload.ActivityPoll, append(processing(2), ready("media-s1"))...)
	result, err := w.run()
	require.NoError(t, err)
	require.EqualValues(t, "media-s1", result.MediaID)
	require.EqualValues(t, 50, result.BytesSent)
	require.Equal(t, 5, result.Attempts.Transfer)
	for i, p := range completed.Parts {
		require.Equal(t, i+1, p.Number)
		require.Equal(t, fmt.Sprintf("e%d", i+1), p.ETag)
	}
	require.Len(t, completed.Parts, 5)
}

func TestTruvideoAsksForMoreURLsWhenOneRanOutAndSendsOnlyThatPartAgain(t *testing.T) {
	sends := map[int]int{}
	var signed upload.SignParts
	w := video(t, 4).
		on(upload.ActivitySendPart, answer{value: func(in any) (any, error) {
			n := in.(upload.SendPart).Part.Number
			if sends[n]++; n == 3 && sends[n] == 1 {
				return nil, ranOut().err
			}
			return partSent.value.(func(any) any)(in), nil
		}}).
		on(upload.ActivitySignParts, answer{value: func(in any) any {
			signed = in.(upload.SignParts)
			return []upload.PartURL{{Number: 3, URL: "https://s3/again"}}
		}}).
		on(upload.ActivityPoll, ready("media-s1"))
	_, err := w.run()
	require.NoError(t, err)
	require.Equal(t, map[int]int{1: 1, 2: 1, 3: 2, 4: 1}, sends)
	require.Equal(t, []int{3}, signed.Parts)
	require.LessOrEqual(t, signed.Open, 3)
}

func TestTruvideoRenewsAURLThatIsAboutToRunOutBeforeItIsTried(t *testing.T) {
	w := video(t, 1)
	w.answers[upload.ActivityPrepare] = []answer{{value: func(in any) any {
		s := session("s1").value.(func(any) any)(in).(upload.Session)
		s.Life = 20 * time.Minute
		s.Parts[0].ExpiresAt = w.start.Add(30 * time.Second)
		return s
	}}}
	w.on(upload.ActivitySignParts, answer{value: []upload.PartURL{{Number: 1, URL: "https://s3/fresh", ExpiresAt: w.start.Add(time.Hour)}}}).
		on(upload.ActivitySendPart, partSent).
		on(upload.ActivityPoll, ready("media-s1"))
	_, err := w.run()
	require.NoError(t, err)
	require.Equal(t, []string{"Claim", "Prepare", "SignParts", "SendPart", "Complete", "Poll", "Record"}, w.asked[:7])
}

func TestTruvideoStartsOverWhenItsSessionIsLostAndSaysSo(t *testing.T) {
	gone := answer{err: fails(upload.Error{Kind: upload.KindExpired, Lost: true, Message: "NoSuchUpload"})}
	w := video(t, 2).
		on(upload.ActivitySendPart, gone, partSent).
		on(upload.ActivityPoll, ready("media-s2"))
	result, err := w.run()
	require.NoError(t, err)
	require.EqualValues(t, "media-s2", result.MediaID)
	require.Contains(t, result.Note, "session s1 remains")

	w = video(t, 2).on(upload.ActivitySendPart, gone)
	result, err = w.run()
	require.Error(t, err)
	require.Equal(t, 3, result.Attempts.Prepare, "sessions are lost a bounded number of times")
	require.Equal(t, upload.KindExpired, result.Error.Kind)
}

func TestTruvideoFindsOutThatASessionIsLostWhoseRefusalsAreNotHeard(t *testing.T) {
	w := video(t, 1).
		on(upload.ActivitySendPart, unavailable(upload.ArrivedSome)).
		on(upload.ActivityInspect, answer{err: fails(upload.Error{Kind: upload.KindExpired, Lost: true, Status: 400, Message: "unknown"})})
	result, err := w.run()
	require.Error(t, err)
	require.Equal(t, 3, result.Attempts.Prepare)
	require.GreaterOrEqual(t, w.took(), 3*patience, "when patience with a part is over")
}

func TestTruvideoLooksBeforeItCompletesAgain(t *testing.T) {
	cases := map[string]struct {
		status    string
		completes int
	}{
		"it was heard":            {"PENDING_COMPLETE", 1},
		"it is done":              {"COMPLETED", 1},
		"it was not heard":        {"PARTIAL", 2},
		"nobody knows of a part":  {"INITIALIZED", 2},
		"it has failed meanwhile": {"FAILED", 1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := video(t, 2).
				on(upload.ActivitySendPart, partSent).
				on(upload.ActivityComplete, unavailable(upload.ArrivedMaybe), answer{value: upload.Media{}}).
				on(upload.ActivityFind, seen(upload.StateProcessing, c.status)).
				on(upload.ActivityPoll, ready("media-s1"))
			result, err := w.run()
			require.NoError(t, err)
			require.Equal(t, c.completes, result.Attempts.Complete)
			require.EqualValues(t, "media-s1", result.MediaID)
		})
	}
}

func TestTruvideoLooksForACompletionThatWasThrottledFirstAndLostWithItsWorkerThen(t *testing.T) {
	w := video(t, 2).
		on(upload.ActivitySendPart, partSent).
		on(upload.ActivityComplete, throttled(), died(), answer{}).
		on(upload.ActivityFind, seen(upload.StateProcessing, "PENDING_COMPLETE")).
		on(upload.ActivityPoll, ready("media-s1"))
	result, err := w.run()
	require.NoError(t, err)
	require.Equal(t, 1, result.Attempts.Complete)
	require.Equal(t, 2, w.times(upload.ActivityComplete), "nothing is told again before a look")
	require.EqualValues(t, "media-s1", result.MediaID)
}

func TestTruvideoLooksBeforeItRepeatsACompletionThatWasRefused(t *testing.T) {
	refused := answer{err: fails(upload.Error{Kind: upload.KindRejected, Status: 400, Message: "error.contiguous"})}
	done := answer{value: upload.Media{}}
	partial := func(stored ...upload.StoredPart) answer {
		return answer{value: upload.Media{State: upload.StateProcessing, Seen: "PARTIAL", Stored: stored}}
	}
	heard := seen(upload.StateProcessing, "PENDING_COMPLETE")
	cases := map[string]struct {
		completes, finds []answer
		asked            []string // from the first complete on
		media            string
		sends            map[int]int
	}{
		"it was not heard, and nobody knows what is lacking: it is repeated once": {
			completes: []answer{refused, done},
			finds:     []answer{partial()},
			asked:     []string{"Complete", "Find", "Complete", "Poll", "Record"},
			media:     "media-s1", sends: map[int]int{1: 1, 2: 1, 3: 1},
		},
		"nothing is lacking: it is repeated once": {
			completes: []answer{refused, done},
			finds:     []answer{partial(upload.StoredPart{Number: 1, ETag: "a"}, upload.StoredPart{Number: 2, ETag: "b"}, upload.StoredPart{Number: 3, ETag: "c"})},
			asked:     []string{"Complete", "Find", "Complete", "Poll", "Record"},
			media:     "media-s1", sends: map[int]int{1: 1, 2: 1, 3: 1},
		},
		"a list without ETags tells nothing": {
			completes: []answer{refused, done},
			finds:     []answer{partial(upload.StoredPart{Number: 1}, upload.StoredPart{Number: 2})},
			asked:     []string{"Complete", "Find", "Complete", "Poll", "Record"},
			media:     "media-s1", sends: map[int]int{1: 1, 2: 1, 3: 1},
		},
		"two parts are lacking: these are sent again": {
			completes: []answer{refused, done},
			finds:     []answer{partial(upload.StoredPart{Number: 1}, upload.StoredPart{Number: 2, ETag: "b"})},
			asked:     []string{"Complete", "Find", "SendPart", "SendPart", "Complete", "Poll", "Record"},
			media:     "media-s1", sends: map[int]int{1: 2, 2: 1, 3: 2},
		},
		"it was heard after all": {
			completes: []answer{refused},
			finds:     []answer{heard},
			asked:     []string{"Complete", "Find", "Poll", "Record"},
			media:     "media-s1", sends: map[int]int{1: 1, 2: 1, 3: 1},
		},
		"the second was heard": {
			completes: []answer{refused},
			finds:     []answer{partial(), heard},
			asked:     []string{"Complete", "Find", "Complete", "Find", "Poll", "Record"},
			media:     "media-s1", sends: map[int]int{1: 1, 2: 1, 3: 1},
		},
		"it was refused twice: a new session": {
			completes: []answer{refused, refused, done},
			finds:     []answer{partial(), partial()},
			asked:     []string{"Complete", "Find", "Complete", "Find", "Prepare", "SendPart", "SendPart", "SendPart", "Complete", "Poll", "Record"},
			media:     "media-s2", sends: map[int]int{1: 2, 2: 2, 3: 2},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			sends := map[int]int{}
			var completed upload.Complete
			w := video(t, 3).
				on(upload.ActivitySendPart, answer{value: func(in any) any {
					part := in.(upload.SendPart)
					sends[part.Part.Number]++
					require.Equal(t, sends[part.Part.Number] > 1 && c.media == "media-s1", part.Session == "", "what was kept of a part that is lacking does not count")
					return partSent.value.(func(any) any)(in)
				}}).
				on(upload.ActivityFind, c.finds...).
				on(upload.ActivityPoll, ready(c.media))
			for _, a := range c.completes {
				err := a.err
				w.on(upload.ActivityComplete, answer{value: func(in any) (any, error) {
					completed = in.(upload.Complete)
					return upload.Media{}, err
				}})
			}
			result, err := w.run()
			require.NoError(t, err)
			require.EqualValues(t, c.media, result.MediaID)
			require.Equal(t, c.asked, w.asked[slices.Index(w.asked, "Complete"):])
			require.Equal(t, c.sends, sends)
			require.Len(t, completed.Parts, 3)
			for i, p := range completed.Parts {
				require.Equal(t, upload.Part{Number: i + 1, Offset: int64(i) * 10, Size: 10, ETag: fmt.Sprintf("e%d", i+1), CRC64: "0"}, p)
			}
		})
	}
}

func TestLooksDoNotShareTheirPatience(t *testing.T) {
	refused := answer{err: fails(upload.Error{Kind: upload.KindRejected, Status: 400, Message: "error.contiguous"})}
	for _, c := range []struct {
		name   string
		away   []time.Duration // for which the vendor does not answer, before each look
		failed bool
	}{
		{name: "each may take as long as patience lasts", away: []time.Duration{patience * 2 / 3, patience * 2 / 3}},
		{name: "none longer", away: []time.Duration{patience * 2 / 3, patience * 4 / 3}, failed: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var w *world
			look, back := 0, time.Time{}
			w = video(t, 1).
				on(upload.ActivitySendPart, partSent).
				on(upload.ActivityComplete, refused, refused, answer{}).
				on(upload.ActivityFind, answer{value: func(any) (any, error) {
					if back.IsZero() {
						back = w.env.Now().Add(c.away[look])
					}
					if w.env.Now().Before(back) {
						return nil, unavailable(upload.ArrivedMaybe).err
					}
					look, back = look+1, time.Time{}
					return upload.Media{State: upload.StateProcessing, Seen: []string{"PARTIAL", "PENDING_COMPLETE"}[look-1]}, nil
				}}).
				on(upload.ActivityPoll, ready("media-s1"))
			result, err := w.run()
			require.Equal(t, c.failed, err != nil)
			require.Equal(t, 1, result.Attempts.Prepare)
			require.Equal(t, 2, result.Attempts.Complete)
			if c.failed {
				require.Equal(t, upload.KindUnavailable, result.Error.Kind)
			}
		})
	}
}

func TestTruvideoTakesANewSessionOnceWhenProcessingFailed(t *testing.T) {
	w := video(t, 1).
		on(upload.ActivitySendPart, partSent).
		on(upload.ActivityPoll, seen(upload.StateFailed, "FAILED"))
	result, err := w.run()
	require.ErrorContains(t, err, "because")
	require.Equal(t, upload.KindRejected, result.Error.Kind)
	require.Equal(t, 2, result.Attempts.Prepare)
}

func TestALocalSourceSentInPartsIsReadThroughForItsSHA256(t *testing.T) {
	w := video(t, 2).
		on(upload.ActivitySendPart, partSent).
		on(upload.ActivityPoll, ready("media-s1")).
		on(upload.ActivityDigest, answer{value: upload.Digest{SHA256: "feed", CRC64: "0"}})
	w.claimed.Progress.Content.SHA256 = ""
	w.item.Queue, w.item.Source = "host", "/a.mp4"
	result, err := w.run()
	require.NoError(t, err)
	require.EqualValues(t, "feed", result.SHA256)

	w = video(t, 2).
		on(upload.ActivitySendPart, partSent).
		on(upload.ActivityPoll, ready("media-s1")).
		on(upload.ActivityDigest, answer{value: upload.Digest{SHA256: "feed", CRC64: "77"}})
	w.claimed.Progress.Content.SHA256 = ""
	w.item.Queue, w.item.Source = "host", "/a.mp4"
	result, err = w.run()
	require.Error(t, err)
	require.Equal(t, upload.KindCorrupt, result.Error.Kind)
}
