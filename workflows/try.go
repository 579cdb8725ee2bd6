package workflows

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// step is one call of a flow, as try makes it.
type step struct {
	step     upload.Step
	part     int // of a multipart session; parts have tries of their own
	most     int // tries that may have left something behind; 0: as many as there are
	activity string
	options  func() workflow.ActivityOptions
	aside    bool // it is no attempt at the step, but serves one
	// look finds out whether a call whose answer was lost did its work; nil
	// where the call may simply be repeated.
	look look
	// again, where set, changes the input before a repetition.
	again func(*upload.Error)
	// reads says that the call reads the source where it is, so that a move gives
	// it up; moved then changes the input, where it names the source.
	reads bool
	moved func()
	// expires is when the session ends that the call uses; zero where it does not.
	expires time.Time
}

// look reports whether the work is done after all. An error of its own ends the
// step.
type look func(ctx workflow.Context, e *upload.Error) (done bool, err error)

// key is under what a step's tries are counted.
func (s step) key() string { return upload.TryKey(s.step, s.part) }

// try makes a call and repeats it as its failures allow: one that may pass, for
// as many tries as the step has, after a pause that grows; one that denies the
// account, when the account has been resumed; one that is worth a single
// repetition, once. Everything else is for the flow to decide.
func (r *run) try(ctx workflow.Context, s step, in, out any) error {
	for {
		if err := r.gate(ctx, s.reads); err != nil {
			return err
		}
		e, err := r.once(ctx, s, in, out)
		over := false
		switch {
		case givenUp(ctx, err):
			over, err = r.gaveUp(ctx, s)
		case e == nil:
			return err
		case s.reads && queued(e) && (s.expires.IsZero() || workflow.Now(ctx).Before(s.expires)):
			err = r.absent(ctx, s)
		default:
			over, err = r.failed(ctx, s, e)
		}
		if over || err != nil {
			return err
		}
	}
}

// once makes a call, and reads what it failed with. A failure that somebody else
// met before, and left to this upload, stands for the first call.
func (r *run) once(ctx workflow.Context, s step, in, out any) (read *upload.Error, err error) {
	if e := r.handed; e != nil && r.at == s.step {
		r.handed = nil
		return e, e
	}
	if !s.aside {
		r.result.Attempts.Add(s.step, 1)
	}
	err = r.call(ctx, s, in, out)
	return failureIn(ctx, err), err
}

// failed judges what a call failed with: nil and false to make it again, after
// what had to be waited for; true where it turned out to have done its work.
func (r *run) failed(ctx workflow.Context, s step, e *upload.Error) (done bool, err error) {
	r.lost(s, e)
	r.trouble.Judge(s.key(), e)
	r.retried(causeOf(e), 1)
	if e.Kind == upload.KindDenied {
		return false, r.hold(ctx, e)
	}
	again := r.worthAnother(s, e)
	if s.look != nil && unheard(e) { // also after the last try: it may be the one that did the work
		if done, err := s.look(ctx, e); done || err != nil {
			return done, err
		}
	}
	if !again {
		return false, e
	}
	if s.again != nil {
		s.again(e)
	}
	return false, r.pause(ctx, s, e)
}

// call makes a call once.
func (r *run) call(ctx workflow.Context, s step, in, out any) error {
	once := func(ctx workflow.Context) error {
		ctx = workflow.WithActivityOptions(ctx, s.options())
		return workflow.ExecuteActivity(ctx, s.activity, in).Get(ctx, out)
	}
	if s.reads {
		return r.reads(ctx, false, once)
	}
	return once(ctx)
}

// absent waits for a worker of the source's host, since none took a call.
func (r *run) absent(ctx workflow.Context, s step) error {
	r.result.Attempts.Add(s.step, -1)
	r.queued = true
	r.wait()
	return r.here(ctx)
}

// gaveUp waits until a move that gave a call up is over. The call may have done
// its work before: where that matters, it is looked for.
func (r *run) gaveUp(ctx workflow.Context, s step) (done bool, err error) {
	r.result.Attempts.Add(s.step, -1)
	if err := r.gate(ctx, true); err != nil {
		return false, err
	}
	if s.step == upload.StepTransfer {
		r.arrived = true
	}
	if s.look != nil {
		e := &upload.Error{Kind: upload.KindUnavailable, Step: s.step, Message: "given up for a move", Arrived: upload.ArrivedMaybe}
		if done, err := s.look(ctx, e); done || err != nil {
			return done, err
		}
	}
	if s.moved != nil {
		s.moved()
	}
	return false, nil
}

// lost counts what a failed send sent, and remembers that it may have arrived.
func (r *run) lost(s step, e *upload.Error) {
	if s.step != upload.StepTransfer {
		return
	}
	r.arrived = r.arrived || e.Arrived == upload.ArrivedMaybe
	if e.Receipt != nil && s.part == 0 {
		r.received(*e.Receipt)
	} else if e.Receipt != nil {
		r.result.BytesSent += e.Receipt.BytesSent
	}
}

// unheard reports whether a call may have done its work without our hearing so.
// What was answered, even with a complaint about the bytes, was heard.
func unheard(e *upload.Error) bool {
	return e.Kind == upload.KindUnavailable && e.Arrived != upload.ArrivedNothing
}

// worthAnother reports whether a failed step may be tried again, and counts the
// try.
func (r *run) worthAnother(s step, e *upload.Error) bool {
	switch e.Kind {
	case upload.KindUnavailable:
	case upload.KindCorrupt:
		if s.step != upload.StepTransfer {
			return false
		}
	case upload.KindExpired: // counts, but another session must come first
		if !queued(e) { // nobody's fault, and it took as long as the session lived
			r.trouble.Count(s.key(), 1)
		}
		return false
	default:
		return false
	}
	r.trouble.Count(s.key(), 1+e.Repeats)
	if unheard(e) {
		r.doubts[s.key()]++
	}
	return !r.spent(s)
}

