package steps

import (
	"context"
	"fmt"

	"github.com/mediaferry/mediaferry/internal/sources"
	"github.com/mediaferry/mediaferry/internal/transfer"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// Prove holds a source in another place against what was sent from the old one:
// its size and type, the whole where its checksum is known, else each range that
// the store acknowledged. It fails with kind invalid where they differ.
func (s *Steps) Prove(ctx context.Context, in upload.Prove) (upload.Proved, error) {
	look, err := s.Sources.Look(ctx, s.path(in.Item))
	if err != nil {
		return upload.Proved{}, err
	}
	found, err := look.Claim(in.Item.ContentType).Check()
	switch {
	case err != nil:
		return upload.Proved{}, err
	case look.Size != in.Content.SourceSize():
		return upload.Proved{}, differs("it has %d bytes, but the source has %d", look.Size, in.Content.SourceSize())
	case string(found.Type) != in.Content.SourceType():
		return upload.Proved{}, differs("it is %s, but the source is %s", found.Type, in.Content.SourceType())
	}
	proved := upload.Proved{Fingerprint: look.Fingerprint}
	file, err := s.Sources.Open(ctx, s.path(in.Item), look.Fingerprint)
	if err != nil {
		return upload.Proved{}, err
	}
	defer func() { _ = file.Close() }() // only read from
	sum := in.Content.SHA256
	if in.Content.Converts() { // what is sent is made of the whole file
		sum = in.Content.Original.SHA256
	}
	switch {
	case sum != "":
		proved.By, err = "SHA-256 of the whole file", wholeIs(ctx, file, sum)
	case len(in.Parts) > 0:
		proved.By, err = fmt.Sprintf("CRC-64 of the %d parts that the store has", len(in.Parts)), partsAre(ctx, file, in.Parts)
	default:
		proved.By = "size and type only, because nothing has been sent yet"
	}
	if err != nil {
		return upload.Proved{}, err
	}
	return proved, file.Unchanged(ctx)
}

func wholeIs(ctx context.Context, file *sources.File, want string) error {
	sums, err := transfer.Digest(ctx, whole(file), transfer.Want{SHA256: true})
	if err != nil {
		return err
	}
	if sums.SHA256 != want {
		return differs("it has SHA-256 %s, but the source has %s", sums.SHA256, want)
	}
	return nil
}

func partsAre(ctx context.Context, file *sources.File, parts []upload.Part) error {
	for _, p := range parts {
		sums, err := transfer.Digest(ctx, part(file, p.Offset, p.Size), transfer.Want{})
		if err != nil {
			return err
		}
		if is := upload.FormatCRC64(sums.CRC64); is != p.CRC64 {
			return differs("part %d, bytes %d to %d, has CRC-64 %s, but the part that was sent has %s", p.Number, p.Offset, p.Offset+p.Size-1, is, p.CRC64)
		}
	}
	return nil
}

// differs is the failure of a source that is not the one that was begun with.
func differs(format string, args ...any) *upload.Error {
	return upload.Errorf(upload.KindInvalid, upload.StepTransfer, "the file is not the same: "+format, args...).
		WithHint("move the upload to a host that has the same file, or cancel it and start again")
}
