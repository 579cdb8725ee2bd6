package simulate

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

// Answer is what a call gets back, or how its connection ends.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	Stream func(io.Writer) error // instead of body; its length is in the header
	Done   func()                // after the answer is out
	Cut    Cut
	keep   int64         // bytes of the body that get through where the answer is cut short; -1: half
	date   time.Duration // how far the Date header is off
}

// Cut is how a connection ends without a proper answer.
type Cut int

// The ways in which a connection ends.
const (
	CutNot    Cut = iota
	cutReset      // with a TCP reset
	cutClosed     // in order, but without an answer
	cutUnread     // after the answer, with the rest of the request unread
	cutShort      // within the body of the answer
)

// NewAnswer is an answer without a body.
func NewAnswer(status int) *Answer { return &Answer{Status: status, Header: http.Header{}} }

// JSON is an answer with a value in JSON.
func JSON(status int, v any) *Answer {
	a := NewAnswer(status)
	a.Header.Set("Content-Type", "application/json")
	body, err := json.Marshal(v)
	if err != nil { // only a value that this package made can be here
		return &Answer{Status: http.StatusInternalServerError, Header: http.Header{}, Body: []byte(err.Error())}
	}
	a.Body = body
	return a
}

// XML is an answer with a value in XML.
func XML(status int, v any) *Answer {
	a := NewAnswer(status)
	a.Header.Set("Content-Type", "application/xml")
	body, err := xml.Marshal(v)
	if err != nil {
		return &Answer{Status: http.StatusInternalServerError, Header: http.Header{}, Body: []byte(err.Error())}
	}
	a.Body = append([]byte(xml.Header), body...)
	return a
}

// With sets a header.
func (a *Answer) With(name, value string) *Answer {
	a.Header.Set(name, value)
	return a
}

// Send writes the answer, or ends the connection without one.
func (c *Call) Send(a *Answer) {
	if a.Done != nil {
		defer a.Done()
	}
	switch a.Cut {
	case cutReset, cutClosed:
		c.drop(a.Cut == cutReset, nil)
		return
	case cutUnread:
		c.drop(false, a)
		return
	}
	h := c.writer.Header()
	for name, values := range a.Header {
		h[name] = values
	}
	h.Set("Date", c.World.Clock.Wall().Add(a.date).Format(http.TimeFormat))
	if a.Stream == nil && h.Get("Content-Length") == "" && a.Status != http.StatusNoContent {
		h.Set("Content-Length", strconv.Itoa(len(a.Body)))
	}
	c.writer.WriteHeader(a.Status)
	if c.HTTP.Method == http.MethodHead {
		return
	}
	if a.Cut == cutShort {
		c.sendSome(a)
		return
	}
	w := io.Writer(c.writer)
	if c.Body.rate > 0 {
		w = &slowWriter{w: c.writer, c: c}
	}
	_ = a.writeTo(w) // a client that is gone needs no answer
}

// slowWriter is as slow with an answer as the call's rule is with the body.
type slowWriter struct {
	w http.ResponseWriter
	c *Call
}

// Write passes p on bit by bit.
func (s *slowWriter) Write(p []byte) (int, error) {
	step := max(1, int(s.c.Body.rate*int64(slice)/int64(time.Second)))
	for at := 0; at < len(p); at += step {
		n, err := s.w.Write(p[at:min(at+step, len(p))])
		if err == nil {
			err = http.NewResponseController(s.w).Flush()
		}
		if err == nil {
			err = wait(s.c.Context(), slice)
		}
		if err != nil {
			return at + n, err
		}
	}
	return len(p), nil
}

// writeTo writes the body.
func (a *Answer) writeTo(w io.Writer) error {
	if a.Stream != nil {
		return a.Stream(w) // a length that is not reached tells the client
	}
	_, err := w.Write(a.Body)
	return err
}

// sendSome writes the beginning of the body and closes the connection.
func (c *Call) sendSome(a *Answer) {
	keep := a.keep
	if length, err := strconv.ParseInt(c.writer.Header().Get("Content-Length"), 10, 64); err == nil && keep < 0 {
		keep = length / 2
	}
	_ = a.writeTo(&firstBytes{w: c.writer, left: keep}) // ends early, which is the point
	_ = http.NewResponseController(c.writer).Flush()
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
func (c *Call) drop(reset bool, last *Answer) {
	conn, rw, err := http.NewResponseController(c.writer).Hijack()
	if err != nil {
		c.writer.WriteHeader(http.StatusInternalServerError) // cannot be: this server speaks HTTP/1 only
		return
	}
	if last != nil {
		res := http.Response{
			StatusCode: last.Status, ProtoMajor: 1, ProtoMinor: 1, Header: last.Header,
			Body: io.NopCloser(bytes.NewReader(last.Body)), ContentLength: int64(len(last.Body)), Close: true,
		}
		_ = res.Write(rw)
		_ = rw.Flush()
	}
	if tcp, ok := conn.(*net.TCPConn); ok && reset {
		_ = tcp.SetLinger(0) // what makes a close a reset
	}
	_ = conn.Close()
}

// RefusePlain is how a download host says no.
func RefusePlain(_ *Call, f Refusal) *Answer {
	if f.Message == "" {
		f.Message = http.StatusText(f.Status)
	}
	a := NewAnswer(f.Status).With("Content-Type", "text/plain; charset=utf-8")
	a.Body = []byte(f.Message + "\n")
	return a
}

// xmlError is an error document whose elements depend on the error.
type xmlError struct {
	XMLName  xml.Name `xml:"Error"`
	Elements []xmlElement
}

type xmlElement struct {
	XMLName xml.Name
	Value   string `xml:",chardata"`
}

// Element is an element of an error document.
func Element(name, value string) xmlElement {
	return xmlElement{XMLName: xml.Name{Local: name}, Value: value}
}

// ErrorDocument is an error as a document; extra are names and values of more elements.
func ErrorDocument(f Refusal, extra ...string) xmlError {
	doc := xmlError{Elements: []xmlElement{Element("Code", f.Code), Element("Message", f.Message)}}
	for i := 0; i+1 < len(extra); i += 2 {
		doc.Elements = append(doc.Elements, Element(extra[i], extra[i+1]))
	}
	return doc
}
