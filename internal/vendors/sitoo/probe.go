package sitoo

import (
	"context"
	"encoding/json"
	"net/url"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/wire"
)

// nobody is an entity that no shipment has.
const nobody = "mediaferry-doctor|no-such-sku|NONE|00000000-0000-0000-0000-000000000000"

// Probe searches for an entity that does not exist: GET /v1/media/search.
func (Client) Probe(ctx context.Context, c *wire.Caller, _ upload.Fields) (wire.Answer, error) {
	query := url.Values{"entity_type": {"shipment_item"}, "entity_id": {nobody}, "limit": {"1"}}
	a, err := call(ctx, c, wire.Request{Call: callSearch, Path: callSearch.Path + "?" + query.Encode()})
	if err != nil {
		return a, err
	}
	var got struct {
		Files []json.RawMessage `json:"files"`
	}
	if err := a.Decode(&got); err != nil {
		return a, err
	}
	if got.Files == nil {
		return a, a.Incomplete("without files")
	}
	return a, nil
}
