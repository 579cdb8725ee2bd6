package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/mediaferry/mediaferry/internal/upload"
)

const (
	sitooUnseen = "uploading" // Sitoo's state of a file that has not arrived
	sitooSends  = 3           // of a form whose bytes S3 took, and Sitoo did not notice
	// sitooLook is between two looks for a form whose answer was lost, when nobody
	// has answered the first few.
	sitooLook = 15 * time.Second
)

// Since when a lost file is not asked for a second time, and a form whose answer
// was lost is asked about for as long as one that arrived.
const (
	changeLostFile   = "sitoo-lost-file"
	changeLookLonger = "sitoo-look-longer"
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
		if expired(err) && r.arrived && !sitooLost(ctx, err) { // too late to send again, and perhaps no need to
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

// sitooLost reports whether the vendor has said already that it has no such file.
func sitooLost(ctx workflow.Context, err error) bool {
	return lost(err) && workflow.GetVersion(ctx, changeLostFile, workflow.DefaultVersion, 1) != workflow.DefaultVersion
}

// sitooArrived looks whether a form whose answer was lost arrived: its file is
// then beyond uploading.
func (r *run) sitooArrived(session upload.Session) search {
	return func(ctx workflow.Context, e *upload.Error) (*upload.Receipt, error) {
		if e.Arrived != upload.ArrivedMaybe && !r.arrived {
			return nil, nil
		}
		media, err := r.sitooSeen(ctx, session)
		if err != nil || media.Seen == sitooUnseen {
			return nil, err
		}
		return &upload.Receipt{}, nil
	}
}

// sitooSeen asks once what became of a file. Trouble with the answer is no reason
// to give the file up, or to send it again, until the time is over that processing
// may take.
func (r *run) sitooSeen(ctx workflow.Context, session upload.Session) (upload.Media, error) {
	since := workflow.Now(ctx)
	in := upload.Poll{Item: r.item, Content: r.content, Session: session, Once: true}
	media, err := r.pollOnce(ctx, in)
	for {
		var e *upload.Error
		if !asError(err, &e) || e.Kind != upload.KindUnavailable || workflow.Now(ctx).Sub(since) >= r.terms.Deadline {
			return media, err
		}
		if workflow.GetVersion(ctx, changeLookLonger, workflow.DefaultVersion, 1) == workflow.DefaultVersion {
			return media, err
		}
		if err := rest(ctx, max(sitooLook, e.RetryAfter), "before another look"); err != nil {
			return media, err
		}
		looking := r.looking()
		left := upload.ControlTries - r.trouble.Tries[looking.key()]
		r.trouble.Count(looking.key(), left-1) // one for each look from now on
		var polled upload.Polled
		err = r.try(ctx, looking, in, &polled)
		media = polled.Media
	}
}
