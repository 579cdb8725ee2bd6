// Package thumbnail makes small pictures of media that strangers made. It decodes them
// in a process of its own, whose memory and time are limited and whose environment is
// empty: a file that a decoder cannot cope with costs its thumbnail and nothing else.
//
// It owns what a picture may cost; the process is of package confined. It
// refuses to know where a picture comes from and what its thumbnail is for.
package thumbnail

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/jpeg"
	"time"

	"github.com/mediaferry/mediaferry/internal/confined"
)

const (
	// Edge is the longest edge of a thumbnail, in pixels.
	Edge = 220
	// MostBytes is how large the file of a picture may be.
	MostBytes = 16 << 20

	// decodeTime is how long the process may take, on a busy computer too, and cpuTime how
	// long it may compute.
	decodeTime = 30 * time.Second
	cpuTime    = 10 * time.Second
	mostAnswer = 1 << 20 // bytes of a thumbnail
)

// Picture is a thumbnail.
type Picture struct {
	JPEG          []byte
	Width, Height int
}

// ErrNone says that there is no thumbnail of a file: it is no picture that can be
// decoded, or a decoder needs too much for it.
var ErrNone = errors.New("not an image, or too large")

// Make makes the thumbnail of a picture, which may be of any format that catalogues
// have. The error wraps ErrNone where the process that decodes it has failed, died, or
// taken too long.
func Make(ctx context.Context, content []byte) (*Picture, error) {
	if len(content) > MostBytes {
		return nil, ErrNone
	}
	out := &bounded{most: mostAnswer}
	call := confined.Call{Command: command, Time: decodeTime, Stdin: bytes.NewReader(content), Stdout: out}
	if err := confined.Run(ctx, call); err != nil {
		return nil, fmt.Errorf("%w (%w)", ErrNone, err)
	}
	config, err := jpeg.DecodeConfig(bytes.NewReader(out.Bytes()))
	if err != nil || config.Width > Edge || config.Height > Edge {
		return nil, ErrNone
	}
	return &Picture{JPEG: out.Bytes(), Width: config.Width, Height: config.Height}, nil
}

// bounded is a buffer that takes no more than most bytes.
type bounded struct {
	bytes.Buffer
	most int
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > b.most {
		return 0, errors.New("the answer is too long")
	}
	return b.Buffer.Write(p)
}
