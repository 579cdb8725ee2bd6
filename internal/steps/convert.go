package steps

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/mediaferry/mediaferry/internal/convert"
	"github.com/mediaferry/mediaferry/internal/media"
	"github.com/mediaferry/mediaferry/internal/sources"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// open opens what is sent of a source: its own bytes, or the picture that they are
// converted to. That is made again where it is not at hand, and must be the same then: a
// session may hold parts of it.
func (s *Steps) open(ctx context.Context, item upload.Item, content upload.Content) (*sources.File, error) {
	if !content.Converts() {
		return s.Sources.Open(ctx, s.path(item), content.Fingerprint)
	}
	file, made, err := s.derive(ctx, item, content)
	if err != nil {
		return nil, err
	}
	if content.SHA256 != "" && made.SHA256 != content.SHA256 {
		_ = file.Close() // it is not needed
		e := upload.Errorf(upload.KindMissing, upload.StepTransfer, "the picture is converted otherwise than when the upload began: it had SHA-256 %s, and has %s now; mediaferry, or the program that decodes it, has changed, or differs between computers",
			content.SHA256, made.SHA256).WithHint("try again, which begins with what it is converted to now")
		e.Lost = true // the next run begins anew
		return nil, e
	}
	return file, nil
}

// derive opens the picture that a source is converted to.
func (s *Steps) derive(ctx context.Context, item upload.Item, content upload.Content) (*sources.File, sources.Derived, error) {
	order := convert.Order{From: media.Type(content.SourceType()), Most: content.Original.Most}
	return s.Sources.Derive(ctx, s.path(item), content.Fingerprint, sources.Derivation{
		Key: fmt.Sprintf("converted from %s, at most %d bytes", order.From, order.Most),
		Make: func(ctx context.Context, in io.Reader, out io.Writer, dir string) (string, error) {
			made, err := convert.Make(ctx, order, in, out, dir)
			return made.Text(order.From), err
		},
	})
}

// Prehash reads a source through, where it is converted, or its checksum is needed
// beforehand.
func (s *Steps) Prehash(ctx context.Context, item upload.Item, p *upload.Progress) error {
	if p.Content.Converts() {
		return s.convert(ctx, item, p)
	}
	sums, err := s.sum(ctx, item, p.Content)
	if err != nil {
		return err
	}
	p.Content.SHA256, p.Content.CRC64 = sums.SHA256, upload.FormatCRC64(sums.CRC64)
	return expected(item, sums.SHA256)
}

// NeedsPrehash reports whether Prehash is to be called before a session is opened. needed
// says that the vendor needs it.
func NeedsPrehash(needed bool, item upload.Item, content upload.Content) bool {
	return content.SHA256 == "" && (needed || item.SHA256 != "" || content.Converts())
}

// convert converts a source, and takes note of what will be sent.
func (s *Steps) convert(ctx context.Context, item upload.Item, p *upload.Progress) error {
	file, made, err := s.derive(ctx, item, p.Content)
	if err != nil {
		return err
	}
	_ = file.Close() // it is opened again when it is sent
	c, original := &p.Content, *p.Content.Original
	original.SHA256 = made.SourceSHA256
	c.Size, c.SHA256, c.CRC64, c.Original = made.Size, made.SHA256, made.CRC64, &original
	p.Note(made.Note)
	return expected(item, made.SourceSHA256)
}

// expected compares a source with what its row says of it.
func expected(item upload.Item, sum string) error {
	if item.SHA256 == "" || strings.EqualFold(item.SHA256, sum) {
		return nil
	}
	return upload.Errorf(upload.KindCorrupt, upload.StepClaim, "the source has SHA-256 %s, but the manifest says %s", sum, item.SHA256).
		WithHint("correct the source or the column sha256")
}
