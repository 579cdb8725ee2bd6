package steps

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/sources"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// growing is a file whose writer is at work while somebody waits.
type growing struct {
	path  string
	now   time.Time
	waits int
	write func(waits int) // what happens during each wait
}

func (g *growing) touch(size int64) {
	if err := os.Truncate(g.path, size); err != nil {
		panic(err)
	}
	if err := os.Chtimes(g.path, g.now, g.now); err != nil {
		panic(err)
	}
}

func newGrowing(t *testing.T, size int64) (*growing, *Steps) {
	g := &growing{path: filepath.Join(t.TempDir(), "film.mp4"), now: time.Now(), write: func(int) {}}
	require.NoError(t, os.WriteFile(g.path, []byte("x"), 0o600))
	g.touch(size)
	s := &Steps{
		Sources: sources.New(sources.Options{}), Now: func() time.Time { return g.now },
		Wait: func(_ context.Context, d time.Duration) error {
			g.now = g.now.Add(d)
			g.waits++
			g.write(g.waits)
			return nil
		},
	}
	return g, s
}

func TestAFileThatGrowsIsRefused(t *testing.T) {
	g, s := newGrowing(t, 100<<20)
	g.write = func(int) { g.touch(101 << 20) }
	_, err := s.atRest(t.Context(), upload.Item{Source: g.path})
	require.Equal(t, upload.KindInvalid, upload.KindOf(err))
	require.ErrorContains(t, err, "is still growing")
	require.Contains(t, upload.AsError(err, "").Hint, "--settle 30s")
	require.Equal(t, 1, g.waits)
}

func TestALargeFileThatWasJustWrittenIsLookedAtTwice(t *testing.T) {
	g, s := newGrowing(t, 100<<20)
	look, err := s.atRest(t.Context(), upload.Item{Source: g.path})
	require.NoError(t, err)
	require.EqualValues(t, 100<<20, look.Size)
	require.Equal(t, 1, g.waits)

	g.now = g.now.Add(time.Minute)
	g.waits = 0
	_, err = s.atRest(t.Context(), upload.Item{Source: g.path})
	require.NoError(t, err)
	require.Zero(t, g.waits, "an old one is taken as it is")

	g, s = newGrowing(t, 1<<20)
	_, err = s.atRest(t.Context(), upload.Item{Source: g.path})
	require.NoError(t, err)
	require.Zero(t, g.waits, "so is a small one")
}

func TestAFileIsWaitedForUntilItIsLeftAlone(t *testing.T) {
	g, s := newGrowing(t, 10)
	g.write = func(waits int) {
		if waits <= 20 {
			g.touch(int64(10 + waits))
		}
	}
	began := g.now
	look, err := s.atRest(t.Context(), upload.Item{Source: g.path, Settle: 30 * time.Second})
	require.NoError(t, err)
	require.EqualValues(t, 30, look.Size)
	require.GreaterOrEqual(t, g.now.Sub(began), 50*time.Second)
	require.Less(t, g.now.Sub(began), 55*time.Second)
}

func TestAFileThatIsGoneWhileItIsWaitedForIsMissed(t *testing.T) {
	g, s := newGrowing(t, 10)
	g.write = func(int) { require.NoError(t, os.Remove(g.path)) }
	_, err := s.atRest(t.Context(), upload.Item{Source: g.path, Settle: time.Minute})
	require.Equal(t, upload.KindInvalid, upload.KindOf(err))
}
