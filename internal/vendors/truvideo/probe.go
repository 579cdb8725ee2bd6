package truvideo

import (
	"context"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/wire"
)

// Probe logs in and forgets the token.
func (Client) Probe(ctx context.Context, c *wire.Caller, _ upload.Fields) (wire.Answer, error) {
	if err := c.Permits.Take(ctx, c.Account); err != nil {
		return wire.Answer{}, err
	}
	a, _, err := caller{c}.issued(ctx)
	return a, err
}
