package ledger_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/codec"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// childURL names the ledger into which a copy of this program records until it is
// killed.
const childURL = "MEDIAFERRY_LEDGER_TEST_CHILD"

func TestMain(m *testing.M) {
	if url := os.Getenv(childURL); url != "" {
		recordForEver(url)
		return
	}
	os.Exit(m.Run())
}

// recordForEver prints the upload ID of each item once its record returned.
func recordForEver(url string) {
	ctx := context.Background()
	l, err := ledger.Open(ctx, ledger.Options{URL: url, Sealer: openSealer{}})
	if err != nil {
		fmt.Println(err)
		return
	}
	var mu sync.Mutex
	for hand := range 4 {
		go func() {
			for n := 0; ; n++ {
				item := spring(10_000_000*hand + n)
				if err := l.Record(ctx, ended(item, "one", noon, upload.StateReady)); err != nil {
					fmt.Println(err)
					return
				}
				mu.Lock()
				fmt.Println(item.UploadID)
				mu.Unlock()
			}
		}()
	}
	select {}
}

// openSealer seals nothing, for who has no test to take a key from.
type openSealer struct{}

func (openSealer) Seal(plain []byte) ([]byte, error)  { return plain, nil }
func (openSealer) Open(sealed []byte) ([]byte, error) { return sealed, nil }

// What Record returned from must be there when the process dies the moment
// after, and what it was at must not be half there.
func TestRecordsOutliveTheProcess(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		program, err := os.Executable()
		require.NoError(t, err)
		child := exec.CommandContext(t.Context(), program)
		child.Env = append(os.Environ(), childURL+"="+url)
		child.Stderr = os.Stderr
		out, err := child.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, child.Start())

		lines := bufio.NewScanner(out)
		var told []string
		for len(told) < 300 && lines.Scan() {
			told = append(told, lines.Text())
		}
		require.NoError(t, child.Process.Kill())
		rest, err := io.ReadAll(out) // what it had printed before it died
		require.NoError(t, err)
		if i := strings.LastIndexByte(string(rest), '\n'); i >= 0 {
			told = append(told, strings.Fields(string(rest[:i]))...)
		}
		require.Error(t, child.Wait())

		require.GreaterOrEqual(t, len(told), 300)
		l := ledgertest.Open(t, url, ledger.Options{Sealer: openSealer{}})
		kept := map[string]bool{}
		for e, err := range l.List(t.Context(), ledger.Filter{Batch: "spring"}) {
			require.NoError(t, err)
			require.Equal(t, upload.StateReady, e.Result.State)
			kept[e.Result.UploadID] = true
		}
		for _, id := range told {
			require.True(t, kept[id], id)
		}
	})
}

func TestManyOpenOneLedgerAtOnce(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		var all sync.WaitGroup
		sealer := ledgertest.NewSealer(t)
		for n := range 8 {
			all.Go(func() {
				l, err := ledger.Open(t.Context(), ledger.Options{URL: url, Sealer: sealer})
				if err != nil {
					t.Error(err)
					return
				}
				if err := l.Record(t.Context(), ended(spring(n), "one", noon, upload.StateReady)); err != nil {
					t.Error(err)
				}
				if err := l.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		l := ledgertest.Open(t, url, ledger.Options{})
		require.Len(t, list(t, l, ledger.Filter{}), 8)
	})
}

func TestLedgerOfANewerProgramIsLeftAlone(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		running := ledgertest.Open(t, url, ledger.Options{})
		database := ledgertest.Database(t, url)
		_, err := database.Exec(`INSERT INTO ledger_versions (version_id, is_applied) VALUES (99, $1)`, true)
		require.NoError(t, err)
		require.NoError(t, running.Health(t.Context()), "a newer schema that this program survives")
		ledgertest.Open(t, url, ledger.Options{})
		_, err = database.Exec(`UPDATE compatibility SET oldest = 98`)
		require.NoError(t, err)
		_, err = ledger.Open(t.Context(), ledger.Options{URL: url, Sealer: ledgertest.NewSealer(t)})
		require.ErrorIs(t, err, ledger.ErrNewer)
		require.ErrorContains(t, err, "version 99")
		require.ErrorIs(t, running.Health(t.Context()), ledger.ErrNewer)
	})
}

func TestHealthyLedgerIsHealthy(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		require.NoError(t, l.Health(t.Context()))
		require.NotContains(t, l.Where(), "?")
	})
}

