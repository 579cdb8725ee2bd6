package workflows

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/mediaferry/mediaferry/internal/upload"
)

var toTrustana = upload.Route{Account: "trustana", Vendor: "trustana"}

// newBatch is a world in which workflows of batches can run.
func newBatch(t *testing.T) *world {
	w := newWorld(t, "trustana")
	for name, f := range Batches() {
		w.env.RegisterWorkflowWithOptions(f, workflow.RegisterOptions{Name: name})
	}
	stub[string, upload.BatchPlan](w, upload.ActivityRoutes)
	stub[upload.Cut, upload.ShardsCut](w, upload.ActivityCutShards)
	stub[upload.Shard, upload.ShardDone](w, upload.ActivityRunShard)
	stub[upload.DetachedQuery, upload.DetachedRows](w, upload.ActivityDetachedRows)
	stub[upload.Finish, upload.BatchEnd](w, upload.ActivityFinishBatch)
	stub[upload.Scheduled, upload.BatchRun](w, upload.ActivityLoadBatch)
	stub[string, struct{}](w, upload.ActivityAwaitCanary)
	return w
}

func plan(canary int, waiting ...int64) answer {
	p := upload.BatchPlan{Canary: canary}
	for i, n := range waiting {
		p.Routes = append(p.Routes, upload.RouteRows{Route: upload.Route{Account: fmt.Sprint("account", i), Vendor: "trustana"}, Waiting: n})
	}
	return answer{value: p}
}

// shardsOf cuts shards of a route of so many rows, one a line.
func shardsOf(rows int) answer {
	return answer{value: func(in any) any {
		cut := in.(upload.Cut)
		var shards []upload.Shard
		for _, size := range cut.Sizes {
			if cut.After >= rows {
				break
			}
			last := min(cut.After+size, rows)
			shards = append(shards, upload.Shard{Batch: cut.Batch, Route: cut.Route, First: cut.After + 1, Last: last, Rows: last - cut.After})
			cut.After = last
		}
		return upload.ShardsCut{Shards: shards}
	}}
}

func ended(state upload.BatchState) answer {
	return answer{value: upload.BatchEnd{Batch: "b", State: state}}
}

func (w *world) count(name string) int {
	n := 0
	for _, asked := range w.asked {
		if asked == name {
			n++
		}
	}
	return n
}

func TestABatchDispatchesEveryRouteUntilNothingWaits(t *testing.T) {
	w := newBatch(t)
	w.on(upload.ActivityRoutes, plan(0, 100, 0, 60), plan(0, 0, 0, 0))
	w.on(upload.ActivityCutShards, shardsOf(160))
	w.on(upload.ActivityFinishBatch, ended(upload.BatchCompleted))
	w.execute(upload.WorkflowBatch, upload.BatchRun{Batch: "b"})
	require.NoError(t, w.env.GetWorkflowError())
	var end upload.BatchEnd
	require.NoError(t, w.env.GetWorkflowResult(&end))
	require.Equal(t, upload.BatchCompleted, end.State)
	require.Equal(t, 4, w.count(upload.ActivityRunShard), "two shards of a hundred rows at most, for each route that has some waiting")
	require.Equal(t, 2, w.count(upload.ActivityRoutes))
}

func TestAShardWhoseWorkersDieComesBackSoon(t *testing.T) {
	const deaths = 20
	w := newBatch(t)
	died := slices.Repeat([]answer{{err: temporal.NewApplicationError("the worker is gone", "died")}}, deaths)
	w.on(upload.ActivityRunShard, append(died, answer{value: upload.ShardDone{}})...)
	w.execute(upload.WorkflowShard, upload.Shard{Batch: "b", Route: upload.Route{Account: "trustana", Vendor: "trustana"}, Rows: 1})
	require.NoError(t, w.env.GetWorkflowError())
	require.Equal(t, deaths+1, w.count(upload.ActivityRunShard))
	require.LessOrEqual(t, w.took(), deaths*transferRetry)
}

func TestABatchRestsAfterARoundThatChangedNothing(t *testing.T) {
	w := newBatch(t)
	w.on(upload.ActivityRoutes, plan(0, 3), plan(0, 3), plan(0, 3), plan(0, 0))
	w.on(upload.ActivityCutShards, shardsOf(3))
	w.on(upload.ActivityFinishBatch, ended(upload.BatchCompleted))
	w.execute(upload.WorkflowBatch, upload.BatchRun{Batch: "b"})
	require.NoError(t, w.env.GetWorkflowError())
	require.Equal(t, 3, w.count(upload.ActivityRunShard))
	require.GreaterOrEqual(t, w.took(), 2*idleRest)
}

