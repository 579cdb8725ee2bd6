package upload_test

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
)

func TestAnArgumentIsOneWordToAShell(t *testing.T) {
	for _, text := range []string{"batch/spring/a-12", "batch/b/日本", "a b", "it's", "$(false)", "a;b", "x*", "`x`", "a\\b", "=1+1", "", "~", "a#b?c", "\"q\"", "100%", "a\nb"} {
		out, err := exec.Command("sh", "-c", "printf %s "+upload.Argument(text)).Output()
		require.NoError(t, err, "%q", text)
		require.Equal(t, text, string(out))
	}
	require.Equal(t, "batch/spring/ä-12", upload.Argument("batch/spring/ä-12"))
	require.Equal(t, "'a b'", upload.Argument("a b"))
}
