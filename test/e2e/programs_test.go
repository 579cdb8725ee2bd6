package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/samples"
)

// patience bounds every wait for an event. Nothing takes as long by right.
const patience = 90 * time.Second

// build makes the two programs that are ours once for all tests, and lays the
// engine beside them, where they look for it.
var build = sync.OnceValues(func() (folder string, err error) {
	engine := os.Getenv("MEDIAFERRY_ENGINE")
	if engine == "" {
		engine = filepath.Join("..", "..", "bin", "mediaferry-engine")
	}
	if engine, err = filepath.Abs(engine); err != nil {
		return "", err
	}
	if _, err := os.Stat(engine); err != nil {
		return "", fmt.Errorf("%w: %w", errNoEngine, err)
	}
	if folder, err = os.MkdirTemp("", "mediaferry-e2e-"); err != nil {
		return "", err
	}
	for name, source := range map[string]string{"mediaferry": "./starter/mediaferry", "mediaferry-worker": "./worker/mediaferry-worker"} {
		cmd := exec.Command("go", "build", "-trimpath", "-o", filepath.Join(folder, name), source)
		cmd.Dir = filepath.Join("..", "..") // in the main module, which links no simulator
		if said, err := cmd.CombinedOutput(); err != nil {
			return folder, fmt.Errorf("build %s: %w: %s", name, err, said)
		}
	}
	return folder, os.Symlink(engine, filepath.Join(folder, "mediaferry-engine"))
})

var errNoEngine = errors.New("there is no engine; run make build, or set MEDIAFERRY_ENGINE")

func TestMain(m *testing.M) {
	syscall.Umask(0o022) // a configuration that others can change is refused
	status := m.Run()
	if folder, err := build(); err == nil {
		_ = os.RemoveAll(folder)
	}
	os.Exit(status)
}

// programs is the folder of the built programs.
func programs(t *testing.T) string {
	t.Helper()
	folder, err := build()
	if errors.Is(err, errNoEngine) {
		skip(t, err.Error())
	}
	require.NoError(t, err)
	return folder
}

// skip says loudly what is not tested, and why.
func skip(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("CI") == "true" || os.Getenv("MEDIAFERRY_NO_SKIP") == "1" {
		t.Fatalf("this test must not be skipped here: %s", why)
	}
	t.Skipf("NOT TESTED: %s", why)
}

// place is a data folder with media beside it, and the environment in which
// programs use them.
type place struct {
	t     *testing.T
	bin   string
	dir   string // holds all of the below
	data  string
	media string
	env   []string
	told  *told // by all programs
}

func newPlace(t *testing.T) *place {
	t.Helper()
	bin, dir := programs(t), t.TempDir()
	p := &place{t: t, told: &told{}, bin: bin, dir: dir, data: filepath.Join(dir, "data"), media: filepath.Join(dir, "media")}
	require.NoError(t, os.CopyFS(p.media, samples.Files()))
	p.env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + filepath.Join(dir, "home"), "TMPDIR=" + os.TempDir(),
		"MEDIAFERRY_DATA=" + p.data, "GOCOVERDIR=" + os.Getenv("GOCOVERDIR"),
	}
	t.Cleanup(func() { p.noEngineIsLeft() })
	return p
}

// file is the path of a sample.
func (p *place) file(name string) string { return filepath.Join(p.media, name) }

// film writes a film of a size, which is sent in several parts.
func (p *place) film(name string, size int64) string {
	p.t.Helper()
	short, err := os.ReadFile(p.file(samples.Clip))
	require.NoError(p.t, err)
	out, err := os.Create(p.file(name))
	require.NoError(p.t, err)
	require.NoError(p.t, samples.GrowMP4(out, short, size))
	require.NoError(p.t, out.Close())
	return out.Name()
}

// process is a program that runs.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	name   string
	stdout *bufio.Reader
	read   *os.File
	stderr *syncBuffer
	ended  chan struct{} // closed when it has ended, with all that it wrote
}

// syncBuffer is read while it is written to.
type syncBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// start starts a program. It is killed when the test ends.
func (p *place) start(program string, args ...string) *process {
	p.t.Helper()
	read, write, err := os.Pipe()
	require.NoError(p.t, err)
	s := &process{
		t: p.t, name: program + " " + strings.Join(args, " "), read: read,
		stdout: bufio.NewReader(io.TeeReader(read, p.told.keep())),
		stderr: p.told.keep(), ended: make(chan struct{}),
	}
	s.cmd = exec.Command(filepath.Join(p.bin, program), args...)
	s.cmd.Dir, s.cmd.Env, s.cmd.Stdout, s.cmd.Stderr = p.dir, p.env, write, s.stderr
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a Ctrl-C at the test's terminal is the test's
	require.NoError(p.t, s.cmd.Start())
	_ = write.Close() // the program has its own
	go func() {
		defer close(s.ended)
		_ = s.cmd.Wait() // the state says it all
	}()
	p.t.Cleanup(func() {
		s.kill()
		_ = read.Close()
		if said := s.stderr.String(); p.t.Failed() && said != "" {
			p.t.Logf("%s wrote to standard error:\n%s", s.name, said)
		}
	})
	return s
}

// object waits for the next line of standard output, a JSON object.
func (s *process) object(into any) {
	s.t.Helper()
	require.NoError(s.t, s.read.SetReadDeadline(time.Now().Add(patience)))
	line, err := s.stdout.ReadBytes('\n')
	require.NoError(s.t, err, "%s: %s", s.name, s.stderr)
	require.NoError(s.t, json.Unmarshal(line, into), "%s wrote %q", s.name, line)
}

// kill ends the process as kill -9 does, and nothing else.
func (s *process) kill() {
	_ = s.cmd.Process.Kill() // it may have ended
	<-s.ended
}

// interrupt asks the process to end, as Ctrl-C does.
func (s *process) interrupt() { _ = s.cmd.Process.Signal(syscall.SIGINT) }

// end waits until the process has ended by itself, and returns its exit status
// and what is left of its standard output.
func (s *process) end() (status int, rest string) {
	s.t.Helper()
	require.NoError(s.t, s.read.SetReadDeadline(time.Now().Add(2*patience)))
	left, err := io.ReadAll(s.stdout)
	require.NoError(s.t, err, "%s does not end: %s", s.name, s.stderr)
	<-s.ended
	return s.cmd.ProcessState.ExitCode(), string(left)
}

// run runs mediaferry to its end.
func (p *place) run(args ...string) (status int, stdout, stderr string) {
	p.t.Helper()
	s := p.start("mediaferry", args...)
	status, stdout = s.end()
	return status, stdout, s.stderr.String()
}

// do is run for what must succeed. It returns standard output.
func (p *place) do(args ...string) string {
	p.t.Helper()
	status, stdout, stderr := p.run(args...)
	require.Zero(p.t, status, "mediaferry %s: %s%s", strings.Join(args, " "), stdout, stderr)
	return stdout
}

// until waits for something to become true.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for late := time.After(patience); !holds(); {
		select {
		case <-ticker.C:
		case <-late:
			t.Fatalf("%s: not within %s", what, patience)
		}
	}
}
