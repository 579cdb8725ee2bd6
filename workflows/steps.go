package workflows

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// claim looks at the source and claims the item's identity.
func (r *run) claim(ctx workflow.Context) (upload.Claimed, error) {
	var claimed upload.Claimed
	if r.item.Queue != "" {
		r.await(ctx, "a worker "+reader(r.item.Queue))
	}
	err := r.try(ctx, step{
		step: upload.StepClaim, activity: upload.ActivityClaim, reads: true,
		options: func() workflow.ActivityOptions { return r.reading("look at the source") },
	}, &r.item, &claimed)
	r.await(ctx, "")
	if err != nil {
		return claimed, err
	}
	r.content, r.terms = claimed.Content, claimed.Terms
	r.steering.mark = r.content.Fingerprint
	if plan := r.terms.Plan; plan.Parts > 0 {
		r.status.Parts, r.status.PartSize, r.status.Speed = plan.Parts, plan.PartSize, r.terms.Rate
		if r.terms.Rate > 0 {
			r.status.LeftSeconds = float64(plan.Size) / r.terms.Rate
		}
	}
	r.result.Size, r.result.SHA256, r.result.CRC64 = upload.Number(r.content.Size), upload.Text(r.content.SHA256), upload.Text(r.content.CRC64)
	if r.item.Resume != nil && claimed.Known == nil && claimed.Refused == nil {
		return claimed, r.resume(*r.item.Resume)
	}
	return claimed, nil
}

// resume takes over what was done for the item while it travelled with others.
func (r *run) resume(from upload.Resume) error {
	r.note(from.Because)
	progress := from.Progress
	r.result.Attempts, r.trouble = progress.Attempts, progress.Trouble
	r.result.BytesSent = progress.BytesSent - progress.Receipt.BytesSent // which counts when the flow comes to it
	switch was, begun := progress.Content.Fingerprint, progress.Arrived || !progress.SentAt.IsZero(); {
	case was == r.content.Fingerprint:
		r.handed, r.at = progress.Failed, progress.At
		if progress.Session.Method != "" {
			r.resumed, r.arrived = &progress, progress.Arrived
		}
	case begun:
		return upload.Errorf(upload.KindMissing, upload.StepClaim, "source changed under way: it was %q, and is %q", was, r.content.Fingerprint).
			WithHint("what was sent before may be at the vendor; --again sends what the source holds now")
	}
	return nil
}

// prepare opens a session. previous is the one that it replaces, because the
// code of what ended that.
func (r *run) prepare(ctx workflow.Context, previous *upload.Session, because string) (upload.Session, error) {
	if progress := r.resumed; progress != nil && previous == nil {
		if !progress.Expired {
			r.status.ExpiresAt, r.session = progress.Session.ExpiresAt, progress.Session.ID
			return progress.Session, nil
		}
		previous, r.resumed = &progress.Session, nil
	}
	r.enter(ctx, upload.StatePreparing)
	if err := r.here(ctx); err != nil {
		return upload.Session{}, err
	}
	r.arrived = false
	var session upload.Session
	err := r.try(ctx, step{
		step: upload.StepPrepare, most: r.starts, activity: upload.ActivityPrepare,
		options: func() workflow.ActivityOptions { return control("prepare at " + r.item.Account) },
	}, upload.Prepare{Item: r.item, Content: r.content, Plan: r.terms.Plan, Previous: previous, Because: because}, &session)
	r.status.ExpiresAt, r.session = session.ExpiresAt, session.ID
	return session, err
}

// here waits for a worker that can read the source, where the last session ran
// out for want of one: sessions are not opened for nobody.
func (r *run) here(ctx workflow.Context) error {
	waited := r.queued && r.item.Queue != ""
	r.queued = false
	if !waited {
		return nil
	}
	defer r.await(ctx, "")
	for {
		if err := r.gate(ctx, true); err != nil {
			return err
		}
		who := "a worker " + reader(r.item.Queue)
		r.await(ctx, who)
		err := r.reads(ctx, false, func(ctx workflow.Context) error {
			ctx = workflow.WithActivityOptions(ctx, r.reading("wait for "+who))
			return workflow.ExecuteActivity(ctx, upload.ActivityHere).Get(ctx, nil)
		})
		if !givenUp(ctx, err) {
			return err
		}
	}
}

// search finds out whether bytes whose answer was lost arrived after all: it
// returns a receipt where they did.
type search func(ctx workflow.Context, e *upload.Error) (*upload.Receipt, error)