func TestABatchGoesOnWithRowsThatAreRetriedWhileItRuns(t *testing.T) {
	w := newBatch(t)
	w.on(upload.ActivityRoutes, plan(0, 0), plan(0, 10), plan(0, 0))
	w.on(upload.ActivityCutShards, shardsOf(10))
	w.on(upload.ActivityFinishBatch, answer{value: upload.BatchEnd{More: true}}, ended(upload.BatchCompleted))
	w.execute(upload.WorkflowBatch, upload.BatchRun{Batch: "b"})
	require.NoError(t, w.env.GetWorkflowError())
	require.Equal(t, 1, w.count(upload.ActivityRunShard))
	require.Equal(t, 2, w.count(upload.ActivityFinishBatch))
}

func TestACanceledBatchIsFinishedAsCanceled(t *testing.T) {
	w := newBatch(t)
	w.on(upload.ActivityRoutes, plan(0, 10))
	w.on(upload.ActivityCutShards, shardsOf(10))
	var finished upload.Finish
	w.on(upload.ActivityRunShard, answer{err: temporal.NewApplicationError("the batch is paused", "waiting")})
	w.on(upload.ActivityFinishBatch, answer{value: func(in any) any {
		finished = in.(upload.Finish)
		return upload.BatchEnd{Batch: "b", State: upload.BatchCanceled}
	}})
	w.env.RegisterDelayedCallback(w.env.CancelWorkflow, time.Minute)
	w.execute(upload.WorkflowBatch, upload.BatchRun{Batch: "b"})
	require.True(t, temporal.IsCanceledError(w.env.GetWorkflowError()))
	require.Equal(t, upload.Finish{Batch: "b", Canceled: true}, finished)
}

func TestADispatcherShowsItsCanaryFirst(t *testing.T) {
	w := newBatch(t)
	var sizes []int
	w.on(upload.ActivityCutShards, answer{value: func(in any) any {
		sizes = append(sizes, in.(upload.Cut).Sizes[0])
		return shardsOf(200).value.(func(any) any)(in)
	}})
	var canary []bool
	w.on(upload.ActivityRunShard, answer{value: func(in any) any {
		canary = append(canary, in.(upload.Shard).Canary)
		return upload.ShardDone{}
	}})
	w.execute(upload.WorkflowDispatcher, upload.Dispatch{Batch: "b", Route: toTrustana, Rows: 200, Canary: 20})
	require.NoError(t, w.env.GetWorkflowError())
	require.Equal(t, 20, sizes[0])
	require.Equal(t, []string{upload.ActivityCutShards, upload.ActivityRunShard, upload.ActivityAwaitCanary}, w.asked[:3])
	require.Equal(t, 3, w.count(upload.ActivityRunShard), "20, 100 and 80 rows")
	require.Equal(t, []bool{true, false, false}, canary)
}

func TestADispatcherSendsRowsThatGoLastInAPassOfTheirOwn(t *testing.T) {
	last := upload.ShardsCut{Shards: []upload.Shard{{Batch: "b", Route: toTrustana, First: 2, Last: 2, Rows: 1}}}
	for name, c := range map[string]struct {
		again  []answer
		shards int
		after  []int
	}{
		"none are left out":             {[]answer{{value: upload.ShardsCut{}}}, 1, []int{0, 9}},
		"their turn has come":           {[]answer{{value: upload.ShardsCut{Later: true}}, {value: last}, {value: upload.ShardsCut{}}}, 2, []int{0, 9, 0, 2}},
		"they wait for another route's": {[]answer{{value: upload.ShardsCut{Later: true}}}, 1, []int{0, 9, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newBatch(t)
			answers := append([]answer{{value: upload.ShardsCut{Shards: []upload.Shard{{Batch: "b", Route: toTrustana, First: 1, Last: 9, Rows: 8}}}}}, c.again...)
			var after []int
			for i, a := range answers {
				answers[i].value = func(in any) any {
					after = append(after, in.(upload.Cut).After)
					return a.value
				}
			}
			w.on(upload.ActivityCutShards, answers...)
			w.execute(upload.WorkflowDispatcher, upload.Dispatch{Batch: "b", Route: toTrustana, Rows: 9})
			require.NoError(t, w.env.GetWorkflowError())
			require.Equal(t, c.shards, w.count(upload.ActivityRunShard))
			require.Equal(t, c.after, after)
		})
	}
}

