package ledgertest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"
)

// errNone is why there is no server to test with.
var errNone = errors.New("no PostgreSQL found: install it (Debian: postgresql), " +
	"or set MEDIAFERRY_TEST_POSTGRES_BIN to the folder of initdb and postgres, " +
	"or MEDIAFERRY_TEST_POSTGRES to the URL of a server")

// starting is how long a server may take to answer; a busy machine takes long.
const starting = 2 * time.Minute

// supervisor runs the server until its standard input ends, which it does with
// the test process, also when that is killed. It then stops the server at once,
// which loses nothing that anybody wants, and removes its folder.
const supervisor = `
"$1/postgres" -D "$2/data" -k "$2" -h '' \
	-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=200 >"$2/log" 2>&1 </dev/null &
read -r end
kill -QUIT $!
wait $!
cd /
rm -rf "$2"
`

// server is a PostgreSQL server that databases may be made on.
type server struct {
	url string
	// alive is what the supervisor watches; it must stay open, and so be held,
	// as long as the process lives. Nil for a server that others started.
	alive *os.File
}

// startServer makes a cluster in a temporary folder and starts it, on a socket
// in that folder. Nothing is lost when it crashes but the tests, so it never
// waits for the disk.
func startServer() (server, error) {
	bin, err := findBin()
	if err != nil {
		return server{}, err
	}
	folder, err := tempFolder()
	if err != nil {
		return server{}, err
	}
	run, err := newRunner(folder)
	if err != nil {
		return server{}, errors.Join(err, os.RemoveAll(folder))
	}
	if err := initCluster(run, bin, folder); err != nil {
		return server{}, errors.Join(err, os.RemoveAll(folder))
	}
	alive, err := supervise(run, bin, folder)
	if err != nil {
		return server{}, errors.Join(err, os.RemoveAll(folder))
	}
	started := server{alive: alive}
	started.url = (&url.URL{
		Scheme: "postgres", User: url.User("postgres"), Path: "/postgres",
		RawQuery: url.Values{"host": {folder}, "sslmode": {"disable"}}.Encode(),
	}).String()
	if err := await(started.url); err != nil {
		log, _ := os.ReadFile(filepath.Join(folder, "log")) // what there is of it
		return server{}, errors.Join(fmt.Errorf("start postgres: %w\n%s", err, log), alive.Close())
	}
	return started, nil
}

// findBin is the folder of the server's programs.
func findBin() (string, error) {
	if bin := os.Getenv("MEDIAFERRY_TEST_POSTGRES_BIN"); bin != "" {
		return bin, nil
	}
	if initdb, err := exec.LookPath("initdb"); err == nil {
		if initdb, err = filepath.EvalSymlinks(initdb); err == nil && has(filepath.Dir(initdb), "postgres") {
			return filepath.Dir(initdb), nil
		}
	}
	folders, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		return "", err
	}
	for i := len(folders) - 1; i >= 0; i-- { // the newest version
		if has(folders[i], "initdb") && has(folders[i], "postgres") {
			return folders[i], nil
		}
	}
	return "", errNone
}

func has(folder, program string) bool {
	_, err := os.Stat(filepath.Join(folder, program))
	return err == nil
}

// tempFolder makes a folder with a name that is short enough for a socket in it,
// at a place that any user may reach.
func tempFolder() (string, error) {
	base := os.TempDir()
	if len(base) > 40 || os.Geteuid() == 0 {
		base = "/tmp"
	}
	return os.MkdirTemp(base, "mediaferry-pg-")
}

// initCluster makes the cluster. Its texts sort as a language does, where the
// build can do that, so that tests notice who relies on the order of bytes.
func initCluster(run runner, bin, folder string) error {
	args := []string{
		"-D", filepath.Join(folder, "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync", "--no-instructions",
	}
	language := append(args, "--locale=C", "--locale-provider=icu", "--icu-locale=en-US")
	if _, err := run.command(filepath.Join(bin, "initdb"), language...).CombinedOutput(); err == nil {
		return nil
	}
	if err := os.RemoveAll(filepath.Join(folder, "data")); err != nil {
		return err
	}
	if out, err := run.command(filepath.Join(bin, "initdb"), append(args, "--locale=C")...).CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return nil
}

// supervise starts the supervisor. The file that it returns keeps the server
// alive: it is the end of the pipe that closes with this process.
func supervise(run runner, bin, folder string) (*os.File, error) {
	reading, writing, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	// No output of it may be this process's own: go test would wait for it.
	shell := run.command("/bin/sh", "-c", supervisor, "supervisor", bin, folder)
	shell.Stdin = reading
	if err := shell.Start(); err != nil {
		return nil, errors.Join(err, reading.Close(), writing.Close())
	}
	go func() { _ = shell.Wait() }() // it ends after this process, or was killed
	return writing, reading.Close()
}

// await returns when the server answers.
func await(serverURL string) error {
	ctx, cancel := context.WithTimeout(context.Background(), starting)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := pgx.Connect(ctx, serverURL)
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}
