package batch

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
)

// Duplicates are rows that would bring one account the same bytes again. They
// are allowed: one picture may be of two products.
type Duplicates struct {
	// Compared is how many rows could be compared: those on this host.
	Compared int64 `json:"compared"`
	// Rows is how many of them have the content of an earlier row for the same
	// account, and Bytes what they would send.
	Rows  int64 `json:"rows"`
	Bytes int64 `json:"bytes"`
	// Examples are the first of them.
	Examples []Duplicate `json:"examples,omitempty"`
	// Beyond is how many rows were not compared because there were too many
	// different contents of equal size.
	Beyond int64 `json:"beyond,omitempty"`
}

// Duplicate is a content that stands in several lines.
type Duplicate struct {
	Account string `json:"account"`
	Source  string `json:"source"` // of the first
	Size    int64  `json:"size"`
	Lines   []int  `json:"lines"` // the first ten
}

const (
	sieveBits    = 1 << 24 // two bits a slot: 4 MiB
	headSize     = 16 << 10
	mostContents = 1 << 20
	mostExamples = 20
	mostLines    = 10
)

// twin is a local source that may have the content of another.
type twin struct {
	account string
	line    int
	size    int64
	source  string
	head    [16]byte // digest of the beginning; zero in the first round
}

// twins finds equal contents in bounded memory and with little reading. Each
// round keeps those that something equal was met for, in a temporary file: first
// by size, then by how they begin, then by the whole.
type twins struct {
	folder string
	sizes  sieve
	file   *spool
	count  int64
}

func newTwins(temporary string) (*twins, error) {
	folder, err := os.MkdirTemp(temporary, "mediaferry-plan-")
	if err != nil {
		return nil, fmt.Errorf("folder for temporary files: %w", err)
	}
	t := &twins{folder: folder, sizes: newSieve()}
	if t.file, err = newSpool(folder); err != nil {
		t.close()
		return nil, err
	}
	return t, nil
}

func (t *twins) close() { _ = os.RemoveAll(t.folder) } // temporary: the system would remove it as well

func (t *twins) add(one twin) error {
	t.count++
	t.sizes.note(one.sizeKey())
	return t.file.write(one)
}

func (w twin) sizeKey() uint64 { return keyOf(w.account, uint64(w.size), nil) }
func (w twin) headKey() uint64 { return keyOf(w.account, uint64(w.size), w.head[:]) }

func keyOf(account string, size uint64, rest []byte) uint64 {
	h := fnv.New64a()
	_, _ = io.WriteString(h, account) // a hash never fails
	_, _ = h.Write(binary.LittleEndian.AppendUint64(nil, size))
	_, _ = h.Write(rest)
	return h.Sum64()
}

// find ends the comparison.
func (t *twins) find(ctx context.Context) (Duplicates, error) {
	heads, second := newSieve(), (*spool)(nil)
	second, err := newSpool(t.folder)
	if err != nil {
		return Duplicates{}, err
	}
	err = t.file.each(ctx, func(one twin) error {
		if !t.sizes.twice(one.sizeKey()) {
			return nil
		}
		sum, err := digest(ctx, one.source, headSize)
		if err != nil { // it is gone, or not ours: the batch will tell
			return nil //nolint:nilerr // a plan counts what it can read
		}
		copy(one.head[:], sum[:])
		heads.note(one.headKey())
		return second.write(one)
	})
	if err != nil {
		return Duplicates{}, err
	}
	found := Duplicates{Compared: t.count}
	whole := contents{seen: map[[16]byte]int32{}, found: &found}
	err = second.each(ctx, func(one twin) error {
		if !heads.twice(one.headKey()) {
			return nil
		}
		sum, err := one.whole(ctx)
		if err != nil {
			return nil //nolint:nilerr // as above
		}
		whole.add(one, sum)
		return nil
	})
	found.Examples = whole.examples
	return found, errors.Join(err, ctx.Err())
}

// whole is the digest of all bytes for one account.
func (w twin) whole(ctx context.Context) ([16]byte, error) {
	sum := w.head
	if w.size > headSize {
		full, err := digest(ctx, w.source, w.size)
		if err != nil {
			return sum, err
		}
		copy(sum[:], full[:])
	}
	all := sha256.Sum256(append([]byte(w.account+"\x00"), sum[:]...))
	copy(sum[:], all[:])
	return sum, nil
}

// contents are the digests that were met. Those that stand twice have a number
// of an example, or -1.
type contents struct {
	seen     map[[16]byte]int32
	first    []twin
	examples []Duplicate
	found    *Duplicates
}

