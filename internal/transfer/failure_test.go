package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
)

func countOpens(n *int, open func(context.Context) (io.ReadCloser, error)) func(context.Context) (io.ReadCloser, error) {
	return func(ctx context.Context) (io.ReadCloser, error) {
		*n++
		return open(ctx)
	}
}

// swallow reads a whole request and never answers.
// brokenConn is a connection that was reset before anything was written to it.
func TestASourceThatFails(t *testing.T) {
	own := upload.Errorf(upload.KindMissing, upload.StepTransfer, "source changed under way").WithHint("look")
	wrapped := upload.Errorf(upload.KindUnavailable, upload.StepTransfer, "source broke off: %w", io.EOF)
	cases := []struct {
		name string
		body Body
		is   error
		kind upload.Kind
		text string
	}{
		{
			name: "ends early, and is reported with what it gave",
			body: sourceOf(1000, func() func(context.Context, []byte) (int, error) {
				left := 600
				return func(_ context.Context, p []byte) (int, error) {
					n := min(left, len(p))
					if left -= n; n == 0 {
						left = 600 // for the next one who reads
						return 0, io.EOF
					}
					return n, nil
				}
			}()),
			kind: upload.KindMissing, text: "source ended after 600 of 1000 bytes",
		},
		{
			name: "ends at once",
			body: sourceOf(10, func(context.Context, []byte) (int, error) { return 0, io.EOF }),
			kind: upload.KindMissing, text: "source ended after 0 of 10 bytes",
		},
		{
			name: "has an error of its own, which comes through as it is",
			body: sourceOf(10, func(context.Context, []byte) (int, error) { return 0, own }),
			is:   own, kind: upload.KindMissing, text: "changed under way",
		},
		{
			name: "has an error of its own that wraps an end",
			body: sourceOf(10, func(context.Context, []byte) (int, error) { return 0, wrapped }),
			is:   wrapped, kind: upload.KindUnavailable, text: "broke off",
		},
		{
			name: "has an error of its own beside its last bytes",
			body: sourceOf(10, func(_ context.Context, p []byte) (int, error) { return len(p), own }),
			is:   own, kind: upload.KindMissing, text: "changed under way",
		},
		{
			name: "cannot be opened, for a reason of its own",
			body: Body{Size: 10, Open: func(context.Context) (io.ReadCloser, error) { return nil, own }},
			is:   own, kind: upload.KindMissing, text: "changed under way",
		},
		{
			name: "has an error that nobody understood, and that holds a secret",
			body: sourceOf(10, func(context.Context, []byte) (int, error) {
				return 0, fmt.Errorf("get https://host/a%s gave %w", signed, os.ErrPermission)
			}),
			is: os.ErrPermission, kind: upload.KindMissing, text: "read the source: get https://host/a gave permission denied",
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			server := record(t, answers(http.StatusOK, nil, ""))
			_, err := Send(t.Context(), client(t), put(server.URL), c.body, Want{}, nil)
			_, digestErr := Digest(t.Context(), c.body, Want{})
			for _, err := range []error{err, digestErr} {
				e := failure(t, err)
				require.Equal(t, c.kind, e.Kind)
				require.Contains(t, e.Message, c.text)
				if c.is != nil {
					require.ErrorIs(t, err, c.is)
				}
			}
			require.Empty(t, server.requests(), "no store may take a body that is cut short for a whole one")
		})
	}
}

func TestTheSourceIsClosedHoweverASendEnds(t *testing.T) {
	server := record(t, answers(http.StatusOK, nil, ""))
	for name, target := range map[string]Target{
		"well":                          put(server.URL),
		"before it began":               put("http://ho st/"),
		"with a scheme that is refused": put("ftp://host/"),
	} {
		t.Run(name, func(t *testing.T) {
			closed := make(chan struct{})
			body := Body{Size: 1, Open: func(context.Context) (io.ReadCloser, error) {
				return &closing{Reader: bytes.NewReader([]byte("x")), closed: closed}, nil
			}}
			_, _ = Send(t.Context(), client(t), target, body, Want{}, nil)
			<-closed
		})
	}
}

type closing struct {
	io.Reader
	closed chan struct{}
}

func (c *closing) Close() error {
	close(c.closed)
	return nil
}

