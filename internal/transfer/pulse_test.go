package transfer

import (
	"context"
	"io"
	"net"
	"net/http"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/upload"
)

const short = 20 * time.Millisecond

// hasty gives up soon.
var hasty = bounds{every: short / 4, stall: short, reused: short, full: short, answer: short}

func stalling(t *testing.T, c *http.Client, body Body) sender {
	t.Helper()
	return sender{client: c, body: body, bounds: hasty}
}

func TestASendInWhichNothingMovesIsGivenUp(t *testing.T) {
	cases := []struct {
		name  string
		serve func(conn *net.TCPConn, wait func())
		body  Body
		want  upload.Arrival
		told  string
		stall time.Duration // short, where it is 0
	}{
		{
			name: "by a receiver that takes no more",
			serve: func(conn *net.TCPConn, wait func()) {
				_, body := head(conn)
				_, _ = io.CopyN(io.Discard, body, 1000)
				wait()
			},
			body: pattern(256 << 20), want: upload.ArrivedSome, told: onLinux("the other side had no room for more"),
			stall: untilFull(),
		},
		{
			name:  "by a source that gives no more",
			serve: func(_ *net.TCPConn, wait func()) { wait() },
			body:  sourceOf(1000, mute), want: upload.ArrivedNothing, told: onLinux("the source gave nothing"),
		},
		{
			name: "by a success whose words drip",
			serve: func(conn *net.TCPConn, wait func()) {
				swallow(conn)
				_, _ = io.WriteString(conn, "HTTP/1.1 201 Created\r\nContent-Length: 100000\r\n\r\n")
				go wait()
				for err := error(nil); err == nil; time.Sleep(short / 10) {
					_, err = io.WriteString(conn, "{")
				}
			},
			body: pattern(1000), want: upload.ArrivedMaybe, told: "the answer did not end",
		},
		{
			name: "by a success whose words do not come",
			serve: func(conn *net.TCPConn, wait func()) {
				swallow(conn)
				_, _ = io.WriteString(conn, "HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{")
				wait()
			},
			body: pattern(1000), want: upload.ArrivedMaybe, told: "the answer did not end",
		},
		{
			name: "by a success that does not come",
			serve: func(conn *net.TCPConn, wait func()) {
				swallow(conn)
				wait()
			},
			body: pattern(100), want: upload.ArrivedMaybe, told: "no answer came",
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			url := raw(t, func(conn *net.TCPConn) {
				c.serve(conn, func() { <-t.Context().Done() }) // with nothing more read
			})
			s := stalling(t, client(t), c.body)
			s.bounds.stall = max(s.bounds.stall, c.stall)
			_, err := s.send(t.Context(), put(url))
			e := failure(t, err)
			require.Equal(t, upload.KindUnavailable, e.Kind)
			require.Contains(t, e.Message, c.told+" for 20ms")
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

// onLinux is what is told there; elsewhere the system does not tell who does not go on.
func onLinux(told string) string {
	if runtime.GOOS != "linux" {
		return "no data was transferred"
	}
	return told
}

// untilFull is time enough for a kernel to find out that the other one takes no more.
func untilFull() time.Duration {
	if runtime.GOOS != "linux" {
		return short
	}
	return time.Minute
}

func TestHowLongNothingMayMove(t *testing.T) {
	b := bounds{stall: 60, reused: 15, full: 300, answer: 5 * time.Minute}
	kept, fresh := &connection{reused: true}, &connection{}
	for name, c := range map[string]struct {
		with func(p *pulse)
		egress.Transit
		at   *connection
		want time.Duration
	}{
		"before the connection":               {want: 60},
		"a source that gives nothing":         {Transit: egress.Transit{Known: true}, at: fresh, want: 60},
		"bytes in flight":                     {Transit: egress.Transit{Known: true, InFlight: true, Unsent: true}, at: fresh, want: 60},
		"the first bytes on a kept one":       {Transit: egress.Transit{Known: true, InFlight: true}, at: kept, want: 15},
		"the same where the line is long":     {Transit: egress.Transit{Known: true, InFlight: true, RoundTrip: 10}, at: kept, want: 40},
		"more bytes on a kept one":            {Transit: egress.Transit{Known: true, InFlight: true, Acked: 1}, at: kept, want: 60},
		"a receiver without room":             {Transit: egress.Transit{Known: true, Unsent: true, Acked: 1}, at: fresh, want: 300},
		"a receiver that takes no more":       {with: func(p *pulse) { p.read.Store(1) }, want: 60},
		"all written, and some not yet taken": {with: func(p *pulse) { p.sent.Store(true) }, Transit: egress.Transit{Known: true, Unsent: true}, at: fresh, want: 300},
		"all written, and some in flight":     {with: func(p *pulse) { p.sent.Store(true) }, Transit: egress.Transit{Known: true, InFlight: true}, at: fresh, want: 60},
		"an answer":                           {with: func(p *pulse) { p.sent.Store(true) }, want: 5 * time.Minute},
		"an answer to a large body": {with: func(p *pulse) {
			p.sent.Store(true)
			p.size = 6_000_000
		}, want: 10 * time.Minute},
		"the rest of an answer": {with: func(p *pulse) {
			p.sent.Store(true)
			p.answered.Store(true)
		}, want: 60},
		"the limit": {with: func(p *pulse) { p.held.Store(true) }, want: 0},
	} {
		t.Run(name, func(t *testing.T) {
			p := new(pulse)
			if c.with != nil {
				c.with(p)
			}
			p.at.Store(c.at)
			require.Equal(t, c.want, p.wait(b, c.Transit).limit)
		})
	}
}

func TestWhatIsTakenForSilence(t *testing.T) {
	b := bounds{every: 1, stall: 4, full: 4, answer: 4}
	const enough = 5
	cases := []struct {
		name string
		at   func(p *pulse, tick int)
		want bool
	}{
		{"nothing moves", func(*pulse, int) {}, true},
		{"something is read at every look", func(p *pulse, _ int) { p.read.Add(1) }, false},
		{"something is read now and then", func(p *pulse, tick int) {
			if tick%(enough-2) == 0 {
				p.read.Add(1)
			}
		}, false},
		{"the answer has begun, and more is read", func(p *pulse, _ int) {
			p.answered.Store(true)
			p.read.Add(1)
		}, false},
		{"everything was sent, and the answer does not end, whatever moves", func(p *pulse, _ int) {
			p.sent.Store(true)
			p.answered.Store(true)
			p.read.Add(1)
		}, true},
		{"everything was sent, and no answer comes", func(p *pulse, _ int) { p.sent.Store(true) }, true},
		{"everything was sent, and the answer does not go on", func(p *pulse, _ int) {
			p.sent.Store(true)
			p.answered.Store(true)
		}, true},
		{"the limit holds it up", func(p *pulse, _ int) { p.held.Store(true) }, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p, ticks, done, result := new(pulse), make(chan time.Time), make(chan struct{}), make(chan error, 1)
			go func() { result <- p.still(t.Context(), b, ticks, done) }()
			for tick := range 10 * enough {
				c.at(p, tick)
				select {
				case ticks <- time.Time{}:
					continue
				case still := <-result:
					require.True(t, c.want)
					require.Error(t, still)
					require.GreaterOrEqual(t, tick, enough)
					return
				}
			}
			close(done)
			require.NoError(t, <-result)
			require.False(t, c.want)
		})
	}
}

// What moves is what the other side's kernel acknowledged, however little that is.
func TestASendThatMovesGoesOn(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("this system does not tell")
	}
	more, read := make(chan struct{}), make(chan struct{})
	url := raw(t, func(conn *net.TCPConn) {
		_, body := head(conn)
		for range more {
			_, _ = io.CopyN(io.Discard, body, 512<<10)
			read <- struct{}{}
		}
		_, _ = io.Copy(io.Discard, body)
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		_, _ = io.Copy(io.Discard, conn)
	})
	const size = 32 << 20
	body := pattern(size)
	source := newReader(t.Context(), nil, size, Want{}, nil)
	source.src, _ = body.Open(t.Context())
	request, err := newRequest(source.pulse.trace(t.Context()), put(url), source, size)
	require.NoError(t, err)
	answered := make(chan int, 1)
	go func() {
		answer, err := client(t).Do(request)
		if err == nil {
			_ = answer.Body.Close()
			answered <- answer.StatusCode
		}
	}()
	p, ticks, done, result := source.pulse, make(chan time.Time), make(chan struct{}), make(chan error, 1)
	b := bounds{every: 1, stall: 4, reused: 4, full: 4, answer: 4}
	go func() { result <- p.still(t.Context(), b, ticks, done) }()
	for range 20 {
		before := p.acknowledged()
		more <- struct{}{}
		<-read
		require.Eventually(t, func() bool { return p.acknowledged() > before }, time.Minute, time.Millisecond)
		select {
		case ticks <- time.Time{}:
		case err := <-result:
			require.NoError(t, err)
		}
	}
	require.Less(t, p.acknowledged(), int64(size), "the other side does not have it all")
	close(done)
	require.NoError(t, <-result)
	close(more)
	require.Equal(t, http.StatusOK, <-answered)
	require.EqualValues(t, size, p.acknowledged())
}

func TestAnAbandonedSendIsResetBeforeItReturns(t *testing.T) {
	for name, given := range map[string]bounds{"canceled": usual, "stalled": hasty} {
		t.Run(name, func(t *testing.T) {
			begun, returned, seen := make(chan struct{}), make(chan struct{}), make(chan error, 1)
			url := raw(t, func(conn *net.TCPConn) {
				_, _ = head(conn)
				close(begun)
				<-returned
				_, err := io.Copy(io.Discard, conn)
				seen <- err
			})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if name == "canceled" {
				go func() {
					<-begun
					cancel()
				}()
			}
			_, err := sender{client: client(t), body: pattern(256 << 20), bounds: given}.send(ctx, put(url))
			require.Error(t, err)
			close(returned)
			require.ErrorIs(t, <-seen, syscall.ECONNRESET, "what is queued does not arrive any more")
		})
	}
}
