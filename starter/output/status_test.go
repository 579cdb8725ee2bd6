package output

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/waits"
)

func TestAnUploadUnderWayInWords(t *testing.T) {
	now := time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC)
	sending := upload.Status{
		Result: upload.Result{UploadID: "upload/truvideo/tour", State: upload.StateTransferring},
		Parts:  32, PartsDone: 12, BytesDone: 805306368, PartSize: 64 << 20, Width: 4, InFlight: 3,
		Speed: 90e6, LeftSeconds: 3725, ExpiresAt: now.Add(18*time.Minute + 5*time.Second),
		Retries: map[string]int{"expired": 2, "SlowDown": 1},
	}
	paused, waiting, old, whole := sending, sending, sending, sending
	paused.Paused = true
	waiting.Waiting = "a worker on host studio that can read /srv/media"
	old.ExpiresAt = now.Add(-time.Second)
	whole.Parts, whole.ExpiresAt, whole.Retries, whole.Speed = 1, time.Time{}, nil, 0
	for name, c := range map[string]struct {
		status *upload.Status
		card   [][]string
		glance string
	}{
		"with parts": {&sending, [][]string{
			{"parts", "12 of 32, 805.3 MB; 3 in flight, at most 4"},
			{"speed", "90.0 MB/s, 1h02m left"},
			{"URL", "valid for another 18m05s"},
			{"retries", "SlowDown 1, expired 2"},
		}, "12 of 32 parts, URL valid for 18m05s"},
		"paused": {&paused, [][]string{
			{"parts", "12 of 32, 805.3 MB; 3 in flight, at most 4"},
			{"URL", "valid for another 18m05s"},
			{"retries", "SlowDown 1, expired 2"},
		}, "12 of 32 parts, paused, URL valid for 18m05s"},
		"that waits": {&waiting, [][]string{
			{"parts", "12 of 32, 805.3 MB; 3 in flight, at most 4"},
			{"speed", "90.0 MB/s, 1h02m left"},
			{"URL", "valid for another 18m05s"},
			{"retries", "SlowDown 1, expired 2"},
		}, "12 of 32 parts, URL valid for 18m05s"},
		"with a URL that ran out": {&old, [][]string{
			{"parts", "12 of 32, 805.3 MB; 3 in flight, at most 4"},
			{"speed", "90.0 MB/s, 1h02m left"},
			{"URL", "expired; mediaferry requests another one when it needs it"},
			{"retries", "SlowDown 1, expired 2"},
		}, "12 of 32 parts"},
		"in one piece":      {&whole, nil, ""},
		"that does not run": {nil, nil, ""},
		"that nobody is on": {&upload.Status{}, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.card, statusRows(c.status, now))
			if c.status != nil {
				require.Equal(t, c.glance, statusWords(*c.status, now))
			}
		})
	}
}

func TestTimeToComeIsNoFinerThanItCanBeKnown(t *testing.T) {
	for seconds, want := range map[float64]string{0.2: "0s", 42.4: "42s", 61: "1m01s", 3599: "59m59s", 3725: "1h02m", 90000: "25h00m"} {
		require.Equal(t, want, TimeLeft(seconds))
	}
}

func TestAResultWithItsStatusKeepsItsNames(t *testing.T) {
	r := upload.Result{UploadID: "upload/truvideo/tour", State: upload.StateTransferring}
	plain, err := json.Marshal(Line{Result: r})
	require.NoError(t, err)
	ended, err := json.Marshal(resultWithStatus{Line{Result: r}, nil, nil})
	require.NoError(t, err)
	require.JSONEq(t, string(plain), string(ended))

	raw, err := json.Marshal(resultWithStatus{Line{Result: r}, lineOf(&upload.Status{Result: r, Parts: 32, PartsDone: 12, Speed: 1.5}), nil})
	require.NoError(t, err)
	var fields map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(raw, &fields))
	require.JSONEq(t, `{"parts":32,"parts_done":12,"speed":1.5}`, string(fields["status"]))
	delete(fields, "status")
	rest, err := json.Marshal(fields)
	require.NoError(t, err)
	require.JSONEq(t, string(plain), string(rest))
}

