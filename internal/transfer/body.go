package transfer

import (
	"context"
	"crypto/md5" //nolint:gosec // what S3's ETag is made of; nothing relies on it for secrecy
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"hash/crc64"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// Body is the medium, or a range of it, as Send reads it.
type Body struct {
	// Open starts at the first byte of the range and gives Size bytes; fewer are
	// a failure, more are not read. It is called once for each time that the range
	// is sent. Reading must end when ctx does: what it returns is closed before the
	// send returns, unless a Read goes on for longer than a second after that.
	Open func(ctx context.Context) (io.ReadCloser, error)
	Size int64
}

// Sums are checksums of what was read of a body, made in the same pass.
type Sums struct {
	MD5    string // lower-case hex
	CRC64  uint64 // ECMA
	SHA256 string // lower-case hex
}

// Want says which checksums a body needs besides CRC-64, which is always made.
// MD5 costs more than sending does: ask for it only where it is compared.
type Want struct {
	MD5    bool
	SHA256 bool
}

// reader counts and hashes what passes, and keeps the source's own error apart
// from the connection's.
type reader struct {
	ctx    context.Context // of the send: the limit waits in it
	src    io.ReadCloser
	left   int64
	failed atomic.Pointer[error]
	ended  atomic.Bool
	closed chan struct{}
	close  sync.Once
	crc    hash.Hash64
	md5    hash.Hash
	sha256 hash.Hash
	meter  *Meter
	pulse  *pulse
}

func newReader(ctx context.Context, src io.ReadCloser, size int64, want Want, meter *Meter) *reader {
	r := &reader{ctx: ctx, src: src, left: size, crc: crc64.New(upload.CRC64Table), meter: meter, pulse: &pulse{size: size}, closed: make(chan struct{})}
	meter.begin(r.pulse)
	if want.MD5 {
		r.md5 = md5.New() //nolint:gosec // see above
	}
	if want.SHA256 {
		r.sha256 = sha256.New()
	}
	return r
}

var errEnded = errors.New("the send has ended")

// lastRead is how long end waits for a Read that is under way.
const lastRead = time.Second

// end makes sure that nothing more is read or counted. A host may answer before
// it has the body; the connection then reads on until it notices that nobody
// wants it any more, and what it reads from may be closed by the caller.
func (r *reader) end() {
	r.ended.Store(true)
	timer := time.NewTimer(lastRead)
	defer timer.Stop()
	select {
	case <-r.closed:
	case <-timer.C:
	}
}

func (r *reader) Read(p []byte) (int, error) {
	switch {
	case r.left == 0:
		return 0, io.EOF
	case r.ended.Load():
		return 0, errEnded
	case int64(len(p)) > r.left:
		p = p[:r.left]
	}
	r.pulse.begins()
	n, err := r.src.Read(p)
	if r.ended.Load() {
		return 0, errEnded
	}
	if err == io.EOF { //nolint:errorlint // a source that wraps it means something else
		if err = nil; int64(n) < r.left {
			err = io.ErrUnexpectedEOF // the source became shorter
		}
	}
	if err == nil {
		err = r.passed(p[:n])
	}
	if err == nil {
		err = r.meter.guarded()
	}
	if err != nil {
		r.failed.Store(&err)
		return 0, err // without the bytes beside it: the other side must not have all of them
	}
	return n, nil
}

// passed takes note of bytes on their way, and waits until they may go. The request's
// head has gone by then: its URL does not run out meanwhile.
func (r *reader) passed(p []byte) error {
	r.left -= int64(len(p))
	r.hash(p)
	r.pulse.read.Add(int64(len(p))) // after it was hashed, so that all of it means all sums
	r.pulse.held.Store(true)
	defer r.pulse.held.Store(false)
	return r.meter.wait(r.ctx, len(p))
}

func (r *reader) hash(p []byte) {
	_, _ = r.crc.Write(p) // a hash never fails
	if r.md5 != nil {
		_, _ = r.md5.Write(p)
	}
	if r.sha256 != nil {
		_, _ = r.sha256.Write(p)
	}
}

func (r *reader) Close() (err error) {
	r.close.Do(func() {
		err = r.src.Close()
		close(r.closed)
	})
	return err
}

// sums may be called once nobody reads any more.
func (r *reader) sums() Sums {
	s := Sums{CRC64: r.crc.Sum64()}
	if r.md5 != nil {
		s.MD5 = hex.EncodeToString(r.md5.Sum(nil))
	}
	if r.sha256 != nil {
		s.SHA256 = hex.EncodeToString(r.sha256.Sum(nil))
	}
	return s
}

// Meter counts the bytes of a send while it runs, and may slow it. A nil Meter
// does neither.
type Meter struct {
	mu    sync.Mutex
	past  int64  // of sends that have ended
	under *pulse // of the one that is under way
	// Limit, where set, is asked before more is read; it returns when n more
	// bytes may pass, or an error when ctx ends.
	Limit func(ctx context.Context, n int) error
	// Guard, where set, is asked before bytes that were read are handed to the
	// connection. Its error ends the send, which hands over nothing more.
	Guard func() error
}

// Sent is how many bytes of the medium the other side has acknowledged so far, repeats
// included. Where the system does not tell, it is how many were handed to it.
func (m *Meter) Sent() int64 {
	if m == nil {
		return 0
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.under == nil {
		return m.past
	}
	return m.past + m.under.acknowledged()
}

// begin lets a send count from now on.
func (m *Meter) begin(p *pulse) {
	if m == nil {
		return
	}
	m.end()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.under = p
}

// end adds up the send that was under way.
func (m *Meter) end() {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.under != nil {
		m.past, m.under = m.past+m.under.acknowledged(), nil
	}
}

func (m *Meter) guarded() error {
	if m == nil || m.Guard == nil {
		return nil
	}
	return m.Guard()
}

func (m *Meter) wait(ctx context.Context, n int) error {
	if m == nil || m.Limit == nil {
		return nil
	}
	if err := m.Limit(ctx, n); err != nil { // the context ends, or would before so much may pass
		return upload.Errorf(upload.KindUnavailable, upload.StepTransfer, "rate limit: %w", err)
	}
	return nil
}

// buffers are for reading what is only hashed.
var buffers = sync.Pool{New: func() any { return new([256 << 10]byte) }}

// Digest reads a body to its end and returns its checksums. It fails as Send
// does where a source cannot be read.
func Digest(ctx context.Context, body Body, want Want) (Sums, error) {
	src, err := body.Open(ctx)
	if err != nil {
		return Sums{}, sourceError(ctx, err, 0, body.Size)
	}
	r := newReader(ctx, src, body.Size, want, nil)
	defer func() { _ = r.Close() }()           // only read from
	buffer := buffers.Get().(*[256 << 10]byte) // nothing else is put there
	defer buffers.Put(buffer)
	for r.left > 0 {
		if err := ctx.Err(); err != nil {
			return Sums{}, err
		}
		if _, err := r.Read(buffer[:]); err != nil {
			return Sums{}, sourceError(ctx, err, r.pulse.read.Load(), body.Size)
		}
	}
	return r.sums(), nil
}
