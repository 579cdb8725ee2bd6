package samples

import (
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"image"
	"image/gif"
	_ "image/jpeg"
	_ "image/png"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	_ "golang.org/x/image/bmp"
	_ "golang.org/x/image/tiff"
	_ "golang.org/x/image/webp"
)

func file(t *testing.T, name string) []byte {
	t.Helper()
	content, err := fs.ReadFile(Files(), name)
	require.NoError(t, err)
	return content
}

func TestEveryFormatThatIsDrawnIsThere(t *testing.T) {
	extensions, total := map[string]int{}, 0
	entries, err := fs.ReadDir(Files(), ".")
	require.NoError(t, err)
	for _, entry := range entries {
		name := entry.Name()
		size := len(file(t, name))
		extension := filepath.Ext(name)
		extensions[extension]++
		total += size
		require.Less(t, size, 300_000, name)
		if extension != ".svg" {
			require.Greater(t, size, 20_000, name)
		}
	}
	for _, want := range []string{".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp", ".tif", ".svg", ".mp4"} {
		require.NotZero(t, extensions[want], want)
	}
	require.Less(t, total, 3_000_000)
}

func TestEveryPictureCanBeDecoded(t *testing.T) {
	names := map[string]string{".jpg": "jpeg", ".jpeg": "jpeg", ".png": "png", ".gif": "gif", ".webp": "webp", ".bmp": "bmp", ".tif": "tiff"}
	entries, err := fs.ReadDir(Files(), ".")
	require.NoError(t, err)
	for _, entry := range entries {
		want, picture := names[filepath.Ext(entry.Name())]
		if !picture {
			continue
		}
		drawn, kind, err := image.Decode(bytes.NewReader(file(t, entry.Name())))
		require.NoError(t, err, entry.Name())
		require.Equal(t, want, kind, entry.Name())
		require.GreaterOrEqual(t, drawn.Bounds().Dx(), 300, entry.Name())
	}
	moving, err := gif.DecodeAll(bytes.NewReader(file(t, "watch.gif")))
	require.NoError(t, err)
	require.Len(t, moving.Image, 12)
	require.True(t, bytes.Contains(file(t, "sneaker.jpg")[:64], []byte("Exif\x00\x00")))
}

func TestTheDrawingIsSVG(t *testing.T) {
	var root struct{ XMLName xml.Name }
	require.NoError(t, xml.Unmarshal(file(t, "glasses.svg"), &root))
	require.Equal(t, xml.Name{Space: "http://www.w3.org/2000/svg", Local: "svg"}, root.XMLName)
}

// boxes lists the names of a file's boxes.
func boxes(t *testing.T, content []byte) []string {
	t.Helper()
	var names []string
	for len(content) > 0 {
		name, size, err := nextBox(content)
		require.NoError(t, err)
		names = append(names, name)
		content = content[size:]
	}
	return names
}

func TestGrowMP4ReachesTheSizeExactly(t *testing.T) {
	short := file(t, Clip)
	length := int64(len(short))
	for name, size := range map[string]int64{
		"as it is":        length,
		"an empty box":    length + 8,
		"one byte more":   length + 9,
		"some parts":      12_000_000,
		"an odd size":     12_345_677,
		"a block's worth": length + 32<<10,
	} {
		t.Run(name, func(t *testing.T) {
			var grown bytes.Buffer
			require.NoError(t, GrowMP4(&grown, short, size))
			require.EqualValues(t, size, grown.Len())
			require.True(t, bytes.HasPrefix(grown.Bytes(), short), "offsets into the film must hold")
			want := boxes(t, short)
			if size > length {
				want = append(want, "free")
			}
			require.Equal(t, want, boxes(t, grown.Bytes()))
		})
	}
}

func TestTheFillerNeverRepeats(t *testing.T) {
	var one, two bytes.Buffer
	short := file(t, Clip)
	require.NoError(t, GrowMP4(&one, short, 8<<20))
	require.NoError(t, GrowMP4(&two, short, 8<<20))
	require.True(t, bytes.Equal(one.Bytes(), two.Bytes()), "the same size gives the same file")
	seen := map[string]bool{}
	for filler := one.Bytes()[len(short)+8:]; len(filler) >= 4096; filler = filler[4096:] {
		require.False(t, seen[string(filler[:64])])
		seen[string(filler[:64])] = true
	}
}

// few takes some bytes and refuses the rest.
type few struct {
	taken []byte
	room  int
}

var errFull = errors.New("full")

