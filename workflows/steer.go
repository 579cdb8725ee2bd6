package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/mediaferry/mediaferry/internal/upload"
)

const (
	// pauseGrace is how long parts may go on that are in flight when a person
	// pauses an upload. After that they are given up, and sent again later.
	pauseGrace = 10 * time.Second
	// moveWait is how long a move waits for a worker of the place it leads to.
	moveWait = time.Minute
)

// steering is what people want of an upload that is under way.
type steering struct {
	paused bool
	moving bool // a move is being proved: nothing reads the source
	// reads are the calls in progress that read the source where it is, in the
	// order in which they began.
	reads []*readCall
	// begun is the item as it was asked for, and mark the fingerprint of its
	// source then: under these the ledger knows it, wherever it is read.
	begun upload.Item
	mark  string
}

// readCall is a call that reads the source.
type readCall struct {
	giveUp workflow.CancelFunc
	part   bool // of a multipart session
}

// reads makes a call that a move may give up, and a pause too where it is a
// part's.
func (r *run) reads(ctx workflow.Context, part bool, call func(workflow.Context) error) error {
	ctx, cancel := workflow.WithCancel(ctx)
	one := &readCall{giveUp: cancel, part: part}
	r.steering.reads = append(r.steering.reads, one)
	err := call(ctx)
	for i, other := range r.steering.reads {
		if other == one {
			r.steering.reads = append(r.steering.reads[:i:i], r.steering.reads[i+1:]...)
			break
		}
	}
	cancel()
	return err
}

// givenUp reports whether a call ended because a move or a pause gave it up, and
// not because the upload is canceled.
func givenUp(ctx workflow.Context, err error) bool {
	return err != nil && temporal.IsCanceledError(err) && ctx.Err() == nil
}

// flying counts parts in flight.
func (s *steering) flying() (n int) {
	for _, one := range s.reads {
		if one.part {
			n++
		}
	}
	return n
}

// gate holds every call back while the upload is paused, and those that read the
// source while it moves.
func (r *run) gate(ctx workflow.Context, reads bool) error {
	closed := func() bool { return r.steering.paused || reads && r.steering.moving }
	if !closed() {
		return nil
	}
	return workflow.Await(ctx, func() bool { return !closed() })
}

// acceptSteering lets people pause, resume and move the upload. Signals that came
// before are waiting in their channels.
func (r *run) acceptSteering(ctx workflow.Context) error {
	r.steering.begun = r.item
	pauses, resumes := workflow.GetSignalChannel(ctx, upload.SignalPause), workflow.GetSignalChannel(ctx, upload.SignalResume)
	workflow.GoNamed(ctx, "steering", func(ctx workflow.Context) {
		for {
			if workflow.Await(ctx, func() bool { return pauses.Len()+resumes.Len() > 0 }) != nil {
				return
			}
			r.heard(ctx, came(pauses), came(resumes))
		}
	})
	return r.acceptMoves(ctx)
}

func came(signals workflow.ReceiveChannel) (some bool) {
	for signals.ReceiveAsync(nil) {
		some = true
	}
	return some
}

// heard acts on signals. Of those that came at once nobody knows the order, so
// the one that changes something goes first.
func (r *run) heard(ctx workflow.Context, pause, resume bool) {
	was := r.steering.paused
	now := pause || was && !resume
	if pause && resume { // changed, and changed back
		now = was
	}
	if now == was || r.result.State.Ended() { // one that waits for a decision has nothing to pause
		return
	}
	r.steering.paused = now
	r.result.Paused = now
	if r.sender != nil {
		r.sender.pace.rest(workflow.Now(ctx))
	}
	r.show(ctx)
	r.tellPaused(ctx, now)
	if now {
		workflow.GoNamed(ctx, "pause", r.standStill)
	}
}

// tellPaused lets the ledger know, so that lists do.
func (r *run) tellPaused(ctx workflow.Context, paused bool) {
	if paused {
		r.tellState(ctx, "note that the upload is paused")
		return
	}
	r.tellState(ctx, "note that the upload is resumed")
}

// tellState lets the ledger know the upload's state, and whether it is paused.
func (r *run) tellState(ctx workflow.Context, summary string) {
	ctx = workflow.WithActivityOptions(ctx, books(summary))
	update := upload.PauseUpdate{Item: r.steering.begun, State: r.result.State, Paused: r.steering.paused}
	_ = workflow.ExecuteActivity(ctx, upload.ActivityMarkPaused, update).Get(ctx, nil) // it comes back until it is heard, or the upload ends
}

