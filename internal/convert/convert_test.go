package convert

import (
	"bytes"
	"context"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/media"
	"github.com/mediaferry/mediaferry/internal/upload"
)

const plenty = 20 << 20

// convert converts a picture, and decodes what is made of it.
func convert(t *testing.T, kind media.Type, content []byte) (Made, image.Image) {
	t.Helper()
	made, out := converted(t, Order{kind, plenty}, content)
	full, err := jpeg.Decode(bytes.NewReader(out))
	require.NoError(t, err)
	require.Equal(t, [2]int{made.Width, made.Height}, [2]int{full.Bounds().Dx(), full.Bounds().Dy()})
	return made, full
}

func converted(t *testing.T, order Order, content []byte) (Made, []byte) {
	t.Helper()
	var out bytes.Buffer
	dir := t.TempDir()
	made, err := Make(t.Context(), order, bytes.NewReader(content), &out, dir)
	require.NoError(t, err)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left, "no file has a name")
	return made, out.Bytes()
}

// near compares a pixel with a colour, as far as JPEG keeps it.
func near(t *testing.T, full image.Image, x, y int, want color.RGBA, why string) {
	t.Helper()
	r, g, b, _ := full.At(x, y).RGBA()
	for i, pair := range [][2]int{{int(r >> 8), int(want.R)}, {int(g >> 8), int(want.G)}, {int(b >> 8), int(want.B)}} {
		require.InDelta(t, pair[1], pair[0], 10, "%s: %c at %d, %d", why, "RGB"[i], x, y)
	}
}

var (
	red   = color.RGBA{R: 255, A: 255}
	green = color.RGBA{G: 255, A: 255}
	blue  = color.RGBA{B: 255, A: 255}
	white = color.RGBA{255, 255, 255, 255}
)

func TestPicturesBecomeJPEG(t *testing.T) {
	for _, kind := range []media.Type{media.JPEG, media.PNG, media.GIF, media.BMP, media.TIFF} {
		made, full := convert(t, kind, encoded(t, kind, quarters(160, 80, color.Black)))
		require.Equal(t, [2]int{160, 80}, made.Before)
		near(t, full, 40, 20, red, string(kind))
		near(t, full, 120, 20, green, string(kind))
		near(t, full, 40, 60, blue, string(kind))
		near(t, full, 120, 60, color.RGBA{A: 255}, string(kind))
		require.Empty(t, made.Notes)
	}
}

func TestWhatIsClearBecomesWhite(t *testing.T) {
	for _, kind := range []media.Type{media.PNG, media.TIFF} {
		_, full := convert(t, kind, encoded(t, kind, quarters(160, 80, color.NRGBA{R: 255, A: 0})))
		near(t, full, 120, 60, white, string(kind))
		_, full = convert(t, kind, encoded(t, kind, quarters(160, 80, color.NRGBA{A: 0x80})))
		near(t, full, 120, 60, color.RGBA{127, 127, 127, 255}, string(kind))
	}
}

func TestPicturesAreTurnedUpright(t *testing.T) {
	sideways := quarters(160, 80, color.White)
	want := map[byte][4]color.RGBA{ // upper left, upper right, lower left, lower right
		1: {red, green, blue, white}, 2: {green, red, white, blue}, 3: {white, blue, green, red}, 4: {blue, white, red, green},
		5: {red, blue, green, white}, 6: {blue, red, white, green}, 7: {white, green, blue, red}, 8: {green, white, red, blue},
	}
	for orientation, corners := range want {
		for kind, content := range map[media.Type][]byte{
			media.JPEG: withSegment(encoded(t, media.JPEG, sideways), 0xe1, orientedEXIF(orientation)),
			media.PNG:  withChunk(encoded(t, media.PNG, sideways), "eXIf", oriented(orientation)),
		} {
			made, full := convert(t, kind, content)
			require.Equal(t, orientation > 4, made.Width < made.Height)
			for i, corner := range corners {
				near(t, full, made.Width/4+i%2*made.Width/2, made.Height/4+i/2*made.Height/2, corner, string(kind))
			}
		}
	}
}

