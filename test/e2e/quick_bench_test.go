//go:build bench

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What is wanted of a command from its start to its end, as medians of quickRuns on a
// machine that does nothing else.
const (
	quickRuns    = 10
	engineless   = 150 * time.Millisecond // commands that need no engine
	repetition   = 300 * time.Millisecond // of what is ready
	smallUpload  = 3 * time.Second        // one image, with an engine of its own
	nothingProgs = "package main\n\nfunc main() {}\n"
)

// TestQuickAnswers times commands as a person waits for them, beside a program that does
// nothing, which tells what the machine takes to start any.
func TestQuickAnswers(t *testing.T) {
	v := &verdict{t: t}
	defer v.print()
	p := newPlace(t)
	nothing := filepath.Join(p.dir, "nothing")
	require.NoError(t, os.WriteFile(nothing+".go", []byte(nothingProgs), 0o600))
	said, err := exec.Command("go", "build", "-o", nothing, nothing+".go").CombinedOutput()
	require.NoError(t, err, string(said))

	box := p.start("mediaferry", "sandbox", "--json")
	var at upLine
	box.object(&at)
	t.Cleanup(box.kill)
	image := p.file("mug.png")
	p.do("upload", "--to", "trustoo", "--id", "known", image)

	v.tells("a program that does nothing", "%s", quick(p, nothing))
	mediaferry := filepath.Join(p.bin, "mediaferry")
	for _, args := range [][]string{
		{"--version"},
		{"upload", "--help"},
		{"vendors"},
		{"vendors", "trustana"},
		{"init", "-o", "-"},
		{"list"},
		{"show", "upload/trustoo/known"},
		{"account", "list"},
		{"batch", "list"},
		{"completion", "bash"},
		{"__complete", "show", "upload/"},
	} {
		took := quick(p, mediaferry, args...)
		v.holds(took <= engineless, "mediaferry "+fmt.Sprint(args), took.String(), "at most "+engineless.String())
	}
	took := quick(p, mediaferry, "upload", "--to", "trustoo", "--id", "known", image)
	v.holds(took <= repetition, "upload of what is ready", took.String(), "at most "+repetition.String())
	took = quick(p, mediaferry, "upload", "--to", "trustoo", "--again", image)
	v.holds(took <= smallUpload, "upload of one image without `up`", took.String(), "at most "+smallUpload.String())
}

// quick is the median of how long a program takes.
func quick(p *place, program string, args ...string) time.Duration {
	p.t.Helper()
	var all []time.Duration
	for range quickRuns {
		cmd := exec.CommandContext(p.t.Context(), program, args...)
		cmd.Env, cmd.Dir = p.env, p.dir
		began := time.Now()
		out, err := cmd.CombinedOutput()
		require.NoError(p.t, err, string(out))
		all = append(all, time.Since(began).Round(time.Millisecond))
	}
	return median(all)
}
