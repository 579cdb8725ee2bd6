package wiring

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
)

// unknownBuild stands for what was not recorded when the program was built: a build from
// an archive, or from a folder that is no clone, knows no commit.
const unknownBuild = "unknown"

// Build says which program this is: "mediaferry 0.1.0 (commit 0123456789ab, 2026-12-01T10:00:00Z, go1.26.8 linux/amd64)".
// The time is the commit's.
func Build(program, version string) string {
	commit := shortCommit(recorded("vcs.revision"))
	if recorded("vcs.modified") == "true" {
		commit += " with changes"
	}
	return buildLine(program, version, commit, recorded("vcs.time"))
}

func buildLine(program, version, commit, date string) string {
	return fmt.Sprintf("%s %s (commit %s, %s, %s %s/%s)", program, strings.TrimPrefix(version, "v"), commit, date, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// shortCommit is as much of a commit's hash as people compare.
func shortCommit(commit string) string {
	const digits = 12
	if len(commit) > digits {
		return commit[:digits]
	}
	return commit
}

// recorded is what the Go toolchain noted when it built the program.
func recorded(key string) string {
	info, ok := debug.ReadBuildInfo()
	if ok {
		for _, setting := range info.Settings {
			if setting.Key == key {
				return setting.Value
			}
		}
	}
	return unknownBuild
}