func TestColoursBecomeSRGB(t *testing.T) {
	rust := plain(color.NRGBA{R: 200, G: 100, B: 50, A: 255}, 64, 64)
	want := color.RGBA{R: 215, G: 93, B: 31, A: 255} // by the matrices of the two
	for name, c := range map[string]struct {
		kind    media.Type
		content []byte
	}{
		"a JPEG": {media.JPEG, withSegment(encoded(t, media.JPEG, rust), 0xe2, append([]byte("ICC_PROFILE\x00\x01\x01"), displayP3()...))},
		"a PNG":  {media.PNG, withChunk(encoded(t, media.PNG, rust), "iCCP", append([]byte("p3\x00\x00"), deflated(t, displayP3())...))},
	} {
		made, full := convert(t, c.kind, c.content)
		near(t, full, 30, 30, want, name)
		require.Empty(t, made.Notes, name)
	}
	r, g, b := fromPrimaries[12].transform(200./255, 100./255, 50./255)
	require.InDeltaSlice(t, []float64{215, 93, 31}, []float64{r * 255, g * 255, b * 255}, 1, "the same by code points")

	made, full := convert(t, media.PNG, withChunk(encoded(t, media.PNG, rust), "iCCP", append([]byte("p3\x00\x00"), deflated(t, []byte("no profile"))...)))
	near(t, full, 30, 30, color.RGBA{200, 100, 50, 255}, "a profile that cannot be read")
	require.Contains(t, made.Notes[0], "colour profile was ignored")
}

func TestACubeOfColoursIsAsGoodAsTheirFormula(t *testing.T) {
	formula := colours{toSRGB: fromPrimaries[12].transform}
	table := colours{full: image.NewGray(image.Rect(0, 0, 1, 1)), toSRGB: formula.toSRGB}
	table.prepare(cubeWorth)
	require.NotNil(t, table.cube)
	dice := rand.New(rand.NewPCG(1, 1))
	far := 0
	for range 100_000 {
		r, g, b := dice.Uint32N(0x10000), dice.Uint32N(0x10000), dice.Uint32N(0x10000)
		r1, g1, b1 := formula.convert(r, g, b)
		r2, g2, b2 := table.convert(r, g, b)
		for _, pair := range [][2]uint32{{r1, r2}, {g1, g2}, {b1, b2}} {
			off := max(pair[0], pair[1]) - min(pair[0], pair[1])
			require.Less(t, off, uint32(10*0x101), "%v", [3]uint32{r, g, b})
			if off > 0x101 {
				far++
			}
		}
	}
	require.Less(t, far, 6000, "of 300,000 samples by more than one of 255")
	for _, end := range []uint32{0, 0xffff} {
		r, g, b := table.convert(end, end, end)
		require.InDelta(t, end, r, 40)
		require.InDelta(t, end, g, 40)
		require.InDelta(t, end, b, 40)
	}
}

func TestNoMetadataIsCarriedOver(t *testing.T) {
	content := withSegment(encoded(t, media.JPEG, plain(color.White, 20, 20)), 0xe1, append(orientedEXIF(1), "GPS: 47.1 N"...))
	content = withSegment(content, 0xfe, []byte("made by Jane"))
	_, out := converted(t, Order{media.JPEG, plenty}, content)
	require.NotContains(t, string(out), "Exif")
	require.NotContains(t, string(out), "GPS")
	require.NotContains(t, string(out), "Jane")
}

func TestPicturesThatAreTooLargeAreScaled(t *testing.T) {
	noise, dice := image.NewNRGBA(image.Rect(0, 0, 400, 300)), rand.New(rand.NewPCG(1, 1))
	for i := range noise.Pix {
		noise.Pix[i] = uint8(dice.Uint32()) | uint8(i%4/3*0xff)
	}
	content := encoded(t, media.PNG, noise)
	const most = 20_000
	made, out := converted(t, Order{media.PNG, most}, content)
	require.LessOrEqual(t, len(out), most)
	require.Greater(t, len(out), most/2, "not smaller than it has to be")
	require.Less(t, made.Width, 400)
	require.InDelta(t, 4./3, float64(made.Width)/float64(made.Height), 0.02)
	require.Contains(t, made.Text(media.PNG), "converted from image/png (400 × 300) to image/jpeg")
	require.Contains(t, made.Text(media.PNG), "scaled down to at most 20000 bytes")

	_, err := Make(t.Context(), Order{media.PNG, 100}, bytes.NewReader(content), io.Discard, "")
	require.ErrorContains(t, err, "does not fit in 100 bytes")
	require.Equal(t, upload.KindInvalid, upload.KindOf(err))
}

