package trustana

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/wire"
)

// cdnWait is after what time an image is sure to be at its address: the vendor names
// two to five minutes.
const cdnWait = 10 * time.Minute

// Reread asks for the image's status, by uploadId or by fileName. An uploadId is not
// durable, and an upload that is forgotten is answered like one that never was (TA-5):
// then the image's address has the word.
func (Client) Reread(ctx context.Context, c *wire.Caller, of upload.Finished) (upload.Reading, error) {
	reading := upload.Reading{Asked: callStatus.Request(), URL: of.Media.URL}
	for _, name := range [][2]string{{"uploadId", of.Handle.ID}, {"fileName", of.Handle.FileName}} {
		if name[1] == "" {
			continue
		}
		var got status
		a, err := call(ctx, c, wire.Request{Call: callStatus, Path: "/upload/status?" + url.Values{name[0]: {name[1]}}.Encode()}, &got)
		if isUnknown(a, err) {
			continue
		}
		if err != nil {
			return upload.Reading{}, err
		}
		reading.Facts = got.facts(a, of)
		if age := a.There(c.Now()).Sub(got.CreatedAt.Time); age < cdnWait {
			reading.URL, reading.Silent = "", "the image's address was not checked, because it can take minutes to become available"
		}
		return reading, nil
	}
	if of.Handle == (upload.Handle{}) {
		reading.Asked = ""
	}
	reading.Silent = "the vendor no longer knows the upload"
	return reading, nil
}

// facts is what a status says, beside what is known.
func (s status) facts(a wire.Answer, of upload.Finished) []upload.Comparison {
	facts := []upload.Comparison{upload.Compare("fileId", of.Media.ID, a.Clean(string(s.FileID)))}
	if s.Size != 0 && of.Size != 0 {
		facts = append(facts, upload.Compare("size", strconv.FormatInt(of.Size, 10), strconv.FormatInt(int64(s.Size), 10)))
	}
	if name := trustana.FileName(of.Item, of.Content()); s.OriginalName != "" {
		facts = append(facts, upload.Compare("originalName", a.Clean(name), a.Clean(string(s.OriginalName))))
	}
	if s.Format != "" {
		facts = append(facts, upload.Compare("format", "", a.Clean(string(s.Format))))
	}
	return facts
}
