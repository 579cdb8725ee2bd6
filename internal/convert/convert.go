// Package convert makes the pictures that vendors take of those that they do not: a JPEG
// in sRGB, upright, upon white where the picture is clear, without metadata, and small
// enough. The same picture gives the same bytes, as long as this program and the one that
// decodes for it stay the same.
//
// It owns what can be converted and how. Pictures are decoded in a process of package
// confined: by this program, or by an installed one for formats that it does not know.
// It refuses to know which vendor takes what, and keeps nothing.
package convert

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/confined"
	"github.com/mediaferry/mediaferry/internal/media"
	"github.com/mediaferry/mediaferry/internal/nameless"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// Target is what pictures are converted to.
const Target = media.JPEG

// MostBytes is how large a picture may be that is converted.
const MostBytes = 128 << 20

const (
	// memoryMost is what one process may use, and decodedMost what a decoder may allocate
	// within it. A photograph of 48 megapixels needs about 600 MB.
	memoryMost  = 1536 << 20
	decodedMost = 800 << 20
	cpuMost     = 2 * time.Minute
	timeMost    = 10 * time.Minute // on a busy computer too
)

// own are the formats that this program decodes itself, foreign those that it has
// decoded.
var (
	own     = []media.Type{media.JPEG, media.PNG, media.GIF, media.WebP, media.BMP, media.TIFF}
	foreign = []media.Type{media.HEIC, media.HEIF, media.AVIF}
)

// Knows reports whether pictures of a type can be converted, by an installed program at
// least; see Lacks.
func Knows(kind media.Type) bool { return slices.Contains(own, kind) || slices.Contains(foreign, kind) }

// Lacks says what is to be installed before pictures of a type can be converted; "" where
// nothing is.
func Lacks(kind media.Type) string {
	if !external(kind) || len(installed()) > 0 {
		return ""
	}
	return "install heif-convert (in Debian's package libheif-examples) or vips on the computer that reads the source"
}

// external reports whether another program decodes pictures of a type.
func external(kind media.Type) bool { return slices.Contains(foreign, kind) }

// Order is what is to be made of a picture.
type Order struct {
	From media.Type `json:"from"`
	Most int64      `json:"most"` // bytes of what is made
}

// Made is what was made of a picture.
type Made struct {
	Width  int `json:"width"`
	Height int `json:"height"`
	// Before are the width and height of the picture as it was, before it was turned and
	// scaled.
	Before [2]int   `json:"before"`
	Notes  []string `json:"notes,omitempty"` // what a person should know
}

// Text tells in words what a picture was converted to.
func (m Made) Text(from media.Type) string {
	text := fmt.Sprintf("converted from %s (%d × %d) to %s (%d × %d)", from, m.Before[0], m.Before[1], Target, m.Width, m.Height)
	return strings.Join(append([]string{text}, m.Notes...), "; ")
}

// turns are taken by those who convert: a process may need a lot of memory.
var turns = make(chan struct{}, max(1, min(runtime.NumCPU()/2, 4)))

// Make converts a picture. dir is the folder for temporary files, which have no name; "":
// the system's. Errors are *upload.Error of kind invalid, or unavailable where another
// try may succeed.
func Make(ctx context.Context, order Order, in io.Reader, out io.Writer, dir string) (Made, error) {
	select {
	case turns <- struct{}{}:
		defer func() { <-turns }()
	case <-ctx.Done():
		return Made{}, unavailable("%w", context.Cause(ctx))
	}
	source, err := nameless.Create(dir)
	if err != nil {
		return Made{}, full(err)
	}
	defer func() { _ = source.Close() }() // it has no name, and goes with this
	read := &reader{in: io.LimitReader(in, MostBytes+1)}
	switch n, err := io.Copy(source, read); {
	case read.err != nil:
		return Made{}, read.err
	case err != nil:
		return Made{}, full(err)
	case n > MostBytes:
		return Made{}, TooLarge(n)
	}
	files := []*os.File{source}
	if external(order.From) {
		decoded, err := decode(ctx, order.From, source, dir)
		if err != nil {
			return Made{}, err
		}
		defer func() { _ = decoded.Close() }() // as above
		files = append(files, decoded)
	}
	return process(ctx, order, files, out)
}

