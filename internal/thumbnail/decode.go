package thumbnail

import (
	"image"
	"image/color"
	"image/jpeg"
	"io"

	"golang.org/x/image/draw"

	"github.com/mediaferry/mediaferry/internal/picture"
)

const (
	// mostCost is how many bytes a decoder may allocate for a picture. A photograph of 24
	// megapixels costs 36 MB, and one of 16 whose JPEG is progressive 120 MB.
	mostCost = 128 << 20
	quality  = 72
)

// shrink decodes a picture and writes it small, upon white where it is clear.
func shrink(content []byte, out io.Writer) error {
	full, err := picture.Decode(content, mostCost)
	if err != nil {
		return err
	}
	b := full.Bounds()
	wide, high := b.Dx(), b.Dy()
	if longest := max(wide, high); longest > Edge {
		wide, high = max(wide*Edge/longest, 1), max(high*Edge/longest, 1)
	}
	small := image.NewRGBA(image.Rect(0, 0, wide, high))
	draw.Draw(small, small.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src)
	draw.ApproxBiLinear.Scale(small, small.Bounds(), full, b, draw.Over, nil)
	return jpeg.Encode(out, small, &jpeg.Options{Quality: quality})
}