func TestScalingIsTheMeanOfAnArea(t *testing.T) {
	full := image.NewRGBA(image.Rect(0, 0, 3, 1))
	for x, grey := range []uint8{0, 90, 180} {
		full.SetRGBA(x, 0, color.RGBA{grey, grey, grey, 255})
	}
	small := scale(full, 2./3)
	require.Equal(t, image.Rect(0, 0, 2, 1), small.Bounds())
	require.Equal(t, color.RGBA{30, 30, 30, 255}, small.RGBAAt(0, 0))
	require.Equal(t, color.RGBA{150, 150, 150, 255}, small.RGBAAt(1, 0))
}

func TestTheSamePictureGivesTheSameBytes(t *testing.T) {
	content := encoded(t, media.TIFF, quarters(321, 123, color.NRGBA{R: 9, A: 99}))
	_, once := converted(t, Order{media.TIFF, plenty}, content)
	_, twice := converted(t, Order{media.TIFF, plenty}, content)
	require.Equal(t, once, twice)
}

// paged is a TIFF of two pages.
func paged(t *testing.T) []byte {
	t.Helper()
	content := encoded(t, media.TIFF, plain(color.White, 8, 8))
	is := content[4:8]
	at := int(is[0]) | int(is[1])<<8 | int(is[2])<<16
	n := int(content[at]) | int(content[at+1])<<8
	end := at + 2 + 12*n
	second := len(content) + len(content)%2
	out := append(bytes.Clone(content), make([]byte, second-len(content))...)
	copy(out[end:], []byte{byte(second), byte(second >> 8), byte(second >> 16), 0})
	return append(append(out, content[at:end]...), 0, 0, 0, 0)
}

func TestTheFirstPageIsTaken(t *testing.T) {
	made, _ := convert(t, media.TIFF, paged(t))
	require.Equal(t, []string{"it is the first of 2 pages"}, made.Notes)
}

func TestPicturesThatCannotBeConvertedSayWhy(t *testing.T) {
	frame := encoded(t, media.GIF, plain(color.White, 4, 4))
	at := 13 + 3<<(frame[10]&7+1)
	moving := append(bytes.Clone(frame[:len(frame)-1]), frame[at:]...)
	for name, c := range map[string]struct {
		kind    media.Type
		content []byte
		says    string
	}{
		"cut off":         {media.PNG, encoded(t, media.PNG, quarters(100, 100, color.White))[:150], "not enough pixel data"},
		"nothing":         {media.JPEG, []byte{0xff, 0xd8, 0xff}, "no picture that can be decoded"},
		"an animated GIF": {media.GIF, moving, "it is an animation"},
		"an animated PNG": {media.PNG, withChunk(encoded(t, media.PNG, plain(color.White, 4, 4)), "acTL", make([]byte, 8)), "it is an animation"},
		"an animated WebP": {
			media.WebP, append([]byte("RIFF\x20\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00"), "ANIM\x06\x00\x00\x00\x00\x00\x00\x00\x00\x00"...),
			"it is an animation",
		},
		"a bomb":      {media.PNG, hugePNG(60_000), "60000 × 60000 pixels"},
		"too large":   {media.TIFF, nil, "only pictures of up to 128 MiB are converted"},
		"bad in HEIC": {media.HEIC, []byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"), "the picture cannot be converted"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.kind == media.HEIC {
				needProgram(t)
			}
			var in io.Reader = bytes.NewReader(c.content)
			if c.content == nil {
				in = io.LimitReader(zeros{}, MostBytes+1)
			}
			_, err := Make(t.Context(), Order{c.kind, plenty}, in, io.Discard, t.TempDir())
			require.ErrorContains(t, err, c.says)
			require.Equal(t, upload.KindInvalid, upload.KindOf(err))
			require.NotEmpty(t, upload.AsError(err, "").Hint)
		})
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }

