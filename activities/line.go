package activities

import (
	"context"
	"errors"
	"maps"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// lineTries is how many connections of one send may end in the middle before
// that is taken for the store's doing. A part that is acknowledged begins anew.
const lineTries = upload.TransferTries

// leastWait is the least time between two attempts on a line in trouble.
const leastWait = 200 * time.Millisecond

// past is what the attempts before this one left: how often the line failed them,
// and what they sent in vain.
func past(ctx context.Context) upload.Heartbeat {
	var p upload.Heartbeat
	if activity.HasHeartbeatDetails(ctx) {
		_ = activity.GetHeartbeatDetails(ctx, &p) // a beat without details has no past
	}
	p.Wasted, p.Sent = p.Wasted+p.Sent, 0
	p.Retries = maps.Clone(p.Retries)
	return p
}

// afresh lets a send come back that failed for the line's sake: without end where
// there was no way to the store, and for as many times as lineTries where the
// connection was cut. harmless says that bytes which arrived may arrive again;
// otherwise only what cannot have arrived is repeated here. It returns nil where
// the failure is for the workflow to judge.
func (a *Activities) afresh(ctx context.Context, p *upload.Heartbeat, err error, harmless bool) error {
	var e *upload.Error
	if ctx.Err() != nil || !errors.As(err, &e) || e.Kind != upload.KindUnavailable {
		return nil
	}
	switch e.Code {
	case upload.CodeOffline:
	case upload.CodeReset:
		if p.Cuts+1 >= lineTries || !harmless && e.Arrived != upload.ArrivedNothing && e.Arrived != upload.ArrivedSome {
			return nil
		}
		p.Cuts++
	default:
		return nil
	}
	if e.Receipt != nil {
		p.Wasted += e.Receipt.BytesSent
	}
	if p.Retries == nil {
		p.Retries = map[string]int{}
	}
	p.Retries[e.Code]++
	p.Sent = 0
	activity.RecordHeartbeat(ctx, *p)
	failures := 0
	for _, n := range p.Retries {
		failures += n
	}
	return later(e.Code, e.Error(), max(upload.Backoff(failures, seed(ctx)+activity.GetInfo(ctx).ActivityID), leastWait))
}

// offline lets a call come back for which there was no way to the other side, so
// that nothing of it was sent. The first calls of an item are not among them:
// who starts an upload wants to hear that there is no network.
func offline(ctx context.Context, step upload.Step, e *upload.Error) error {
	if e.Code != upload.CodeOffline || e.Kind != upload.KindUnavailable || e.Arrived != upload.ArrivedNothing ||
		step == upload.StepClaim || step == upload.StepPrepare {
		return nil
	}
	return later(e.Code, e.Error(), max(upload.Backoff(int(attempt(ctx)), seed(ctx)), leastWait))
}
