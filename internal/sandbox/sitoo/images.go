package sitoo

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"image/jpeg"
	"io"

	"golang.org/x/image/draw"

	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
)

const (
	processedLongest = 4096 // of a side, in pixels
	thumbnailSide    = 256
	processedQuality = 85
	// processedPixels refuses what would take the memory of the process: a decoder may take
	// twenty bytes for each.
	processedPixels = 24 << 20
)

// rendered is what image processing makes of an upload.
type rendered struct {
	full, thumbnail []byte
	simulate.Processed
}

// render converts an image of a declared type to JPEG, drops its metadata, caps
// its sides, and makes a thumbnail.
func render(src io.ReadSeeker, contentType string) (rendered, error) {
	decode, config, err := simulate.DecoderOf(contentType)
	if err != nil {
		return rendered{}, err
	}
	c, err := config(src)
	if err != nil {
		return rendered{}, fmt.Errorf("decode as %s: %w", contentType, err)
	}
	if c.Width < 1 || c.Height < 1 || c.Width*c.Height > processedPixels {
		return rendered{}, fmt.Errorf("an image of %d by %d pixels is not processed", c.Width, c.Height)
	}
	if _, err := src.Seek(0, io.SeekStart); err != nil {
		return rendered{}, err
	}
	img, err := decode(src)
	if err != nil {
		return rendered{}, fmt.Errorf("decode as %s: %w", contentType, err)
	}
	full := capped(img)
	var out rendered
	if out.full, err = asJPEG(full); err != nil {
		return rendered{}, err
	}
	if out.thumbnail, err = asJPEG(thumbnail(full)); err != nil {
		return rendered{}, err
	}
	sum := sha256.Sum256(out.full)
	out.Processed = simulate.Processed{
		ContentType: "image/jpeg", Size: int64(len(out.full)), SHA256: hex.EncodeToString(sum[:]),
		Width: full.Bounds().Dx(), Height: full.Bounds().Dy(),
	}
	return out, nil
}

// capped shrinks an image whose longer side is too long, and lays it on white:
// JPEG knows no transparency.
func capped(img image.Image) image.Image {
	w, h := img.Bounds().Dx(), img.Bounds().Dy()
	if long := max(w, h); long > processedLongest {
		w, h = max(1, w*processedLongest/long), max(1, h*processedLongest/long)
	}
	return drawn(img, img.Bounds(), w, h)
}

// thumbnail is the middle of an image, square.
func thumbnail(img image.Image) image.Image {
	b := img.Bounds()
	side := min(b.Dx(), b.Dy())
	x, y := b.Min.X+(b.Dx()-side)/2, b.Min.Y+(b.Dy()-side)/2
	return drawn(img, image.Rect(x, y, x+side, y+side), thumbnailSide, thumbnailSide)
}

func drawn(img image.Image, from image.Rectangle, w, h int) image.Image {
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(out, out.Bounds(), image.White, image.Point{}, draw.Src)
	draw.ApproxBiLinear.Scale(out, out.Bounds(), img, from, draw.Over, nil)
	return out
}

func asJPEG(img image.Image) ([]byte, error) {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: processedQuality}); err != nil {
		return nil, fmt.Errorf("write a JPEG: %w", err)
	}
	return b.Bytes(), nil
}