func budget(s upload.Step) int {
	if s == upload.StepTransfer {
		return upload.TransferTries
	}
	return upload.ControlTries
}

// spent reports whether a step has used up its tries.
func (r *run) spent(s step) bool {
	return r.trouble.Tries[s.key()] >= budget(s.step) || s.most > 0 && r.doubts[s.key()] >= s.most
}

// renewable reports whether a failed session is worth another one: it ran out,
// and has not done so too often. One that ran out while it waited for a worker
// does not count: nothing went wrong with it.
func (r *run) renewable(err error) bool {
	var e *upload.Error
	if !errors.As(err, &e) || e.Kind != upload.KindExpired {
		return false
	}
	if r.queued = queued(e); !r.queued {
		r.trouble.Renewals++
	}
	if r.early++; e.Code != upload.CodeSpent {
		r.early = 0
	}
	return r.trouble.Renewals < upload.TransferTries && !r.spent(step{step: upload.StepTransfer})
}

// queued reports whether a session ran out while it waited for a worker.
func queued(err error) bool {
	var e *upload.Error
	return errors.As(err, &e) && e.Code == codeQueued
}

// expired reports whether an error is of that kind.
func expired(err error) bool {
	var e *upload.Error
	return errors.As(err, &e) && e.Kind == upload.KindExpired
}

// pause waits before a repetition, at least as long as was asked for.
func (r *run) pause(ctx workflow.Context, s step, e *upload.Error) error {
	tries := r.trouble.Tries[s.key()]
	wait := max(upload.Backoff(tries, r.item.UploadID+s.key()), e.RetryAfter, time.Millisecond)
	r.status.Waiting = fmt.Sprintf("another try of %s in %s: %s", s.step, inWords(wait), e.Message)
	defer func() { r.status.Waiting = "" }()
	return rest(ctx, wait, fmt.Sprintf("before try %d of %s", tries+1, s.step))
}

// rest is a pause with its reason in the history.
func rest(ctx workflow.Context, wait time.Duration, why string) error {
	return workflow.NewTimerWithOptions(ctx, wait, workflow.TimerOptions{Summary: why}).Get(ctx, nil)
}

// hold waits until the account goes on. Where the vendor denied it, it is
// paused first, for all items.
func (r *run) hold(ctx workflow.Context, e *upload.Error) error {
	r.result.Paused, r.status.Held = true, true
	r.result.Error = upload.FailureOf(e)
	r.await(ctx, "account "+r.item.Account+", which is paused")
	said := upload.Error{Message: e.Message, RequestID: e.RequestID} // the account's trouble is not the step's
	in := upload.AccountPause{Account: r.item.Account, Because: said.Error()}
	if !e.Paused {
		writing := workflow.WithActivityOptions(ctx, books("pause account "+r.item.Account))
		if err := workflow.ExecuteActivity(writing, upload.ActivityPauseAccount, in).Get(writing, nil); err != nil {
			return err
		}
	}
	resting := workflow.WithActivityOptions(ctx, waiting("wait for account "+r.item.Account))
	if err := workflow.ExecuteActivity(resting, upload.ActivityAwaitAccount, in).Get(resting, nil); err != nil {
		return err
	}
	r.result.Paused, r.status.Held, r.result.Error = r.steering.paused, false, nil
	r.await(ctx, "")
	return nil
}

// failureOf reads what an activity failed with; nil for success, and for an
// upload that was canceled. A timeout holds why the attempt before it came back:
// a call that was throttled first, and then lost with its worker, was lost.
func failureOf(err error) *upload.Error {
	if err == nil || temporal.IsCanceledError(err) {
		return nil
	}
	var timeout *temporal.TimeoutError
	if errors.As(err, &timeout) {
		if queuedTooLong(timeout.TimeoutType()) {
			return &upload.Error{Kind: upload.KindExpired, Code: codeQueued, Message: "the session ran out before a worker could use it"}
		}
		return &upload.Error{Kind: upload.KindUnavailable, Message: "the worker that made the call was lost", Arrived: upload.ArrivedMaybe}
	}
	var application *temporal.ApplicationError
	if errors.As(err, &application) {
		return stated(application)
	}
	return &upload.Error{Kind: upload.KindInternal, Message: err.Error()}
}

// failureIn is failureOf where the flow goes on by what it says. Histories from
// before changeTimeoutFirst went on by what a timeout came after.
func failureIn(ctx workflow.Context, err error) *upload.Error {
	var timeout *temporal.TimeoutError
	var before *temporal.ApplicationError
	if errors.As(err, &timeout) && errors.As(timeout, &before) &&
		workflow.GetVersion(ctx, changeTimeoutFirst, workflow.DefaultVersion, 1) == workflow.DefaultVersion {
		return stated(before)
	}
	return failureOf(err)
}

// changeTimeoutFirst is since when a call that timed out is judged by that, and
// not by why the attempt before it came back.
const changeTimeoutFirst = "timeout-first"

// stated is what an activity itself said of its failure.
func stated(application *temporal.ApplicationError) *upload.Error {
	var e upload.Error
	if application.HasDetails() && application.Details(&e) == nil && e.Kind != "" {
		return &e
	}
	return &upload.Error{Kind: upload.KindInternal, Message: application.Message()}
}

// codeQueued marks a session that nobody could use in time.
const codeQueued = "queued"

// asError is errors.As for the one type that flows look for.
func asError(err error, into **upload.Error) bool { return errors.As(err, into) }
