package steps

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/samples"
	"github.com/mediaferry/mediaferry/internal/sources"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// bitmap is a picture that is to be converted.
func bitmap(t *testing.T) []byte {
	t.Helper()
	content, err := fs.ReadFile(samples.Files(), "bottle.bmp")
	require.NoError(t, err)
	return content
}

// planned is the progress of an item whose source is to be converted.
func planned(t *testing.T, from *sources.Sources, source string) *upload.Progress {
	t.Helper()
	seen, err := from.Look(t.Context(), source)
	require.NoError(t, err)
	return &upload.Progress{Content: upload.Content{
		Size: seen.Size, Type: "image/jpeg", Name: "bottle.jpg", Fingerprint: seen.Fingerprint,
		Original: &upload.Original{Size: seen.Size, Type: "image/bmp", Convert: true, Most: 20 << 20},
	}}
}

func TestASourceIsConvertedBeforeItsSessionIsOpened(t *testing.T) {
	content := bitmap(t)
	path := filepath.Join(t.TempDir(), "bottle.bmp")
	require.NoError(t, os.WriteFile(path, content, 0o600))
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, path)
	}))
	t.Cleanup(site.Close)
	whole := sha256.Sum256(content)
	var sent string
	for _, source := range []string{path, site.URL + "/bottle.bmp"} {
		s := &Steps{Sources: sources.New(sources.Options{AllowPrivate: true})}
		p := planned(t, s.Sources, source)
		require.True(t, NeedsPrehash(false, upload.Item{}, p.Content))
		require.NoError(t, s.Prehash(t.Context(), upload.Item{Source: source, SHA256: hex.EncodeToString(whole[:])}, p))
		require.False(t, NeedsPrehash(true, upload.Item{}, p.Content))
		require.Equal(t, hex.EncodeToString(whole[:]), p.Content.Original.SHA256)
		require.EqualValues(t, len(content), p.Content.SourceSize())
		require.Less(t, p.Content.Size, p.Content.SourceSize())
		require.Contains(t, p.Notes[0], "converted from image/bmp")
		file, err := s.open(t.Context(), upload.Item{Source: source}, p.Content)
		require.NoError(t, err)
		require.Equal(t, p.Content.Size, file.Size())
		require.NoError(t, file.Close())
		sums, err := s.sum(t.Context(), upload.Item{Source: source}, p.Content)
		require.NoError(t, err)
		require.Equal(t, p.Content.SHA256, sums.SHA256)
		if sent != "" {
			require.Equal(t, sent, p.Content.SHA256, "another process makes the same of it")
		}
		sent = p.Content.SHA256
	}
}

func TestAPictureThatIsConvertedOtherwiseIsNotMixedWithWhatWasSent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bottle.bmp")
	require.NoError(t, os.WriteFile(path, bitmap(t), 0o600))
	s := &Steps{Sources: sources.New(sources.Options{})}
	p := planned(t, s.Sources, path)
	require.NoError(t, s.Prehash(t.Context(), upload.Item{Source: path}, p))
	p.Content.SHA256 = "of an earlier version"
	_, err := s.open(t.Context(), upload.Item{Source: path}, p.Content)
	e := upload.AsError(err, "")
	require.Equal(t, upload.KindMissing, e.Kind)
	require.ErrorContains(t, err, "is converted otherwise than when the upload began")
	require.True(t, e.Lost, "its session is not continued")
	require.NotEmpty(t, e.Hint)
}

func TestAMovedSourceThatIsConvertedIsComparedItself(t *testing.T) {
	content := bitmap(t)
	dir := t.TempDir()
	path, same, other := filepath.Join(dir, "bottle.bmp"), filepath.Join(dir, "same.bmp"), filepath.Join(dir, "other.bmp")
	require.NoError(t, os.WriteFile(path, content, 0o600))
	require.NoError(t, os.WriteFile(same, content, 0o600))
	content[len(content)-1] ^= 1
	require.NoError(t, os.WriteFile(other, content, 0o600))
	s := &Steps{Sources: sources.New(sources.Options{})}
	p := planned(t, s.Sources, path)
	require.NoError(t, s.Prehash(t.Context(), upload.Item{Source: path}, p))
	proved, err := s.Prove(t.Context(), upload.Prove{Item: upload.Item{Source: same}, Content: p.Content})
	require.NoError(t, err)
	require.Equal(t, "SHA-256 of the whole file", proved.By)
	_, err = s.Prove(t.Context(), upload.Prove{Item: upload.Item{Source: other}, Content: p.Content})
	require.ErrorContains(t, err, "it has SHA-256")
}
