package following

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/starter/exit"
)

func TestWhatCannotBeSteeredSaysWhatCan(t *testing.T) {
	of := func(state upload.State, change func(*ledger.Entry)) ledger.Entry {
		e := ledger.Entry{Run: ledger.Run{WorkflowID: "batch/spring/a"}, Result: upload.Result{UploadID: "batch/spring/a", Batch: "spring", Way: upload.WayOwn, State: state}}
		if change != nil {
			change(&e)
		}
		return e
	}
	for name, c := range map[string]struct {
		entry      ledger.Entry
		text, hint string
	}{
		"one that is ready":        {of(upload.StateReady, nil), "batch/spring/a is already ready", "mediaferry show batch/spring/a"},
		"one that failed":          {of(upload.StateFailed, nil), "batch/spring/a is already failed", "to run it again: mediaferry retry batch/spring/a"},
		"one that was canceled":    {of(upload.StateCanceled, nil), "batch/spring/a is already canceled", "to run it again: mediaferry retry batch/spring/a"},
		"one that is unconfirmed":  {of(upload.StateUnconfirmed, nil), "batch/spring/a is unconfirmed", "mediaferry decide batch/spring/a"},
		"and a row of its own can": {of(upload.StateTransferring, nil), "", ""},
		"and so can one that travels with others": {
			of(upload.StateTransferring, func(e *ledger.Entry) { e.WorkflowID, e.Result.Way = "shard/spring/trustana/2", upload.WayPacked }), "", "",
		},
		"and one that waits for its turn": {of(upload.StateWaiting, func(e *ledger.Entry) { e.WorkflowID = "" }), "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := CheckActive(c.entry)
			if c.text == "" {
				require.NoError(t, err)
				return
			}
			var misuse *exit.UsageError
			require.ErrorAs(t, err, &misuse)
			require.Contains(t, misuse.Text, c.text)
			require.Contains(t, misuse.Hint, c.hint)
		})
	}
}
