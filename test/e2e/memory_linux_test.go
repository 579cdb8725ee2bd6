package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// mostResident is the memory that a program may have at any time, in KiB.
const mostResident = 300 << 10

// resident watches a process until it ends, and then tells the most memory that it had,
// in KiB. What the kernel tells of a process that has ended counts its parent's, too.
func (s *process) resident() func() int64 {
	most := make(chan int64, 1)
	go func() {
		peak := int64(0)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid)) // it may have ended
			if _, after, found := strings.Cut(string(text), "VmHWM:"); found {
				var now int64
				_, _ = fmt.Sscan(after, &now)
				peak = max(peak, now)
			}
			select {
			case <-s.ended:
				most <- peak
				return
			case <-tick.C:
			}
		}
	}()
	return func() int64 { return <-most }
}

// What a stranger sends is never held in memory as a whole: here the programs are
// measured, and in the contract tests what the list of hostile inputs takes.
func TestBombsTakeLittleMemory(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.box()
	for name, text := range map[string]func() string{
		"cell.csv":    func() string { return "source\n" + strings.Repeat("a", 200<<20) + ".jpg\n" },
		"line.csv":    func() string { return strings.Repeat("a,", 100<<20) },
		"columns.csv": func() string { return "source" + strings.Repeat(",x", 5_000_000) + "\n" },
		"quote.csv":   func() string { return "source\n\"" + strings.Repeat("a.txt\n", 200_000) },
		"deep.jsonl":  func() string { return `{"source":"a.jpg","x":` + strings.Repeat("[", 20_000_000) },
		"rows.csv":    func() string { return "source,to,id\n" + strings.Repeat("mug.png,nobody,\n", 200_000) },
	} {
		manifest := filepath.Join(p.media, name)
		require.NoError(t, os.WriteFile(manifest, []byte(text()), 0o600))
		plan := p.start("mediaferry", "batch", "plan", manifest, "--to", "trustana")
		peak := plan.resident()
		status, _ := plan.end()
		require.Equal(t, 3, status, "%s: %s", name, plan.stderr)
		took := peak()
		require.Positive(t, took, name)
		require.Less(t, took, int64(mostResident), name)
		t.Logf("%s took %d MiB", name, took>>10)
		require.NoError(t, os.Remove(manifest))
	}
}

func TestAnAnswerWithoutAnEndTakesLittleMemory(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	begin := `{"message":"`
	piece := strings.Repeat("a", 1<<20)
	endless := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		out.Header().Set("Content-Type", "application/json")
		_, err := io.WriteString(out, begin)
		for n := 0; n < 1000 && err == nil; n++ {
			_, err = io.WriteString(out, piece)
		}
	}))
	t.Cleanup(endless.Close)
	file := filepath.Join(p.dir, "mediaferry.yaml")
	accounts := "accounts:\n  trustana: {vendor: trustana, base_url: \"" + endless.URL + "\", api_key: key-12345678}\n"
	require.NoError(t, os.WriteFile(file, []byte(accounts), 0o600))
	p.env = append(p.env, "MEDIAFERRY_CONFIG="+file)
	p.up("--no-worker") // the command does the work, and has no engine to end
	s := p.start("mediaferry", sending("trustana", "endless", p.file("mug.png"))...)
	peak := s.resident()
	status, stdout := s.end()
	require.Equal(t, 3, status, "%s%s", stdout, s.stderr)
	require.Contains(t, stdout, `"kind":"rejected"`)
	took := peak()
	require.Positive(t, took)
	require.Less(t, took, int64(mostResident))
	t.Logf("it took %d MiB", took>>10)
}
