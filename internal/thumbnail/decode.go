package thumbnail

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"io"

	_ "image/gif" // formats that catalogues have
	_ "image/png"

	_ "golang.org/x/image/bmp"
	"golang.org/x/image/draw"
	_ "golang.org/x/image/tiff"
	_ "golang.org/x/image/webp"
)

const (
	mostPixels = 40 << 20
	quality    = 72
)

// shrink decodes a picture and writes it small, upon white where it is clear.
func shrink(content []byte, out io.Writer) error {
	config, format, err := image.DecodeConfig(bytes.NewReader(content))
	if err != nil || config.Width <= 0 || config.Height <= 0 || config.Width > mostPixels/config.Height {
		return ErrNone
	}
	if cost(content, config, format) > mostCost {
		return ErrNone
	}
	full, _, err := image.Decode(bytes.NewReader(content))
	if err != nil {
		return ErrNone
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
