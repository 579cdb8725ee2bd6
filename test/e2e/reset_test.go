package e2e

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// everyTask resets at every workflow task, and not only before the first call of each
// step.
var everyTask = os.Getenv("MEDIAFERRY_RESETS") == "every"

// tasks are the events at which a workflow is reset: completed workflow tasks.
func tasks(h *historypb.History) (ids []int64) {
	if everyTask {
		return completedTasks(h)
	}
	seen := map[string]bool{}
	var task int64
	for _, e := range h.Events {
		activity := e.GetActivityTaskScheduledEventAttributes().GetActivityType().GetName()
		switch {
		case e.GetEventType() == enums.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
			task = e.GetEventId()
		case activity != "" && !seen[activity]:
			seen[activity] = true
			ids = append(ids, task)
		}
	}
	return slices.Compact(ids)
}

// completedTasks are all events at which a workflow can be reset.
func completedTasks(h *historypb.History) (ids []int64) {
	for _, e := range h.Events {
		if e.GetEventType() == enums.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
			ids = append(ids, e.GetEventId())
		}
	}
	return ids
}

// historyOf reads the history of one run.
func historyOf(t *testing.T, c client.Client, run [2]string) *historypb.History {
	t.Helper()
	h := &historypb.History{}
	for events := c.GetWorkflowHistory(t.Context(), run[0], run[1], false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); events.HasNext(); {
		event, err := events.Next()
		require.NoError(t, err)
		h.Events = append(h.Events, event)
	}
	return h
}

// runOf is the latest run of a workflow.
func runOf(t *testing.T, c client.Client, id string) string {
	t.Helper()
	found, err := c.DescribeWorkflowExecution(t.Context(), id, "")
	require.NoError(t, err)
	return found.GetWorkflowExecutionInfo().GetExecution().GetRunId()
}

// reset does what "Reset" in Temporal's web UI does, and returns the new run.
func reset(t *testing.T, c service, id, run string, task int64) string {
	t.Helper()
	made, err := c.ResetWorkflowExecution(t.Context(), &workflowservice.ResetWorkflowExecutionRequest{
		Namespace: c.namespace, WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: id, RunId: run},
		Reason: "a test", WorkflowTaskFinishEventId: task, RequestId: rand.Text(),
	})
	require.NoError(t, err)
	return made.GetRunId()
}

// over waits until a run has ended, and returns its error.
func over(t *testing.T, c client.Client, id, run string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	return c.GetWorkflow(ctx, id, run).Get(ctx, nil)
}

// sources are a medium for each vendor, the film in several parts.
func sources(p *place) map[string]string {
	return map[string]string{
		"trustana": p.file("mug.png"), "trustoo": p.file("lamp.webp"), "sitoo": p.file("watch.gif"),
		"closient": p.file("headphones.jpg"), "truvideo": p.film("film.mp4", filmSize),
	}
}

// once makes sure that a vendor has a medium, and nothing else of ours.
func once(t *testing.T, box control, vendor, file string, r upload.Result) {
	t.Helper()
	require.EqualValues(t, r.MediaID, box.medium(vendor, file).MediaID)
	books := box.ledger()
	require.Empty(t, books.Duplicates())
	require.Len(t, visible(books)[vendor], 1)
}

// another is the file of another medium for a vendor than that of sources.
func (p *place) another(vendor string, n int) string {
	p.t.Helper()
	if vendor == "truvideo" {
		return p.film(fmt.Sprint("film-", n, ".mp4"), filmSize+int64(n))
	}
	file := p.file(fmt.Sprint(vendor, "-", n, ".jpg"))
	require.NoError(p.t, os.WriteFile(file, picture(p.t, fmt.Sprint(vendor, n), 50_000), 0o600))
	return file
}

// of are a vendor's calls among others.
func of(vendor string, calls []string) []string {
	return slices.DeleteFunc(slices.Clone(calls), func(call string) bool { return !strings.HasPrefix(call, vendor+".") })
}

// beginAt starts an upload at each vendor that one of the calls is of, and returns what
// they send.
func (p *place) beginAt(calls []string) map[string]string {
	p.t.Helper()
	begun := sources(p)
	maps.DeleteFunc(begun, func(vendor, _ string) bool { return len(of(vendor, calls)) == 0 })
	for vendor, source := range begun {
		p.do(sending(vendor, "one", source, "--detach")...)
	}
	return begun
}

