// Package sourcetest is the contract of sources: one suite that every scheme runs
// against a real store that the test can change. It knows no scheme.
package sourcetest

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/media"
	"github.com/mediaferry/mediaferry/internal/sources"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// Subject is one source under test. It has no content at first.
type Subject struct {
	Sources *sources.Sources
	Source  string // canonical
	Name    string // the name that Look must return
	// Put replaces the content of the source. Two contents have different
	// fingerprints, even if they have the same length.
	Put func(t *testing.T, content []byte)
	// Remove removes the source.
	Remove func(t *testing.T)
	// Secrets are texts that no error may contain.
	Secrets []string
}

// Run runs the suite. fresh makes a new subject for each case.
func Run(t *testing.T, fresh func(t *testing.T) Subject) {
	for name, check := range map[string]func(*testing.T, Subject){
		"a look tells size, name and how it begins":         looks,
		"a fingerprint stays, and changes with the content": fingerprints,
		"the whole can be read":                             whole,
		"any range can be read":                             ranges,
		"several ranges can be read at once":                parallel,
		"a range that is closed early disturbs nothing":     closedEarly,
		"a content that changed before is not opened":       changedBefore,
		"a content that changes under way is noticed":       changedUnderWay,
		"a source that is not there":                        gone,
		"a source that goes away":                           goes,
		"an empty source":                                   empty,
		"a cancelled context":                               cancelled,
		"a context that is cancelled while it is read":      cancelledUnderWay,
		"a range that lies outside":                         outside,
	} {
		t.Run(name, func(t *testing.T) { check(t, fresh(t)) })
	}
}

// Sizes in bytes. Large is more than all buffers on the way together.
const (
	middling = 2<<20 + 7
	large    = 12 << 20
)

// noise returns bytes that are the same for one seed, and repeat nowhere.
func noise(seed uint64, size int) []byte {
	content := make([]byte, size)
	var key [32]byte
	key[0] = byte(seed)
	_, _ = rand.NewChaCha8(key).Read(content) // it never fails
	return content
}

// refused checks a failure's kind, step, and that it gives nothing away.
func (s Subject) refused(t *testing.T, err error, kind upload.Kind, step upload.Step) *upload.Error {
	t.Helper()
	require.Error(t, err)
	e := upload.AsError(err, "")
	require.Equal(t, kind, e.Kind, "%v", err)
	require.Equal(t, step, e.Step)
	require.Contains(t, e.Message, upload.DisplaySource(s.Source))
	for _, secret := range s.Secrets {
		require.NotContains(t, e.Error(), secret)
		require.NotContains(t, e.Hint, secret)
	}
	return e
}

func (s Subject) look(t *testing.T) sources.Look {
	t.Helper()
	look, err := s.Sources.Look(t.Context(), s.Source)
	require.NoError(t, err)
	return look
}

func (s Subject) open(t *testing.T) *sources.File {
	t.Helper()
	file, err := s.Sources.Open(t.Context(), s.Source, s.look(t).Fingerprint)
	require.NoError(t, err)
	t.Cleanup(func() { _ = file.Close() }) // some cases close it themselves
	return file
}

func readRange(ctx context.Context, file *sources.File, offset, size int64) ([]byte, error) {
	body, err := file.Range(ctx, offset, size)
	if err != nil {
		return nil, err
	}
	defer func() { _ = body.Close() }() // only read from
	return io.ReadAll(body)
}

func looks(t *testing.T, s Subject) {
	for _, size := range []int{1, media.HeadSize - 1, media.HeadSize, media.HeadSize + 1, middling} {
		content := noise(1, size)
		s.Put(t, content)
		look := s.look(t)
		require.EqualValues(t, size, look.Size)
		require.Equal(t, s.Name, look.Name)
		require.True(t, bytes.Equal(content[:min(size, media.HeadSize)], look.Head))
		require.NotEmpty(t, look.Fingerprint)
		require.True(t, look.Ranges)
	}
}

func fingerprints(t *testing.T, s Subject) {
	s.Put(t, noise(1, 1000))
	first := s.look(t).Fingerprint
	require.Equal(t, first, s.look(t).Fingerprint)
	s.Put(t, noise(2, 1000))
	require.NotEqual(t, first, s.look(t).Fingerprint)
}

func whole(t *testing.T, s Subject) {
	content := noise(1, middling)
	s.Put(t, content)
	file := s.open(t)
	require.EqualValues(t, middling, file.Size())
	for range 2 { // a transfer that is tried again reads again
		got, err := readRange(t.Context(), file, 0, middling)
		require.NoError(t, err)
		require.True(t, bytes.Equal(content, got))
	}
	require.NoError(t, file.Unchanged(t.Context()))
	require.NoError(t, file.Close())
}

func ranges(t *testing.T, s Subject) {
	content := noise(1, 100_000)
	s.Put(t, content)
	file := s.open(t)
	for _, r := range [][2]int64{{0, 1}, {0, 99_999}, {1, 99_999}, {99_999, 1}, {5000, 70_000}} {
		got, err := readRange(t.Context(), file, r[0], r[1])
		require.NoError(t, err)
		require.True(t, bytes.Equal(content[r[0]:r[0]+r[1]], got), "%v", r)
	}
	require.NoError(t, file.Unchanged(t.Context()))
}

