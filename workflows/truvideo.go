package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/mediaferry/mediaferry/upload"
)

const (
	// truvideoSessions is how many sessions one upload may use up by losing them.
	truvideoSessions = 3
	// truvideoStarts is how often a start may fail: each may have left an empty
	// session behind.
	truvideoStarts = 3
)

// truvideo follows TruVideo's "Upload V3": start the upload, PUT its parts to
// S3, request additional URLs as needed, complete it, poll for completion.
func truvideo(ctx workflow.Context, r *run) (upload.Media, error) {
	failed := false
	r.starts = truvideoStarts
	for sessions := 1; ; sessions++ {
		// Step 1: start upload (create session).
		session, err := r.prepare(ctx, nil, "")
		if err != nil {
			return upload.Media{}, err
		}
		// Steps 2 and 2.2: upload chunks to S3, with more URLs on demand.
		parts, err := r.sendParts(ctx, session)
		if err == nil {
			// Step 4: complete upload.
			err = r.completeParts(ctx, session, parts)
		}
		media := upload.Media{}
		if err == nil {
			// Step 5: poll for completion.
			r.result.CRC64 = upload.Text(upload.JoinParts(parts))
			r.startDigest(ctx)
			media, err = r.poll(ctx, session)
		}
		switch {
		case err == nil && media.State == upload.StateReady:
			return media, nil
		case err == nil && failed:
			return media, upload.Errorf(upload.KindRejected, upload.StepPoll, "%s failed twice: %s", session.ID, media.Reason)
		case err == nil:
			failed = true // a new session, at most once
		case !lost(err) || sessions == truvideoSessions:
			return media, err
		}
		r.note("session " + session.ID + " was left at the vendor")
	}
}

// lost reports whether a whole session is gone.
func lost(err error) bool {
	var e *upload.Error
	return asError(err, &e) && e.Lost
}

// completeParts tells the vendor that all parts have arrived. After anything but
// its word that it was heard, the session is looked at first.
func (r *run) completeParts(ctx workflow.Context, session upload.Session, parts []upload.Part) error {
	r.enter(ctx, upload.StateCompleting)
	in := upload.Complete{Item: r.item, Session: session.ID, Parts: parts}
	completing := step{
		step: upload.StepComplete, activity: upload.ActivityComplete,
		options: func() workflow.ActivityOptions {
			options := control("complete at " + r.item.Account)
			options.RetryPolicy = onceOnly()
			return options
		},
	}
	completing.look = func(ctx workflow.Context, _ *upload.Error) (bool, error) { return r.completed(ctx, session) }
	err := r.try(ctx, completing, in, &upload.Media{})
	var e *upload.Error
	if !asError(err, &e) || e.Kind != upload.KindRejected {
		return err
	}
	// 400: not to be repeated unchanged. It may have been heard before; if not,
	// the session is of no more use.
	if heard, lookErr := r.completed(ctx, session); heard || lookErr != nil {
		return lookErr
	}
	e.Lost = true
	return e
}

// completed looks whether the vendor knows that the upload is complete.
func (r *run) completed(ctx workflow.Context, session upload.Session) (bool, error) {
	media, err := r.pollOnce(ctx, upload.Poll{Item: r.item, Content: r.content, Session: session})
	if err != nil {
		return false, err
	}
	switch media.Seen {
	case "INITIALIZED", "PARTIAL":
		return false, nil
	}
	return true, nil // PENDING_COMPLETE, COMPLETED or FAILED: polling tells the rest
}
