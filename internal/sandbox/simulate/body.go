package simulate

import (
	"context"
	"io"
	"time"
)

// BodyMeter counts a request's body as it is read, can read it slowly, and can
// look ahead into it.
type BodyMeter struct {
	raw   io.ReadCloser
	Ahead []byte
	Count int64
	rate  int64 // bytes a second; 0: as they come
	ctx   context.Context
	err   error // what reading ahead ended with
	broke bool
}

// slice is how often a slow body moves on.
const slice = 20 * time.Millisecond

// Read passes the body on.
func (b *BodyMeter) Read(p []byte) (int, error) {
	if len(b.Ahead) > 0 {
		n := copy(p, b.Ahead)
		b.Ahead = b.Ahead[n:]
		return n, nil
	}
	if b.err != nil {
		return 0, b.err
	}
	if b.rate > 0 {
		step := max(1, int(b.rate*int64(slice)/int64(time.Second)))
		p = p[:min(len(p), step)]
		if err := wait(b.ctx, slice); err != nil {
			return 0, err
		}
	}
	return (*rawBody)(b).Read(p)
}

// rawBody reads what the client sends, and counts it.
type rawBody BodyMeter

func (b *rawBody) Read(p []byte) (int, error) {
	n, err := b.raw.Read(p)
	b.Count += int64(n)
	b.broke = b.broke || err != nil && err != io.EOF
	return n, err
}

// Close does what the server's own body does.
func (b *BodyMeter) Close() error { return b.raw.Close() }

// peek returns up to n first bytes of the body, which stay to be read.
func (b *BodyMeter) peek(n int) []byte {
	if len(b.Ahead) >= n {
		return b.Ahead[:n]
	}
	buf := make([]byte, n-len(b.Ahead))
	got, err := io.ReadFull((*rawBody)(b), buf)
	b.Ahead = append(b.Ahead, buf[:got]...)
	if err != nil && err != io.ErrUnexpectedEOF {
		b.err = err
	} else if err != nil {
		b.err = io.EOF
	}
	return b.Ahead
}

// wait sleeps for d unless the context ends first.
func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// BodyBroke says that the client's body ended in an error. A body that was not read
// to its end did not break: whoever read it may have been refused.
func (c *Call) BodyBroke() bool { return c.Body.broke }
