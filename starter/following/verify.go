package following

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/starter/history"
)

// stopTime is how long the service may take to hear that nobody waits any more.
const stopTime = 5 * time.Second

// Verify has a worker ask the vendor again for the medium of an upload that is ready,
// and waits until that has answered, or only a person can help. Meanwhile it says what
// it waits for. Where no other worker does it, this process does.
func (u Uploads) Verify(ctx context.Context, entry ledger.Entry) (upload.Verification, error) {
	account := entry.Result.To
	if !u.workers.Alive(ctx) {
		if _, err := u.session.Config.Account(account); err != nil {
			return upload.Verification{}, err
		}
	}
	if err := u.workers.EnsureQueues(ctx, nil); err != nil {
		return upload.Verification{}, err
	}
	id := entry.Result.UploadID
	run, err := u.session.Temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: upload.VerifyWorkflowID(id), TaskQueue: upload.TaskQueue,
		WorkflowIDReusePolicy:    enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		StaticSummary:            "verify " + id,
	}, upload.WorkflowVerify, id)
	if err != nil {
		return upload.Verification{}, fmt.Errorf("verify %s: %w", id, err)
	}
	v := &verification{Uploads: u, run: run, account: account, ended: make(chan struct{})}
	go func() {
		defer close(v.ended)
		v.err = endOf(ctx, run, &v.result)
	}()
	found, err := v.wait(ctx)
	select {
	case <-v.ended:
	default: // it has changed nothing, and nobody needs its result
		v.stop(ctx)
	}
	return found, err
}

// verification is one that a command waits for.
type verification struct {
	Uploads
	run     client.WorkflowRun
	account string
	ended   chan struct{} // closed when result and err are set
	result  upload.Verification
	err     error
	paused  bool   // its account was, when that was looked at last
	said    string // for what it waits
}

func (v *verification) wait(ctx context.Context) (upload.Verification, error) {
	var none upload.Verification
	polls, checks := time.NewTicker(pollEvery), time.NewTicker(workersEvery)
	defer polls.Stop()
	defer checks.Stop()
	for {
		select {
		case <-v.ended:
			if v.err != nil && ctx.Err() == nil {
				return none, fmt.Errorf("verify %s: %w", v.run.GetID(), v.err)
			}
			return v.result, ctx.Err()
		case <-ctx.Done():
			return none, ctx.Err()
		case <-v.session.EngineLost():
			return none, v.session.EngineGone()
		case <-checks.C:
			if err := v.workers.EnsureQueues(ctx, nil); err != nil {
				return none, err
			}
			v.say(ctx)
		case <-polls.C:
			if held, err := v.checkAccount(ctx); err != nil || held != nil {
				return upload.Unverified(time.Now(), held), err
			}
		}
	}
}

// checkAccount is why the account keeps the vendor from being asked: it was paused when
// it was looked at, and before. A command does not wait for that.
func (v *verification) checkAccount(ctx context.Context) (*upload.Failure, error) {
	account, err := v.session.Ledger.Account(ctx, v.account)
	if err != nil || !account.Paused || !v.paused {
		v.paused = account.Paused
		return nil, err
	}
	return &upload.Failure{
		Kind: upload.KindDenied, Step: upload.StepPoll, Message: fmt.Sprintf("account %s is paused: %s", account.Name, account.Because),
		Hint: upload.Text("to continue: mediaferry account resume " + account.Name),
	}, nil
}

// say tells for what the verification waits, once for each reason.
func (v *verification) say(ctx context.Context) {
	why, err := history.Reader{Temporal: v.session.Temporal, Keys: v.session.Keys}.Waits(ctx, v.run.GetID(), v.run.GetRunID())
	if err != nil || why == "" || why == v.said {
		return
	}
	v.said = why
	v.session.Say("waiting: %s", why)
}

// stop ends the workflow, also when the command was interrupted. One that goes on all
// the same only reads.
func (v *verification) stop(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	_ = v.session.Temporal.CancelWorkflow(ctx, v.run.GetID(), v.run.GetRunID())
}
