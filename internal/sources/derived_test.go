package sources_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/sources"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// upper makes a content in capital letters, and counts how often.
func upper(key string, times *atomic.Int64) sources.Derivation {
	return sources.Derivation{Key: key, Make: func(_ context.Context, in io.Reader, out io.Writer, _ string) (string, error) {
		times.Add(1)
		all, err := io.ReadAll(in)
		if err != nil {
			return "", err
		}
		_, err = out.Write(append(bytes.ToUpper(all), key...))
		return "in capitals", err
	}}
}

func sum(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// textFile is a local source, and what a look at it finds.
func textFile(t *testing.T, reader *sources.Sources, text string) (path, fingerprint string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "a.txt")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	seen, err := reader.Look(t.Context(), path)
	require.NoError(t, err)
	return path, seen.Fingerprint
}

func TestWhatIsMadeOfASourceIsReadLikeASource(t *testing.T) {
	dir := t.TempDir()
	reader := sources.New(sources.Options{Temporary: dir})
	path, fingerprint := textFile(t, reader, "picture")
	var times atomic.Int64
	file, made, err := reader.Derive(t.Context(), path, fingerprint, upper("!", &times))
	require.NoError(t, err)
	require.EqualValues(t, 8, made.Size)
	require.EqualValues(t, 8, file.Size())
	require.Equal(t, "in capitals", made.Note)
	require.Equal(t, sum("PICTURE!"), made.SHA256)
	require.Equal(t, sum("picture"), made.SourceSHA256)
	got, err := readAll(t, file, 3, 5)
	require.NoError(t, err)
	require.Equal(t, "TURE!", string(got))
	require.NoError(t, file.Unchanged(t.Context()))
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left, "no file has a name")

	again, same, err := reader.Derive(t.Context(), path, fingerprint, upper("!", &times))
	require.NoError(t, err)
	require.Equal(t, made, same)
	require.EqualValues(t, 1, times.Load(), "it was kept")
	other, different, err := reader.Derive(t.Context(), path, fingerprint, upper("?", &times))
	require.NoError(t, err)
	require.NotEqual(t, made.SHA256, different.SHA256)
	require.EqualValues(t, 2, times.Load())

	require.NoError(t, os.WriteFile(path, []byte("another picture"), 0o600))
	require.Equal(t, upload.KindMissing, upload.KindOf(file.Unchanged(t.Context())), "the source tells")
	_, _, err = reader.Derive(t.Context(), path, fingerprint, upper("!", &times))
	require.Equal(t, upload.KindMissing, upload.KindOf(err))
	for _, one := range []*sources.File{file, again, other} {
		require.NoError(t, one.Close())
	}
}

func TestManyWhoWantTheSameWaitForOne(t *testing.T) {
	reader := sources.New(sources.Options{})
	path, fingerprint := textFile(t, reader, "picture")
	var times atomic.Int64
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			file, _, err := reader.Derive(t.Context(), path, fingerprint, upper("!", &times))
			if assertNoError(t, err) {
				assertNoError(t, file.Close())
			}
		})
	}
	all.Wait()
	require.EqualValues(t, 1, times.Load())
}

func TestWhatCannotBeMadeIsTriedAgain(t *testing.T) {
	reader := sources.New(sources.Options{})
	path, fingerprint := textFile(t, reader, "picture")
	fails := sources.Derivation{Key: "!", Make: func(context.Context, io.Reader, io.Writer, string) (string, error) {
		return "", errors.New("no picture")
	}}
	_, _, err := reader.Derive(t.Context(), path, fingerprint, fails)
	require.ErrorContains(t, err, "no picture")
	var times atomic.Int64
	file, _, err := reader.Derive(t.Context(), path, fingerprint, upper("!", &times))
	require.NoError(t, err)
	require.NoError(t, file.Close())
}

func TestADiskThatIsFullIsNotTheDerivationsFault(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	reader := sources.New(sources.Options{Temporary: file})
	path, fingerprint := textFile(t, reader, "picture")
	var times atomic.Int64
	_, _, err := reader.Derive(t.Context(), path, fingerprint, upper("!", &times))
	require.Equal(t, upload.KindUnavailable, upload.KindOf(err))
}

// What nobody uses gives way when there is too much of it.
func TestWhatIsKeptIsBounded(t *testing.T) {
	reader := sources.New(sources.Options{})
	path, fingerprint := textFile(t, reader, "picture")
	var times atomic.Int64
	large := func(i int) sources.Derivation {
		return sources.Derivation{Key: fmt.Sprint(i), Make: func(_ context.Context, _ io.Reader, out io.Writer, _ string) (string, error) {
			times.Add(1)
			_, err := io.CopyN(out, zeros{}, 100<<20)
			return "", err
		}}
	}
	for i := range 4 {
		file, _, err := reader.Derive(t.Context(), path, fingerprint, large(i))
		require.NoError(t, err)
		require.NoError(t, file.Close())
	}
	for i, made := range []int64{5, 5} { // the first is gone, the last is there
		file, _, err := reader.Derive(t.Context(), path, fingerprint, large(i*3))
		require.NoError(t, err)
		require.NoError(t, file.Close())
		require.Equal(t, made, times.Load())
	}
}
