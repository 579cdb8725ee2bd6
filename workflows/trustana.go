package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// trustana follows Trustana's "Uploading Media": prepare, PUT to S3, check the
// status until there is a file ID.
func trustana(ctx workflow.Context, r *run) (upload.Media, error) {
	var previous *upload.Session
	for {
		// Step 1: prepare the upload.
		session, err := r.prepare(ctx, previous, "")
		if err != nil {
			return upload.Media{}, err
		}
		// Step 2: upload the file to S3. Repeating the PUT to one URL overwrites.
		_, err = r.transfer(ctx, session, nil)
		if err == nil {
			// Step 3: check the processing status.
			return r.poll(ctx, session)
		}
		// If a PUT may have landed, a second prepare, or another upload of the
		// item, would attach the image twice, so the old ID is asked first.
		if r.arrived {
			media, lookErr := r.askBack(ctx, session)
			if lookErr != nil || media.State == upload.StateReady {
				return media, lookErr
			}
		}
		// The URL ran out: call prepare again.
		if !r.renewable(err) {
			return upload.Media{}, err
		}
		previous = &session
	}
}
