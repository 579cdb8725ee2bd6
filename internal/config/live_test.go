package config

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// bench is a Live with a clock of its own, on files whose times a test sets.
type bench struct {
	t      *testing.T
	live   *Live
	dir    string
	clock  time.Time
	loads  int
	faults []error
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, dir: t.TempDir(), clock: time.Now().Add(time.Hour)}
	b.live = Watch(filepath.Join(b.dir, FileName), func(err error) { b.faults = append(b.faults, err) })
	b.live.now = func() time.Time { return b.clock }
	load := b.live.load
	b.live.load = func(path string) (*Config, error) {
		b.loads++
		return load(path)
	}
	return b
}

// write puts a file in place and gives it a time of its own.
func (b *bench) write(name, text string) {
	b.t.Helper()
	path := filepath.Join(b.dir, name)
	require.NoError(b.t, os.WriteFile(path, []byte(text), 0o600))
	b.clock = b.clock.Add(time.Minute)
	require.NoError(b.t, os.Chtimes(path, b.clock, b.clock))
	b.clock = b.clock.Add(time.Minute)
}

func (b *bench) remove(name string) {
	b.t.Helper()
	require.NoError(b.t, os.Remove(filepath.Join(b.dir, name)))
	b.clock = b.clock.Add(time.Minute)
}

// key is the secret of account a, as the Live sees it now.
func (b *bench) key() string {
	b.t.Helper()
	c, err := b.live.Config()
	require.NoError(b.t, err)
	account, err := c.Account("a")
	require.NoError(b.t, err)
	return account.Settings["api_key"]
}

const fromFile = "accounts: {a: {vendor: trustana, api_key: '${file:key}'}}"

func TestLiveSeesANewFile(t *testing.T) {
	b := newBench(t)
	b.write(FileName, "accounts: {a: {vendor: trustana, api_key: one}}")
	require.Equal(t, "one", b.key())
	b.write(FileName, "accounts: {a: {vendor: trustana, api_key: two}}")
	require.Equal(t, "two", b.key())
	require.Equal(t, 2, b.loads)
}

func TestLiveSeesANewSecret(t *testing.T) {
	b := newBench(t)
	b.write("key", "one\n")
	b.write(FileName, fromFile)
	require.Equal(t, "one", b.key())
	b.write("key", "two\n")
	require.Equal(t, "two", b.key())
}

func TestLiveSeesASecretThatAppears(t *testing.T) {
	b := newBench(t)
	b.write(FileName, fromFile)
	c, err := b.live.Config()
	require.NoError(t, err)
	_, err = c.Account("a")
	require.ErrorContains(t, err, "does not exist")
	b.write("key", "one")
	require.Equal(t, "one", b.key())
	require.Empty(t, b.faults)
}

func TestLiveReadsNothingWhileNothingChanges(t *testing.T) {
	b := newBench(t)
	b.write("key", "one")
	b.write(FileName, fromFile)
	first, err := b.live.Config()
	require.NoError(t, err)
	for range 5 {
		b.clock = b.clock.Add(time.Minute)
		again, err := b.live.Config()
		require.NoError(t, err)
		require.Same(t, first, again)
	}
	require.Equal(t, 1, b.loads)
}

func TestLiveLooksTenTimesASecond(t *testing.T) {
	b := newBench(t)
	b.write(FileName, "accounts: {a: {vendor: trustana, api_key: one}}")
	require.Equal(t, "one", b.key())
	now := b.clock
	b.write(FileName, "accounts: {a: {vendor: trustana, api_key: two}}")
	b.clock = now.Add(99 * time.Millisecond)
	require.Equal(t, "one", b.key())
	b.clock = now.Add(100 * time.Millisecond)
	require.Equal(t, "two", b.key())
}

func TestLiveSeesASecondChangeWithinTheClockTick(t *testing.T) {
	b := newBench(t)
	path := filepath.Join(b.dir, FileName)
	put := func(text string, at time.Time) {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		require.NoError(t, os.Chtimes(path, at, at))
	}
	tick := b.clock
	put("accounts: {a: {vendor: trustana, api_key: one}}", tick)
	require.Equal(t, "one", b.key())
	put("accounts: {a: {vendor: trustana, api_key: two}}", tick) // same size, same time
	b.clock = tick.Add(time.Second)
	require.Equal(t, "two", b.key())
}

func TestLiveKeepsTheLastGoodOne(t *testing.T) {
	b := newBench(t)
	b.write("key", "one")
	b.write(FileName, fromFile)
	require.Equal(t, "one", b.key())

	b.write(FileName, "accounts: {a: {vendor: trustanna}}")
	for range 3 {
		require.Equal(t, "one", b.key())
		b.clock = b.clock.Add(time.Minute)
	}
	require.Len(t, b.faults, 1, "reported once")
	require.ErrorContains(t, b.faults[0], "the previous configuration stays in use: accounts.a.vendor: unknown vendor \"trustanna\"")

	b.remove(FileName)
	require.Equal(t, "one", b.key())
	require.Len(t, b.faults, 2)

	b.write(FileName, "accounts: {a: {vendor: trustana, api_key: two}}")
	require.Equal(t, "two", b.key())
	require.Len(t, b.faults, 2)
}

func TestLiveBearsASecretThatIsBeingReplaced(t *testing.T) {
	b := newBench(t)
	b.write("key", "one")
	b.write(FileName, fromFile)
	require.Equal(t, "one", b.key())
	b.write("key", "")
	require.Equal(t, "one", b.key())
	b.remove("key")
	require.Equal(t, "one", b.key())
	require.Len(t, b.faults, 2)
	require.ErrorContains(t, b.faults[0], "key is empty")
	b.write("key", "two")
	require.Equal(t, "two", b.key())
}

func TestLiveFailsWhereThereNeverWasAGoodOne(t *testing.T) {
	b := newBench(t)
	_, err := b.live.Config()
	require.ErrorContains(t, err, "no such file")
	b.write(FileName, "acounts: {}")
	_, err = b.live.Config()
	require.ErrorContains(t, err, "did you mean accounts?")
	require.Empty(t, b.faults, "the caller got the error")
	b.write(FileName, "accounts: {a: {vendor: trustana, api_key: one}}")
	require.Equal(t, "one", b.key())
}

func TestLiveOfNoFile(t *testing.T) {
	c, err := Watch("", nil).Config()
	require.NoError(t, err)
	require.Empty(t, c.AccountNames())
}

func TestLiveIsSafeForConcurrentUse(t *testing.T) {
	b := newBench(t)
	b.write(FileName, "accounts: {a: {vendor: trustana, api_key: one}}")
	done := make(chan error)
	for range 8 {
		go func() {
			c, err := b.live.Config()
			if err == nil {
				_, err = c.Account("a")
			}
			done <- err
		}()
	}
	for range 8 {
		require.NoError(t, <-done)
	}
}
