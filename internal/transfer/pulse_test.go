package transfer

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
)

const short = 20 * time.Millisecond

func stalling(t *testing.T, c *http.Client, body Body) sender {
	t.Helper()
	return sender{client: c, body: body, stall: short}
}

func TestASendInWhichNothingMovesIsGivenUp(t *testing.T) {
	cases := []struct {
		name  string
		serve func(conn *net.TCPConn, wait func())
		body  Body
		want  upload.Arrival
	}{
		{
			name: "by a receiver that takes no more",
			serve: func(conn *net.TCPConn, wait func()) {
				_, body := head(conn)
				_, _ = io.CopyN(io.Discard, body, 1000)
				wait()
			},
			body: pattern(256 << 20), want: upload.ArrivedSome,
		},
		{
			name:  "by a source that gives no more",
			serve: func(_ *net.TCPConn, wait func()) { wait() },
			body:  sourceOf(1000, mute), want: upload.ArrivedNothing,
		},
		{
			name: "by a success whose words do not come",
			serve: func(conn *net.TCPConn, wait func()) {
				swallow(conn)
				_, _ = io.WriteString(conn, "HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{")
				wait()
			},
			body: pattern(1000), want: upload.ArrivedMaybe,
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			url := raw(t, func(conn *net.TCPConn) {
				c.serve(conn, func() { <-t.Context().Done() }) // with nothing more read
			})
			_, err := stalling(t, client(t), c.body).send(t.Context(), put(url))
			e := failure(t, err)
			require.Equal(t, upload.KindUnavailable, e.Kind)
			require.Contains(t, e.Message, "no data was transferred for 20ms")
			require.Equal(t, c.want, e.Arrived)
		})
	}
	t.Run("by a receiver that stops just before the end, with all of the body read", func(t *testing.T) {
		here, there := net.Pipe() // which holds nothing back
		defer func() { _ = there.Close() }()
		go func() { _, _ = head(there) }() // and not a byte more
		c := &http.Client{Transport: &http.Transport{
			DialContext: func(context.Context, string, string) (net.Conn, error) { return here, nil },
		}}
		_, err := stalling(t, c, pattern(10)).send(t.Context(), put("http://host/"))
		e := failure(t, err)
		require.Contains(t, e.Message, "no data was transferred for 20ms, after 10 of 10 bytes")
		require.Equal(t, upload.ArrivedMaybe, e.Arrived)
	})
}

func TestARefusalWhoseWordsDoNotComeIsStillHeard(t *testing.T) {
	url := raw(t, func(conn *net.TCPConn) {
		swallow(conn)
		_, _ = io.WriteString(conn, "HTTP/1.1 403 Forbidden\r\nContent-Length: 100\r\n\r\n<Error>")
		<-t.Context().Done()
	})
	answer, err := stalling(t, client(t), pattern(1000)).send(t.Context(), put(url))
	require.NoError(t, err)
	require.Equal(t, http.StatusForbidden, answer.Status)
	require.Equal(t, "<Error>", string(answer.Body))
}

func TestWhatIsTakenForSilence(t *testing.T) {
	const enough = stillTicks + 1
	cases := []struct {
		name string
		at   func(p *pulse, tick int)
		want bool
	}{
		{"nothing moves", func(*pulse, int) {}, true},
		{"something moves at every look", func(p *pulse, _ int) { p.moved.Add(1) }, false},
		{"something moves now and then", func(p *pulse, tick int) {
			if tick%(stillTicks-1) == 0 {
				p.moved.Add(1)
			}
		}, false},
		{"everything was sent, and the other side works on it", func(p *pulse, _ int) { p.sent.Store(true) }, false},
		{"everything was sent, and the answer does not go on", func(p *pulse, _ int) {
			p.sent.Store(true)
			p.answered.Store(true)
		}, true},
		{"the limit holds it up", func(p *pulse, _ int) { p.held.Store(true) }, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p, ticks, done, result := new(pulse), make(chan time.Time), make(chan struct{}), make(chan bool, 1)
			go func() { result <- p.still(ticks, done) }()
			for tick := range 10 * enough {
				c.at(p, tick)
				select {
				case ticks <- time.Time{}:
					continue
				case still := <-result:
					require.True(t, c.want)
					require.True(t, still)
					require.GreaterOrEqual(t, tick, enough)
					return
				}
			}
			close(done)
			require.False(t, <-result)
			require.False(t, c.want)
		})
	}
}