func (c *contents) add(one twin, sum [16]byte) {
	at, met := c.seen[sum]
	if !met {
		if len(c.seen) >= mostContents {
			c.found.Beyond++
			return
		}
		at = -1
		if len(c.first) < mostContents/64 {
			at = int32(len(c.first))
			c.first = append(c.first, one)
		}
		c.seen[sum] = at
		return
	}
	c.found.Rows++
	c.found.Bytes += one.size
	if at >= 0 {
		c.example(c.first[at], one)
	}
}

func (c *contents) example(first, one twin) {
	for i := range c.examples {
		if c.examples[i].Lines[0] == first.line {
			if len(c.examples[i].Lines) < mostLines {
				c.examples[i].Lines = append(c.examples[i].Lines, one.line)
			}
			return
		}
	}
	if len(c.examples) < mostExamples {
		c.examples = append(c.examples, Duplicate{Account: first.account, Source: first.source, Size: first.size, Lines: []int{first.line, one.line}})
	}
}

// digest is of the first bytes of a file.
func digest(ctx context.Context, path string, most int64) (sum [sha256.Size]byte, err error) {
	file, err := os.Open(path)
	if err != nil {
		return sum, err
	}
	defer func() { _ = file.Close() }() // only read from
	h := sha256.New()
	in := io.LimitReader(file, most)
	for {
		if err := ctx.Err(); err != nil {
			return sum, err
		}
		const stretch = 1 << 20
		_, err := io.CopyN(h, in, stretch)
		if errors.Is(err, io.EOF) {
			h.Sum(sum[:0])
			return sum, nil
		}
		if err != nil {
			return sum, err
		}
	}
}

// sieve tells keys that were noted once from those noted more often. It may take
// a key for one of the latter that is not.
type sieve []byte

func newSieve() sieve { return make(sieve, sieveBits/4) }

func (s sieve) slot(key uint64) (at uint64, shift uint) {
	key ^= key >> 31
	n := key % sieveBits
	return n / 4, uint(n%4) * 2
}

func (s sieve) note(key uint64) {
	at, shift := s.slot(key)
	if n := s[at] >> shift & 3; n < 2 {
		s[at] += 1 << shift
	}
}

func (s sieve) twice(key uint64) bool {
	at, shift := s.slot(key)
	return s[at]>>shift&3 >= 2
}

// spool is a temporary file of twins.
type spool struct {
	file *os.File
	out  *bufio.Writer
	room []byte
}

func newSpool(folder string) (*spool, error) {
	file, err := os.CreateTemp(folder, "rows-")
	if err != nil {
		return nil, fmt.Errorf("temporary file: %w", err)
	}
	return &spool{file: file, out: bufio.NewWriterSize(file, 1<<16)}, nil
}

func (s *spool) write(one twin) error {
	b := append(s.room[:0], one.head[:]...)
	b = binary.AppendUvarint(b, uint64(one.line))
	b = binary.AppendUvarint(b, uint64(one.size))
	for _, text := range []string{one.account, one.source} {
		b = binary.AppendUvarint(b, uint64(len(text)))
		b = append(b, text...)
	}
	s.room = b
	if _, err := s.out.Write(b); err != nil {
		return fmt.Errorf("temporary file: %w", err)
	}
	return nil
}

// each reads everything back, and ends the file.
func (s *spool) each(ctx context.Context, do func(twin) error) error {
	defer func() { _ = s.file.Close() }() // it goes with its folder
	if err := s.out.Flush(); err != nil {
		return fmt.Errorf("temporary file: %w", err)
	}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("temporary file: %w", err)
	}
	in := bufio.NewReaderSize(s.file, 1<<16)
	for {
		one, err := readTwin(in)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("temporary file: %w", err)
		}
		if err := errors.Join(ctx.Err(), do(one)); err != nil {
			return err
		}
	}
}

func readTwin(in *bufio.Reader) (one twin, err error) {
	if _, err := io.ReadFull(in, one.head[:]); err != nil {
		return one, err
	}
	var numbers [2]uint64
	for i := range numbers {
		if numbers[i], err = binary.ReadUvarint(in); err != nil {
			return one, fmt.Errorf("cut short: %w", noEOF(err))
		}
	}
	one.line, one.size = int(numbers[0]), int64(numbers[1])
	for _, text := range []*string{&one.account, &one.source} {
		n, err := binary.ReadUvarint(in)
		if err != nil {
			return one, fmt.Errorf("cut short: %w", noEOF(err))
		}
		b := make([]byte, n)
		if _, err := io.ReadFull(in, b); err != nil {
			return one, fmt.Errorf("cut short: %w", noEOF(err))
		}
		*text = string(b)
	}
	return one, nil
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
