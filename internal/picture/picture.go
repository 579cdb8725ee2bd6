// Package picture decodes pictures that strangers made, as far as that is worth its
// memory: what a decoder will allocate is estimated from the head of a file. A head can
// lie, so whoever decodes does it in a process of package confined.
//
// It owns the formats that are decoded without another program, and what they cost. It
// refuses to know what a picture is for.
package picture

import (
	"bytes"
	"errors"
	"fmt"
	"image"

	_ "image/gif" // formats that catalogues have
	_ "image/jpeg"
	_ "image/png"

	_ "golang.org/x/image/bmp"
	_ "golang.org/x/image/tiff"
	_ "golang.org/x/image/webp"
)

// ErrNone says that a file is no picture that can be decoded.
var ErrNone = errors.New("no picture that can be decoded")

// CostError says that a picture needs too much.
type CostError struct {
	Width, Height int
	Bytes, Most   int64 // that a decoder allocates
}

func (e *CostError) Error() string {
	return fmt.Sprintf("%d × %d pixels, which take about %d MB of memory, where %d MB are allowed", e.Width, e.Height, e.Bytes>>20, e.Most>>20)
}

// Decode decodes a picture, for which a decoder may allocate most bytes. Of an animation
// it is the first frame, of several pages the first one. Errors wrap ErrNone or are a
// *CostError.
func Decode(content []byte, most int64) (image.Image, error) {
	config, format, err := image.DecodeConfig(bytes.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNone, err)
	}
	if config.Width <= 0 || config.Height <= 0 {
		return nil, fmt.Errorf("%w: it has no pixels", ErrNone)
	}
	if is := cost(content, config, format); is > most || int64(config.Width) > most/int64(config.Height) {
		return nil, &CostError{config.Width, config.Height, is, most}
	}
	full, _, err := image.Decode(bytes.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNone, err)
	}
	return full, nil
}
