package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/mediaferry/mediaferry/upload"
)

// sender sends the parts of one multipart session, a few at a time. Which parts
// the store acknowledged is in the history, as results of activities: after a
// crash of anything, only parts that were in flight are sent again.
type sender struct {
	*run
	session upload.Session
	urls    map[int]upload.PartURL
	done    []upload.Part // by number, from 0; ETag is empty until acknowledged
	next    int           // the next part to send
	signing workflow.Mutex
	err     error // what ended the sending
}

// sendParts sends all parts and returns them in order.
func (r *run) sendParts(ctx workflow.Context, session upload.Session) ([]upload.Part, error) {
	r.enter(ctx, upload.StateTransferring)
	s := &sender{
		run: r, session: session, urls: map[int]upload.PartURL{}, next: 1,
		done: make([]upload.Part, session.Plan.Parts), signing: workflow.NewMutex(ctx),
	}
	for _, u := range session.Parts {
		s.urls[u.Number] = u
	}
	r.status.Parts, r.status.PartsDone, r.status.BytesDone = session.Plan.Parts, 0, 0
	ctx, cancel := workflow.WithCancel(ctx)
	defer cancel()
	all := workflow.NewWaitGroup(ctx)
	for lane := range min(max(r.terms.Parallel, 1), session.Plan.Parts) {
		all.Add(1)
		workflow.GoNamed(ctx, fmt.Sprintf("parts %d", lane+1), func(ctx workflow.Context) {
			defer all.Done()
			s.work(ctx, cancel)
		})
	}
	all.Wait(ctx)
	if s.err != nil {
		return nil, s.err
	}
	if len(s.done) == 1 {
		r.result.SHA256 = upload.Text(s.done[0].SHA256)
	}
	return s.done, nil
}

// work sends one part after the other until there is none left, or one failed
// for good; then the others stop too.
func (s *sender) work(ctx workflow.Context, cancel workflow.CancelFunc) {
	for s.err == nil && s.next <= len(s.done) {
		number := s.next
		s.next++
		part, err := s.send(ctx, number)
		if err != nil {
			if s.err == nil { // the first one; what follows is its cancellation
				s.err = err
			}
			cancel()
			return
		}
		s.done[number-1] = part
		s.status.PartsDone++
		s.status.BytesDone += part.Size
		s.result.BytesSent += part.Size
		s.show(ctx)
	}
}

// send sends one part, with a fresh URL as often as one runs out.
func (s *sender) send(ctx workflow.Context, number int) (upload.Part, error) {
	offset, size, err := s.session.Plan.Range(number)
	if err != nil {
		return upload.Part{}, err
	}
	in := upload.SendPart{Item: s.item, Content: s.content, Offset: offset, Size: size, Header: s.session.Header, Life: s.session.Life}
	sending := step{
		step: upload.StepTransfer, part: number, activity: upload.ActivitySendPart,
		options: func() workflow.ActivityOptions {
			return s.sending(ctx, fmt.Sprintf("part %d of %d", number, len(s.done)), size, in.Part.ExpiresAt)
		},
		again: func(e *upload.Error) {
			in.Lenient, in.Before = in.Lenient || e.Kind == upload.KindCorrupt, s.result.BytesSent
		},
	}
	for {
		if in.Part, err = s.url(ctx, number); err != nil {
			return upload.Part{}, err
		}
		var part upload.Part
		in.Before = s.result.BytesSent
		err = s.try(ctx, sending, &in, &part)
		switch {
		case err == nil:
			return part, nil
		case lost(err) || !expired(err) || s.spent(sending):
			return upload.Part{}, s.gone(ctx, err)
		}
		delete(s.urls, number) // it ran out: another one
		s.queued = queued(err)
		if err := s.here(ctx); err != nil {
			return upload.Part{}, err
		}
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

// url returns where a part goes, and asks for more URLs where there is none that
// will do. Others that ask at the same time wait for the same answer.
func (s *sender) url(ctx workflow.Context, number int) (upload.PartURL, error) {
	if u, ok := s.fresh(ctx, number); ok {
		return u, nil
	}
	if err := s.signing.Lock(ctx); err != nil {
		return upload.PartURL{}, err
	}
	defer s.signing.Unlock()
	if u, ok := s.fresh(ctx, number); ok {
		return u, nil
	}
	var signed []upload.PartURL
	err := s.try(ctx, step{
		step: upload.StepPrepare, part: number, activity: upload.ActivitySignParts,
		options: func() workflow.ActivityOptions { return control(fmt.Sprintf("URL for part %d", number)) },
	}, upload.SignParts{Item: s.item, Session: s.session.ID, Parts: []int{number}, Open: s.open(number)}, &signed)
	if err != nil {
		return upload.PartURL{}, err
	}
	for _, u := range signed {
		s.urls[u.Number] = u
	}
	s.status.ExpiresAt = s.urls[number].ExpiresAt
	return s.urls[number], nil
}

// fresh returns the part's URL where it has one that is not about to run out.
func (s *sender) fresh(ctx workflow.Context, number int) (upload.PartURL, bool) {
	u, ok := s.urls[number]
	return u, ok && !upload.Spent(workflow.Now(ctx), u.ExpiresAt, s.session.Life, time.Duration(0))
}

// open counts the parts up to number that the store has not acknowledged: the
// vendor hands out URLs for the lowest of them.
func (s *sender) open(number int) int {
	open := number
	for _, part := range s.done[:number] {
		if part.ETag != "" {
			open--
		}
	}
	return open
}