func TestFileMayHaveAnyName(t *testing.T) {
	for _, name := range []string{"a b.db", "what?.db", "#1.db", "100%41.db", "ü&=+.db", "new/folder/ledger.db"} {
		t.Run(name, func(t *testing.T) {
			if runtime.GOOS == "windows" && strings.ContainsAny(name, "?") {
				t.Skip("the file system takes no ? in names")
			}
			folder := t.TempDir()
			l := ledgertest.Open(t, filepath.Join(folder, name), ledger.Options{})
			record(t, l, ended(spring(1), "one", noon, upload.StateReady))
			info, err := os.Stat(filepath.Join(folder, name))
			require.NoError(t, err)
			require.Positive(t, info.Size())
			if runtime.GOOS != "windows" {
				require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "it is nobody else's business")
			}
		})
	}
}

func TestWrongURLIsExplained(t *testing.T) {
	for url, want := range map[string]string{
		"":                                           "it is empty",
		"mysql://u:hunter2@host/db":                  `unknown scheme "mysql"`,
		":memory:":                                   "is not a plain file",
		"file:ledger.db":                             "is not a plain file",
		"postgres://u:hun/ter2@host/db":              "%2F",
		"postgres://u:12/hunter2@host/db":            "%2F",
		"postgres://u:12?hunter2@host/db":            "%2F",
		"postgres://u:hunter2#@host/db":              "%23",
		"postgres://u:hunter2@host:x/db":             "use postgres://USER:PASSWORD@HOST:PORT/DATABASE",
		"postgres://u:hunter2@host/db?sslmode=maybe": "sslmode",
		"postgres://u:hunter2@host/db?sslrootcert=/none&sslmode=verify-full": "/none",
	} {
		t.Run(url, func(t *testing.T) {
			_, err := ledger.Open(t.Context(), ledger.Options{URL: url, Sealer: ledgertest.NewSealer(t)})
			require.ErrorIs(t, err, ledger.ErrURL)
			require.ErrorContains(t, err, want)
			require.NotContains(t, err.Error(), "hunter2")
			require.NotContains(t, err.Error(), "ter2")
		})
	}
	_, err := ledger.Open(t.Context(), ledger.Options{URL: ledgertest.SQLite(t)})
	require.ErrorContains(t, err, "needs a sealer")
}

func TestUnreachableServerIsExplained(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	_, err = ledger.Open(t.Context(), ledger.Options{
		URL: "postgres://u:hunter2@" + address + "/db?sslmode=disable&password=hunter2", Sealer: ledgertest.NewSealer(t),
	})
	require.ErrorIs(t, err, ledger.ErrUnreachable)
	require.True(t, ledger.Passing(err))
	require.ErrorContains(t, err, "postgres://"+address+"/db")
	require.ErrorContains(t, err, "refused")
	require.NotContains(t, err.Error(), "hunter2")
}

func TestMissingDatabaseIsExplained(t *testing.T) {
	url := strings.Replace(ledgertest.Postgres(t), "/mediaferry_", "/missing_", 1)
	_, err := ledger.Open(t.Context(), ledger.Options{URL: url, Sealer: ledgertest.NewSealer(t)})
	require.ErrorIs(t, err, ledger.ErrUnreachable)
	require.ErrorContains(t, err, "does not exist")
}

func TestFileThatIsNoDatabaseIsExplained(t *testing.T) {
	path := ledgertest.SQLite(t)
	require.NoError(t, os.WriteFile(path, []byte(strings.Repeat("just text\n", 100)), 0o600))
	_, err := ledger.Open(t.Context(), ledger.Options{URL: path, Sealer: ledgertest.NewSealer(t)})
	require.ErrorIs(t, err, ledger.ErrDamaged)
	require.ErrorContains(t, err, "restore the file")
	_, err = ledger.Open(t.Context(), ledger.Options{URL: t.TempDir(), Sealer: ledgertest.NewSealer(t)})
	require.ErrorIs(t, err, ledger.ErrUnreachable)
}

func TestFullDiskIsExplained(t *testing.T) {
	l := ledgertest.Open(t, ledgertest.SQLite(t), ledger.Options{})
	require.NoError(t, ledger.Pragma(t.Context(), l, "max_page_count = 60"))
	var err error
	for line := 0; err == nil && line < 10_000; line++ {
		err = l.Record(t.Context(), ended(spring(line), "one", noon, upload.StateReady))
	}
	require.ErrorIs(t, err, ledger.ErrFull)
	require.ErrorContains(t, err, "free some space")
	require.True(t, ledger.Passing(err))
	require.ErrorIs(t, ledger.DiagnoseFile(4874), ledger.ErrFull) // SQLITE_IOERR_SHMSIZE, as on a disk that was full before
}

