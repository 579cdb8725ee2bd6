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
	date   time.Duration // how far the Date header is off
}

// cut is how a connection ends without a proper answer.
type cut int

const (
	cutNot    cut = iota
	cutReset      // with a TCP reset
	cutClosed     // in order, but without an answer
	cutUnread     // after the answer, with the rest of the request unread
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
	if a.stream != nil {
		_ = a.stream(c.w) // the length that is missing tells the client
		return
	}
	_, _ = c.w.Write(a.body) // a client that is gone needs no answer
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
