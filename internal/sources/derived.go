package sources

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"hash/crc64"
	"io"
	"os"
	"sync"
	"time"

	"github.com/mediaferry/mediaferry/internal/nameless"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// Limits of what is made of sources.
const (
	// derivedMost is how many bytes are kept of what nobody uses.
	derivedMost = 256 << 20
	// derivedIdle is how long a file is kept for the step after the one that made it, and
	// for repetitions of that.
	derivedIdle = 2 * time.Minute
)

// Derivation is how another content is made of that of a source. It must make the same
// bytes each time.
type Derivation struct {
	// Key tells it from other derivations of the same source.
	Key string
	// Make reads the source, and writes the content. dir is the folder for temporary files.
	// Note is what a person should know. Its errors are those of Derive.
	Make func(ctx context.Context, in io.Reader, out io.Writer, dir string) (note string, err error)
}

// Derived is what is known of a content that was made of a source.
type Derived struct {
	Size         int64
	SHA256       string
	CRC64        string
	SourceSHA256 string
	Note         string
}

// Derive opens what a derivation makes of the version of a source that has the
// fingerprint. Whether it is unchanged is asked of the source. Errors are those of Open,
// and those of the derivation. The caller must close the File.
//
// What is made lies in a file without a name, and is kept for a while, for this process
// alone: another one makes it again.
func (s *Sources) Derive(ctx context.Context, source, fingerprint string, d Derivation) (*File, Derived, error) {
	from, err := s.Open(ctx, source, fingerprint)
	if err != nil {
		return nil, Derived{}, err
	}
	one, err := s.derived.get(ctx, derivedKey{source, fingerprint, d.Key}, from, d)
	if err != nil {
		return nil, Derived{}, errors.Join(err, from.Close())
	}
	return &File{source: source, content: &derivedContent{of: one, from: from, end: func() { s.derived.put(one) }}}, one.Derived, nil
}

// derivedKey tells contents that were made of sources from each other.
type derivedKey struct{ source, fingerprint, derivation string }

// derivedFile is a content that was made of a source. The mutex of its store guards it.
type derivedFile struct {
	Derived
	key    derivedKey
	users  int
	file   *os.File
	made   chan struct{} // closed when it is made, or has failed
	err    error
	expire *time.Timer
}

// derivedFiles are those of one process.
type derivedFiles struct {
	dir string

	mu    sync.Mutex
	files map[derivedKey]*derivedFile
	order []*derivedFile // of those that nobody uses, the oldest first
	idle  int64          // their bytes
}

// get returns the file that was made, or makes it. Whoever comes while another makes it
// waits for that. The caller must put it back.
func (s *derivedFiles) get(ctx context.Context, key derivedKey, from *File, d Derivation) (*derivedFile, error) {
	for {
		one, mine := s.take(key)
		if mine {
			s.finish(one, s.fill(ctx, one, from, d))
		}
		select {
		case <-one.made:
		case <-ctx.Done():
			s.put(one)
			return nil, from.failed(broken(ctx.Err(), "was not read: %v", context.Cause(ctx)))
		}
		if one.err == nil {
			return one, nil
		}
		s.put(one)
		if mine || ctx.Err() != nil {
			return nil, one.err
		}
	}
}

// take returns the file of a key, and whether the caller is the one who makes it.
func (s *derivedFiles) take(key derivedKey) (_ *derivedFile, mine bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if one := s.files[key]; one != nil {
		s.rest(one, 1)
		return one, false
	}
	one := &derivedFile{key: key, users: 1, made: make(chan struct{})}
	if s.files == nil {
		s.files = map[derivedKey]*derivedFile{}
	}
	s.files[key] = one
	return one, true
}

// put gives a file back, which is kept for a while.
func (s *derivedFiles) put(one *derivedFile) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rest(one, -1)
	for s.idle > derivedMost && len(s.order) > 0 {
		s.drop(s.order[0])
	}
}

// rest counts users. The mutex is held.
func (s *derivedFiles) rest(one *derivedFile, users int) {
	before := one.users
	one.users += users
	switch {
	case one.file == nil: // it failed, or is being made
	case before == 0:
		s.unrest(one)
	case one.users == 0:
		s.order, s.idle = append(s.order, one), s.idle+one.Size
		one.expire = time.AfterFunc(derivedIdle, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.drop(one)
		})
	}
}

// unrest takes a file from those that nobody uses. The mutex is held.
func (s *derivedFiles) unrest(one *derivedFile) {
	one.expire.Stop()
	s.idle -= one.Size
	for i, other := range s.order {
		if other == one {
			s.order = append(s.order[:i:i], s.order[i+1:]...)
			return
		}
	}
}

// drop closes a file that nobody uses. The mutex is held.
func (s *derivedFiles) drop(one *derivedFile) {
	if one.users > 0 || s.files[one.key] != one {
		return
	}
	s.unrest(one)
	delete(s.files, one.key)
	_ = one.file.Close() // it has no name
}

// finish lets those who wait know that a file is made, or has failed.
func (s *derivedFiles) finish(one *derivedFile, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if one.err = err; err != nil {
		delete(s.files, one.key)
	}
	close(one.made)
}

// fill makes the content.
func (s *derivedFiles) fill(ctx context.Context, one *derivedFile, from *File, d Derivation) error {
	file, err := nameless.Create(s.dir)
	if err != nil {
		return from.failed(fullDisk(err))
	}
	if err := s.write(ctx, one, from, d, file); err != nil {
		return errors.Join(err, file.Close())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	one.file = file
	return nil
}

func (s *derivedFiles) write(ctx context.Context, one *derivedFile, from *File, d Derivation, file io.Writer) error {
	body, err := from.Range(ctx, 0, from.Size())
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }() // only read from
	before, after := sha256.New(), sums{sha: sha256.New(), crc: crc64.New(upload.CRC64Table)}
	disk := &diskWriter{to: file}
	in := io.TeeReader(body, before)
	if one.Note, err = d.Make(ctx, in, io.MultiWriter(disk, &after), s.dir); err != nil {
		if disk.err != nil {
			return from.failed(fullDisk(disk.err))
		}
		return err
	}
	if _, err := io.Copy(io.Discard, in); err != nil { // what was made may not need the end
		return err
	}
	one.Size, one.SHA256, one.CRC64 = after.n, hex.EncodeToString(after.sha.Sum(nil)), upload.FormatCRC64(after.crc.Sum64())
	one.SourceSHA256 = hex.EncodeToString(before.Sum(nil))
	return from.Unchanged(ctx)
}

// sums sums up what is written to it.
type sums struct {
	sha hash.Hash
	crc hash.Hash64
	n   int64
}

func (s *sums) Write(p []byte) (int, error) {
	s.n += int64(len(p))
	_, _ = s.sha.Write(p) // hashes do not fail
	return s.crc.Write(p)
}

// derivedContent is a content that was made of a source.
type derivedContent struct {
	of   *derivedFile
	from *File
	once sync.Once
	end  func()
}

func (c *derivedContent) size() int64 { return c.of.Size }

func (c *derivedContent) read(ctx context.Context, offset, size int64, failed func(error) error) (io.ReadCloser, error) {
	return &spoolRange{ctx: ctx, in: io.NewSectionReader(c.of.file, offset, size), failed: failed}, nil
}

func (c *derivedContent) check(ctx context.Context) error { return c.from.content.check(ctx) }

func (c *derivedContent) close() error {
	c.once.Do(c.end)
	return c.from.content.close()
}
