package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/mediaferry/mediaferry/upload"
)

const (
	sitooUnseen = "uploading" // Sitoo's state of a file that has not arrived
	sitooSends  = 3           // of a form whose bytes S3 took, and Sitoo did not notice
)

// sitoo follows Sitoo's "Uploading Media": request an upload URL, POST the form
// to S3, then ask for the file until it is ready or failed.
func sitoo(ctx workflow.Context, r *run) (upload.Media, error) {
	var previous *upload.Session
	for failures := 0; ; {
		// 1. Request an upload URL. Each request makes a new file_id.
		session, err := r.prepare(ctx, previous, "")
		if err != nil {
			return upload.Media{}, err
		}
		// 2. Direct upload; 3. the file passes uploading, uploaded, processing.
		media, err := r.sitooFile(ctx, session)
		switch {
		case err == nil && media.State == upload.StateReady:
			return media, nil
		case err == nil && failures == 0:
			failures++ // failed: once more with the same bytes
		case err == nil:
			return media, upload.Errorf(upload.KindRejected, upload.StepPoll, "%s failed twice: %s", media.ID, media.Reason)
		case !r.renewable(err):
			return media, err
		}
		previous = &session
	}
}

// sitooFile sends the form and waits for its file to be ready or failed. An
// error of kind expired asks for a new file.
func (r *run) sitooFile(ctx workflow.Context, session upload.Session) (upload.Media, error) {
	arrived := r.sitooArrived(session)
	for sent := 1; ; sent++ {
		_, err := r.transfer(ctx, session, arrived)
		if expired(err) && r.arrived { // too late to send again, and perhaps no need to
			var found *upload.Receipt
			if found, err = arrived(ctx, upload.AsError(err, upload.StepTransfer)); found == nil && err == nil {
				err = &upload.Error{Kind: upload.KindExpired, Step: upload.StepTransfer, Message: "the form ran out, and its file did not arrive"}
			}
		}
		if err != nil {
			return upload.Media{}, err
		}
		media, err := r.poll(ctx, session)
		if err != nil || media.Seen != sitooUnseen {
			return media, err
		}
		if sent == sitooSends { // S3 took the bytes, and Sitoo does not notice them
			return media, upload.Errorf(upload.KindTimeout, upload.StepPoll, "the vendor does not notice the file, last seen: %s", media.Seen)
		}
	}
}

// sitooArrived looks whether a form whose answer was lost arrived: its file is
// then beyond uploading.
func (r *run) sitooArrived(session upload.Session) search {
	return func(ctx workflow.Context, e *upload.Error) (*upload.Receipt, error) {
		if e.Arrived != upload.ArrivedMaybe && !r.arrived {
			return nil, nil
		}
		media, err := r.pollOnce(ctx, upload.Poll{Item: r.item, Content: r.content, Session: session})
		if err != nil || media.Seen == sitooUnseen {
			return nil, err
		}
		return &upload.Receipt{}, nil
	}
}
