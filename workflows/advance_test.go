package workflows

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/mediaferry/mediaferry/internal/flow"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// stepOf is the step that a thing to do belongs to.
var stepOf = map[flow.Do]upload.Step{
	flow.DoPrepare: upload.StepPrepare, flow.DoSend: upload.StepTransfer, flow.DoFind: upload.StepFind,
	flow.DoComplete: upload.StepComplete, flow.DoPoll: upload.StepPoll,
}

// step stands for an activity that makes one step of an item. It does as the
// activities do, without a ledger: it goes on from the newest progress, makes no call
// where that asks for another step, and lets the flow learn from the answer, or judge
// the failure.
func step(w *world, name string, do flow.Do) {
	w.env.RegisterActivityWithOptions(func(ctx context.Context, in upload.Advance) (upload.Progress, error) {
		way, attempt := w.way(in.Item), int(activity.GetInfo(ctx).Attempt)
		p := w.latest(in, way, attempt)
		action := way.Next(&p)
		if action.Do != do {
			return p, nil
		}
		if p.Idle && (do == flow.DoSend || do == flow.DoComplete) { // from here on it counts as being on its way
			p.Idle = false
			w.save(in.Item, &p)
		}
		counts(&p, do, 1)
		v, err := w.next(name, question(do, in, p, action))
		p.Attempt = 0
		if err == nil {
			return w.learn(in.Item, way, &p, do, v)
		}
		return w.judge(in.Item, way, &p, do, attempt, err)
	}, activity.RegisterOptions{Name: name})
}

// counts counts n attempts at what is to be done.
func counts(p *upload.Progress, do flow.Do, n int) {
	at := stepOf[do]
	if do == flow.DoFind {
		at = upload.StepPoll
	}
	p.Attempts.Add(at, n)
}

// question is what a vendor, or its store, is asked.
func question(do flow.Do, in upload.Advance, p upload.Progress, action flow.Action) any {
	switch do {
	case flow.DoPrepare:
		ask := upload.Prepare{Item: in.Item, Content: p.Content, Plan: in.Plan, Because: p.Variant}
		if p.Expired {
			ask.Previous = &p.Session
		}
		return ask
	case flow.DoSend:
		in.Progress = p
		return in
	case flow.DoComplete:
		return upload.Complete{Item: in.Item, Session: p.Session.ID, Parts: in.Parts}
	}
	return upload.Poll{Item: in.Item, Content: p.Content, Session: p.Session, ByName: action.ByName, Since: p.SentAt}
}

// latest is the progress to go on from.
func (w *world) latest(in upload.Advance, way flow.Flow, attempt int) upload.Progress {
	p := in.Progress
	if attempt == 1 && !in.Reload {
		return p
	}
	w.mu.Lock()
	saved, found := w.saved[in.Item.UploadID]
	w.mu.Unlock()
	if found && saved.Version > p.Version {
		p = copied(w, saved)
		p.Content = in.Progress.Content
	}
	if p.Next == upload.StepPoll { // polls that were in vain are not saved
		p.Attempts.Poll += attempt - 1 - p.Attempt
		p.NotBefore = w.env.Now()
	}
	way.SenderLost(&p, w.env.Now())
	return p
}

