package e2e

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
)

func TestAVendorOutOfReachIsOneMessage(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	file := filepath.Join(p.dir, "mediaferry.yaml")
	require.NoError(t, os.WriteFile(file, []byte(`accounts: {sitoo: {vendor: sitoo, base_url: "http://`+address+`", token: "${SITOO_TOKEN}", patience: 0}}`), 0o600))
	p.env = append(p.env, "SITOO_TOKEN=x", "MEDIAFERRY_CONFIG="+file)

	status, stdout, stderr := p.run("upload", "--to", "sitoo", "--set", "entity_id=S1|SKU|DAMAGED|7", "--id", "one", p.file("mug.png"))
	require.Equal(t, 3, status)
	require.Regexp(t, `^failed +sitoo +- +.*/mug\.png\n$`, stdout)
	message(t, stderr, `mug\.png: unavailable at prepare: .*`+regexp.QuoteMeta(address)+`.*connection refused`)
	require.Contains(t, stderr, "mediaferry doctor")

	// It is on record, and the same command tries again: with the vendor there,
	// it ends ready.
	require.Contains(t, p.do("list"), "failed: unavailable")
	box := p.box()
	r := result(t, p.do(sending("sitoo", "one", p.file("mug.png"))...))
	require.Equal(t, upload.StateReady, r.State)
	box.medium("sitoo", p.file("mug.png"))
}

// message makes sure that standard error holds one message that matches, its hint
// aside, and no log.
func message(t *testing.T, stderr, want string) {
	t.Helper()
	var messages []string
	for line := range strings.Lines(stderr) {
		if !strings.HasPrefix(line, "  ") && !regexp.MustCompile(`^mediaferry: \d+ of \d+ items`).MatchString(line) {
			messages = append(messages, line)
		}
	}
	require.Len(t, messages, 1, stderr)
	require.Regexp(t, "^mediaferry: .*"+want, messages[0])
}

func TestADataFolderThatIsNoneIsOneMessage(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.box()
	for name, c := range map[string]struct{ data, want string }{
		"a file":          {p.file("mug.png"), "mug.png.*not a directory"},
		"below a file":    {p.file("mug.png") + "/data", "mug.png.*not a directory"},
		"below no device": {"/dev/null/data", "not a directory"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, args := range [][]string{sending("trustoo", "one", p.file("lamp.webp")), {"up"}, {"list"}, {"demo"}, {"sandbox"}} {
				status, stdout, stderr := p.run(append(args, "--data", c.data)...)
				require.Equal(t, 1, status, "%v: %s", args, stderr)
				require.Empty(t, stdout)
				message(t, stderr, c.want)
			}
			status, stdout, _ := p.run("doctor", "--data", c.data)
			require.Equal(t, 1, status)
			require.Regexp(t, "problem +data folder .*not a directory", stdout)
		})
	}
}

func TestADataFolderThatMayNotBeWrittenIsOneMessage(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.box()
	data := readOnly(t, p)
	for _, args := range [][]string{sending("trustoo", "one", p.file("lamp.webp")), {"up"}, {"list"}, {"demo"}, {"sandbox"}} {
		status, stdout, stderr := p.run(append(args, "--data", data)...)
		require.Equal(t, 1, status, "%v: %s", args, stderr)
		require.Empty(t, stdout)
		message(t, stderr, regexp.QuoteMeta(data)+".*(read-only file system|permission denied)")
	}
}

// readOnly is a folder in which nothing can be made: for root, that takes a file
// system of its own.
func readOnly(t *testing.T, p *place) string {
	t.Helper()
	data := filepath.Join(p.dir, "locked")
	if os.Geteuid() != 0 {
		require.NoError(t, os.Mkdir(data, 0o500))
		return data
	}
	mount(t, data, syscall.MS_RDONLY, "size=1m")
	return data
}

// mount puts a file system in memory to a folder, for as long as the test takes.
func mount(t *testing.T, folder string, flags uintptr, options string) {
	t.Helper()
	require.NoError(t, os.Mkdir(folder, 0o700))
	if err := syscall.Mount("tmpfs", folder, "tmpfs", flags, options+",mode=0700"); err != nil {
		skip(t, "a file system of our own needs root: "+err.Error())
	}
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(folder, syscall.MNT_DETACH)) })
}

// TestAFullDiskIsOneMessage fills the data folder's disk before, and in the
// middle of uploads. What has ended keeps its record, and with room again, all
// goes on.
func TestAFullDiskIsOneMessage(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	box := p.box()
	mount(t, p.data, 0, "size=160m")
	full := filepath.Join(p.data, "full")

	fill(t, full)
	for _, args := range [][]string{sending("trustoo", "one", p.file("lamp.webp")), {"up"}, {"list"}} {
		status, stdout, stderr := p.run(args...)
		require.Equal(t, 1, status, "%v: %s", args, stderr)
		require.Empty(t, stdout)
		message(t, stderr, "(no space left on device|disk is full)")
	}
	require.Zero(t, box.requests("trustoo", "policy"))

	require.NoError(t, os.Remove(full))
	box.faults("sitoo.get=status=503")
	s := p.start("mediaferry", sending("sitoo", "two", p.file("mug.png"))...)
	box.hits(1)
	fill(t, full)
	box.faults()
	status, stdout := s.end()
	require.Contains(t, []int{0, 1}, status, s.stderr) // it may have ended just before
	if status == 1 {
		require.Empty(t, stdout)
		require.Regexp(t, "(no space left on device|disk is full)", s.stderr.String())
	}

	require.NoError(t, os.Remove(full))
	r := result(t, p.do(sending("sitoo", "two", p.file("mug.png"))...))
	require.Equal(t, upload.StateReady, r.State)
	require.Equal(t, 1, box.medium("sitoo", p.file("mug.png")).Received)
	require.Equal(t, 1, box.requests("sitoo", "upload-url"))
}

// fill writes until nothing fits any more.
func fill(t *testing.T, file string) {
	t.Helper()
	out, err := os.Create(file)
	require.NoError(t, err)
	chunk := make([]byte, 64<<10)
	for err == nil {
		_, err = out.Write(chunk)
		if err != nil && len(chunk) > 1 {
			chunk, err = chunk[:len(chunk)/2], nil
		}
	}
	require.ErrorIs(t, err, syscall.ENOSPC)
	_ = out.Close() // what could be written was
}