func (f *few) Write(p []byte) (int, error) {
	if len(f.taken)+len(p) > f.room {
		return 0, errFull
	}
	f.taken = append(f.taken, p...)
	return len(p), nil
}

func TestAboveFourGibibytesTheBoxHasALongSize(t *testing.T) {
	short := file(t, Clip)
	for room, long := range map[int64]bool{1<<32 - 1: false, 1 << 32: true, 40 << 30: true} {
		w := &few{room: len(short) + 1<<20}
		require.ErrorIs(t, GrowMP4(w, short, int64(len(short))+room), errFull)
		box := w.taken[len(short):]
		require.Equal(t, "free", string(box[4:8]))
		if long {
			require.EqualValues(t, 1, binary.BigEndian.Uint32(box))
			require.EqualValues(t, room, binary.BigEndian.Uint64(box[8:]))
		} else {
			require.EqualValues(t, room, binary.BigEndian.Uint32(box))
		}
	}
}

func TestGrowMP4FailsAsItsWriterDoes(t *testing.T) {
	short := file(t, Clip)
	for _, room := range []int{0, len(short), len(short) + 8} {
		require.ErrorIs(t, GrowMP4(&few{room: room}, short, 1<<20), errFull)
	}
}

func TestGrowMP4RefusesWhatItCannotGrow(t *testing.T) {
	short := file(t, Clip)
	length := int64(len(short))
	ftyp := "\x00\x00\x00\x10ftypisom\x00\x00\x02\x00"
	for name, c := range map[string]struct {
		short []byte
		size  int64
		text  string
	}{
		"a smaller size":            {short, length - 1, "cannot be grown"},
		"seven bytes more":          {short, length + 7, "cannot be grown"},
		"one byte more":             {short, length + 1, "cannot be grown"},
		"nothing":                   {nil, 100, "there is no box moov"},
		"no film":                   {[]byte(ftyp), 100, "there is no box moov"},
		"no MP4":                    {[]byte("\x00\x00\x00\x08free"), 100, `not with "free"`},
		"text":                      {[]byte("hello, this is text"), 100, "does not fit"},
		"a film that is cut":        {short[:len(short)-1], 1 << 20, "does not fit"},
		"bytes behind the film":     {append(bytes.Clone(short), 1, 2, 3), 1 << 20, "3 bytes at its end are no box"},
		"a box without an end":      {[]byte(ftyp + "\x00\x00\x00\x00mdat"), 100, `"mdat" runs to the end`},
		"a long box without a size": {[]byte(ftyp + "\x00\x00\x00\x01mdat\x00"), 100, `"mdat" is cut short`},
		"a long box that is short":  {[]byte(ftyp + "\x00\x00\x00\x01mdat\x00\x00\x00\x00\x00\x00\x00\x0f"), 100, "does not fit"},
		"a long box below nothing":  {[]byte(ftyp + "\x00\x00\x00\x01mdat\xff\xff\xff\xff\xff\xff\xff\xff"), 100, "does not fit"},
	} {
		t.Run(name, func(t *testing.T) {
			var w bytes.Buffer
			require.ErrorContains(t, GrowMP4(&w, c.short, c.size), c.text)
			require.Zero(t, w.Len())
		})
	}
}

// The tests above hold the boxes against the standard; this one holds a player
// against them, where there is one.
func TestAPlayerReadsWhatWasGrown(t *testing.T) {
	player, err := exec.LookPath("ffprobe")
	if err != nil {
		t.Log("ffprobe is not installed: only the boxes were checked")
		return
	}
	path := filepath.Join(t.TempDir(), "grown.mp4")
	out, err := os.Create(path)
	require.NoError(t, err)
	require.NoError(t, GrowMP4(out, file(t, Clip), 12_000_000))
	require.NoError(t, out.Close())
	said, err := exec.CommandContext(t.Context(), player, "-v", "error", "-count_frames",
		"-show_entries", "stream=codec_name,nb_read_frames:format=duration", "-of", "default=noprint_wrappers=1", path).CombinedOutput()
	require.NoError(t, err, "%s", said)
	for _, want := range []string{"codec_name=h264", "nb_read_frames=150", "codec_name=aac", "duration=6.0"} {
		require.Contains(t, string(said), want)
	}
	require.Zero(t, strings.Count(string(said), "error"))
}

func BenchmarkGrowMP4(b *testing.B) {
	short, err := fs.ReadFile(Files(), Clip)
	require.NoError(b, err)
	const size = 256 << 20
	b.SetBytes(size)
	for b.Loop() {
		require.NoError(b, GrowMP4(io.Discard, short, size))
	}
}