func TestADispatcherOfManyShardsBeginsANewHistory(t *testing.T) {
	w := newBatch(t)
	w.on(upload.ActivityCutShards, shardsOf(1_000_000))
	w.execute(upload.WorkflowDispatcher, upload.Dispatch{Batch: "b", Route: toTrustana, Rows: 1_000_000})
	var again *workflow.ContinueAsNewError
	require.ErrorAs(t, w.env.GetWorkflowError(), &again)
	require.Equal(t, dispatchShards, w.count(upload.ActivityRunShard))
	var next upload.Dispatch
	require.NoError(t, w.decode(again.Input, &next))
	require.Equal(t, dispatchShards*upload.ShardRows, next.After)
}

func TestOneShardThatFailsDoesNotKeepTheOthersFromTheirRows(t *testing.T) {
	w := newBatch(t)
	w.on(upload.ActivityCutShards, shardsOf(400))
	w.on(upload.ActivityRunShard, answer{err: fails(upload.Error{Kind: upload.KindInternal, Message: "odd"})}, answer{})
	w.execute(upload.WorkflowDispatcher, upload.Dispatch{Batch: "b", Route: toTrustana, Rows: 400})
	require.ErrorContains(t, w.env.GetWorkflowError(), "odd")
	require.Equal(t, 4, w.count(upload.ActivityRunShard))
}

// detachedRows hands out rows that travel alone, once.
func detachedRows(width int, ids ...string) []answer {
	var items []upload.Item
	for i, id := range ids {
		items = append(items, upload.Item{
			UploadID: upload.BatchUploadID("b", id), Batch: "b", ID: id, Line: i + 1, Account: "trustana", Vendor: "trustana", Source: "https://host/" + id,
		})
	}
	return []answer{{value: upload.DetachedRows{Items: items, Width: width}}, {value: upload.DetachedRows{}}}
}

func TestRowsThatTravelAloneHaveWorkflowsOfTheirOwn(t *testing.T) {
	w := newBatch(t)
	w.on(upload.ActivityRunShard, answer{value: upload.ShardDone{Detached: true}})
	w.on(upload.ActivityDetachedRows, detachedRows(2, "one", "two", "three")...)
	w.on(upload.ActivityPrepare, session("s"))
	w.on(upload.ActivityTransfer, sent)
	w.on(upload.ActivityPoll, ready("m"))
	w.execute(upload.WorkflowShard, upload.Shard{Batch: "b", Route: toTrustana, First: 1, Last: 3, Rows: 3})
	require.NoError(t, w.env.GetWorkflowError())
	require.Len(t, w.recorded, 3)
	for _, result := range w.recorded {
		require.Equal(t, upload.StateReady, result.State)
		require.Equal(t, upload.WayOwn, result.Way)
		require.Equal(t, result.UploadID, string(result.WorkflowID))
	}
}

func TestRowsThatGoLastDoNotWaitForARowThatStays(t *testing.T) {
	w := newBatch(t)
	w.on(upload.ActivityRunShard, answer{value: upload.ShardDone{Detached: true}})
	first := detachedRows(2, "stays")
	first[1].value = upload.DetachedRows{Later: true}
	w.on(upload.ActivityDetachedRows, append(first, detachedRows(2, "last")...)...)
	w.env.OnWorkflow("trustana", anything, anything).Return(func(ctx workflow.Context, item upload.Item) (upload.Result, error) {
		if item.ID == "stays" {
			return upload.Result{}, workflow.Sleep(ctx, 24*time.Hour)
		}
		return upload.Result{}, workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, books("record")), upload.ActivityRecord,
			upload.Record{Item: item, Result: upload.NewResult(item, upload.WayOwn, workflow.Now(ctx))}).Get(ctx, nil)
	})
	w.env.RegisterDelayedCallback(func() {
		require.Len(t, w.recorded, 1)
		require.Equal(t, "last", w.recorded[0].Item)
	}, time.Hour)
	w.execute(upload.WorkflowShard, upload.Shard{Batch: "b", Route: toTrustana, First: 1, Last: 2, Rows: 2})
	require.NoError(t, w.env.GetWorkflowError())
	require.Equal(t, 4, w.count(upload.ActivityDetachedRows))
}

