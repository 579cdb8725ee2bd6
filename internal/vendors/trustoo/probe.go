package trustoo

import (
	"context"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/wire"
)

// Probe asks for a policy, and uses it for nothing.
func (Client) Probe(ctx context.Context, c *wire.Caller, _ upload.Fields) (wire.Answer, error) {
	var got uploadPolicy
	a, err := caller{c}.call(ctx, wire.Request{Call: callPolicy, Path: policyPath}, &got)
	if err != nil {
		return a, err
	}
	if e := a.Without(wire.Needed{Name: "host", Is: got.Host, Sends: true}, wire.Needed{Name: "signature", Is: got.Signature}); e != nil {
		return a, e
	}
	return a, nil
}