// Try converts a small picture, to find out whether this computer lets it.
func Try(ctx context.Context, dir string) error {
	var small bytes.Buffer
	if err := png.Encode(&small, image.NewGray(image.Rect(0, 0, 8, 8))); err != nil {
		return err
	}
	_, err := Make(ctx, Order{From: media.PNG, Most: MostBytes}, &small, io.Discard, dir)
	return err
}

// TooLarge is the refusal of a picture of so many bytes.
func TooLarge(size int64) *upload.Error {
	return invalid("the picture has %d bytes, and only pictures of up to %d MiB are converted", size, MostBytes>>20).
		WithHint("make it smaller, or convert it yourself")
}

// answer precedes what the process made, as a line of JSON.
type answer struct {
	Made
	Refused string `json:"refused,omitempty"` // why nothing was made
	Hint    string `json:"hint,omitempty"`
}

// process has the process convert one picture.
func process(ctx context.Context, order Order, files []*os.File, out io.Writer) (Made, error) {
	for _, file := range files {
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return Made{}, full(err)
		}
	}
	text, err := json.Marshal(order)
	if err != nil {
		return Made{}, err
	}
	result, w := io.Pipe()
	failed := make(chan error, 1)
	go func() {
		err := confined.Run(ctx, confined.Call{Command: command, Time: timeMost, Stdin: strings.NewReader(string(text)), Stdout: w, Files: files})
		_ = w.CloseWithError(err) // nil is the end of the file
		failed <- err
	}()
	said, copied := receive(result, out)
	_ = result.CloseWithError(copied)
	err = <-failed
	switch {
	case said.Refused != "":
		return Made{}, invalid("the picture cannot be converted: %s", said.Refused).WithHint("%s", said.Hint)
	case err != nil:
		return Made{}, died(ctx, "", err)
	case copied != nil:
		return Made{}, full(copied)
	}
	return said.Made, nil
}

// receive reads the answer of the process, and passes on what follows it.
func receive(in io.Reader, out io.Writer) (answer, error) {
	var said answer
	r := bufio.NewReader(in)
	line, err := r.ReadSlice('\n')
	if err != nil {
		return said, err
	}
	if err := json.Unmarshal(line, &said); err != nil {
		return said, err
	}
	_, err = io.Copy(out, r)
	return said, err
}

// died says why a process made nothing. by begins the message with whose it is; "": ours.
func died(ctx context.Context, by string, err error) error {
	var failed *confined.Error
	switch {
	case ctx.Err() != nil:
		return unavailable("the picture was not converted: %w", context.Cause(ctx))
	case !errors.As(err, &failed):
		return unavailable("the picture was not converted: %w", err)
	case failed.Late:
		return unavailable("the picture was not converted within %s", timeMost)
	}
	why := "it ended without a word"
	switch {
	case failed.Busy:
		why = fmt.Sprintf("it needs more than %s of computing time", cpuMost)
	case failed.Memory:
		why = fmt.Sprintf("it needs more than %d MB of memory", memoryMost>>20)
	case failed.Said != "":
		why = failed.Said
	}
	return invalid("the picture cannot be converted: %s%s", by, why).WithHint(hintOther)
}

// hintOther is what to do with pictures that cannot be decoded.
const hintOther = "open it in a viewer; if it is whole, export it as JPEG"

// reader remembers that reading failed, and not the disk.
type reader struct {
	in  io.Reader
	err error
}

func (r *reader) Read(p []byte) (int, error) {
	n, err := r.in.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = err
	}
	return n, err
}

func full(err error) *upload.Error {
	return unavailable("the picture could not be kept in a temporary file: %w", err).
		WithHint("make room on the disk, or set TMPDIR to a folder with room")
}

func invalid(format string, args ...any) *upload.Error {
	return upload.Errorf(upload.KindInvalid, upload.StepClaim, format, args...)
}

// unavailable is a failure of this computer. It says nothing of the vendor.
func unavailable(format string, args ...any) *upload.Error {
	e := upload.Errorf(upload.KindUnavailable, upload.StepClaim, format, args...)
	e.Peer = upload.PeerSource
	return e
}
