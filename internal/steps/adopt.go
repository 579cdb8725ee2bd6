package steps

import (
	"context"
	"strings"

	"github.com/mediaferry/mediaferry/internal/transfer"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// adoptPart holds the source's bytes against a part that the vendor lists as
// stored, whose answer nobody heard: where its ETag is their MD5, it is as good as
// acknowledged. Otherwise the session is of no more use, for the vendor hands out
// no URL under which the part could be sent again.
func (s *Steps) adoptPart(ctx context.Context, in upload.SendPart) (upload.Part, error) {
	file, err := s.open(ctx, in.Item, in.Content)
	if err != nil {
		return upload.Part{}, err
	}
	defer func() { _ = file.Close() }() // only read from
	sums, err := transfer.Digest(ctx, part(file, in.Offset, in.Size), transfer.Want{MD5: true, SHA256: in.Size == in.Content.Size})
	if err == nil {
		err = file.Unchanged(ctx)
	}
	if err != nil {
		return upload.Part{}, err
	}
	if !strings.EqualFold(sums.MD5, in.Stored) {
		e := upload.Errorf(upload.KindExpired, upload.StepTransfer,
			"part %d at the vendor has ETag %s, but the MD5 of our bytes is %s, and the vendor returned no URL to send the part again", in.Part.Number, in.Stored, sums.MD5)
		e.Lost, e.Arrived = true, upload.ArrivedNothing
		return upload.Part{}, e
	}
	return upload.Part{
		Number: in.Part.Number, Offset: in.Offset, Size: in.Size,
		ETag: in.Stored, CRC64: upload.FormatCRC64(sums.CRC64), SHA256: sums.SHA256,
	}, nil
}
