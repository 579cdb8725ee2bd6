package workflows

import (
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// sender sends the parts of one multipart session, several at a time. Which
// parts the store acknowledged is in the history, as results of activities: after
// a crash of anything, only parts that were in flight are sent again.
//
// One coroutine decides what starts; each part in flight has one of its own,
// which decides what its failure means.
type sender struct {
	*run
	ctx     workflow.Context // of all parts; gives them up
	session upload.Session
	urls    leases
	pace    *pace
	done    []upload.Part // by number, from 0; ETag is empty until acknowledged
	queue   []int         // to be sent, the lowest first
	flying  int           // in flight, or resting before another try: a store in trouble gets no others instead
	acked   int           // acknowledged so far
	parts   []partState   // by number, from 0
	denied  *upload.Error // the account cannot go on, and nothing starts until it does
	failing bool          // a part failed for good
	again   bool          // the vendor does not have these parts, although the store acknowledged them once
	err     error         // what ended the sending
}

// partState is what happened to a part so far.
type partState struct {
	lenient bool // its ETag is believed
	stalls  int  // failures that count as none, since stallAt parts were acknowledged
	stallAt int
	early   int    // URLs in a row that ran out before they were tried
	stored  string // the ETag under which the vendor has it, of an answer that was lost
}

// sendParts sends all parts and returns them in order.
func (r *run) sendParts(ctx workflow.Context, session upload.Session) ([]upload.Part, error) {
	return r.sendRest(ctx, session, make([]upload.Part, session.Plan.Parts))
}

// sendRest sends the parts that done, which has a place for each, does not hold,
// and returns all of them in order. Where it holds some, the others are sent
// although they were acknowledged before.
func (r *run) sendRest(ctx workflow.Context, session upload.Session, done []upload.Part) ([]upload.Part, error) {
	r.resumed = nil
	r.enter(ctx, upload.StateTransferring)
	ctx, cancel := workflow.WithCancel(ctx)
	defer cancel()
	n := len(done)
	s := &sender{
		run: r, ctx: ctx, session: session, urls: newLeases(session), pace: newPace(r.terms, session.Plan, workflow.Now(ctx)),
		done: done, parts: make([]partState, n),
	}
	r.status.Parts, r.status.PartsDone, r.status.BytesDone, r.status.PartSize = n, 0, 0, session.Plan.PartSize
	for i, part := range done {
		if part.ETag == "" {
			s.queue = append(s.queue, i+1)
			continue
		}
		s.acked++
		r.status.PartsDone++
		r.status.BytesDone += part.Size
	}
	s.again = s.acked > 0
	r.sender = s
	s.report(ctx)
	err := s.conduct(ctx)
	cancel()
	free, release := workflow.NewDisconnectedContext(ctx)
	defer release()
	if wait := workflow.Await(free, func() bool { return s.flying == 0 }); err == nil {
		err = wait
	}
	r.status.Width, r.status.ExpiresAt = 0, time.Time{}
	if err != nil {
		return nil, err
	}
	if n == 1 {
		r.result.SHA256 = upload.Text(s.done[0].SHA256)
	}
	return s.done, nil
}

// conduct starts parts as long as there are any, and returns when all are
// acknowledged, or one failed for good.
func (s *sender) conduct(ctx workflow.Context) error {
	for {
		if err := workflow.Await(ctx, func() bool { return s.err != nil || s.acked == len(s.done) || s.mayStart() }); err != nil {
			return err
		}
		if s.err != nil || s.acked == len(s.done) {
			return s.err
		}
		if err := s.next(ctx); err != nil {
			return err
		}
	}
}

func (s *sender) mayStart() bool {
	return len(s.queue) > 0 && s.flying < s.pace.width && !s.failing && !s.steering.paused && !s.steering.moving
}

// next does one thing that has to be done before a part can start, or starts it.
func (s *sender) next(ctx workflow.Context) error {
	switch {
	case s.denied != nil:
		e := s.denied
		s.denied = nil
		return s.hold(ctx, e)
	case s.queued:
		return s.here(ctx)
	}
	now := workflow.Now(ctx)
	for i, number := range s.queue {
		if s.urls.usable(number, now, s.need(number)) {
			s.queue = slices.Delete(s.queue, i, i+1)
			s.start(ctx, number)
			return nil
		}
	}
	return s.sign(ctx, s.queue[0])
}

// need is for how long a part's URL should still be good when the part starts.
func (s *sender) need(number int) time.Duration {
	_, size, err := s.session.Plan.Range(number)
	if err != nil {
		return 0
	}
	return s.pace.takes(size)
}

// start lets a part go its way.
func (s *sender) start(ctx workflow.Context, number int) {
	s.flying++
	lease := s.urls.take(number)
	s.status.ExpiresAt = lease.ExpiresAt
	s.report(ctx)
	workflow.GoNamed(ctx, fmt.Sprintf("part %d", number), func(ctx workflow.Context) {
		began := workflow.Now(ctx)
		part, err := s.send(ctx, number, lease)
		s.flying--
		switch {
		case err == nil:
			s.acknowledge(ctx, part)
		case givenUp(s.ctx, err):
			s.result.Attempts.Add(upload.StepTransfer, -1)
			s.back(number)
		default:
			s.failed(ctx, number, began, err)
		}
		s.report(ctx)
	})
}

// back puts a part into the queue again, in its place.
func (s *sender) back(number int) {
	at, _ := slices.BinarySearch(s.queue, number)
	s.queue = slices.Insert(s.queue, at, number)
}

// send makes one call for a part.
func (s *sender) send(ctx workflow.Context, number int, lease upload.PartURL) (upload.Part, error) {
	var part upload.Part
	offset, size, err := s.session.Plan.Range(number)
	if err != nil {
		return part, err
	}
	state := s.parts[number-1]
	in := upload.SendPart{
		Item: s.item, Content: s.content, Part: lease, Offset: offset, Size: size, Header: s.session.Header,
		Life: lease.Life, Lenient: state.lenient, Before: s.result.BytesSent, Stored: state.stored,
		Session: s.session.ID,
	}
	if s.again {
		in.Session = "" // under which the earlier acknowledgement was kept, and would be taken for this one's
	}
	options := s.sending(ctx, fmt.Sprintf("part %d of %d", number, len(s.done)), size*int64(s.pace.most), lease.ExpiresAt)
	if state.early >= earlyMost {
		in.Part.ExpiresAt = time.Time{} // our idea of its life is wrong: the store has the word
	}
	s.result.Attempts.Add(upload.StepTransfer, 1)
	err = s.reads(ctx, true, func(ctx workflow.Context) error {
		ctx = workflow.WithActivityOptions(ctx, options)
		return workflow.ExecuteActivity(ctx, upload.ActivitySendPart, in).Get(ctx, &part)
	})
	return part, err
}

// acknowledge takes note of a part that the store has.
func (s *sender) acknowledge(ctx workflow.Context, part upload.Part) {
	for _, cause := range lineCauses {
		s.retried(cause, part.Retries[cause])
	}
	s.pace.arrived(part, workflow.Now(ctx))
	s.result.BytesSent += part.Wasted
	if s.parts[part.Number-1].stored == "" {
		s.result.BytesSent += part.Size
	}
	s.parts[part.Number-1] = partState{}
	part.Took, part.Wasted, part.Retries = 0, 0, nil // complete needs none of it
	s.done[part.Number-1] = part
	s.acked++
	s.patience = 0
	s.status.PartsDone++
	s.status.BytesDone += part.Size
}

// lineCauses are the causes for which parts are repeated unseen by us.
var lineCauses = []string{upload.CodeOffline, upload.CodeReset}

// acknowledged are the parts that the store has.
func (s *sender) acknowledged() (parts []upload.Part) {
	for _, part := range s.done {
		if part.ETag != "" {
			parts = append(parts, part)
		}
	}
	return parts
}

// failed decides what the failure of a part means: the end of the sending, or
// that it is sent again, at once or after a while.
func (s *sender) failed(ctx workflow.Context, number int, began time.Time, err error) {
	e := failureIn(ctx, err)
	switch {
	case s.failing: // what follows from the first that failed
		return
	case e == nil: // canceled
		s.end(err)
		return
	}
	sending := step{step: upload.StepTransfer, part: number}
	s.lost(sending, e)
	s.trouble.Judge(sending.key(), e)
	s.retried(causeOf(e), 1)
	state := &s.parts[number-1]
	state.lenient = state.lenient || e.Kind == upload.KindCorrupt
	switch {
	case e.Lost:
		s.end(e)
	case e.Kind == upload.KindDenied:
		s.denied = e
		s.result.Attempts.Add(upload.StepTransfer, -1)
		s.back(number)
	case queued(e), e.Code == upload.CodeSpent:
		s.unused(number, e, state)
	case e.Kind == upload.KindExpired:
		s.urls.expired(number)
		s.counted(ctx, sending, e)
	case slowDown(e):
		s.pace.tooMuch(began, workflow.Now(ctx))
		s.stalled(ctx, sending, e)
	case e.Code == upload.CodeReset: // as often as one call repeats it by itself
		state.stalls = upload.TransferTries
		s.stalled(ctx, sending, e)
	default:
		if e.Status == statusBusy {
			s.pace.tooMuch(began, workflow.Now(ctx))
		}
		s.counted(ctx, sending, e)
	}
}

// statusBusy is what a store answers that has too much to do.
const statusBusy = 503

func slowDown(e *upload.Error) bool {
	return e.Kind == upload.KindUnavailable && e.Code == upload.CodeSlowDown
}

// unused puts a part back whose URL ran out before anything was sent to it.
func (s *sender) unused(number int, e *upload.Error, state *partState) {
	s.result.Attempts.Add(upload.StepTransfer, -1)
	if queued(e) {
		s.queued = true
		s.wait()
	} else {
		state.early++
		s.urls.expired(number)
	}
	s.back(number)
}

// counted sends a part again as long as it has tries.
func (s *sender) counted(ctx workflow.Context, sending step, e *upload.Error) {
	another := s.worthAnother(sending, e)
	switch {
	case e.Kind == upload.KindExpired && !s.spent(sending):
		s.back(sending.part)
	case another:
		s.later(ctx, sending, e, s.trouble.Tries[sending.key()])
	default:
		s.failing = true
		s.end(s.gone(ctx, e))
	}
}

// stalled sends a part again after a failure that is no try of it. Only where
// nothing at all gets through any more, there is an end.
func (s *sender) stalled(ctx workflow.Context, sending step, e *upload.Error) {
	s.result.Attempts.Add(upload.StepTransfer, -1)
	state := &s.parts[sending.part-1]
	if state.stallAt != s.acked && s.acked > 0 {
		state.stalls, state.stallAt = 0, s.acked
	}
	if state.stalls++; state.stalls >= upload.TransferTries {
		s.failing = true
		s.end(s.gone(ctx, e))
		return
	}
	s.later(ctx, sending, e, state.stalls)
}

// later puts a part back after a pause that grows with its failures, and that
// takes the place of a part in flight.
func (s *sender) later(ctx workflow.Context, sending step, e *upload.Error, failures int) {
	wait := max(upload.Backoff(failures, s.item.UploadID+sending.key()), e.RetryAfter, time.Millisecond)
	s.flying++
	err := rest(ctx, wait, fmt.Sprintf("before another try of part %d: %s", sending.part, causeOf(e)))
	s.flying--
	if err != nil {
		s.end(err)
		return
	}
	s.back(sending.part)
}

// end ends the sending: the first one who does says why.
func (s *sender) end(err error) {
	s.failing = true
	if s.err == nil {
		s.err = err
	}
}

// gone finds out, when a part cannot be sent, whether that is because its whole
// session is gone: a store that refuses a large body is not always heard.
func (s *sender) gone(ctx workflow.Context, err error) error {
	var e *upload.Error
	if !asError(err, &e) || e.Kind != upload.KindUnavailable && e.Kind != upload.KindExpired || e.Lost {
		return err
	}
	if _, lookErr := s.pollOnce(ctx, upload.Poll{Item: s.item, Content: s.content, Session: s.session}); lost(lookErr) {
		return lookErr
	}
	return err
}

// report lets those who watch know how it goes.
func (s *sender) report(ctx workflow.Context) {
	s.status.Width, s.status.Speed = s.pace.width, s.pace.speed()
	s.status.LeftSeconds = 0
	if s.status.Speed > 0 {
		s.status.LeftSeconds = float64(s.session.Plan.Size-s.status.BytesDone) / s.status.Speed
	}
	s.show(ctx)
}