func TestACancelledContextGivesItsOwnError(t *testing.T) {
	swallowing := raw(t, func(conn *net.TCPConn) {
		swallow(conn)
		_, _ = conn.Read(make([]byte, 1)) // until the other side leaves
	})
	cases := []struct {
		name string
		body func(cancel func()) Body
		mete func(cancel func()) *Meter
	}{
		{name: "before anything", body: func(cancel func()) Body {
			cancel()
			return bytesBody([]byte("x"))
		}},
		{name: "while the source is opened", body: func(cancel func()) Body {
			return Body{Size: 1, Open: func(ctx context.Context) (io.ReadCloser, error) {
				cancel()
				return nil, upload.Errorf(upload.KindUnavailable, upload.StepTransfer, "was not read: %w", ctx.Err())
			}}
		}},
		{name: "while the source is read", body: func(cancel func()) Body {
			return sourceOf(1000, func(ctx context.Context, p []byte) (int, error) {
				cancel()
				return mute(ctx, p)
			})
		}},
		{name: "while the source is read, which words it as its own", body: func(cancel func()) Body {
			return sourceOf(1000, func(ctx context.Context, _ []byte) (int, error) {
				cancel()
				<-ctx.Done()
				return 0, upload.Errorf(upload.KindUnavailable, upload.StepTransfer, "was not read: %w", ctx.Err())
			})
		}},
		{name: "in the middle of the body", body: func(cancel func()) Body {
			sent := 0
			return sourceOf(1<<30, func(_ context.Context, p []byte) (int, error) {
				if sent += len(p); sent > 1<<20 {
					cancel()
				}
				return len(p), nil
			})
		}},
		{name: "while the limit holds it up", body: func(func()) Body { return pattern(1 << 20) }, mete: func(cancel func()) *Meter {
			return &Meter{Limit: func(ctx context.Context, _ int) error {
				cancel()
				<-ctx.Done()
				return ctx.Err()
			}}
		}},
		{name: "while the answer is awaited", body: func(cancel func()) Body {
			return sourceOf(10, func(_ context.Context, p []byte) (int, error) {
				time.AfterFunc(time.Millisecond, cancel) // before or after the last byte: both must do
				return len(p), nil
			})
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var meter *Meter
			if c.mete != nil {
				meter = c.mete(cancel)
			}
			_, err := Send(ctx, client(t), put(swallowing), c.body(cancel), Want{}, meter)
			require.ErrorIs(t, err, context.Canceled)
			var e *upload.Error
			require.False(t, errors.As(err, &e), "it is no failure of the upload's: %v", err)
		})
	}
	t.Run("also where its time is over", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 0)
		defer cancel()
		_, err := Send(ctx, client(t), put(swallowing), pattern(10), Want{}, nil)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		_, err = Digest(ctx, pattern(10), Want{})
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
	t.Run("also where checksums are made", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		_, err := Digest(ctx, sourceOf(10, func(ctx context.Context, _ []byte) (int, error) {
			cancel()
			return 0, upload.Errorf(upload.KindMissing, "", "closed")
		}), Want{})
		require.Equal(t, context.Canceled, err)
	})
}

// A host that answers before it has the body: what is read afterwards must
// neither count nor reach a source that the caller has closed.
func TestNothingIsReadAfterASend(t *testing.T) {
	url := raw(t, func(conn *net.TCPConn) {
		_, _ = head(conn)
		_, _ = io.WriteString(conn, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
	})
	for name, read := range map[string]func(context.Context, []byte) (int, error){
		"from a source that gives all the time": func(_ context.Context, p []byte) (int, error) { return len(p), nil },
		"from a source that gives no more":      mute,
	} {
		t.Run(name, func(t *testing.T) {
			closed := make(chan struct{})
			once := new(atomic.Bool)
			body := Body{Size: 1 << 40, Open: func(ctx context.Context) (io.ReadCloser, error) {
				return &closing{closed: closed, Reader: readFunc(func(p []byte) (int, error) {
					if once.CompareAndSwap(false, true) {
						return len(p), nil
					}
					return read(ctx, p)
				})}, nil
			}}
			meter := new(Meter)
			answer, err := Send(t.Context(), client(t), put(url), body, Want{}, meter)
			select {
			case <-closed:
			default:
				t.Error("the source is still open")
			}
			require.NoError(t, err)
			require.Equal(t, http.StatusForbidden, answer.Status)
			require.LessOrEqual(t, answer.Sent, meter.Sent())
		})
	}
}

func TestTroubleWithTheLineHasACodeOfItsOwn(t *testing.T) {
	unreachable := os.NewSyscallError("connect", syscall.ENETUNREACH)
	for name, c := range map[string]struct {
		err  error
		read int64
		want string
	}{
		"there is no network":                {&net.OpError{Op: "dial", Err: unreachable}, 0, upload.CodeOffline},
		"the network went under way":         {&net.OpError{Op: "write", Err: unreachable}, 10, upload.CodeReset},
		"a kept connection had died":         {io.EOF, 0, upload.CodeReset},
		"the connection ended":               {errors.New("anything"), 10, upload.CodeReset},
		"a connection was refused":           {os.NewSyscallError("connect", syscall.ECONNREFUSED), 0, ""},
		"a certificate was not to our taste": {errors.New("tls: unknown authority"), 0, ""},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, fault(c.err, c.read)) })
	}
}
