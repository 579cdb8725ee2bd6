package activities

import (
	"context"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// Verify asks the vendor again for the medium of an upload that is ready. What may
// pass is waited out.
func (a *Activities) Verify(ctx context.Context, uploadID string) (upload.Verification, error) {
	defer alive(ctx)()
	of, err := a.Finished(ctx, uploadID)
	if err != nil {
		return upload.Verification{}, result(ctx, err)
	}
	v, err := a.Steps.Verify(ctx, of)
	return v, a.aside(ctx, of.Item, upload.StepPoll, err)
}