// standStill gives up parts that are still in flight after a while.
func (r *run) standStill(ctx workflow.Context) {
	s := &r.steering
	if s.flying() == 0 {
		return
	}
	quiet := func() bool { return !s.paused || s.flying() == 0 }
	wait := workflow.AwaitOptions{Timeout: pauseGrace, TimerOptions: workflow.TimerOptions{Summary: "for parts in flight, while it is paused"}}
	done, err := workflow.AwaitWithOptions(ctx, wait, quiet)
	if !done && err == nil {
		s.giveUp(func(one *readCall) bool { return one.part })
		err = workflow.Await(ctx, quiet)
	}
	if err == nil && s.paused {
		r.tellPaused(ctx, true) // a part that began again in between has noted otherwise
	}
}

func (s *steering) giveUp(which func(*readCall) bool) {
	for _, one := range s.reads {
		if which(one) {
			one.giveUp()
		}
	}
}

// acceptMoves lets people send the reading of the source elsewhere. What cannot
// be meant is refused before it enters the history.
func (r *run) acceptMoves(ctx workflow.Context) error {
	return workflow.SetUpdateHandlerWithOptions(ctx, upload.UpdateMove, r.move, workflow.UpdateHandlerOptions{
		Description: "read the source on another host or at another path; the bytes must be the same",
		Validator: func(_ workflow.Context, m upload.Move) error {
			switch {
			case r.result.State.Ended():
				return fmt.Errorf("the upload is %s; you can move only a running upload", r.result.State)
			case r.item.Queue == "" || !upload.IsLocal(m.Source):
				return fmt.Errorf("source %s is not a local file, so it does not need to be moved", r.result.Source)
			case r.steering.moving:
				return fmt.Errorf("another move is in progress; try again when it has ended")
			case m.Queue == "" || m.Source == "":
				return fmt.Errorf("a move needs a host's queue and the path of the source on that host")
			}
			return nil
		},
	})
}

// move gives up what reads the source where it was, proves that the other place
// has the same bytes, and goes on there. Otherwise it goes on where it was.
func (r *run) move(ctx workflow.Context, m upload.Move) (string, error) {
	s := &r.steering
	s.moving = true
	defer func() { s.moving = false }()
	s.giveUp(func(*readCall) bool { return true })
	if err := workflow.Await(ctx, func() bool { return len(s.reads) == 0 }); err != nil {
		return "", err
	}
	there := r.item
	there.Queue, there.Source = m.Queue, m.Source
	by := "nothing, because the source had not been examined yet"
	content, fingerprint := r.behind()
	if content.Size > 0 {
		proved, err := r.prove(ctx, there, content)
		if err != nil {
			return "", err
		}
		by, *fingerprint = proved.By, proved.Fingerprint
	}
	from := r.item.Source
	r.item.Queue, r.item.Source = m.Queue, m.Source
	if r.p.Content.Size == 0 { // it is not claimed yet
		s.begun = r.item
	}
	r.absent = false
	said := fmt.Sprintf("moved to host %s by %s", m.Host, m.By)
	if m.Source != from { // the result keeps the source that identifies the item
		said += ", and read from " + upload.DisplaySource(m.Source)
	}
	r.note(said)
	return "moved to host " + m.Host + ", proved by " + by, nil
}

// behind is the content that something was done with already, and where its
// fingerprint is kept. What was done while the item travelled with others counts
// also before it is claimed again, which has to find the same content.
func (r *run) behind() (upload.Content, *string) {
	p := &r.p
	if r.p.Content.Size == 0 && r.item.Resume != nil {
		p = &r.item.Resume.Progress
	}
	content := p.Content
	if content.SHA256 == "" {
		content.SHA256 = p.Receipt.SHA256
	}
	return content, &p.Content.Fingerprint
}

// prove has the other place compare its source with what was sent.
func (r *run) prove(ctx workflow.Context, there upload.Item, content upload.Content) (upload.Proved, error) {
	options := r.reading("compare the file with what was sent")
	options.TaskQueue, options.ScheduleToStartTimeout = there.Queue, moveWait
	ctx = workflow.WithActivityOptions(ctx, options)
	in := upload.Prove{Item: there, Content: content}
	if r.sender != nil {
		in.Parts = r.sender.acknowledged()
	}
	var proved upload.Proved
	err := workflow.ExecuteActivity(ctx, upload.ActivityProve, in).Get(ctx, &proved)
	e, _ := failureOf(err)
	switch {
	case e != nil && isQueued(e):
		return proved, temporal.NewApplicationError("no worker "+upload.Readers(there.Queue)+" answered within "+inWords(moveWait), string(upload.KindUnavailable))
	case e != nil:
		return proved, temporal.NewApplicationError(e.Message, string(e.Kind))
	}
	return proved, err
}
