package picture

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/color/palette"
	"image/gif"
	"image/jpeg"
	"image/png"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
)

// encoded is a red picture in a format.
func encoded(t *testing.T, format string, wide, high int) []byte {
	t.Helper()
	full := image.NewRGBA(image.Rect(0, 0, wide, high))
	for i := range wide * high {
		full.Set(i%wide, i/wide, color.RGBA{R: 255, A: 255})
	}
	var out bytes.Buffer
	var err error
	switch format {
	case "jpeg":
		err = jpeg.Encode(&out, full, nil)
	case "png":
		err = png.Encode(&out, full)
	case "gif":
		err = gif.Encode(&out, full, nil)
	case "bmp":
		err = bmp.Encode(&out, full)
	case "tiff":
		err = tiff.Encode(&out, full, &tiff.Options{Compression: tiff.Deflate})
	}
	require.NoError(t, err)
	return out.Bytes()
}

// segment is one of a JPEG.
func segment(marker byte, body ...byte) []byte {
	return append(binary.BigEndian.AppendUint16([]byte{0xff, marker}, uint16(len(body)+2)), body...)
}

// hugeJPEG claims to be a large picture of four components and holds nothing of it.
func hugeJPEG(edge uint16, frame byte) []byte {
	size := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16([]byte{8}, edge), edge)
	return bytes.Join([][]byte{
		{0xff, 0xd8},
		segment(0xdb, append([]byte{0}, bytes.Repeat([]byte{1}, 64)...)...),
		segment(frame, append(size, 4, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0, 4, 0x11, 0)...),
		segment(0xc4, append([]byte{0, 1}, make([]byte, 16)...)...),
		segment(0xda, 4, 1, 0, 2, 0, 3, 0, 4, 0, 0, 0, 0),
		make([]byte, 16),
		{0xff, 0xd9},
	}, nil)
}

// hugePNG claims to be a large picture of sixteen bits a sample.
func hugePNG(edge uint32, interlace byte) []byte {
	chunk := func(name string, body []byte) []byte {
		out := append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), name...)
		out = append(out, body...)
		return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[4:]))
	}
	size := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, edge), edge)
	return bytes.Join([][]byte{
		[]byte("\x89PNG\r\n\x1a\n"),
		chunk("IHDR", append(size, 16, 6, 0, 0, interlace)),
		chunk("IDAT", []byte{0x78, 0x9c, 1, 0, 0, 0xff, 0xff}), chunk("IEND", nil),
	}, nil)
}

func TestACostIsWhatTheDecoderAllocates(t *testing.T) {
	for name, c := range map[string]struct {
		content []byte
		want    int64
	}{
		"a JPEG":                    {encoded(t, "jpeg", 160, 160), 160 * 160 * 3 / 2},
		"a JPEG of odd size":        {encoded(t, "jpeg", 161, 17), 176 * 32 * 3 / 2},
		"a JPEG of four components": {hugeJPEG(160, 0xc0), 160 * 160 * 12},
		"a progressive one":         {hugeJPEG(160, 0xc2), 160 * 160 * 28},
		"a JPEG behind a comment": {
			append([]byte{0xff, 0xd8, 0xff, 0xfe, 0, 6, 0xff, 0xc0, 1, 2}, hugeJPEG(160, 0xc0)[2:]...), 160 * 160 * 12,
		},
		"a PNG":                 {encoded(t, "png", 100, 100), 40_000},
		"a PNG of 16 bits":      {hugePNG(100, 0), 80_000},
		"one that is in passes": {hugePNG(100, 1), 160_000},
		"a GIF":                 {encoded(t, "gif", 100, 100), 20_000},
		"a bitmap":              {encoded(t, "bmp", 100, 100), 80_000},
	} {
		config, format, err := image.DecodeConfig(bytes.NewReader(c.content))
		require.NoError(t, err, name)
		require.Equal(t, c.want, cost(c.content, config, format), name)
	}
	require.EqualValues(t, 1, bytesOf(color.Palette(palette.Plan9)))
	require.Greater(t, cost([]byte{0xff, 0xd8}, image.Config{Width: 1, Height: 1}, "jpeg"), int64(1<<40), "one without a frame")
}

func FuzzTheHeadOfAJPEGIsReadWithinItsBounds(f *testing.F) {
	f.Add(hugeJPEG(160, 0xc2))
	f.Add([]byte{0xff, 0xd8, 0xff, 0xc0, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, content []byte) {
		require.GreaterOrEqual(t, costOfJPEG(content, 1), int64(0))
	})
}
