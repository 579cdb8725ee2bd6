package workflows

import (
	"slices"

	"go.temporal.io/sdk/workflow"

	"github.com/mediaferry/mediaferry/internal/upload"
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
			parts, err = r.completeParts(ctx, session, parts)
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

// completeParts tells the vendor that all parts have arrived, and returns them as
// it was told. A refusal is not repeated as it is: the session is looked at, what
// the vendor lacks is sent again, and it is told once more. A second refusal
// leaves nothing but another session.
func (r *run) completeParts(ctx workflow.Context, session upload.Session, parts []upload.Part) ([]upload.Part, error) {
	for again := false; ; again = true {
		err := r.completeOnce(ctx, session, parts)
		var refusal *upload.Error
		if !asError(err, &refusal) || refusal.Kind != upload.KindRejected {
			return parts, err
		}
		media, heard, err := r.completed(ctx, session)
		if heard || err != nil {
			return parts, err
		}
		if again || workflow.GetVersion(ctx, changeCompleteOnceMore, workflow.DefaultVersion, 1) == workflow.DefaultVersion {
			refusal.Lost = true
			return parts, refusal
		}
		if parts, err = r.sendLacking(ctx, session, parts, media.Stored); err != nil {
			return nil, err
		}
	}
}

// changeCompleteOnceMore is since when a session outlives a first refusal of its
// completion.
const changeCompleteOnceMore = "complete-once-more"

// completeOnce tells the vendor that all parts have arrived. After anything but
// its word, the session is looked at before it is told again.
func (r *run) completeOnce(ctx workflow.Context, session upload.Session, parts []upload.Part) error {
	r.enter(ctx, upload.StateCompleting)
	return r.try(ctx, step{
		step: upload.StepComplete, activity: upload.ActivityComplete,
		options: func() workflow.ActivityOptions {
			options := control("complete at " + r.item.Account)
			options.RetryPolicy = onceOnly()
			return options
		},
		look: func(ctx workflow.Context, _ *upload.Error) (bool, error) {
			_, heard, err := r.completed(ctx, session)
			return heard, err
		},
	}, upload.Complete{Item: r.item, Session: session.ID, Parts: parts}, &upload.Media{})
}

// completed looks whether the vendor knows that the upload is complete.
func (r *run) completed(ctx workflow.Context, session upload.Session) (media upload.Media, heard bool, err error) {
	media, err = r.pollOnce(ctx, upload.Poll{Item: r.item, Content: r.content, Session: session})
	if err != nil {
		return media, false, err
	}
	switch media.Seen {
	case "INITIALIZED", "PARTIAL":
		return media, false, nil
	}
	return media, true, nil // PENDING_COMPLETE, COMPLETED or FAILED: polling tells the rest
}

// sendLacking sends the parts again that the vendor does not have, by its own
// list, and returns all parts. A list that names no ETag at all proves nothing:
// the vendor need not know of any part before the upload is complete.
func (r *run) sendLacking(ctx workflow.Context, session upload.Session, parts []upload.Part, stored []upload.StoredPart) ([]upload.Part, error) {
	there := map[int]bool{}
	for _, part := range stored {
		if part.ETag != "" {
			there[part.Number] = true
		}
	}
	left := slices.Clone(parts)
	lacking := 0
	for i := range left {
		if !there[left[i].Number] {
			left[i] = upload.Part{}
			lacking++
		}
	}
	if len(there) == 0 || lacking == 0 {
		return parts, nil
	}
	return r.sendRest(ctx, session, left)
}
