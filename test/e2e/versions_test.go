package e2e

import (
	"fmt"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// versionOf is the worker deployment's version that carries an upload, "" for none.
func versionOf(t *testing.T, c client.Client, id string) string {
	t.Helper()
	described, err := c.DescribeWorkflowExecution(t.Context(), id, "")
	require.NoError(t, err)
	version := described.GetWorkflowExecutionInfo().GetVersioningInfo().GetDeploymentVersion()
	return version.GetDeploymentName() + "." + version.GetBuildId()
}

func TestTwoVersionsSideBySide(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	who := stranger(t, f.service)
	const each = 5
	films, ids := make([]string, 2*each), make([]string, 2*each)
	for i := range films {
		films[i] = f.film(fmt.Sprintf("film-%d.mp4", i), 18<<20+int64(i)) // two parts: all of them fit into what two workers read at once
		ids[i] = fmt.Sprintf("upload/truvideo/film-%d", i)
	}
	begin := func(from int) {
		for i := from; i < from+each; i++ {
			f.do(sending("truvideo", fmt.Sprintf("film-%d", i), films[i], "--detach")...)
		}
	}
	old := func() *process { return f.worker("--deployment", "ferry", "--build-id", "1", "--drain", "1s") }
	first := old()
	until(t, "the first version is current", func() bool {
		status, _, _ := f.run("setup", "--current", "ferry.1")
		return status == 0
	})
	f.box.faults("truvideo.part#2+=slow=10m") // of all films together: one part is acknowledged, the others hang
	begin(0)
	until(t, "the first five films are begun", func() bool { return f.box.requests("truvideo", "start") == each })

	// The new version takes what begins from now on; what has begun stays with the old one.
	f.worker("--deployment", "ferry", "--build-id", "2")
	until(t, "the second version is current", func() bool {
		status, _, _ := f.run("setup", "--current", "ferry.2")
		return status == 0
	})
	f.box.faults() // what hangs goes on hanging
	begin(each)
	for _, id := range ids[each:] {
		f.ready(id)
	}
	parts := f.box.acknowledged()

	// A worker of the old version is replaced by another one while its parts are under way.
	require.NoError(t, first.cmd.Process.Signal(syscall.SIGTERM))
	status, _ := first.end()
	require.Zero(t, status)
	old()
	for i, id := range ids {
		r := f.ready(id)
		require.EqualValues(t, 1, r.Attempts.Prepare, "%s did not start over", id)
		require.EqualValues(t, sum(t, films[i]), r.SHA256)
		m := f.box.medium("truvideo", films[i])
		require.Equal(t, 1, m.Completes)
		want := "ferry.1"
		if i >= each {
			want = "ferry.2"
		}
		require.Equal(t, want, versionOf(t, who, id))
		require.NotZero(t, completed(history(t, who, id), upload.ActivitySendPart))
	}
	require.NotEmpty(t, parts)
	f.box.content()
}

func TestAWorkerThatIsDrainedSendsNothingTwice(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	film := f.film("film.mp4", 60<<20)
	first := f.worker("--bwlimit", "20M")
	f.do(sending("truvideo", "film", film, "--detach")...)
	who := stranger(t, f.service)
	until(t, "a part is acknowledged", func() bool {
		return completed(history(t, who, "upload/truvideo/film"), upload.ActivitySendPart) >= 1
	})
	require.NoError(t, first.cmd.Process.Signal(syscall.SIGTERM))
	status, _ := first.end()
	require.Zero(t, status)
	f.worker()
	f.ready("upload/truvideo/film")
	m := f.box.medium("truvideo", film)
	require.Equal(t, 1, m.Completes)
	for i, part := range m.Parts {
		require.Equal(t, 1, part.Received, "part %d", i+1)
	}
	f.box.content()
}
