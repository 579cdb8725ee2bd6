package trustana

import (
	"context"
	"encoding/json"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/wire"
)

// Probe searches the attributes: POST /attributes/search. Only an answer in the
// vendor's envelope counts (TA-9).
func (Client) Probe(ctx context.Context, c *wire.Caller, _ upload.Fields) (wire.Answer, error) {
	var got json.RawMessage
	a, err := call(ctx, c, wire.Request{Call: callProbe, Path: callProbe.Path, JSON: struct{}{}}, &got)
	if err != nil {
		return a, err
	}
	var envelope struct {
		ErrorCode *wire.Int `json:"errorCode"`
	}
	if err := a.Decode(&envelope); err != nil {
		return a, err
	}
	if envelope.ErrorCode == nil {
		return a, a.Incomplete("without errorCode")
	}
	return a, nil
}