func TestAnotherKeyIsFoundBeforeTheWork(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		keys := func() codec.Keys {
			text, err := codec.GenerateKey()
			require.NoError(t, err)
			keys, err := codec.ParseKeys(text)
			require.NoError(t, err)
			return keys
		}
		old, young := keys(), keys()
		l := ledgertest.Open(t, url, ledger.Options{Sealer: codec.NewSealer(old)})
		require.NoError(t, l.CheckKey(t.Context()), "nothing is there that it could not open")
		_, err := l.Claim(t.Context(), asks(spring(1), "one", noon))
		require.NoError(t, err)
		require.NoError(t, l.CheckKey(t.Context()))

		l = ledgertest.Open(t, url, ledger.Options{Sealer: codec.NewSealer(young)})
		err = l.CheckKey(t.Context())
		require.ErrorIs(t, err, codec.ErrUnknownKey)
		require.ErrorContains(t, err, old.IDs()[0])
		l = ledgertest.Open(t, url, ledger.Options{Sealer: codec.NewSealer(young.With(old))})
		require.NoError(t, l.CheckKey(t.Context()), "with the old key behind the new one")
		_, err = l.Claim(t.Context(), asks(spring(2), "two", noon.Add(time.Minute)))
		require.NoError(t, err)
		l = ledgertest.Open(t, url, ledger.Options{Sealer: codec.NewSealer(young)})
		require.NoError(t, l.CheckKey(t.Context()), "what is new can be read")
		l = ledgertest.Open(t, url, ledger.Options{Sealer: codec.NewSealer(old)})
		require.ErrorIs(t, l.CheckKey(t.Context()), codec.ErrUnknownKey, "nothing could be looked up with the old key alone")
	})
}

func TestLockedDatabaseIsExplained(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		if strings.HasPrefix(url, "postgres") {
			url += "&options=-c%20lock_timeout%3D20ms"
		}
		l := ledgertest.Open(t, url, ledger.Options{})
		if !strings.HasPrefix(url, "postgres") {
			require.NoError(t, ledger.Pragma(t.Context(), l, "busy_timeout = 20"))
		}
		release := holdWrites(t, url)
		err := l.Record(t.Context(), ended(spring(1), "one", noon, upload.StateReady))
		require.ErrorIs(t, err, ledger.ErrLocked)
		require.True(t, ledger.Passing(err))
		release()
		record(t, l, ended(spring(1), "one", noon, upload.StateReady))
	})
}

func TestReplicaIsExplained(t *testing.T) {
	url := ledgertest.Postgres(t)
	ledgertest.Open(t, url, ledger.Options{})
	l := ledgertest.Open(t, url+"&options=-c%20default_transaction_read_only%3Don", ledger.Options{})
	require.ErrorIs(t, l.Health(t.Context()), ledger.ErrReadOnly)
	require.ErrorIs(t, l.Record(t.Context(), ended(spring(1), "one", noon, upload.StateReady)), ledger.ErrReadOnly)
}

func TestServersErrorsAreUnderstood(t *testing.T) {
	for code, want := range map[string]error{
		"28P01": ledger.ErrUnreachable, "53300": ledger.ErrUnreachable, "57P01": ledger.ErrUnreachable, "08006": ledger.ErrUnreachable,
		"53100": ledger.ErrFull, "55P03": ledger.ErrLocked, "42501": ledger.ErrReadOnly, "25006": ledger.ErrReadOnly,
		"23505": nil, "": nil,
	} {
		require.Equal(t, want, ledger.Diagnose(fmt.Errorf("write: %w", &pgconn.PgError{Code: code})), code)
	}
	require.NoError(t, ledger.Diagnose(context.Canceled))
	require.NoError(t, ledger.Diagnose(errors.New("something else")))
}

// While a server restarts, calls fail as what passes, and go well afterwards.
func TestBrokenConnectionsAreReplaced(t *testing.T) {
	url := ledgertest.Postgres(t)
	l := ledgertest.Open(t, url, ledger.Options{})
	record(t, l, ended(spring(1), "one", noon, upload.StateReady))
	_, err := ledgertest.Database(t, url).Exec(
		`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'mediaferry' AND datname = current_database()`)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		err := l.Record(ctx, ended(spring(2), "one", noon, upload.StateReady))
		if err == nil {
			break
		}
		require.True(t, ledger.Passing(err), "%v", err)
	}
}