func TestACanaryLeavesRowsThatGoLastForLater(t *testing.T) {
	w := newBatch(t)
	w.on(upload.ActivityRunShard, answer{value: upload.ShardDone{Detached: true}})
	rows := detachedRows(2, "one")
	rows[1].value = upload.DetachedRows{Later: true}
	w.on(upload.ActivityDetachedRows, rows...)
	w.on(upload.ActivityPrepare, session("s"))
	w.on(upload.ActivityTransfer, sent)
	w.on(upload.ActivityPoll, ready("m"))
	w.execute(upload.WorkflowShard, upload.Shard{Batch: "b", Route: toTrustana, First: 1, Last: 2, Rows: 1, Canary: true})
	require.NoError(t, w.env.GetWorkflowError())
	require.Equal(t, 2, w.count(upload.ActivityDetachedRows))
}

func TestAShardDoesNotWaitForAPersonsDecision(t *testing.T) {
	w := newBatch(t)
	w.on(upload.ActivityRunShard, answer{value: upload.ShardDone{Detached: true}})
	rows := detachedRows(2, "one")
	rows[0].value = upload.DetachedRows{Width: 1, Items: []upload.Item{{
		UploadID: "batch/b/one", Batch: "b", ID: "one", Line: 1, Account: "closient", Vendor: "closient", Source: "https://host/one",
	}}}
	w.on(upload.ActivityDetachedRows, rows...)
	w.on(upload.ActivityPrepare, session("s"))
	w.on(upload.ActivityTransfer, unavailable(upload.ArrivedMaybe))
	w.on(upload.ActivityFind, answer{value: upload.Settled{Doubt: "two are new"}})
	w.env.SetDetachedChildWait(false)
	w.env.OnSignalExternalWorkflow(anything, anything, anything, upload.SignalUnconfirmed, anything).
		Return(func(_, _, _, name string, arg any) error { // the environment knows children only
			w.env.SignalWorkflow(name, arg)
			return nil
		})
	w.execute(upload.WorkflowShard, upload.Shard{Batch: "b", Route: upload.Route{Account: "closient", Vendor: "closient"}, First: 1, Last: 1, Rows: 1})
	require.NoError(t, w.env.GetWorkflowError())
	require.Equal(t, upload.StateUnconfirmed, w.recorded[len(w.recorded)-1].State)
}

func TestARowWhoseWorkflowWasEndedFromOutsideIsRecorded(t *testing.T) {
	w := newBatch(t)
	w.on(upload.ActivityRunShard, answer{value: upload.ShardDone{Detached: true}})
	w.on(upload.ActivityDetachedRows, detachedRows(2, "one")...)
	w.env.OnWorkflow("trustana", anything, anything).Return(upload.Result{}, errors.New("terminated"))
	w.execute(upload.WorkflowShard, upload.Shard{Batch: "b", Route: toTrustana, First: 1, Last: 1, Rows: 1})
	require.NoError(t, w.env.GetWorkflowError())
	require.Len(t, w.recorded, 1)
	require.Equal(t, upload.StateFailed, w.recorded[0].State)
	require.Equal(t, upload.KindInternal, w.recorded[0].Error.Kind)
}