// transfer sends the whole medium to a session. With a search, nothing is sent
// again before it.
func (r *run) transfer(ctx workflow.Context, session upload.Session, find search) (upload.Receipt, error) {
	if progress := r.resumed; progress != nil {
		r.resumed = nil
		if !progress.SentAt.IsZero() {
			r.received(progress.Receipt)
			r.sentAt = progress.SentAt
			return progress.Receipt, nil
		}
		if progress.Arrived && find != nil && r.handed == nil { // somebody else's send, whose answer nobody heard
			found, err := find(ctx, &upload.Error{Kind: upload.KindUnavailable, Step: upload.StepTransfer, Arrived: upload.ArrivedMaybe})
			if found != nil || err != nil {
				return whole(found), err
			}
		}
	}
	r.enter(ctx, upload.StateTransferring)
	if r.early >= earlyMost {
		session.ExpiresAt = time.Time{} // our idea of its life is wrong: the store has the word
	}
	key := upload.TryKey(upload.StepTransfer, 0)
	in := upload.Transfer{
		Item: r.item, Content: r.content, Session: session, Before: r.result.BytesSent,
		Repeat: find == nil, Tries: r.trouble.Tries[key],
	}
	var receipt upload.Receipt
	sending := step{
		step: upload.StepTransfer, activity: upload.ActivityTransfer,
		reads: true, expires: session.ExpiresAt, moved: func() { in.Item, in.Content = r.item, r.content },
		options: func() workflow.ActivityOptions {
			options := r.sending(ctx, "send to "+string(session.Store), r.content.Size, session.ExpiresAt)
			if find != nil {
				options.RetryPolicy = onceOnly()
			}
			return options
		},
		again: func(e *upload.Error) {
			in.Lenient, in.Before = in.Lenient || e.Kind == upload.KindCorrupt, r.result.BytesSent
			in.Tries = r.trouble.Tries[key]
		},
	}
	if find != nil {
		sending.look = func(ctx workflow.Context, e *upload.Error) (bool, error) {
			found, err := find(ctx, e)
			if found != nil {
				receipt = *found
			}
			return found != nil, err
		}
	}
	if err := r.try(ctx, sending, &in, &receipt); err != nil {
		return receipt, err
	}
	r.received(receipt)
	return receipt, nil
}

// whole is a receipt that may not be there.
func whole(receipt *upload.Receipt) upload.Receipt {
	if receipt == nil {
		return upload.Receipt{}
	}
	return *receipt
}

// received adds what a receipt tells to the result.
func (r *run) received(receipt upload.Receipt) {
	r.patience = 0
	r.result.BytesSent += receipt.BytesSent
	if receipt.SHA256 != "" {
		r.result.SHA256 = upload.Text(receipt.SHA256)
	}
	if receipt.CRC64 != "" {
		r.result.CRC64 = upload.Text(receipt.CRC64)
	}
	r.note(receipt.Note)
}

// note keeps what a person should know.
func (r *run) note(text string) {
	switch {
	case text == "" || strings.Contains(r.result.Note, text):
	case r.result.Note == "":
		r.result.Note = text
	default:
		r.result.Note += "; " + text
	}
}

// poll waits until the vendor has processed the bytes, for as long as it may
// take, and has one last look after that.
func (r *run) poll(ctx workflow.Context, session upload.Session) (upload.Media, error) {
	media, err := r.pollFor(ctx, session, r.terms.FirstLook, r.terms.Deadline)
	if err != nil || media.State != upload.StateProcessing || media.Seen != "" {
		return media, err
	}
	last := upload.Poll{Item: r.item, Content: r.content, Session: session, ByName: session.FileName != ""}
	media, err = r.pollOnce(ctx, last)
	seen := media.Seen
	var e *upload.Error
	if asError(err, &e) && e.Kind == upload.KindUnavailable {
		seen, err = e.Message, nil
	}
	if err != nil || media.State == upload.StateReady || media.State == upload.StateFailed {
		return media, err
	}
	return media, upload.Errorf(upload.KindTimeout, upload.StepPoll, "not processed within %s, last seen: %s", inWords(r.terms.Deadline), seen).
		WithHint("the vendor may still finish it: look there before sending it again, which could make a duplicate")
}