func TestAFinishedUploadThatIsResetEndsWithItsResult(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	box, c := p.serve()
	for vendor, source := range sources(p) {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			id := "upload/" + vendor + "/one"
			r := result(t, p.do(sending(vendor, "one", source)...))
			first, points := runOf(t, c, id), tasks(history(t, c, id))
			require.Greater(t, len(points), 2)
			for _, task := range points {
				require.NoError(t, over(t, c, id, reset(t, c, id, first, task)), "reset at event %d", task)
				require.Equal(t, r, p.ready(id), "reset at event %d", task)
				once(t, box, vendor, source, r)
			}
		})
	}
}

// TestARunningUploadThatIsResetGoesOn resets uploads at a moment at which their vendors
// have done what they were asked and have not yet answered.
func TestARunningUploadThatIsResetGoesOn(t *testing.T) {
	t.Parallel()
	for name, calls := range map[string][]string{
		"while sessions are opened":   {"trustana.prepare", "trustoo.policy", "sitoo.upload-url", "closient.list", "truvideo.start"},
		"while bytes are sent":        {"trustana.put", "trustoo.post", "sitoo.post", "closient.post", "truvideo.part"},
		"while processing is watched": {"trustana.status", "sitoo.get", "truvideo.status"},
		"while it is being completed": {"truvideo.complete"},
	} {
		t.Run(name, func(t *testing.T) { resetAt(t, calls) })
	}
}

// resetAt resets uploads at the last workflow task before calls that are held and, where
// all tasks are asked for, others at the task before that, and so on.
func resetAt(t *testing.T, calls []string) {
	t.Parallel()
	p := newPlace(t)
	box, c := p.serve()
	media := sources(p)
	maps.DeleteFunc(media, func(vendor, _ string) bool { return len(of(vendor, calls)) == 0 })
	for before := 0; len(media) > 0; before++ {
		earlier := p.resetHeld(box, c, calls, media, before)
		media = map[string]string{}
		for _, vendor := range earlier {
			media[vendor] = p.another(vendor, before+1)
		}
	}
	box.content()
}

// resetHeld starts uploads, holds their calls, and resets each at the workflow task that
// is so many before its last. It returns the vendors whose uploads had earlier ones.
func (p *place) resetHeld(box control, c service, calls []string, media map[string]string, before int) (earlier []string) {
	p.t.Helper()
	name, held := fmt.Sprint("held-", before), []string{}
	for vendor := range media {
		held = append(held, of(vendor, calls)...)
	}
	box.hold(held)
	for vendor, source := range media {
		p.do(sending(vendor, name, source, "--detach")...)
	}
	box.hits(1)
	box.faults() // those that are held stay so
	for vendor := range media {
		id := "upload/" + vendor + "/" + name
		points := completedTasks(history(p.t, c, id))
		at := max(len(points)-1-before, 0)
		reset(p.t, c, id, runOf(p.t, c, id), points[at])
		if at > 0 && everyTask && !slices.Contains(of(vendor, calls), "trustoo.policy") { // which a worker asks for once in a while
			earlier = append(earlier, vendor)
		}
	}
	for vendor, source := range media {
		r := p.ready("upload/" + vendor + "/" + name)
		require.EqualValues(p.t, r.MediaID, box.medium(vendor, source).MediaID)
		require.Empty(p.t, box.ledger().Duplicates())
		require.Len(p.t, visible(box.ledger())[vendor], before+1)
	}
	return earlier
}