// hugePNG claims to be a large picture and holds nothing of it.
func hugePNG(edge uint32) []byte {
	size := []byte{byte(edge >> 24), byte(edge >> 16), byte(edge >> 8), byte(edge)}
	head := bytes.Join([][]byte{[]byte("IHDR"), size, size, {8, 2, 0, 0, 0}}, nil)
	sum := crc32.ChecksumIEEE(head)
	head = append(head, byte(sum>>24), byte(sum>>16), byte(sum>>8), byte(sum))
	return append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d"), head...)
}

func TestWhoeverGivesUpIsNotWaitedFor(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Make(ctx, Order{media.PNG, plenty}, bytes.NewReader(encoded(t, media.PNG, plain(color.White, 4, 4))), io.Discard, "")
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, upload.KindUnavailable, upload.KindOf(err))
}

func TestADiskThatIsFullIsNotThePicturesFault(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := Make(t.Context(), Order{media.PNG, plenty}, bytes.NewReader(nil), io.Discard, file)
	require.Equal(t, upload.KindUnavailable, upload.KindOf(err))
	require.ErrorContains(t, err, "could not be kept in a temporary file")
}

func TestThisComputerLetsPicturesBeConverted(t *testing.T) {
	require.NoError(t, Try(t.Context(), ""))
}

// needProgram skips a test on computers without a program that decodes HEIC.
func needProgram(t *testing.T) {
	t.Helper()
	if lacks := Lacks(media.HEIC); lacks != "" {
		t.Skip(lacks)
	}
}

// photograph is what the photograph of the tests shows: a sky, a meadow and a box, in
// Display P3.
func photograph(t *testing.T) []byte {
	t.Helper()
	full, dice := image.NewNRGBA(image.Rect(0, 0, 480, 360)), rand.New(rand.NewPCG(1, 1))
	for y := range 360 {
		for x := range 480 {
			c := color.NRGBA{R: uint8(90 + y/3), G: uint8(140 + y/4), B: 230, A: 255}
			switch grain := uint8(dice.IntN(40)); {
			case x > 360 && y > 240:
				c = color.NRGBA{R: 200, G: 100, B: 50, A: 255}
			case y > 200+x/12:
				c = color.NRGBA{R: 60 + grain, G: 120 + grain, B: 40 + grain/2, A: 255}
			}
			full.SetNRGBA(x, y, c)
		}
	}
	return withChunk(encoded(t, media.PNG, full), "iCCP", append([]byte("p3\x00\x00"), deflated(t, displayP3())...))
}

// remakePhotograph writes the file that other tests read.
func remakePhotograph(t *testing.T) {
	t.Helper()
	in := filepath.Join(t.TempDir(), "photo.png")
	require.NoError(t, os.WriteFile(in, photograph(t), 0o600))
	out, err := exec.Command("heif-enc", "-q", "40", "-o", filepath.Join("testdata", "photo.heic"), in).CombinedOutput()
	require.NoError(t, err, "%s", out)
}

func TestAPhotographOfATelephone(t *testing.T) {
	needProgram(t)
	if os.Getenv("MEDIAFERRY_UPDATE") != "" {
		remakePhotograph(t)
	}
	content, err := os.ReadFile(filepath.Join("testdata", "photo.heic"))
	require.NoError(t, err)
	require.Equal(t, media.HEIC, media.Detect(content))
	made, full := convert(t, media.HEIC, content)
	require.Equal(t, [2]int{480, 360}, made.Before)
	near(t, full, 420, 300, color.RGBA{R: 215, G: 94, B: 34, A: 255}, "its Display P3 became sRGB")
	require.Empty(t, made.Notes)
	_, again := converted(t, Order{media.HEIC, plenty}, content)
	_, once := converted(t, Order{media.HEIC, plenty}, content)
	require.Equal(t, once, again)
}

func FuzzWhatAFileSaysIsReadWithinItsBounds(f *testing.F) {
	f.Add(oriented(6))
	f.Add([]byte("RIFF\x20\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00"))
	f.Add([]byte("\x00\x00\x00\x10meta\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(_ *testing.T, content []byte) {
		for _, kind := range append(own, foreign...) {
			aboutOf(kind, content, content)
		}
	})
}