func TestProgressTellsOfAllAndOfTheFirst(t *testing.T) {
	at := time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC)
	one := Upload{Account: "truvideo", Result: upload.Result{State: upload.StateTransferring, Size: 2000e6, BytesSent: 500e6}}
	two := Upload{Account: "sitoo", Result: upload.Result{State: upload.StateReady, Size: 1e6, BytesSent: 1e6}, Ended: true}
	p := &Progress{}
	draw := func(after time.Duration) string {
		all := []Upload{one, two}
		tally := tallyOf(all)
		tally.elapsed = after
		tally.rate, tally.left = p.pace.note(at.Add(after), tally.sent, tally.total)
		return progressOf(all, tally, at.Add(after)).plain()
	}
	require.Equal(t, "25%, 1 of 2 items, 501.0 MB of 2.0 GB; transferring at truvideo", draw(0))
	one.Result.BytesSent = 600e6
	require.Equal(t, "30%, 1 of 2 items, 601.0 MB of 2.0 GB, 10.0 MB/s, 10s elapsed, 2m20s left, set by the line; transferring at truvideo", draw(10*time.Second))
	one.Status = &upload.Status{Parts: 32, PartsDone: 10, BytesDone: 650e6, PartSize: 50e6, InFlight: 1, Paused: true}
	one.Result.BytesSent = 700e6
	one.Limit = 10e6
	require.Equal(t, "35%, 1 of 2 items, 701.0 MB of 2.0 GB, 50.0 MB in flight, 10.0 MB/s, 20s elapsed, 2m10s left, set by --bwlimit; transferring at truvideo, 10 of 32 parts, paused", draw(20*time.Second))
	one.Result.Paused, one.Result.State, one.Status = true, "", nil
	require.Contains(t, draw(21*time.Second), "; waiting at truvideo, paused")
	one.Ended = true
	require.Equal(t, "30%, 2 of 2 items, 601.0 MB of 2.0 GB", progressOf([]Upload{one, two}, tally{sent: 601e6, total: 2001e6}, at).plain())
}

func TestAWaitInWords(t *testing.T) {
	at := time.Date(2026, 11, 22, 4, 0, 0, 0, time.Local)
	since := upload.Moment{Time: at.Add(-time.Minute)}
	status := upload.Status{Waiting: "a worker on host studio that can read /srv/media", Result: upload.Result{UploadID: "upload/truvideo/tour"}}
	paused := status
	paused.Waiting, paused.Paused = "", true
	for want, c := range map[string]struct {
		line   Line
		status *upload.Status
	}{
		"":             {},
		status.Waiting: {status: &status},
		"a person; to continue: mediaferry resume upload/truvideo/tour": {status: &paused},
		"the vendor: POST /prepare: 503 (since 03:59:00, tried 7 times, next attempt in 42s)": {Line{Waiting: &waits.Wait{
			For: upload.ForVendor, Reason: "POST /prepare: 503", Since: since, Tries: 7, NextTryAt: upload.Moment{Time: at.Add(42 * time.Second)},
		}}, &status},
		"the rate limit: 429 (since 03:59:00, tried once, until 04:02:00)": {line: Line{Waiting: &waits.Wait{
			For: upload.ForRate, Reason: "429", Since: since, Tries: 1, Until: upload.Moment{Time: at.Add(2 * time.Minute)},
		}}},
		"the network: no route (tried 3 times, next attempt now)": {line: Line{Waiting: &waits.Wait{
			For: upload.ForLine, Reason: "no route", Tries: 3, NextTryAt: since,
		}}},
		"the vendor to process it (since 2026-11-21 04:00:00)": {line: Line{Waiting: &waits.Wait{
			For: upload.ForProcessing, Reason: "the vendor is processing the file", Since: upload.Moment{Time: at.AddDate(0, 0, -1)},
		}}},
	} {
		require.Equal(t, want, c.line.waitingFor(c.status, at))
	}
	require.Equal(t, "-", ShortWait(nil, at))
	require.Equal(t, "vendor, 1m00s", ShortWait(&waits.Wait{For: upload.ForVendor, Since: since}, at))
	require.Equal(t, "1 row at sitoo: for its turn: others", RowsWords(waits.Rows{Wait: waits.Wait{For: upload.ForTurn, Reason: "others"}, To: "sitoo", Rows: 1}, at))
}

func TestASizeThatNobodyLookedAtIsNoZero(t *testing.T) {
	require.Equal(t, "-", KnownSize(0))
	require.Equal(t, "1 B", KnownSize(1))
}

func TestAMomentByAClockThatIsAheadIsNow(t *testing.T) {
	now := time.Now()
	require.Equal(t, "0s ago", Ago(now.Add(3*time.Second), now))
	require.Equal(t, "-", Ago(time.Time{}, now))
}

func TestWhatMovesOfPartsInFlightIsPartOfTheWhole(t *testing.T) {
	s := upload.Status{Parts: 7, PartsDone: 2, BytesDone: 20, PartSize: 10, InFlight: 3}
	require.EqualValues(t, 15, inFlight(35, s))
	require.EqualValues(t, 30, inFlight(90, s), "what was sent in vain is no part of it")
	require.Zero(t, inFlight(5, s), "parts that an earlier run sent")
}
