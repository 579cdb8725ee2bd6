package sandbox

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// answer is what a call gets back, or how its connection ends.
type answer struct {
	status int
	header http.Header
	body   []byte
	stream func(io.Writer) error // instead of body; its length is in the header
	done   func()                // after the answer is out
	cut    cut
	keep   int64         // bytes of the body that get through where the answer is cut short; -1: half
	date   time.Duration // how far the Date header is off
}

// cut is how a connection ends without a proper answer.
type cut int

const (
	cutNot    cut = iota
	cutReset      // with a TCP reset
	cutClosed     // in order, but without an answer
	cutUnread     // after the answer, with the rest of the request unread
	cutShort      // within the body of the answer
)

func newAnswer(status int) *answer { return &answer{status: status, header: http.Header{}} }

func jsonAnswer(status int, v any) *answer {
	a := newAnswer(status)
	a.header.Set("Content-Type", "application/json")
	body, err := json.Marshal(v)
	if err != nil { // only a value that this package made can be here
		return &answer{status: http.StatusInternalServerError, header: http.Header{}, body: []byte(err.Error())}
	}
	a.body = body
	return a
}

func xmlAnswer(status int, v any) *answer {
	a := newAnswer(status)
	a.header.Set("Content-Type", "application/xml")
	body, err := xml.Marshal(v)
	if err != nil {
		return &answer{status: http.StatusInternalServerError, header: http.Header{}, body: []byte(err.Error())}
	}
	a.body = append([]byte(xml.Header), body...)
	return a
}

// with sets a header.
func (a *answer) with(name, value string) *answer {
	a.header.Set(name, value)
	return a
}

// send writes the answer, or ends the connection without one.
func (c *call) send(a *answer) {
	if a.done != nil {
		defer a.done()
	}
	switch a.cut {
	case cutReset, cutClosed:
		c.drop(a.cut == cutReset, nil)
		return
	case cutUnread:
		c.drop(false, a)
		return
	}
	h := c.w.Header()
	for name, values := range a.header {
		h[name] = values
	}
	h.Set("Date", c.s.clock.wall().Add(a.date).Format(http.TimeFormat))
	if a.stream == nil && h.Get("Content-Length") == "" && a.status != http.StatusNoContent {
		h.Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	c.w.WriteHeader(a.status)
	if c.r.Method == http.MethodHead {
		return
	}
	if a.cut == cutShort {
		c.sendSome(a)
		return
	}
	w := io.Writer(c.w)
	if c.body.rate > 0 {
		w = &slowWriter{w: c.w, c: c}
	}
	_ = a.writeTo(w) // a client that is gone needs no answer
}

// slowWriter is as slow with an answer as the call's rule is with the body.
type slowWriter struct {
	w http.ResponseWriter
	c *call
}

// Write passes p on bit by bit.
func (s *slowWriter) Write(p []byte) (int, error) {
	step := max(1, int(s.c.body.rate*int64(slice)/int64(time.Second)))
	for at := 0; at < len(p); at += step {
		n, err := s.w.Write(p[at:min(at+step, len(p))])
		if err == nil {
			err = http.NewResponseController(s.w).Flush()
		}
		if err == nil {
			err = wait(s.c.ctx(), slice)
		}
		if err != nil {
			return at + n, err
		}
	}
	return len(p), nil
}

// writeTo writes the body.
func (a *answer) writeTo(w io.Writer) error {
	if a.stream != nil {
		return a.stream(w) // a length that is not reached tells the client
	}
	_, err := w.Write(a.body)
	return err
}

// sendSome writes the beginning of the body and closes the connection.
func (c *call) sendSome(a *answer) {
	keep := a.keep
	if length, err := strconv.ParseInt(c.w.Header().Get("Content-Length"), 10, 64); err == nil && keep < 0 {
		keep = length / 2
	}
	_ = a.writeTo(&firstBytes{w: c.w, left: keep}) // ends early, which is the point
	_ = http.NewResponseController(c.w).Flush()
	c.drop(false, nil)
}

// firstBytes passes on so many bytes and then fails.
type firstBytes struct {
	w    io.Writer
	left int64
}

// Write passes on what is left to pass on.
func (f *firstBytes) Write(p []byte) (int, error) {
	if int64(len(p)) <= f.left {
		f.left -= int64(len(p))
		return f.w.Write(p)
	}
	n, err := f.w.Write(p[:f.left])
	f.left = 0
	if err == nil {
		err = io.ErrShortWrite
	}
	return n, err
}

// drop takes the connection from the server and closes it at once, after last if
// that is given. What the client still sends meets a closed socket.
func (c *call) drop(reset bool, last *answer) {
	conn, rw, err := http.NewResponseController(c.w).Hijack()
	if err != nil {
		c.w.WriteHeader(http.StatusInternalServerError) // cannot be: this server speaks HTTP/1 only
		return
	}
	if last != nil {
		res := http.Response{
			StatusCode: last.status, ProtoMajor: 1, ProtoMinor: 1, Header: last.header,
			Body: io.NopCloser(bytes.NewReader(last.body)), ContentLength: int64(len(last.body)), Close: true,
		}
		_ = res.Write(rw)
		_ = rw.Flush()
	}
	if tcp, ok := conn.(*net.TCPConn); ok && reset {
		_ = tcp.SetLinger(0) // what makes a close a reset
	}
	_ = conn.Close()
}
