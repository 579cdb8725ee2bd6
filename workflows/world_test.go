package workflows

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/mediaferry/mediaferry/internal/flow"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
)

// world is what activities would find outside: scripted answers, and a list of
// what was asked, in order. What makes a step of an item goes by the item's flow, as
// the activities do.
type world struct {
	t   *testing.T
	env *testsuite.TestWorkflowEnvironment

	mu       sync.Mutex // activities of parts run side by side
	over     bool
	asked    []string
	answers  map[string][]answer
	recorded []upload.Result
	denials  []string                   // for which the account was paused
	saved    map[string]upload.Progress // by upload ID, as the ledger has it
	begun    map[string]time.Time       // when calls that have no progress were made first
	item     upload.Item
	claimed  upload.Claimed
	start    time.Time
}

// answer is what one call of an activity gives; the last one repeats. A step of an
// item is given what its vendor or store said, and gets what that is asked: see
// question.
type answer struct {
	value any
	err   error
	do    func()
}

// patience is how long an outage is waited out here.
const patience = time.Hour

func newWorld(t *testing.T, vendor string) *world {
	t.Helper()
	w := &world{
		t: t, answers: map[string][]answer{}, saved: map[string]upload.Progress{}, begun: map[string]time.Time{},
		start: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC),
	}
	w.item = upload.Item{UploadID: "upload/" + vendor + "/x", ID: "x", Account: vendor, Vendor: vendor, Source: "https://host/a.jpg"}
	w.claimed = upload.Claimed{
		Progress: upload.Progress{Content: upload.Content{Size: 100, Type: "image/jpeg", Name: "a.jpg", Fingerprint: "f", SHA256: "aa", CRC64: "1"}},
		Terms:    termsOf(t, vendor),
	}
	suite := testsuite.WorkflowTestSuite{}
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	w.env = suite.NewTestWorkflowEnvironment()
	w.env.SetStartTime(w.start)
	w.env.SetTestTimeout(10 * time.Minute) // of real time, of which a busy machine takes its share
	w.env.SetWorkerOptions(worker.Options{
		Interceptors: []interceptor.WorkerInterceptor{&asService{}}, DeadlockDetectionTimeout: time.Minute,
	})
	for name, flow := range Uploads(vendors.Names()) {
		w.env.RegisterWorkflowWithOptions(flow, workflow.RegisterOptions{Name: name})
	}
	w.activities()
	return w
}

// termsOf are a vendor's terms, with a pace of polls that is the same for all.
func termsOf(t *testing.T, vendor string) upload.Terms {
	t.Helper()
	v, err := vendors.Find(vendor)
	require.NoError(t, err)
	terms := upload.Terms{Policy: v.Spec().Policy, Patience: patience, Parallel: 2}
	if len(terms.Policy.Poll.Waits) > 0 {
		terms.Policy.Poll = upload.Schedule{Waits: []time.Duration{5 * time.Second}, Deadline: 10 * time.Minute}
	}
	if v.Spec().Serial != nil {
		terms.SerialKey = "lane"
	}
	return terms
}

// way is the flow of an item.
func (w *world) way(item upload.Item) flow.Flow {
	terms := w.claimed.Terms
	if item.Vendor != w.item.Vendor {
		terms = termsOf(w.t, item.Vendor)
	}
	return flow.Flow{Policy: terms.Policy, Patience: terms.Patience, Seed: item.UploadID}
}

// activities stand for all that there are.
func (w *world) activities() {
	step(w, upload.ActivityPrepare, flow.DoPrepare)
	step(w, upload.ActivityTransfer, flow.DoSend)
	step(w, upload.ActivityFind, flow.DoFind)
	step(w, upload.ActivityComplete, flow.DoComplete)
	step(w, upload.ActivityPoll, flow.DoPoll)
	aside[upload.Item, upload.Claimed](w, upload.ActivityClaim)
	aside[upload.SendPart, upload.Part](w, upload.ActivitySendPart)
	aside[upload.SignParts, []upload.PartURL](w, upload.ActivitySignParts)
	aside[upload.Inspect, upload.Media](w, upload.ActivityInspect)
	aside[upload.Prove, upload.Proved](w, upload.ActivityProve)
	stub[upload.Record, struct{}](w, upload.ActivityRecord)
	stub[upload.SerialRequest, struct{}](w, upload.ActivityAcquireSerial)
	stub[upload.SerialRequest, struct{}](w, upload.ActivityReleaseSerial)
	stub[upload.PauseUpdate, struct{}](w, upload.ActivityMarkPaused)
	w.env.RegisterActivityWithOptions(func(_ context.Context, item upload.Item, c upload.Content) (upload.Digest, error) {
		v, err := w.next(upload.ActivityDigest, item)
		d, _ := v.(upload.Digest)
		return d, err
	}, activity.RegisterOptions{Name: upload.ActivityDigest})
	w.env.RegisterActivityWithOptions(func(context.Context) error {
		_, err := w.next(upload.ActivityHere, nil)
		return err
	}, activity.RegisterOptions{Name: upload.ActivityHere})
}

