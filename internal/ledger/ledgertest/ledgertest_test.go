package ledgertest_test

import (
	"bufio"
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
)

// hang makes a copy of this program tell its server and wait to be killed.
const hang = "MEDIAFERRY_LEDGERTEST_HANG"

func TestEachHasADatabaseOfItsOwn(t *testing.T) {
	urls := map[string]bool{}
	for range 2 {
		ledgertest.Each(t, func(t *testing.T, url string) {
			require.False(t, urls[url])
			urls[url] = true
			l := ledgertest.Open(t, url, ledger.Options{})
			require.NoError(t, l.Health(t.Context()))
			accounts, err := l.Accounts(t.Context())
			require.NoError(t, err)
			require.Empty(t, accounts)
			_, err = l.PauseAccount(t.Context(), "a", "b", "c")
			require.NoError(t, err)
		})
	}
}

func TestServerTellsAndHangs(t *testing.T) {
	if os.Getenv(hang) == "" {
		return // it is only for the test below
	}
	fmt.Println("server " + ledgertest.Postgres(t))
	select {}
}

// A test process that is killed leaves no server and no folder behind.
func TestServerEndsWithAKilledProcess(t *testing.T) {
	if os.Getenv("MEDIAFERRY_TEST_POSTGRES") != "" {
		t.Skip("the server of MEDIAFERRY_TEST_POSTGRES is not ours to end")
	}
	ledgertest.Postgres(t) // skips where there is none
	program, err := os.Executable()
	require.NoError(t, err)
	child := exec.CommandContext(t.Context(), program, "-test.run=^TestServerTellsAndHangs$", "-test.v")
	child.Env = append(os.Environ(), hang+"=1")
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	var server string
	for lines := bufio.NewScanner(out); server == "" && lines.Scan(); {
		_, _ = fmt.Sscanf(lines.Text(), "server %s", &server) // other lines do not match
	}
	u, err := url.Parse(server)
	require.NoError(t, err)
	folder := u.Query().Get("host")
	require.DirExists(t, filepath.Join(folder, "data"))

	require.NoError(t, child.Process.Kill())
	_ = child.Wait() // it was killed
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := os.Stat(folder); os.IsNotExist(err) {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s is still there", folder)
		case <-tick.C:
		}
	}
}