// save saves the progress of an item, unless that has ended.
func (w *world) save(item upload.Item, p *upload.Progress) {
	p.Version++
	if p.Next == upload.StepEnd {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.saved[item.UploadID] = copied(w, *p)
}

// copied is a progress that shares nothing with another.
func copied(w *world, p upload.Progress) (other upload.Progress) {
	text, err := json.Marshal(p)
	require.NoError(w.t, err)
	require.NoError(w.t, json.Unmarshal(text, &other))
	return other
}

// learn takes note of an answer.
func (w *world) learn(item upload.Item, way flow.Flow, p *upload.Progress, do flow.Do, v any) (upload.Progress, error) {
	now := w.env.Now()
	switch do {
	case flow.DoPrepare:
		session, _ := v.(upload.Session)
		way.Prepared(p, session)
	case flow.DoSend:
		receipt, _ := v.(upload.Receipt)
		way.Sent(p, receipt, now)
	case flow.DoFind:
		way.Found(p, found(way, v), now)
	case flow.DoComplete:
		way.Completed(p, now)
	case flow.DoPoll:
		media, scripted := v.(upload.Media)
		if !scripted {
			return *p, errors.New("a poll has no answer in this test")
		}
		way.Polled(p, media, now)
		if p.Next == upload.StepPoll {
			return *p, comesBack("processing", p.NotBefore.Sub(now))
		}
	}
	w.save(item, p)
	return *p, nil
}

// found is what a search found, also where that was told by a poll.
func found(way flow.Flow, v any) upload.Settled {
	media, polled := v.(upload.Media)
	switch settled, _ := v.(upload.Settled); {
	case !polled:
		return settled
	case way.Unseen(media):
		return upload.Settled{Clean: true, Stored: media.Stored}
	}
	return upload.Settled{Arrived: true}
}

// judge has the flow say what a failure means.
func (w *world) judge(item upload.Item, way flow.Flow, p *upload.Progress, do flow.Do, attempt int, err error) (upload.Progress, error) {
	e := said(err)
	if e == nil { // the worker died, or the test is over
		return *p, err
	}
	if e.Step == "" {
		e.Step = stepOf[do]
	}
	if e.Code == upload.CodeSpent || e.Paused { // no call was made
		counts(p, do, -1)
	}
	verdict := way.Judge(p, stepOf[do], e, w.env.Now())
	if verdict.Then != flow.GoOn {
		p.Attempt = attempt
	}
	w.save(item, p)
	switch {
	case verdict.Then == flow.Repeat:
		return *p, comesBack(string(e.Kind), verdict.After)
	case verdict.Then == flow.Hold:
		return *p, w.hold(e)
	case p.Next == upload.StepEnd && p.Cause == nil:
		return *p, nil
	}
	return *p, temporal.NewApplicationErrorWithOptions(e.Error(), string(e.Kind), temporal.ApplicationErrorOptions{
		NonRetryable: true, Details: []any{e, *p},
	})
}

// hold pauses the account and comes back.
func (w *world) hold(e *upload.Error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !e.Paused {
		w.denials = append(w.denials, e.Message)
	}
	return comesBack("waiting", 5*time.Second)
}

// waitOut waits an outage out, of a call that has no progress. That a store asks for
// fewer parts at once is for the workflow to hear first.
func (w *world) waitOut(ctx context.Context, in any, err error) error {
	e := said(err)
	part, isPart := in.(upload.SendPart)
	if e == nil || isPart && flow.SlowDown(e) && !part.Slowed {
		return err
	}
	info := activity.GetInfo(ctx)
	key := info.WorkflowExecution.RunID + " " + info.ActivityID
	w.mu.Lock()
	if _, known := w.begun[key]; !known {
		w.begun[key] = w.env.Now()
	}
	since := w.begun[key]
	w.mu.Unlock()
	switch verdict := w.way(w.item).Aside(e, &upload.Heartbeat{Away: since}, int(info.Attempt), w.env.Now()); verdict.Then {
	case flow.Repeat:
		return comesBack(string(e.Kind), verdict.After)
	case flow.Hold:
		return w.hold(e)
	}
	return err
}

// said is what a scripted failure says; nil for any other error.
func said(err error) *upload.Error {
	var made *temporal.ApplicationError
	var e upload.Error
	if !errors.As(err, &made) || !made.HasDetails() || made.Details(&e) != nil || e.Kind == "" {
		return nil
	}
	return &e
}

// comesBack is a failure that Temporal repeats after a while.
func comesBack(kind string, wait time.Duration) error {
	return temporal.NewApplicationErrorWithOptions(kind, kind, temporal.ApplicationErrorOptions{
		NextRetryDelay: max(wait, time.Millisecond), Category: temporal.ApplicationErrorCategoryBenign,
	})
}

// claim claims an item. What was done for it before goes on where it was, if its
// source is the same.
func (w *world) claim(item upload.Item) (upload.Claimed, error) {
	claimed := w.claimed
	if item.Vendor != w.item.Vendor {
		claimed.Terms = termsOf(w.t, item.Vendor)
	}
	if item.Resume == nil {
		return claimed, nil
	}
	was, is := item.Resume.Progress, claimed.Progress.Content.Fingerprint
	claimed.Progress.Note(item.Resume.Because)
	switch {
	case was.Content.Fingerprint == is:
		was.Note(item.Resume.Because)
		claimed.Progress = was
		w.way(item).SenderLost(&claimed.Progress, w.env.Now())
	case was.Arrived || !was.SentAt.IsZero():
		return claimed, fails(upload.Error{Kind: upload.KindMissing, Step: upload.StepClaim, Message: "source changed under way"})
	}
	return claimed, nil
}

// asService repeats activities as often as Temporal's service does. The test
// environment gives up after ten attempts, and measures heartbeats in real time, of
// which a busy machine takes its share.
type asService struct {
	interceptor.WorkerInterceptorBase
}

func (*asService) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	in := &inbound{}
	in.Next = next
	return in
}

type inbound struct {
	interceptor.WorkflowInboundInterceptorBase
}

func (i *inbound) Init(next interceptor.WorkflowOutboundInterceptor) error {
	out := &outbound{}
	out.Next = next
	return i.Next.Init(out)
}

type outbound struct {
	interceptor.WorkflowOutboundInterceptorBase
}

func (o *outbound) ExecuteActivity(ctx workflow.Context, name string, args ...any) workflow.Future {
	options := workflow.GetActivityOptions(ctx)
	options.HeartbeatTimeout = 0
	if options.RetryPolicy.MaximumAttempts == 0 {
		policy := *options.RetryPolicy
		policy.MaximumAttempts = 100_000
		options.RetryPolicy = &policy
	}
	return o.Next.ExecuteActivity(workflow.WithActivityOptions(ctx, options), name, args...)
}
