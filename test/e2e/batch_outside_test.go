package e2e

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// ender ends workflows without asking what they do.
type ender interface {
	TerminateWorkflow(ctx context.Context, workflowID, runID, reason string, details ...any) error
	CancelWorkflow(ctx context.Context, workflowID, runID string) error
}

// TestPagesThatAreEndedInTemporalLoseNoRow ends pages from outside in the middle of
// sending, as people do in Temporal's own UI: the batch goes on with their rows, and
// nothing is made twice.
func TestPagesThatAreEndedInTemporalLoseNoRow(t *testing.T) {
	for how, end := range map[string]func(c ender, id, run string) error{
		"terminated": func(c ender, id, run string) error {
			return c.TerminateWorkflow(t.Context(), id, run, "a slip of the mouse")
		},
		"canceled": func(c ender, id, run string) error { return c.CancelWorkflow(t.Context(), id, run) },
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			box := p.box()
			p.quick(box, "300ms", "")
			_, at := p.up()
			c := p.catalogue("spring", 2000, share{"trustana", 60}, share{"sitoo", 40})
			box.faults("trustana.put#21+=slow=10m", "sitoo.post#16+=slow=10m")
			p.do(starting(c)...)
			box.hits(few)
			who, ended := stranger(t, at), 0
			for _, run := range runs(t, who) {
				if strings.HasPrefix(run[0], "shard/") {
					require.NoError(t, end(who, run[0], run[1]))
					ended++
				}
			}
			require.Equal(t, 2, ended)
			box.faults()
			p.do("batch", "watch", "spring")
			require.Equal(t, numbers{State: upload.BatchCompleted, Total: 100, Ready: 100}, p.numbers("spring"))
			c.delivered(t, box, p.report("spring"))
			box.content()
		})
	}
}

// TestABatchThatIsTerminatedInTemporalEnds ends the workflow of a batch, and with it all
// that belongs to it: nothing seems to run, and a retry sends what is left, once.
func TestABatchThatIsTerminatedInTemporalEnds(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	box := p.box()
	p.quick(box, "300ms", "")
	_, at := p.up()
	c := p.catalogue("spring", 2000, share{"trustana", 60})
	box.faults("trustana.put#21+=slow=10m")
	p.do(starting(c)...)
	box.hits(few)
	require.NoError(t, stranger(t, at).TerminateWorkflow(t.Context(), "batch/spring", "", "a slip of the mouse"))
	box.faults()
	status, _, stderr := p.run("batch", "watch", "spring")
	require.Equal(t, 3, status, stderr)
	left := p.numbers("spring")
	require.Equal(t, upload.BatchCompleted, left.State)
	require.Equal(t, int64(60), left.Ready+left.Failed+left.Canceled)
	require.NotZero(t, left.Failed)
	p.do("batch", "retry", "spring", "--follow")
	require.Equal(t, numbers{State: upload.BatchCompleted, Total: 60, Ready: 60}, p.numbers("spring"))
	c.delivered(t, box, p.report("spring"))
	box.content()
}

// TestOneRowIsCanceledWhileItsBytesAreOnTheirWay leaves the other rows of its page
// alone, and is heard of within seconds.
func TestOneRowIsCanceledWhileItsBytesAreOnTheirWay(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	box := p.box()
	p.quick(box, "300ms", "")
	p.up()
	c := p.catalogue("spring", 2000, share{"trustana", 10})
	box.faults("trustana.put#3=slow=10m")
	p.do("batch", "start", c.manifest, "--in-flight", "1")
	box.hits(1)
	sending := results(t, p.do("list", "--batch", "spring", "--state", "transferring", "--json")) // rows begin about in their order
	require.Len(t, sending, 1)
	require.Contains(t, p.do("cancel", sending[0].UploadID), "canceled")
	status, _, stderr := p.run("batch", "watch", "spring")
	require.Equal(t, 3, status, stderr)
	require.Equal(t, numbers{State: upload.BatchCompleted, Total: 10, Ready: 9, Canceled: 1}, p.numbers("spring"))
}