// TestAWorkflowEndedInTemporalIsNoticed ends workflows as an operator does in Temporal's
// web UI. Each stays with its vendor once, and its upload says that it has ended.
func TestAWorkflowEndedInTemporalIsNoticed(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	box, c := p.serve()
	box.faults("trustana.status=slow=10m", "truvideo.part#3+=slow=10m")
	all := sources(p)
	p.do(sending("trustana", "one", all["trustana"], "--detach")...)
	p.do(sending("truvideo", "one", all["truvideo"], "--detach")...)
	box.hits(1)
	require.NoError(t, c.TerminateWorkflow(t.Context(), "upload/trustana/one", "", "a test"))
	_, err := c.WorkflowService().DeleteWorkflowExecution(t.Context(), &workflowservice.DeleteWorkflowExecutionRequest{
		Namespace: c.namespace, WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: "upload/truvideo/one"},
	})
	require.NoError(t, err)
	for vendor := range map[string]bool{"trustana": true, "truvideo": true} {
		id := "upload/" + vendor + "/one"
		until(t, id+" has failed", func() bool {
			return result(t, p.do("show", "--json", id)).State == upload.StateFailed
		})
		r := result(t, p.do("show", "--json", id))
		require.Equal(t, upload.KindInternal, r.Error.Kind)
		require.EqualValues(t, "to run it again: mediaferry retry "+id, r.Error.Hint)
	}
	box.faults()
	for _, vendor := range []string{"trustana", "truvideo"} {
		p.do("retry", "upload/"+vendor+"/one")
		once(t, box, vendor, all[vendor], p.ready("upload/"+vendor+"/one"))
	}
}

// batchRuns are the workflows of a batch: its own, its dispatchers and its shards.
func batchRuns(t *testing.T, c client.Client, batch string) (all [][2]string) {
	t.Helper()
	for _, run := range runs(t, c) {
		if run[0] == "batch/"+batch || strings.HasPrefix(run[0], "dispatcher/"+batch+"/") || strings.HasPrefix(run[0], "shard/"+batch+"/") {
			all = append(all, run)
		}
	}
	return all
}

func TestAFinishedBatchThatIsResetSendsNothing(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	box, c := p.serve()
	catalogue := p.catalogue("spring", 20_000, share{"trustana", 3}, share{"trustoo", 3}, share{"sitoo", 3})
	p.do("batch", "start", catalogue.manifest, "--id", "spring", "--follow")
	before := p.report("spring")
	catalogue.delivered(t, box, before)
	for _, run := range batchRuns(t, c, "spring") {
		for _, task := range tasks(historyOf(t, c, run)) {
			again := reset(t, c, run[0], run[1], task)
			require.NoError(t, over(t, c, run[0], again), "%s was reset at event %d", run[0], task)
			require.Equal(t, before, p.report("spring"), "%s was reset at event %d", run[0], task)
			catalogue.delivered(t, box, before)
		}
	}
}

// TestARunningBatchThatIsResetGoesOn resets the workflows of batches at their last task
// and, where all tasks are asked for, of others at the task before that, and so on.
func TestARunningBatchThatIsResetGoesOn(t *testing.T) {
	t.Parallel()
	bytes := []string{"trustana.put=slow=10m", "trustoo.post=slow=10m", "sitoo.post=slow=10m"}
	processing := []string{"trustana.status=status=503", "sitoo.get=status=503"} // in a shard that is not reset, what is held stays so
	for part, held := range map[string][]string{"batch/": processing, "dispatcher/": processing, "shard/": bytes} {
		t.Run("its "+strings.TrimSuffix(part, "/"), func(t *testing.T) {
			t.Parallel()
			for before, earlier := 0, true; earlier; before++ {
				t.Run(fmt.Sprint(before, " before its last task"), func(t *testing.T) { earlier = resetBatch(t, part, held, before) && everyTask })
			}
		})
	}
}

// resetBatch resets some workflows of a batch at the task that is so many before their
// last, and reports whether one had an earlier one.
func resetBatch(t *testing.T, part string, held []string, before int) (earlier bool) {
	t.Helper()
	p := newPlace(t)
	box, c := p.serve()
	catalogue := p.catalogue("spring", 20_000, share{"trustana", 3}, share{"trustoo", 3}, share{"sitoo", 3})
	box.faults(held...)
	p.do("batch", "start", catalogue.manifest, "--id", "spring")
	box.hits(1)
	box.faults() // those that are held stay so
	for _, run := range batchRuns(t, c, "spring") {
		if !strings.HasPrefix(run[0], part) {
			continue
		}
		points := completedTasks(historyOf(t, c, run))
		at := max(len(points)-1-before, 0)
		reset(t, c, run[0], run[1], points[at])
		earlier = earlier || at > 0
	}
	p.do("batch", "watch", "spring")
	catalogue.delivered(t, box, p.report("spring"))
	return earlier
}