func stub[In, Out any](w *world, name string) {
	w.env.RegisterActivityWithOptions(func(_ context.Context, in In) (out Out, err error) {
		v, err := w.next(name, in)
		if value, ok := v.(Out); ok {
			out = value
		}
		return out, err
	}, activity.RegisterOptions{Name: name})
}

// aside stands for an activity that has no progress of its own: it waits an outage
// out by itself.
func aside[In, Out any](w *world, name string) {
	w.env.RegisterActivityWithOptions(func(ctx context.Context, in In) (out Out, err error) {
		v, err := w.next(name, in)
		if value, ok := v.(Out); ok {
			out = value
		}
		return out, w.waitOut(ctx, in, err)
	}, activity.RegisterOptions{Name: name})
}

// on scripts the next answers of an activity.
func (w *world) on(name string, answers ...answer) *world {
	w.answers[name] = append(w.answers[name], answers...)
	return w
}

func (w *world) next(name string, in any) (any, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return nil, errors.New("the workflow is over")
	}
	w.asked = append(w.asked, name)
	if record, ok := in.(upload.Record); ok {
		w.recorded = append(w.recorded, record.Result)
	}
	script := w.answers[name]
	if len(script) == 0 {
		if item, ok := in.(upload.Item); ok && name == upload.ActivityClaim {
			return w.claim(item)
		}
		return nil, nil
	}
	a := script[0]
	if len(script) > 1 {
		w.answers[name] = script[1:]
	}
	if a.do != nil {
		a.do()
	}
	switch f := a.value.(type) {
	case func(any) any:
		return f(in), a.err
	case func(any) (any, error):
		return f(in)
	}
	return a.value, a.err
}

// execute runs a workflow to its end. An activity that outlives it, since nobody
// waits for it, is not noted any more.
func (w *world) execute(name any, in ...any) {
	w.env.ExecuteWorkflow(name, in...)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
}

// run runs the vendor's workflow to its end.
func (w *world) run() (upload.Result, error) {
	w.t.Helper()
	w.execute(w.item.Vendor, w.item)
	require.True(w.t, w.env.IsWorkflowCompleted())
	var result upload.Result
	err := w.env.GetWorkflowError()
	if err == nil {
		require.NoError(w.t, w.env.GetWorkflowResult(&result))
	} else if len(w.recorded) > 0 {
		result = w.recorded[len(w.recorded)-1]
	}
	return result, err
}

// took is the virtual time from start to end.
func (w *world) took() time.Duration { return w.env.Now().Sub(w.start) }

// fails makes a final failure, as activities do.
func fails(e upload.Error) error {
	return temporal.NewApplicationErrorWithOptions(e.Message, string(e.Kind), temporal.ApplicationErrorOptions{NonRetryable: true, Details: []any{e}})
}

func unavailable(arrived upload.Arrival) answer {
	return answer{err: fails(upload.Error{Kind: upload.KindUnavailable, Message: "reset", Arrived: arrived})}
}

// throttled is a call that was too fast.
func throttled() answer {
	return answer{err: fails(upload.Error{Kind: upload.KindThrottled, Message: "account has reached its limit of calls"})}
}

// died is a call whose worker was lost with it.
func died() answer {
	return answer{err: temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_HEARTBEAT, nil)}
}

func ranOut() answer {
	return answer{err: fails(upload.Error{Kind: upload.KindExpired, Message: "Request has expired"})}
}

// processing are polls that found the medium not done.
func processing(n int) []answer {
	return slices.Repeat([]answer{seen(upload.StateProcessing, "404")}, n)
}

func session(id string) answer {
	return answer{value: func(in any) any {
		s := upload.Session{Method: upload.MethodPut, Store: upload.StoreS3, ID: id, FileName: id + ".jpg", URL: "https://s3/" + id}
		if p := in.(upload.Prepare).Plan; p.Parts > 0 {
			s.Method, s.Plan, s.Media = upload.MethodMultipart, p, upload.Media{ID: "media-" + id}
			for n := 1; n <= p.Parts; n++ {
				s.Parts = append(s.Parts, upload.PartURL{Number: n, URL: fmt.Sprintf("https://s3/%s/%d", id, n)})
			}
		}
		return s
	}}
}

func ready(id string) answer {
	return answer{value: upload.Media{ID: id, State: upload.StateReady, Seen: "ready"}}
}

func seen(state upload.State, word string) answer {
	return answer{value: upload.Media{ID: "m", State: state, Seen: word, Reason: "because"}}
}

var sent = answer{value: upload.Receipt{BytesSent: 100, SHA256: "aa", CRC64: "1"}}

// decode reads what a workflow is to begin anew with.
func (w *world) decode(payloads *commonpb.Payloads, into any) error {
	return converter.GetDefaultDataConverter().FromPayloads(payloads, into)
}

// anything matches every argument of a workflow that is replaced.
var anything = mock.Anything
