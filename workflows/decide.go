package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// acceptDecisions lets people decide on an unconfirmed upload. Anything else is
// refused before it enters the history.
func (r *run) acceptDecisions(ctx workflow.Context) error {
	return workflow.SetUpdateHandlerWithOptions(ctx, upload.UpdateDecide,
		func(_ workflow.Context, d upload.Decision) error {
			r.decision = &d
			return nil
		},
		workflow.UpdateHandlerOptions{
			Description: "decide what becomes of an unconfirmed upload: ready, retry or fail",
			Validator: func(_ workflow.Context, d upload.Decision) error {
				if r.result.State != upload.StateUnconfirmed || r.decision != nil {
					return fmt.Errorf("the upload is %s; you can decide only for an unconfirmed upload", r.result.State)
				}
				switch d.Verdict {
				case upload.VerdictReady, upload.VerdictRetry, upload.VerdictFail:
				default:
					return fmt.Errorf("unknown verdict %q; use ready, retry or fail", d.Verdict)
				}
				if d.Because == "" {
					return fmt.Errorf("a decision needs a reason")
				}
				return nil
			},
		})
}

// decided waits for a person's word on an unconfirmed upload and does as it
// says.
func (r *run) decided(ctx workflow.Context) (upload.Media, error) {
	r.await(ctx, "a decision: is the file at the vendor?")
	err := r.decide(ctx)
	r.await(ctx, "")
	if err != nil {
		return upload.Media{}, err
	}
	d := *r.decision
	r.decision = nil
	r.note(fmt.Sprintf("%s decided %s because %s", d.By, d.Verdict, d.Because))
	switch d.Verdict {
	case upload.VerdictReady:
		return upload.Media{ID: string(r.result.MediaID)}, nil
	case upload.VerdictRetry:
		r.result.FinishedAt, r.result.Error = nil, nil
		r.p = upload.Progress{
			Version: r.p.Version, Content: r.p.Content, Attempts: r.p.Attempts, BytesSent: r.p.BytesSent, Notes: r.p.Notes, Repeated: r.p.Repeated,
		}
		r.enter(ctx, upload.StatePreparing)
		r.tellState(ctx, "note that the file is sent again")
		return r.follow(ctx)
	}
	e := upload.Errorf(upload.KindUnconfirmed, upload.StepTransfer, "marked as failed by %s: %s", d.By, d.Because)
	e.Code = codeDecided
	return upload.Media{}, e
}

// decisionLooks is how often a run that waits for a decision asks the ledger whether it
// is still the one to wait: the last one repeats.
var decisionLooks = []time.Duration{time.Minute, 10 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour}

// decide waits for a decision. Where the item has ended meanwhile, as a reset of an
// older history has it, the error says so.
func (r *run) decide(ctx workflow.Context) error {
	for n := 0; ; n++ {
		look := decisionLooks[min(n, len(decisionLooks)-1)]
		wait := workflow.AwaitOptions{Timeout: look, TimerOptions: workflow.TimerOptions{Summary: "for a decision"}}
		if decided, err := workflow.AwaitWithOptions(ctx, wait, func() bool { return r.decision != nil }); decided || err != nil {
			return err
		}
		known, err := r.record(ctx)
		if err != nil {
			return err
		}
		if known != nil {
			return endedAs(*known)
		}
	}
}

// codeDecided marks a failure that a person chose: it is an end.
const codeDecided = "decided"
