package upload_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
)

func TestAWorkflowIDIsPrintableASCII(t *testing.T) {
	for name, want := range map[string]string{
		"batch/spring/a-12":         "batch/spring/a-12",
		"batch/spring/ä-1":          "batch/spring/%C3%A4-1",
		"upload/trustana/日本":        "upload/trustana/%E6%97%A5%E6%9C%AC",
		"upload/trustana/a b\x7f":   "upload/trustana/a%20b%7F",
		"upload/trustana/100%":      "upload/trustana/100%",
		"upload/trustana/%C3%A4":    "upload/trustana/%25C3%25A4",
		"upload/trustana/%25":       "upload/trustana/%2525",
		"upload/trustana/=1+1;~\"'": "upload/trustana/=1+1;~\"'",
	} {
		require.Equal(t, want, upload.WorkflowID(name))
		require.Equal(t, name, upload.NameOfWorkflow(want))
	}
	require.Equal(t, "batch/fr%C3%BChling", upload.BatchWorkflowID("frühling"))
	require.Equal(t, "verify/batch/x/%C3%A4", upload.VerifyWorkflowID("batch/x/ä"))
}

func FuzzNamesOfWorkflowsAreRestored(f *testing.F) {
	for _, name := range []string{"", "a", "%", "%%", "%4", "%41", "%C3%A4", "%%C3ä", "%2ä", "ä%41"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		id := upload.WorkflowID(name)
		require.Equal(t, name, upload.NameOfWorkflow(id))
		for _, c := range []byte(id) {
			require.True(t, c > ' ' && c < 0x7f)
		}
	})
}
