package transfer

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
)

func swallow(conn net.Conn) {
	_, body := head(conn)
	_, _ = io.Copy(io.Discard, body)
}

func TestHowMuchMayHaveArrived(t *testing.T) {
	const large = 64 << 20
	refused, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, refused.Close())
	nobody := "http://" + refused.Addr().String() + "/" + signed

	cases := []struct {
		name  string
		url   string
		serve func(*net.TCPConn)
		body  Body
		want  upload.Arrival
	}{
		{name: "nothing where the connection is refused", url: nobody, body: pattern(large), want: upload.ArrivedNothing},
		{
			name: "nothing where it ends in the handshake",
			url:  strings.Replace(raw(t, func(*net.TCPConn) {}), "http:", "https:", 1), body: pattern(large), want: upload.ArrivedNothing,
		},
		{
			name: "some where it is reset in the middle",
			serve: func(conn *net.TCPConn) {
				_, body := head(conn)
				_, _ = io.CopyN(io.Discard, body, 1<<20)
				reset(conn)
			},
			body: pattern(large), want: upload.ArrivedSome,
		},
		{
			name: "some where it ends in the middle",
			serve: func(conn *net.TCPConn) {
				_, body := head(conn)
				_, _ = io.CopyN(io.Discard, body, 1<<20)
			},
			body: pattern(large), want: upload.ArrivedSome,
		},
		{
			name: "maybe all where it is reset after the whole body",
			serve: func(conn *net.TCPConn) {
				swallow(conn)
				reset(conn)
			},
			body: pattern(1 << 20), want: upload.ArrivedMaybe,
		},
		{name: "maybe all where it ends without an answer", serve: func(conn *net.TCPConn) { swallow(conn) }, body: pattern(1 << 20), want: upload.ArrivedMaybe},
		{
			name: "maybe all where the answer is cut in its head",
			serve: func(conn *net.TCPConn) {
				swallow(conn)
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Le")
			},
			body: pattern(1000), want: upload.ArrivedMaybe,
		},
		{
			name: "maybe all where the answer is cut in its body",
			serve: func(conn *net.TCPConn) {
				swallow(conn)
				_, _ = io.WriteString(conn, "HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{\"id\":")
			},
			body: pattern(1000), want: upload.ArrivedMaybe,
		},
		{
			name: "some where success is said too early",
			serve: func(conn *net.TCPConn) {
				_, body := head(conn)
				_, _ = io.CopyN(io.Discard, body, 1000)
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			},
			body: pattern(large), want: upload.ArrivedSome,
		},
		{
			name: "some where a form's success is said too early",
			serve: func(conn *net.TCPConn) {
				_, body := head(conn)
				_, _ = io.CopyN(io.Discard, body, 1000)
				_, _ = io.WriteString(conn, "HTTP/1.1 303 See Other\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			},
			body: pattern(large), want: upload.ArrivedSome,
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			url := c.url
			if url == "" {
				url = raw(t, c.serve)
			}
			for _, method := range []upload.Method{upload.MethodPut, upload.MethodForm} {
				target := put(url)
				target.Method, target.File = method, upload.FormFile{Field: "file", Name: "a", Type: "image/jpeg"}
				_, err := Send(t.Context(), client(t), target, c.body, Want{}, nil)
				e := failure(t, err)
				require.Equal(t, upload.KindUnavailable, e.Kind, "%s: %v", method, e)
				require.Equal(t, c.want, e.Arrived, "%s: %v", method, e)
				require.Equal(t, upload.StepTransfer, e.Step)
			}
		})
	}
}

type brokenConn struct{ net.Conn }

func (brokenConn) Write([]byte) (int, error) { return 0, syscall.ECONNRESET }

func TestNothingArrivedWhereTheConnectionIsResetBeforeTheBody(t *testing.T) {
	here, there := net.Pipe()
	defer func() { _ = there.Close() }()
	c := &http.Client{Transport: &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) { return brokenConn{here}, nil },
	}}
	_, err := Send(t.Context(), c, put("http://host/"+signed), bytesBody([]byte("small")), Want{}, nil)
	e := failure(t, err)
	require.Equal(t, upload.KindUnavailable, e.Kind)
	require.Equal(t, upload.ArrivedNothing, e.Arrived)
}

func TestAnAnswersStatusTellsHowMuchMayHaveArrived(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		whole  bool
		want   upload.Arrival
	}{
		{"a refusal keeps nothing", 403, false, upload.ArrivedNothing},
		{"also after all of it", 400, true, upload.ArrivedNothing},
		{"trouble of its own leaves it open", 500, true, upload.ArrivedMaybe},
		{"unless the body was cut short", 503, false, upload.ArrivedSome},
		{"a redirect took nothing", 307, true, upload.ArrivedNothing},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.want, Answer{Status: c.status, Whole: c.whole}.Arrived())
		})
	}
}
