package sources

import (
	"compress/flate"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/media"
	"github.com/mediaferry/mediaferry/internal/nameless"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// spool is the content of one source.
type spool struct {
	of          *spools
	users       int // those who have not put it back; with none, it may be dropped
	source      string
	object      object
	fingerprint string
	file        *os.File
	expire      *time.Timer
}

// read reads a whole source once, and keeps it for the one who opens it next. The caller
// must put the spool back.
func (s *spools) read(ctx context.Context, p *page) (*spool, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	one, err := s.fetch(ctx, p)
	if err != nil {
		s.leave()
		return nil, err
	}
	s.add(one)
	return one, nil
}

func (s *spools) fetch(ctx context.Context, p *page) (*spool, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	late := time.AfterFunc(patience, func() { cancel(egress.ErrStalled) })
	is, body, err := p.whole(ctx)
	late.Stop()
	if err != nil {
		return nil, err
	}
	steady := egress.NewSteady(ctx, cancel, body)
	defer func() { _ = steady.Close() }() // it was read to its end, or is given up
	file, err := nameless.Create(s.dir)
	if err != nil {
		return nil, fullDisk(err)
	}
	size, sum, err := fill(file, steady, is.zipped)
	switch {
	case err != nil:
	case is.size >= 0 && !is.zipped && size != is.size:
		err = broken(io.ErrUnexpectedEOF, "ended after %d of %d bytes", size, is.size)
	case size == 0:
		err = empty()
	}
	if err != nil {
		_ = file.Close() // it is given up
		return nil, err
	}
	is.size = size
	return &spool{of: s, source: p.url.String(), object: is, fingerprint: upload.BytesFingerprint(size, sum), file: file}, nil
}

// fill copies a body to a file, decompressed, and returns its SHA-256.
func fill(file io.Writer, body io.Reader, zipped bool) (size int64, sum string, err error) {
	if zipped {
		plain, err := gzip.NewReader(body)
		if err != nil {
			return 0, "", illCompressed(err)
		}
		body = plain
	}
	hash := sha256.New()
	disk := &diskWriter{to: file}
	size, err = io.Copy(io.MultiWriter(disk, hash), io.LimitReader(body, spoolSize+1))
	switch {
	case disk.err != nil:
		return 0, "", fullDisk(disk.err)
	case err != nil && zipped:
		return 0, "", illCompressed(err)
	case err != nil:
		return 0, "", broken(err, "ended after %d bytes: %s", size, egress.Cause(err))
	case size > spoolSize && zipped:
		return 0, "", unfit("has the content encoding gzip, and more than %d MiB without it", spoolSize>>20).hint("%s", downloadHint)
	case size > spoolSize:
		return 0, "", unfit("has an unknown size and more than %d MiB, but vendors require the size in advance", spoolSize>>20).hint("%s", downloadHint)
	}
	return size, hex.EncodeToString(hash.Sum(nil)), nil
}

// illCompressed is the trouble of a body that cannot be decompressed. One that ends too
// soon may be whole the next time.
func illCompressed(err error) *trouble {
	var corrupt flate.CorruptInputError
	if errors.As(err, &corrupt) || errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) {
		return unfit("has the content encoding gzip, but is not compressed so: %v", err).hint("%s", downloadHint)
	}
	return broken(err, "ended before it could be decompressed: %s", egress.Cause(err))
}

// diskWriter remembers that the disk failed, and not the network.
type diskWriter struct {
	to  io.Writer
	err error
}

func (d *diskWriter) Write(b []byte) (int, error) {
	n, err := d.to.Write(b)
	d.err = err
	return n, err
}

func fullDisk(err error) *trouble {
	return broken(err, "could not be kept in a temporary file: %s", egress.Cause(err)).
		hint("make room on the disk, or set TMPDIR to a folder with room")
}

// look is what the file tells.
func (s *spool) look(name string) (Look, error) {
	head := make([]byte, min(s.object.size, media.HeadMost))
	if _, err := s.file.ReadAt(head, 0); err != nil {
		return Look{}, fullDisk(err)
	}
	if short := head[:min(len(head), media.HeadSize)]; !media.Undecided(short) {
		head = short
	}
	return Look{Size: s.object.size, Fingerprint: s.fingerprint, Name: name, Type: s.object.kind, Web: true, Head: head, Ranges: true}, nil
}

// lookOnce looks at a source by reading it to its end.
func (p remotePlace) lookOnce(ctx context.Context, at *page) (Look, error) {
	one, err := at.spools.read(ctx, at)
	if err != nil {
		return Look{}, err
	}
	defer at.spools.put(one)
	name := at.name()
	if one.object.name != "" {
		name = one.object.name
	}
	return one.look(name)
}

// openOnce opens the content of a source that was identified by its bytes.
func openOnce(ctx context.Context, at *page, fingerprint string) (content, error) {
	one := at.spools.take(at.url.String(), fingerprint)
	if one == nil {
		var err error
		if one, err = at.spools.read(ctx, at); err != nil {
			return nil, err
		}
	}
	if one.fingerprint != fingerprint {
		at.spools.put(one)
		return nil, changed(fingerprint, one.fingerprint)
	}
	return one, nil
}

// once reports whether a failure of a look is a reason to read the source whole.
func once(err error) bool {
	var t *trouble
	return errors.As(err, &t) && t.once
}

// byBytes reports whether a fingerprint is that of bytes.
func byBytes(fingerprint string) bool { return strings.Contains(fingerprint, " bytes, SHA-256 ") }

func (s *spool) size() int64                 { return s.object.size }
func (s *spool) check(context.Context) error { return nil } // the bytes were proven when they were read

func (s *spool) close() error {
	s.of.put(s)
	return nil
}

func (s *spool) read(ctx context.Context, offset, size int64, failed func(error) error) (io.ReadCloser, error) {
	return &spoolRange{ctx: ctx, in: io.NewSectionReader(s.file, offset, size), failed: failed}, nil
}

// spoolRange reads a range of the file.
type spoolRange struct {
	ctx    context.Context // of the range, as File.Range got it
	in     *io.SectionReader
	failed func(error) error
}

func (r *spoolRange) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, r.failed(broken(err, "was not read completely: %v", err))
	}
	n, err := r.in.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		err = r.failed(broken(err, "could not be read from its temporary file: %v", err))
	}
	return n, err
}

// Close does nothing: the file belongs to the spool.
func (r *spoolRange) Close() error { return nil }
