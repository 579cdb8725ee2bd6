package upload

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAnErrorIsOneLine(t *testing.T) {
	e := Errorf(KindRejected, StepPrepare, "prepare answered %d", 400).WithHint("look at %s", "it")
	require.EqualError(t, e, "prepare: prepare answered 400")
	require.Equal(t, "look at it", e.Hint)
	e.RequestID = "r-1"
	require.EqualError(t, e, "prepare: prepare answered 400 (request r-1)")
	require.EqualError(t, Errorf(KindInvalid, "", "x"), "x")
}

func TestAnErrorsCauseIsKeptInTheProcessAlone(t *testing.T) {
	e := Errorf(KindUnavailable, StepTransfer, "broke off: %w", io.ErrUnexpectedEOF)
	require.ErrorIs(t, e, io.ErrUnexpectedEOF)
	require.Equal(t, "broke off: unexpected EOF", e.Message)
	e.RetryAfter, e.Then, e.Lost, e.Arrived, e.Receipt = time.Second, KindRejected, true, ArrivedMaybe, &Receipt{BytesSent: 5}
	raw, err := json.Marshal(e)
	require.NoError(t, err)
	var again Error
	require.NoError(t, json.Unmarshal(raw, &again))
	require.NotErrorIs(t, &again, io.ErrUnexpectedEOF)
	e.err = nil
	require.Equal(t, *e, again, "everything else survives a history")
}

func TestKindsOfErrors(t *testing.T) {
	e := Errorf(KindDenied, StepPoll, "no")
	require.Equal(t, KindDenied, KindOf(fmt.Errorf("wrapped: %w", e)))
	require.Equal(t, KindInternal, KindOf(errors.New("x")))
	require.Empty(t, KindOf(nil))
	require.Same(t, e, AsError(fmt.Errorf("wrapped: %w", e), StepClaim))
	unknown := errors.New("x")
	as := AsError(unknown, StepClaim)
	require.Equal(t, KindInternal, as.Kind)
	require.Equal(t, StepClaim, as.Step)
	require.ErrorIs(t, as, unknown)

	seen := map[Kind]bool{}
	for _, kind := range Kinds() {
		require.False(t, seen[kind])
		seen[kind] = true
	}
	require.Len(t, seen, 12)
}

func TestStatesThatAreEnds(t *testing.T) {
	var ends []State
	for _, s := range States() {
		if s.Ended() {
			ends = append(ends, s)
		}
	}
	require.Equal(t, []State{StateReady, StateFailed, StateCanceled, StateUnconfirmed}, ends)
	require.False(t, State("").Ended())
}

func TestAResultsEmptyFieldsAreNull(t *testing.T) {
	result := NewResult(Item{UploadID: "upload/a/x", ID: "x", Account: "a", Vendor: "sitoo", Source: "https://h/a.jpg?sig=c4n4ry"}, WayOwn, time.Unix(0, 0))
	raw, err := json.Marshal(result)
	require.NoError(t, err)
	var got map[string]any
	require.NoError(t, json.Unmarshal(raw, &got))
	for _, name := range []string{"batch", "line", "media_id", "media_url", "size", "sha256", "crc64", "finished_at", "workflow_id", "known_from", "error"} {
		value, there := got[name]
		require.True(t, there, name)
		require.Nil(t, value, name)
	}
	require.Equal(t, "https://h/a.jpg", got["source"])
	require.Equal(t, "waiting", got["state"])
	require.NotContains(t, string(raw), "c4n4ry")

	require.Equal(t, "1970-01-01T00:00:00Z", got["started_at"])

	refused := NewResult(Item{UploadID: "batch/b/line#2", Account: "nobody"}, WayPacked, time.Time{})
	raw, err = json.Marshal(refused)
	require.NoError(t, err)
	require.Contains(t, string(raw), `"to":"nobody","vendor":null,`)
	require.Contains(t, string(raw), `"started_at":null,`)
	var back Result
	require.NoError(t, json.Unmarshal(raw, &back))
	require.Equal(t, refused, back)

	result.Batch, result.Line, result.Error = "b", 12, FailureOf(Errorf(KindInvalid, StepClaim, "x"))
	raw, err = json.Marshal(result)
	require.NoError(t, err)
	require.Contains(t, string(raw), `"batch":"b","line":12`)
	require.Contains(t, string(raw), `"error":{"kind":"invalid","step":"claim","message":"x","hint":null,"vendor_request_id":null,"http_status":null}`)
	require.Nil(t, FailureOf(nil))
}

func TestAttemptsAreCountedByStep(t *testing.T) {
	var a Attempts
	for n, step := range []Step{StepClaim, StepPrepare, StepTransfer, StepComplete, StepPoll} {
		a.Add(step, n)
	}
	require.Equal(t, Attempts{Prepare: 1, Transfer: 2, Complete: 3, Poll: 4}, a)
}

func TestFingerprints(t *testing.T) {
	at := time.Date(2026, 3, 1, 13, 0, 0, 5, time.FixedZone("x", 3600))
	require.Equal(t, "7 bytes, modified 2026-03-01T12:00:00.000000005Z", FileFingerprint(7, at))
	require.Equal(t, "7 bytes, ETag abc", ObjectFingerprint(7, "abc", "yesterday"))
	require.Equal(t, "7 bytes, modified yesterday", ObjectFingerprint(7, "", "yesterday"))
}
