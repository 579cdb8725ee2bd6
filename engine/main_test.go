package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap/zapcore"
)

// TestMain lets the test binary stand in for the program: called by that name,
// it is the program.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == programName {
		main()
	}
	os.Exit(m.Run())
}

const programName = "mediaferry-engine"

func TestParse(t *testing.T) {
	defaults := settings{data: "/d", namespace: "default", readyFD: 3, level: zapcore.WarnLevel}
	all := settings{
		data: "/d", port: 7233, uiPort: 8233, uiPath: "/temporal", codec: "http://127.0.0.1:1/", namespace: "n",
		retention: 48 * time.Hour, readyFD: 5, level: zapcore.DebugLevel,
	}
	for name, c := range map[string]struct {
		args  []string
		want  settings
		wrong string
	}{
		"a folder alone gives the defaults": {args: []string{"--data", "/d"}, want: defaults},
		"every flag is taken": {
			args: []string{
				"--data", "/d", "--port", "7233", "--ui-port", "8233", "--ui-path", "/temporal", "--codec-endpoint", "http://127.0.0.1:1/",
				"--namespace", "n", "--retention", "48h", "--ready-fd", "5", "--log-level", "debug",
			},
			want: all,
		},
		"a folder must be given":                {wrong: "--data is missing"},
		"an argument is one too many":           {args: []string{"--data", "/d", "up"}, wrong: `unexpected argument "up"`},
		"a port has 16 bits":                    {args: []string{"--data", "/d", "--port", "65536"}, wrong: "--port must be 0 to 65535, got 65536"},
		"so has the port of the UI":             {args: []string{"--data", "/d", "--ui-port", "-1"}, wrong: "--ui-port must be 0 to 65535, got -1"},
		"two listeners need two ports":          {args: []string{"--data", "/d", "--port", "7", "--ui-port", "7"}, wrong: "both are 7"},
		"a path begins with a slash":            {args: []string{"--data", "/d", "--ui-path", "temporal"}, wrong: "--ui-path must begin with a slash"},
		"a namespace has a name":                {args: []string{"--data", "/d", "--namespace", ""}, wrong: "--namespace is empty"},
		"the server keeps a day at least":       {args: []string{"--data", "/d", "--retention", "1h"}, wrong: "--retention must be at least 24h, got 1h0m0s"},
		"a level that is none is refused":       {args: []string{"--data", "/d", "--log-level", "loud"}, wrong: `unknown log level "loud"`},
		"a level that ends programs is refused": {args: []string{"--data", "/d", "--log-level", "panic"}, wrong: `unknown log level "panic"`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parse(c.args)
			if c.wrong != "" {
				require.ErrorContains(t, err, c.wrong)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
}

func TestRunWithoutAnEngine(t *testing.T) {
	empty := t.TempDir()
	for name, c := range map[string]struct {
		args           []string
		status         int
		stdout, stderr string
	}{
		"help goes to standard output":          {args: []string{"-h"}, stdout: "mediaferry starts it"},
		"the version names what is inside":      {args: []string{"--version"}, stdout: "mediaferry-engine "},
		"a wrong flag is misuse":                {args: []string{"--what"}, status: exitMisuse, stderr: "flag provided but not defined: -what"},
		"a start by hand is misuse":             {args: []string{"--data", empty, "--ready-fd", "1000"}, status: exitMisuse, stderr: "mediaferry starts this program"},
		"so is that of a sandbox":               {args: []string{"sandbox", "--dir", empty, "--data", empty, "--ready-fd", "1000"}, status: exitMisuse, stderr: "mediaferry starts this program"},
		"a sandbox wants its folder":            {args: []string{"sandbox"}, status: exitMisuse, stderr: "--dir is missing"},
		"nothing to compact is said as such":    {args: []string{"--data", empty, "--compact"}, status: exitFailed, stderr: "no engine has ever run in"},
		"compaction wants its folder, too":      {args: []string{"--compact"}, status: exitMisuse, stderr: "--data is missing"},
		"version is told before flags are seen": {args: []string{"--version", "--port", "-5"}, stdout: "mediaferry-engine "},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			require.Equal(t, c.status, run(c.args, &stdout, &stderr))
			require.Contains(t, stdout.String(), c.stdout)
			require.Contains(t, stderr.String(), c.stderr)
		})
	}
}
