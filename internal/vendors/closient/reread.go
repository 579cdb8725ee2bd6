package closient

import (
	"context"
	"slices"
	"strings"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/wire"
)

// Reread looks for the image in the list of its product. The vendor serves the
// original (docs.closient.com, list product images), so the bytes can be compared.
// Whether the image is the primary one is not: a later one may have taken its place.
func (Client) Reread(ctx context.Context, c *wire.Caller, of upload.Finished) (upload.Reading, error) {
	if of.Media.ID == "" {
		return upload.Reading{Silent: "the ID of the image is unknown"}, nil
	}
	images, _, err := caller{c}.list(ctx, upload.StepPoll, of.Item.Fields)
	if err != nil {
		return upload.Reading{}, err
	}
	reading := upload.Reading{Asked: callList.Request(), Original: true}
	at := slices.IndexFunc(images, func(i image) bool { return shortUUID(string(i.ID)) == shortUUID(of.Media.ID) })
	if at < 0 {
		reading.Gone = true
		return reading, nil
	}
	found := images[at]
	title := strings.TrimSpace(of.Item.Fields.String("title"))
	a := c.Received(callList, 0, nil, nil) // whose Clean hides the account's secrets
	reading.Facts = []upload.Comparison{
		upload.Compare("id", of.Media.ID, of.Media.ID),
		upload.Compare("title", a.Clean(title), a.Clean(strings.TrimSpace(string(found.Title)))),
	}
	reading.URL = string(found.ImageURL)
	if reading.URL == "" {
		reading.Silent = "the vendor returns no address for the image"
	}
	return reading, nil
}
