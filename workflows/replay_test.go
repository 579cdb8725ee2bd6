package workflows

import (
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/mediaferry/mediaferry/internal/codec"
	"github.com/mediaferry/mediaferry/internal/vendors"
)

// TestReplayOfRecordedHistories makes sure that uploads which are under way when
// this version is installed go on as they began.
func TestReplayOfRecordedHistories(t *testing.T) {
	folder := filepath.Join("testdata", "histories")
	text, err := os.ReadFile(filepath.Join(folder, "key"))
	require.NoError(t, err)
	keys, err := codec.ParseKeys(strings.TrimSpace(string(text)))
	require.NoError(t, err)
	converter := codec.DataConverter(keys)
	recorded, err := filepath.Glob(filepath.Join(folder, "*.json.gz"))
	require.NoError(t, err)
	told := map[string]int{}
	for _, file := range recorded {
		name := strings.TrimSuffix(filepath.Base(file), ".json.gz")
		vendor, _, _ := strings.Cut(name, "-")
		told[vendor]++
		t.Run(strings.ReplaceAll(name, "-", " "), func(t *testing.T) {
			replayer, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{
				DataConverter: converter, FailureConverter: codec.FailureConverter(converter),
			})
			require.NoError(t, err)
			for name, flow := range Uploads(vendors.Names()) {
				replayer.RegisterWorkflowWithOptions(flow, workflow.RegisterOptions{Name: name})
			}
			in, err := os.Open(file)
			require.NoError(t, err)
			defer func() { _ = in.Close() }() // only read from
			plain, err := gzip.NewReader(in)
			require.NoError(t, err)
			history, err := client.HistoryFromJSON(plain, client.HistoryJSONOptions{})
			require.NoError(t, err)
			id := history.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes().GetWorkflowId()
			require.NoError(t, replayer.ReplayWorkflowHistoryWithOptions(nil, history, worker.ReplayWorkflowHistoryOptions{
				OriginalExecution: workflow.Execution{ID: id},
			}))
		})
	}
	for _, vendor := range vendors.Names() {
		require.Positive(t, told[vendor], "no recorded histories of %s; record them: make histories", vendor)
	}
}
