package child

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLogIsPutAsideWhenItIsLarge(t *testing.T) {
	path := filepath.Join(t.TempDir(), "child.log")
	require.NoError(t, TrimLog(path), "no log yet")
	old := strings.Repeat("x", maxLog+1)
	require.NoError(t, os.WriteFile(path, []byte(old), 0o600))
	file, err := openLog(path)
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	requireSize(t, oldLog(path), maxLog+1)
	requireSize(t, path, 0)

	// The same under the hands of a child that goes on writing.
	_, err = file.WriteString(old)
	require.NoError(t, err)
	require.NoError(t, os.Remove(oldLog(path)))
	require.NoError(t, TrimLog(path))
	requireSize(t, oldLog(path), maxLog+1)
	_, err = file.WriteString("new\n")
	require.NoError(t, err)
	requireSize(t, path, 4)
	require.NoError(t, TrimLog(path), "small enough")
	requireSize(t, path, 4)
}

func requireSize(t *testing.T, path string, want int64) {
	t.Helper()
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, want, info.Size())
}

func TestLastWords(t *testing.T) {
	earlier := `{"level":"error","msg":"of the run before"}` + "\n"
	for name, c := range map[string]struct{ log, want string }{
		"nothing was said":            {"", ""},
		"a warning is no reason":      {`{"level":"warn","msg":"careful"}` + "\n", ""},
		"the last error counts":       {`{"level":"error","msg":"a"}` + "\n" + `{"level":"fatal","msg":"b","error":"c"}` + "\n" + "{\"level\":\"info\"}\n", "b: c"},
		"a crash counts more":         {`{"level":"error","msg":"a"}` + "\n" + "panic: ouch\n\ngoroutine 7:\n" + `{"level":"error","msg":"b"}` + "\n", "panic: ouch"},
		"so does one of the run time": {"fatal error: out of memory\n", "fatal error: out of memory"},
		"other lines are passed over": {"hello\n{broken\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "child.log")
			require.NoError(t, os.WriteFile(path, []byte(earlier+c.log), 0o600))
			require.Equal(t, c.want, lastWords(path, int64(len(earlier))))
		})
	}
	require.Empty(t, lastWords(filepath.Join(t.TempDir(), "none"), 0))
}
