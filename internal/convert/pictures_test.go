package convert

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"

	"github.com/mediaferry/mediaferry/internal/media"
)

// quarters are a picture whose four quarters tell which way is up: red, green, blue, and
// a fourth colour.
func quarters(wide, high int, fourth color.Color) *image.NRGBA64 {
	full := image.NewNRGBA64(image.Rect(0, 0, wide, high))
	for y := range high {
		for x := range wide {
			switch {
			case x < wide/2 && y < high/2:
				full.Set(x, y, color.NRGBA{R: 0xff, A: 0xff})
			case y < high/2:
				full.Set(x, y, color.NRGBA{G: 0xff, A: 0xff})
			case x < wide/2:
				full.Set(x, y, color.NRGBA{B: 0xff, A: 0xff})
			default:
				full.Set(x, y, fourth)
			}
		}
	}
	return full
}

// plain is a picture of one colour.
func plain(c color.Color, wide, high int) *image.NRGBA {
	full := image.NewNRGBA(image.Rect(0, 0, wide, high))
	for i := range wide * high {
		full.Set(i%wide, i/wide, c)
	}
	return full
}

// encoded is a picture in a format.
func encoded(t *testing.T, kind media.Type, full image.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	var err error
	switch kind {
	case media.JPEG:
		err = jpeg.Encode(&out, full, &jpeg.Options{Quality: 98})
	case media.PNG:
		err = png.Encode(&out, full)
	case media.GIF:
		err = gif.Encode(&out, full, nil)
	case media.BMP:
		err = bmp.Encode(&out, full)
	case media.TIFF:
		err = tiff.Encode(&out, full, &tiff.Options{Compression: tiff.Deflate})
	}
	require.NoError(t, err)
	return out.Bytes()
}

// orientedEXIF is EXIF that says how a picture is turned.
func orientedEXIF(orientation byte) []byte {
	return append([]byte("Exif\x00\x00"), oriented(orientation)...)
}

func oriented(orientation byte) []byte {
	return []byte{
		'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1,
		tagOrientation >> 8, tagOrientation & 0xff, 0, typeShort, 0, 0, 0, 1, 0, orientation, 0, 0,
		0, 0, 0, 0,
	}
}

// withSegment adds a segment to a JPEG.
func withSegment(content []byte, marker byte, body []byte) []byte {
	head := binary.BigEndian.AppendUint16([]byte{0xff, marker}, uint16(len(body)+2))
	return bytes.Join([][]byte{content[:2], head, body, content[2:]}, nil)
}

// withChunk adds a chunk to a PNG, behind its head.
func withChunk(content []byte, name string, body []byte) []byte {
	const head = 33
	chunk := append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), name...)
	chunk = append(chunk, body...)
	chunk = binary.BigEndian.AppendUint32(chunk, crc32.ChecksumIEEE(chunk[4:]))
	return bytes.Join([][]byte{content[:head], chunk, content[head:]}, nil)
}

func deflated(t *testing.T, content []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	_, err := w.Write(content)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

// displayP3 is the colour profile of telephones: other primaries, the curve of sRGB.
func displayP3() []byte {
	fixed := func(values ...float64) (out []byte) {
		for _, v := range values {
			out = binary.BigEndian.AppendUint32(out, uint32(int32(v*65536+0.5)))
		}
		return out
	}
	xyz := func(x, y, z float64) []byte { return append([]byte("XYZ \x00\x00\x00\x00"), fixed(x, y, z)...) }
	curve := append([]byte("para\x00\x00\x00\x00\x00\x03\x00\x00"), fixed(2.4, 1/1.055, 0.055/1.055, 1/12.92, 0.04045)...)
	tags := []struct {
		name string
		body []byte
	}{
		{"wtpt", xyz(0.9642, 1, 0.8249)},
		{"rXYZ", xyz(0.51512, 0.24120, -0.00105)},
		{"gXYZ", xyz(0.29198, 0.69225, 0.04189)},
		{"bXYZ", xyz(0.15710, 0.06657, 0.78407)},
		{"rTRC", curve},
		{"gTRC", curve},
		{"bTRC", curve},
	}
	table := binary.BigEndian.AppendUint32(nil, uint32(len(tags)))
	var bodies []byte
	for _, tag := range tags {
		table = append(table, tag.name...)
		table = binary.BigEndian.AppendUint32(table, uint32(128+4+12*len(tags)+len(bodies)))
		table = binary.BigEndian.AppendUint32(table, uint32(len(tag.body)))
		bodies = append(bodies, tag.body...)
	}
	head := make([]byte, 128)
	binary.BigEndian.PutUint32(head, uint32(128+len(table)+len(bodies)))
	copy(head[8:], "\x04\x00\x00\x00mntrRGB XYZ ")
	copy(head[36:], "acsp")
	copy(head[68:], fixed(0.9642, 1, 0.8249))
	return bytes.Join([][]byte{head, table, bodies}, nil)
}
