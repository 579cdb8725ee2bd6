package workflows

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/mediaferry/mediaferry/internal/flow"
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
	failing bool          // a part failed for good
	again   bool          // the vendor does not have these parts, although the store acknowledged them once
	err     error         // what ended the sending
}

// partState is what happened to a part so far.
type partState struct {
	lenient bool   // its ETag is believed
	slowed  bool   // the store asked for fewer parts at once, and was heard
	early   int    // URLs in a row that ran out before they were tried
	stored  string // the ETag under which the vendor has it, of an answer that was lost
}

// sendParts sends the parts that the store lacks. Where the vendor lists what it has,
// after a completion that it refused, parts that it does not list are sent although
// they were acknowledged before; a list that names no ETag proves nothing, because
// the vendor need not know of any part before the session is complete.
func (r *run) sendParts(ctx workflow.Context) error {
	n := r.p.Session.Plan.Parts
	done := make([]upload.Part, n)
	if again := r.p.Cause != nil && r.p.Cause.Step == upload.StepComplete; again {
		done = lacking(r.sent, r.p.Stored)
	}
	err := r.sendRest(ctx, r.p.Session, done)
	e, follows := failureOf(err)
	if follows != nil { // another run of the item came further
		r.take(ctx, *follows)
		return nil
	}
	if e != nil {
		r.way().PartsFailed(&r.p, e)
		r.tally()
		return nil
	}
	if err != nil {
		return err
	}
	receipt := upload.Receipt{CRC64: upload.JoinParts(r.sent)}
	if n == 1 {
		receipt.SHA256 = r.sent[0].SHA256
	}
	r.way().SentParts(&r.p, receipt, workflow.Now(ctx))
	r.tally()
	return nil
}

// lacking are the parts that were sent, without those that a vendor's list lacks.
func lacking(sent []upload.Part, stored []upload.StoredPart) []upload.Part {
	there := map[int]bool{}
	for _, part := range stored {
		if part.ETag != "" {
			there[part.Number] = true
		}
	}
	left := slices.Clone(sent)
	if len(there) == 0 {
		return left
	}
	for i := range left {
		if !there[left[i].Number] {
			left[i] = upload.Part{}
		}
	}
	return left
}

// sendRest sends the parts that done, which has a place for each, does not hold. The
// run has all of them in order after that. Where done holds some, the others are sent
// although they were acknowledged before.
func (r *run) sendRest(ctx workflow.Context, session upload.Session, done []upload.Part) error {
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
	r.sent = s.done
	return err
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
	if s.absent {
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
			s.p.Attempts.Add(upload.StepTransfer, -1)
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
		Item: s.item, Content: s.p.Content, Part: lease, Offset: offset, Size: size, Header: s.session.Header,
		Life: lease.Life, Lenient: state.lenient, Before: s.p.BytesSent, Stored: state.stored,
		Session: s.session.ID, Slowed: state.slowed, Version: s.p.Version,
	}
	if s.again {
		in.Session = "" // under which the earlier acknowledgement was kept, and would be taken for this one's
	}
	options := s.sending(ctx, fmt.Sprintf("part %d of %d", number, len(s.done)), lease.ExpiresAt)
	if state.early >= earlyMost {
		in.Part.ExpiresAt = time.Time{} // our idea of its life is wrong: the store has the word
	}
	s.p.Attempts.Add(upload.StepTransfer, 1)
	err = s.reads(ctx, true, func(ctx workflow.Context) error {
		ctx = workflow.WithActivityOptions(ctx, options)
		return workflow.ExecuteActivity(ctx, upload.ActivitySendPart, in).Get(ctx, &part)
	})
	return part, err
}

// acknowledge takes note of a part that the store has.
func (s *sender) acknowledge(ctx workflow.Context, part upload.Part) {
	s.repeats(part.Retries)
	s.pace.arrived(part, workflow.Now(ctx))
	s.p.BytesSent += part.Wasted
	if s.parts[part.Number-1].stored == "" {
		s.p.BytesSent += part.Size
	}
	s.parts[part.Number-1] = partState{}
	part.Took, part.Wasted, part.Retries = 0, 0, nil // complete needs none of it
	s.done[part.Number-1] = part
	s.acked++
	s.hostPatience = 0
	s.status.PartsDone++
	s.status.BytesDone += part.Size
}

// repeats counts what the call of a part repeated by itself.
func (s *sender) repeats(by map[string]int) {
	for _, cause := range workflow.DeterministicKeys(by) {
		s.retried(cause, by[cause])
	}
}

// acknowledged are the parts that the store has.
func (s *sender) acknowledged() (parts []upload.Part) {
	for _, part := range s.done {
		if part.ETag != "" {
			parts = append(parts, part)
		}
	}
	return parts
}

// failed does as the judge says of a part's failure.
func (s *sender) failed(ctx workflow.Context, number int, began time.Time, err error) {
	e, follows := failureOf(err)
	switch {
	case s.failing: // what follows from the first that failed
		return
	case e == nil, follows != nil: // canceled, or not this run's to decide
		s.end(err)
		return
	case isQueued(e):
		s.p.Attempts.Add(upload.StepTransfer, -1)
		s.absent = true
		s.wait()
		s.back(number)
		return
	}
	if e.Receipt != nil {
		s.p.BytesSent += e.Receipt.BytesSent
	}
	s.retried(e.Cause(), 1)
	state := &s.parts[number-1]
	verdict := s.way().JudgePart(&s.p, number, e, state.slowed)
	state.lenient = verdict.Lenient || state.lenient
	if verdict.Slower {
		state.slowed = true
		s.pace.tooMuch(began, workflow.Now(ctx))
		s.p.Attempts.Add(upload.StepTransfer, -1)
	}
	switch verdict.Then {
	case flow.PartAgain:
		s.later(ctx, number, verdict.After, e)
	case flow.PartNewURL:
		s.urls.expired(number)
		s.back(number)
	case flow.PartUnused:
		s.p.Attempts.Add(upload.StepTransfer, -1)
		state.early++
		s.urls.expired(number)
		s.back(number)
	default:
		s.failing = true
		s.end(s.gone(ctx, e))
	}
}

// later puts a part back after a pause that takes the place of a part in flight.
func (s *sender) later(ctx workflow.Context, number int, wait time.Duration, e *upload.Error) {
	s.flying++
	err := workflow.NewTimerWithOptions(ctx, wait, workflow.TimerOptions{
		Summary: fmt.Sprintf("before the next attempt of part %d: %s", number, e.Cause()),
	}).Get(ctx, nil)
	s.flying--
	if err != nil {
		s.end(err)
		return
	}
	s.back(number)
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
func (s *sender) gone(ctx workflow.Context, e *upload.Error) error {
	if e.Lost || !e.MayPass() {
		return e
	}
	var lost *upload.Error
	if _, err := s.inspect(ctx); errors.As(err, &lost) && lost.Lost {
		return lost
	}
	return e
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
