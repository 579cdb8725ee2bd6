package thumbnail

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"runtime"
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

func TestPicturesAreMadeSmall(t *testing.T) {
	for _, format := range []string{"jpeg", "png", "gif", "bmp", "tiff"} {
		small, err := Make(t.Context(), encoded(t, format, 660, 440))
		require.NoError(t, err, format)
		require.Equal(t, [2]int{220, 146}, [2]int{small.Width, small.Height}, format)
		is, err := jpeg.Decode(bytes.NewReader(small.JPEG))
		require.NoError(t, err)
		r, g, _, _ := is.At(100, 70).RGBA()
		require.Greater(t, r, uint32(0xf000), format)
		require.Less(t, g, uint32(0x2000), format)
	}
	small, err := Make(t.Context(), encoded(t, "png", 3, 2))
	require.NoError(t, err)
	require.Equal(t, [2]int{3, 2}, [2]int{small.Width, small.Height}, "a small one stays as it is")
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

// hugeWebP has a canvas of one pixel, and within it a picture of the largest size.
func hugeWebP() []byte {
	chunk := func(name string, body []byte) []byte {
		return append(binary.LittleEndian.AppendUint32([]byte(name), uint32(len(body))), body...)
	}
	head := uint64(16383) | uint64(16383)<<14
	lossless := append([]byte{0x2f, byte(head), byte(head >> 8), byte(head >> 16), byte(head >> 24)}, make([]byte, 64)...)
	body := append([]byte("WEBP"), chunk("VP8X", make([]byte, 10))...)
	return chunk("RIFF", append(body, chunk("VP8L", append(lossless, 0))...))
}

func TestAPictureThatCostsTooMuchCostsItsThumbnailAndNothingElse(t *testing.T) {
	for name, content := range map[string][]byte{
		"a progressive JPEG":         hugeJPEG(6470, 0xc2),
		"a JPEG of four components":  hugeJPEG(6470, 0xc0),
		"a PNG of 16 bits":           hugePNG(6400, 0),
		"a PNG of 16 bits in passes": hugePNG(6400, 1),
		"a PNG with too many pixels": hugePNG(60_000, 0),
		"a WebP that lies":           hugeWebP(),
		"a file that is too large":   make([]byte, MostBytes+1),
		"no picture":                 []byte("GIF89a"),
		"nothing":                    nil,
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := Make(t.Context(), content)
			runtime.ReadMemStats(&after)
			require.ErrorIs(t, err, ErrNone)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(16<<20))
		})
	}
}

func TestAThumbnailThatNobodyWantsAnyMoreIsNotMade(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Make(ctx, encoded(t, "png", 3, 2))
	require.ErrorIs(t, err, ErrNone)
}
