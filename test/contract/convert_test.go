package contract

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/convert"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/media"
	"github.com/mediaferry/mediaferry/internal/samples"
	"github.com/mediaferry/mediaferry/internal/sandbox"
	"github.com/mediaferry/mediaferry/internal/sandbox/sitoo"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// photo is the photograph of a telephone.
func photo(t *testing.T) []byte {
	t.Helper()
	if lacks := convert.Lacks(media.HEIC); lacks != "" {
		if os.Getenv("CI") == "true" || os.Getenv("MEDIAFERRY_NO_SKIP") == "1" {
			t.Fatal("this test must not be skipped here: " + lacks)
		}
		t.Skip(lacks)
	}
	content, err := os.ReadFile(filepath.Join("..", "..", "internal", "convert", "testdata", "photo.heic"))
	require.NoError(t, err)
	return content
}

func sampleOf(t *testing.T, name string) []byte {
	t.Helper()
	content, err := fs.ReadFile(samples.Files(), name)
	require.NoError(t, err)
	return content
}

func sumOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

func TestAPhotographReachesSitooAsJPEG(t *testing.T) {
	t.Parallel()
	content := photo(t)
	w := newWorld(t, "sitoo", func(s *sandbox.Settings) { sandbox.In[sitoo.Settings](s).SkipImages = false })
	refused := w.run(w.itemOf("refused", ".heic", content)).result
	require.Equal(t, upload.StateFailed, refused.State)
	require.Equal(t, upload.KindInvalid, refused.Error.Kind)
	require.Contains(t, string(refused.Error.Hint), "set convert: true for account sitoo")
	require.Empty(t, w.sandbox.Ledger().Of("sitoo"))

	w = newWorld(t, "sitoo", func(s *sandbox.Settings) { sandbox.In[sitoo.Settings](s).SkipImages = false })
	w.convert = true
	item := w.itemOf("photo", ".heic", content)
	item.Fields["file_name"], item.SHA256 = "front.heic", sumOf(content)
	is := w.run(item).result
	require.Equal(t, upload.StateReady, is.State, "%+v", is.Error)
	require.EqualValues(t, len(content), is.SourceSize)
	require.EqualValues(t, sumOf(content), is.SourceSHA256)
	require.Equal(t, "converted from image/heic (480 × 360) to image/jpeg (480 × 360)", is.Note)
	got := w.sandbox.Ledger().Of("sitoo")[0]
	require.Equal(t, "image/jpeg", got.ContentType)
	require.Equal(t, "front.jpg", got.Name)
	require.EqualValues(t, got.SHA256, is.SHA256)
	require.EqualValues(t, got.Size, is.Size)
	require.Equal(t, [2]int{480, 360}, [2]int{got.Processed.Width, got.Processed.Height}, "the vendor could read it")
}

// What each vendor does not take is converted, whichever way its bytes go.
func TestEveryVendorIsSentWhatItTakes(t *testing.T) {
	for vendor, name := range map[string]string{
		"sitoo": "bottle.bmp", "trustoo": "chair.tif", "closient": "chair.tif", "truvideo": "backpack.webp",
	} {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			content := sampleOf(t, name)
			w := newWorld(t, vendor, nil)
			w.convert = true
			item := w.itemOf("a", filepath.Ext(name), content)
			is := w.run(item).result
			require.Equal(t, upload.StateReady, is.State, "%+v", is.Error)
			got := w.sandbox.Ledger().Of(vendor)[0]
			require.EqualValues(t, got.SHA256, is.SHA256)
			require.EqualValues(t, got.Size, is.Size)
			require.EqualValues(t, sumOf(content), is.SourceSHA256)
			require.NotEqual(t, is.SourceSHA256, is.SHA256)
			require.Contains(t, is.Note, "to image/jpeg")
			require.Empty(t, w.sandbox.Ledger().Violations)
		})
	}
}

func TestAnAccountThatConvertsSendsWhatIsTakenAsItIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sitoo", nil)
	w.convert = true
	content := w.sample()
	is := w.run(w.item("a")).result
	require.Equal(t, upload.StateReady, is.State, "%+v", is.Error)
	require.EqualValues(t, sumOf(content), is.SHA256)
	require.Equal(t, is.SHA256, is.SourceSHA256)
	require.Equal(t, is.Size, is.SourceSize)
	require.Empty(t, is.Note)
}

func TestTheColumnSHA256IsThatOfTheSource(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sitoo", nil)
	w.convert = true
	item := w.itemOf("a", ".bmp", sampleOf(t, "bottle.bmp"))
	item.SHA256 = sumOf([]byte("another"))
	is := w.run(item).result
	require.Equal(t, upload.StateFailed, is.State)
	require.Equal(t, upload.KindCorrupt, is.Error.Kind)
	require.Empty(t, w.sandbox.Ledger().Of("sitoo"), "nothing was sent")
}

func TestAPictureThatCannotBeConvertedCostsItsRow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sitoo", nil)
	w.convert = true
	content := sampleOf(t, "bottle.bmp")
	is := w.run(w.itemOf("a", ".bmp", content[:len(content)/2])).result
	require.Equal(t, upload.StateFailed, is.State)
	require.Equal(t, upload.KindInvalid, is.Error.Kind)
	require.Contains(t, is.Error.Message, "the picture cannot be converted")
	require.Empty(t, w.sandbox.Ledger().Of("sitoo"))
}

// A send that is repeated, and one of another run, send the same picture.
func TestARepeatedSendSendsTheSamePicture(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sitoo", nil)
	w.convert = true
	w.fault("sitoo.post#1=status=500", "sitoo.post#2=expired")
	is := w.run(w.itemOf("a", ".bmp", sampleOf(t, "bottle.bmp"))).result
	require.Equal(t, upload.StateReady, is.State, "%+v", is.Error)
	got := w.sandbox.Ledger().Of("sitoo")
	require.EqualValues(t, got[len(got)-1].SHA256, is.SHA256)
}

func TestPackedRowsAreConverted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sitoo", nil)
	w.convert = true
	content := sampleOf(t, "bottle.bmp")
	items := w.load(3, func(_ *ledger.Batch, items []upload.Item) {
		for i := range items {
			items[i].Source += ".bmp"
			require.NoError(t, os.WriteFile(items[i].Source, content, 0o600))
		}
	})
	_, results := w.runBatch()
	for _, item := range items {
		is := results[item.UploadID]
		require.Equal(t, upload.StateReady, is.State, "%+v", is.Error)
		require.Equal(t, upload.WayPacked, is.Way)
		require.EqualValues(t, sumOf(content), is.SourceSHA256)
		require.Contains(t, is.Note, "converted from image/bmp")
	}
}
