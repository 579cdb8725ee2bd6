package transfer

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
)

func TestTheMeterCounts(t *testing.T) {
	server := record(t, answers(http.StatusOK, nil, ""))
	asked := new(atomic.Int64)
	meter := &Meter{}
	meter.Limit = func(_ context.Context, n int) error {
		asked.Add(int64(n))
		return nil
	}
	const size = 5 << 20
	answer, err := Send(t.Context(), client(t), put(server.URL), pattern(size), Want{}, meter)
	require.NoError(t, err)
	require.EqualValues(t, size, answer.Sent)
	require.EqualValues(t, size, meter.Sent())
	require.EqualValues(t, size, asked.Load(), "every byte passes the limit")
	require.Zero(t, (*Meter)(nil).Sent())
}

func TestTheLimitHoldsBytesBack(t *testing.T) {
	server := record(t, answers(http.StatusOK, nil, ""))
	more, asked := make(chan struct{}), make(chan struct{})
	meter := &Meter{Limit: func(ctx context.Context, _ int) error {
		asked <- struct{}{}
		<-more
		return ctx.Err()
	}}
	ended := make(chan error, 1)
	const size, once = 10 << 10, 1 << 10
	reads := new(atomic.Int64)
	body := sourceOf(size, func(_ context.Context, p []byte) (int, error) {
		reads.Add(1)
		return min(once, len(p)), nil
	})
	go func() {
		_, err := Send(t.Context(), client(t), put(server.URL), body, Want{}, meter)
		ended <- err
	}()
	for i := range size / once {
		<-asked
		require.EqualValues(t, i+1, reads.Load(), "nothing more is read before the limit lets go")
		require.LessOrEqual(t, meter.Sent(), int64(i)*once, "what was not handed over is not sent")
		require.Empty(t, ended)
		more <- struct{}{}
	}
	require.NoError(t, <-ended)
	require.EqualValues(t, size, meter.Sent())
}

func TestALimitUnderWhichTheTimeDoesNotSufficeMayPass(t *testing.T) {
	server := record(t, answers(http.StatusOK, nil, ""))
	meter := &Meter{Limit: func(context.Context, int) error { return errors.New("would exceed context deadline") }}
	_, err := Send(t.Context(), client(t), put(server.URL), pattern(10), Want{}, meter)
	e := failure(t, err)
	require.Equal(t, upload.KindUnavailable, e.Kind)
	require.Equal(t, "rate limit: would exceed context deadline", e.Message)
	require.Empty(t, server.requests())
}

func TestAReaderCountsUntilItsSendHasEnded(t *testing.T) {
	meter := new(Meter)
	reads := 0
	r := newReader(t.Context(), readFunc(func(p []byte) (int, error) {
		reads++
		return len(p), nil
	}), 100, Want{}, meter)
	n, err := r.Read(make([]byte, 40))
	require.NoError(t, err)
	require.Equal(t, 40, n)
	for _, counted := range []int64{r.pulse.read.Load(), meter.Sent()} {
		require.EqualValues(t, 40, counted)
	}
	require.NoError(t, r.Close())
	r.end()
	n, err = r.Read(make([]byte, 40))
	require.ErrorIs(t, err, errEnded)
	require.Zero(t, n)
	require.EqualValues(t, 40, meter.Sent())
	require.Equal(t, 1, reads, "the source may be closed by now")

	r = newReader(t.Context(), nil, 100, Want{}, meter)
	r.src = readFunc(func(p []byte) (int, error) {
		r.ended.Store(true) // while it is under way
		return len(p), nil
	})
	_, err = r.Read(make([]byte, 40))
	require.ErrorIs(t, err, errEnded)
	require.EqualValues(t, 40, meter.Sent())
}

func TestTheHeadOfARequestDoesNotWaitForTheLimit(t *testing.T) {
	arrived := make(chan struct{})
	url := raw(t, func(conn *net.TCPConn) {
		_, body := head(conn)
		close(arrived)
		_, _ = io.Copy(io.Discard, body)
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	})
	meter := &Meter{Limit: func(context.Context, int) error {
		<-arrived
		return nil
	}}
	answer, err := Send(t.Context(), client(t), put(url), pattern(1000), Want{}, meter)
	require.NoError(t, err)
	require.EqualValues(t, 1000, answer.Sent)
}