func parallel(t *testing.T, s Subject) {
	content := noise(1, middling)
	s.Put(t, content)
	file := s.open(t)
	const part = 1 << 18
	got, errs := make([]byte, middling), make([]error, middling/part+1)
	var group sync.WaitGroup
	for i := range errs {
		group.Go(func() {
			offset := int64(i * part)
			size := min(part, middling-offset)
			var body []byte
			if body, errs[i] = readRange(t.Context(), file, offset, size); errs[i] == nil {
				copy(got[offset:offset+size], body)
			}
		})
	}
	group.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	require.True(t, bytes.Equal(content, got))
}

func closedEarly(t *testing.T, s Subject) {
	content := noise(1, large)
	s.Put(t, content)
	file := s.open(t)
	body, err := file.Range(t.Context(), 0, large)
	require.NoError(t, err)
	_, err = io.ReadFull(body, make([]byte, 10))
	require.NoError(t, err)
	require.NoError(t, body.Close())
	got, err := readRange(t.Context(), file, 10, 10)
	require.NoError(t, err)
	require.Equal(t, content[10:20], got)
}

func changedBefore(t *testing.T, s Subject) {
	s.Put(t, noise(1, 1000))
	was := s.look(t).Fingerprint
	s.Put(t, noise(2, 1000))
	_, err := s.Sources.Open(t.Context(), s.Source, was)
	e := s.refused(t, err, upload.KindMissing, upload.StepTransfer)
	require.Contains(t, e.Message, was)
	require.Contains(t, e.Message, s.look(t).Fingerprint)
}

// A change is noticed by a range or, where what is open stays what it was, by
// the question afterwards; in no case do both pass.
func changedUnderWay(t *testing.T, s Subject) {
	for _, size := range []int{1000, 999, 2000} {
		s.Put(t, noise(1, 1000))
		file := s.open(t)
		was := s.look(t).Fingerprint
		_, err := readRange(t.Context(), file, 0, 500)
		require.NoError(t, err)
		s.Put(t, noise(2, size))
		if _, err = readRange(t.Context(), file, 500, 500); err == nil {
			err = file.Unchanged(t.Context())
		}
		e := s.refused(t, err, upload.KindMissing, upload.StepTransfer)
		require.Contains(t, e.Message, was)
		require.Contains(t, e.Message, s.look(t).Fingerprint)
		s.refused(t, file.Unchanged(t.Context()), upload.KindMissing, upload.StepTransfer)
		require.NoError(t, file.Close())
	}
}

func gone(t *testing.T, s Subject) {
	_, err := s.Sources.Look(t.Context(), s.Source)
	s.refused(t, err, upload.KindInvalid, upload.StepClaim)
	_, err = s.Sources.Open(t.Context(), s.Source, upload.ObjectFingerprint(1, "x", ""))
	s.refused(t, err, upload.KindMissing, upload.StepTransfer)
}

func goes(t *testing.T, s Subject) {
	s.Put(t, noise(1, 1000))
	file := s.open(t)
	s.Remove(t)
	_, err := readRange(t.Context(), file, 0, 1000)
	if err == nil {
		err = file.Unchanged(t.Context())
	}
	s.refused(t, err, upload.KindMissing, upload.StepTransfer)
	s.refused(t, file.Unchanged(t.Context()), upload.KindMissing, upload.StepTransfer)
}

func empty(t *testing.T, s Subject) {
	s.Put(t, nil)
	_, err := s.Sources.Look(t.Context(), s.Source)
	e := s.refused(t, err, upload.KindInvalid, upload.StepClaim)
	require.Contains(t, e.Message, "is empty")
	_, err = s.Sources.Open(t.Context(), s.Source, upload.ObjectFingerprint(1, "x", ""))
	s.refused(t, err, upload.KindMissing, upload.StepTransfer)
}

func cancelled(t *testing.T, s Subject) {
	s.Put(t, noise(1, 1000))
	file := s.open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Sources.Look(ctx, s.Source)
	s.refused(t, err, upload.KindUnavailable, upload.StepClaim)
	require.ErrorIs(t, err, context.Canceled)
	_, err = s.Sources.Open(ctx, s.Source, "x")
	s.refused(t, err, upload.KindUnavailable, upload.StepTransfer)
	require.ErrorIs(t, err, context.Canceled)
	_, err = file.Range(ctx, 0, 1000)
	s.refused(t, err, upload.KindUnavailable, upload.StepTransfer)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, file.Unchanged(ctx), context.Canceled)
}

func cancelledUnderWay(t *testing.T, s Subject) {
	s.Put(t, noise(1, large))
	file := s.open(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	body, err := file.Range(ctx, 0, large)
	require.NoError(t, err)
	defer func() { _ = body.Close() }() // only read from
	_, err = io.ReadFull(body, make([]byte, 10))
	require.NoError(t, err)
	cancel()
	_, err = io.ReadAll(body)
	s.refused(t, err, upload.KindUnavailable, upload.StepTransfer)
	require.ErrorIs(t, err, context.Canceled)
}

func outside(t *testing.T, s Subject) {
	s.Put(t, noise(1, 1000))
	file := s.open(t)
	for _, r := range [][2]int64{{-1, 1}, {0, 0}, {0, 1001}, {1000, 1}, {1 << 62, 1 << 62}} {
		_, err := file.Range(t.Context(), r[0], r[1])
		s.refused(t, err, upload.KindInternal, upload.StepTransfer)
	}
}
