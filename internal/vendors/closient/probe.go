package closient

import (
	"context"
	"encoding/json"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/wire"
)

// Probe lists an image of the product that the operator names.
func (Client) Probe(ctx context.Context, c *wire.Caller, fields upload.Fields) (wire.Answer, error) {
	a, err := caller{c}.call(ctx, wire.Request{Call: callList, Path: imagesPath(fields) + "?page=1&page_size=1"})
	if err != nil {
		return a, err
	}
	var got struct {
		Data []json.RawMessage `json:"data"`
	}
	if err := a.Decode(&got); err != nil {
		return a, err
	}
	if got.Data == nil {
		return a, a.Incomplete("without data")
	}
	return a, nil
}