// pollFor looks at the vendor's pace, the first time after first, until
// processing has ended or most has passed: then Seen is empty. It also returns
// where the vendor has not noticed the bytes for long; Seen tells what it says.
func (r *run) pollFor(ctx workflow.Context, session upload.Session, first, most time.Duration) (upload.Media, error) {
	r.enter(ctx, upload.StateProcessing)
	if err := r.gate(ctx, false); err != nil {
		return upload.Media{}, err
	}
	since := workflow.Now(ctx)
	if !r.sentAt.IsZero() {
		since, r.sentAt = r.sentAt, time.Time{}
	}
	if err := rest(ctx, first, "the vendor processes"); err != nil {
		return upload.Media{}, err
	}
	var polled upload.Polled
	for {
		left := most - workflow.Now(ctx).Sub(since)
		if left <= 0 {
			return upload.Media{State: upload.StateProcessing}, nil
		}
		options := control("poll " + r.item.Account)
		options.ScheduleToCloseTimeout = left
		ctx := workflow.WithActivityOptions(ctx, options)
		err := workflow.ExecuteActivity(ctx, upload.ActivityPoll, upload.Poll{
			Item: r.item, Content: r.content, Session: session, Since: since,
		}).Get(ctx, &polled)
		if looks, over := outOfTime(err); over {
			r.result.Attempts.Add(upload.StepPoll, looks)
			left := most - workflow.Now(ctx).Sub(since) // a poll ends when the next look would come too late
			return upload.Media{State: upload.StateProcessing}, rest(ctx, max(left, 0), "until its time is over")
		}
		r.result.Attempts.Add(upload.StepPoll, max(polled.Looks, 1))
		if err == nil {
			return polled.Media, nil
		}
		if err := r.pollAgain(ctx, err); err != nil {
			return upload.Media{}, err
		}
	}
}

// pollAgain waits until a poll that failed may go on: when the account has been
// resumed, or after a pause where the answer was worth one more look. Otherwise
// it returns the failure.
func (r *run) pollAgain(ctx workflow.Context, err error) error {
	e := failureIn(ctx, err)
	if e == nil {
		return err
	}
	r.trouble.Judge(upload.TryKey(upload.StepPoll, 0), e)
	switch e.Kind {
	case upload.KindDenied:
		return r.hold(ctx, e)
	case upload.KindUnavailable:
		return rest(ctx, max(e.RetryAfter, time.Second), "before another look")
	}
	return e
}

// askBack finds out what became of a session that was given up although its
// bytes may have arrived: it looks for a while, and once more after that.
func (r *run) askBack(ctx workflow.Context, session upload.Session) (upload.Media, error) {
	media, err := r.pollFor(ctx, session, r.terms.FirstLook, lookBack)
	if err != nil || media.State != upload.StateProcessing {
		return media, err
	}
	return r.pollOnce(ctx, upload.Poll{Item: r.item, Content: r.content, Session: session})
}

// pollOnce looks a single time, with tries of its own: trouble with looks that had
// other reasons takes none from it.
func (r *run) pollOnce(ctx workflow.Context, in upload.Poll) (upload.Media, error) {
	in.Once = true
	var polled upload.Polled
	looking := r.looking()
	others := r.trouble.Tries[looking.key()]
	err := r.try(ctx, looking, in, &polled)
	var e *upload.Error
	if others == 0 || !asError(err, &e) || e.Kind != upload.KindUnavailable || r.trouble.Tries[looking.key()]-others >= upload.ControlTries {
		return polled.Media, err
	}
	if workflow.GetVersion(ctx, changeTriesOfALook, workflow.DefaultVersion, 1) == workflow.DefaultVersion {
		return polled.Media, err
	}
	r.trouble.Count(looking.key(), -others)
	if err = r.pause(ctx, looking, e); err == nil {
		err = r.try(ctx, looking, in, &polled)
	}
	return polled.Media, err
}

// changeTriesOfALook is since when looks do not share their tries.
const changeTriesOfALook = "tries-of-a-look"

// looking is a single look as a step.
func (r *run) looking() step {
	return step{
		step: upload.StepPoll, activity: upload.ActivityPoll,
		options: func() workflow.ActivityOptions { return control("look at " + r.item.Account) },
	}
}

// outOfTime reports whether a poll ended because its time was over, and how
// often it had looked by then.
func outOfTime(err error) (looks int, over bool) {
	var activity *temporal.ActivityError
	if err == nil || !errors.As(err, &activity) {
		return 0, false
	}
	var timeout *temporal.TimeoutError
	if errors.As(err, &timeout) && timeout.HasLastHeartbeatDetails() {
		_ = timeout.LastHeartbeatDetails(&looks) // a count only
	}
	var application *temporal.ApplicationError
	if errors.As(err, &application) && !application.NonRetryable() {
		var media upload.Media
		_ = application.Details(&media, &looks) // a count only
		return looks, true
	}
	return looks, errors.As(err, &timeout)
}

// inWords is a wait as a person reads it.
func inWords(d time.Duration) string { return fmt.Sprint(d.Round(time.Second)) }
