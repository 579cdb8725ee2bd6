package closient

import (
	"context"
	"strings"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/wire"
)

// Listing lists the images of the product that an item is for.
func (Client) Listing(ctx context.Context, c *wire.Caller, item upload.Item) ([]upload.Listed, error) {
	images, _, err := caller{c}.list(ctx, upload.StepPoll, item.Fields)
	a := c.Received(callList, 0, nil, nil) // whose Clean hides the account's secrets
	all := make([]upload.Listed, 0, len(images))
	for _, i := range images {
		all = append(all, upload.Listed{ID: upload.Text(i.ID), Title: upload.Text(a.Clean(strings.TrimSpace(string(i.Title)))), URL: string(i.ImageURL), MadeAt: i.Created.Time})
	}
	return all, err
}