func TestAnItemGoesOnWhereItsShardLeftIt(t *testing.T) {
	at := func(from upload.Progress, step upload.Step, change func(*upload.Progress)) upload.Progress {
		from.Next = step
		if change != nil {
			change(&from)
		}
		return from
	}
	opened := upload.Progress{
		Session:  upload.Session{Method: upload.MethodPut, Store: upload.StoreS3, ID: "old", URL: "https://s3/old"},
		Content:  upload.Content{Size: 100, Fingerprint: "f"},
		Attempts: upload.Attempts{Prepare: 1, Transfer: 2},
	}
	sentAlready := at(opened, upload.StepPoll, func(p *upload.Progress) {
		p.SentAt, p.Receipt, p.Idle = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC), upload.Receipt{BytesSent: 100, CRC64: "1", SHA256: "aa"}, true
	})
	changed := at(sentAlready, upload.StepPoll, func(p *upload.Progress) { p.Content.Fingerprint = "other" })
	later := newWorld(t, "trustana").start.Add(time.Minute)
	corrupt := answer{err: fails(upload.Error{Kind: upload.KindCorrupt, Message: "ETag"})}
	all := []string{upload.ActivityClaim, upload.ActivityPrepare, upload.ActivityTransfer, upload.ActivityPoll, upload.ActivityRecord}
	for name, c := range map[string]struct {
		progress upload.Progress
		asked    []string
		state    upload.State
		first    []answer // to the bytes
		took     time.Duration
	}{
		"its session was opened":  {progress: at(opened, upload.StepTransfer, nil), asked: []string{upload.ActivityClaim, upload.ActivityTransfer, upload.ActivityPoll, upload.ActivityRecord}, state: upload.StateReady},
		"its bytes were sent":     {progress: sentAlready, asked: []string{upload.ActivityClaim, upload.ActivityPoll, upload.ActivityRecord}, state: upload.StateReady},
		"no session was opened":   {asked: all, state: upload.StateReady},
		"its source was read":     {progress: upload.Progress{Content: opened.Content}, asked: all, state: upload.StateReady},
		"its session ran out":     {progress: at(opened, upload.StepPrepare, func(p *upload.Progress) { p.Expired, p.Idle = true, true }), asked: all, state: upload.StateReady},
		"its store has no answer": {progress: at(opened, upload.StepTransfer, func(p *upload.Progress) { p.Arrived, p.Idle = true, true }), first: []answer{ranOut()}, asked: []string{upload.ActivityClaim, upload.ActivityTransfer, upload.ActivityPoll, upload.ActivityDigest, upload.ActivityRecord}, state: upload.StateReady},
		"another session was not to be had": {
			progress: at(opened, upload.StepPrepare, func(p *upload.Progress) { p.Expired, p.Idle, p.NotBefore = true, true, later }),
			asked:    all, state: upload.StateReady, took: time.Minute,
		},
		"its store has other bytes": {
			progress: at(opened, upload.StepTransfer, func(p *upload.Progress) {
				p.Lenient, p.Idle = true, true
				p.Tally.Tries = map[string]int{"transfer 0": 1}
			}),
			first: []answer{corrupt}, asked: []string{upload.ActivityClaim, upload.ActivityTransfer, upload.ActivityTransfer, upload.ActivityPoll, upload.ActivityRecord}, state: upload.StateReady,
		},
		"it was the last try": {
			progress: at(opened, upload.StepTransfer, func(p *upload.Progress) { p.Idle = true; p.Tally.Tries = map[string]int{"transfer 0": 7} }),
			first:    []answer{corrupt}, asked: []string{upload.ActivityClaim, upload.ActivityTransfer, upload.ActivityRecord}, state: upload.StateFailed,
		},
		"its source changed after the bytes": {progress: changed, asked: []string{upload.ActivityClaim, upload.ActivityRecord}, state: upload.StateFailed},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "trustana")
			w.item.Resume = &upload.Resume{Progress: c.progress, Because: "travels alone since something"}
			w.on(upload.ActivityPrepare, session("new"))
			w.on(upload.ActivityTransfer, append(c.first, sent)...)
			w.on(upload.ActivityPoll, ready("m"))
			result, _ := w.run()
			require.Equal(t, c.state, result.State)
			require.Equal(t, c.asked, w.asked)
			require.Contains(t, result.Note, "travels alone")
			require.GreaterOrEqual(t, result.Attempts.Prepare, c.progress.Attempts.Prepare, "what the shard did counts")
			require.GreaterOrEqual(t, w.took(), c.took, "as it was asked to wait")
		})
	}
}

func TestAnItemOfAShardWhoseAnswerWasLostIsLookedForFirst(t *testing.T) {
	for name, c := range map[string]struct {
		next upload.Step
		seen string
		sent int
	}{
		"its shard was to look for it":          {upload.StepFind, "uploaded", 0},
		"its shard ended while it was sent":     {upload.StepTransfer, "uploaded", 0},
		"and nothing of it has arrived, by now": {upload.StepTransfer, "uploading", 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "sitoo")
			w.item.Resume = &upload.Resume{Because: "travels alone", Progress: upload.Progress{
				Session: upload.Session{Method: upload.MethodForm, Store: upload.StoreS3, ID: "old"},
				Content: upload.Content{Size: 100, Fingerprint: "f"}, Next: c.next, Arrived: true,
			}}
			w.on(upload.ActivityFind, seen(upload.StateProcessing, c.seen))
			w.on(upload.ActivityTransfer, sent)
			w.on(upload.ActivityPoll, ready("m"))
			result, err := w.run()
			require.NoError(t, err)
			require.Equal(t, upload.StateReady, result.State)
			require.Equal(t, 1, w.count(upload.ActivityFind))
			require.Equal(t, c.sent, w.count(upload.ActivityTransfer), "its bytes were there")
		})
	}
}
