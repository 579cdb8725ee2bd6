package enginehost

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"

	"github.com/mediaferry/mediaferry/internal/child"
	"github.com/mediaferry/mediaferry/internal/guard"
)

// answerPatience bounds one question to an engine on the same machine.
const answerPatience = 5 * time.Second

// Running returns the address of the engine that runs on a data folder now: one
// that a living process hosts and that answers. It makes nothing in the folder
// and takes no part in its election.
func Running(ctx context.Context, data string) (Address, bool) {
	path, err := filepath.Abs(data)
	if err != nil {
		return Address{}, false
	}
	return running(ctx, folder(path), answers)
}

// Credentials returns the token of a data folder, and the way to its engine, where
// address is the loopback address that the engine which runs on the folder announced.
// The connections are made to that engine, and to nothing that takes its place later.
func Credentials(ctx context.Context, data, address string) (token string, dial func(context.Context, string) (net.Conn, error), ok bool) {
	running, ok := Running(ctx, data)
	if !ok || !sameAddress(running.Temporal, address) {
		return "", nil, false
	}
	token, err := guard.ReadToken(data)
	if err != nil {
		return "", nil, false
	}
	pid := running.PID
	return token, func(ctx context.Context, _ string) (net.Conn, error) { return dialProcess(ctx, running.Temporal, pid) }, true
}

// sameAddress reports whether two addresses are one port of loopback.
func sameAddress(announced, given string) bool {
	host, port, err := net.SplitHostPort(given)
	return err == nil && guard.IsLoopback(guard.HostName(host)) && port == strconv.Itoa(portOf(announced))
}

func running(ctx context.Context, f folder, answers func(context.Context, Address) error) (Address, bool) {
	if !f.hosted() {
		return Address{}, false
	}
	found, err := f.read()
	if err != nil || !found.Ready || answers(ctx, found.Address) != nil {
		return Address{}, false
	}
	return found.Address, true
}

// hosted reports whether a living process holds the folder's lock. It asks with a
// shared lock, which disturbs neither the host nor others who ask.
func (f folder) hosted() bool {
	if _, err := os.Stat(f.hostLock()); err != nil {
		return false
	}
	lock := flock.New(f.hostLock())
	free, err := lock.TryRLock()
	if free {
		_ = lock.Unlock()
	}
	return err == nil && !free
}

// answers reports, without an error, that Temporal serves at the address.
func answers(ctx context.Context, a Address) error {
	ctx, cancel := context.WithTimeout(ctx, answerPatience)
	defer cancel()
	c, err := client.DialContext(ctx, client.Options{ // without the token: whether a server lives, it tells everybody
		HostPort:  a.Temporal,
		Namespace: a.Namespace,
		Logger:    sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)),
	})
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.CheckHealth(ctx, &client.CheckHealthRequest{})
	return err
}

// Compaction is the size of an engine's databases, in bytes, before and after.
type Compaction struct {
	Before int64 `json:"before"`
	After  int64 `json:"after"`
}

// Compact gives the free space inside the engine's databases back to the disk.
// No engine may run on the folder, and none can start meanwhile. It needs as much
// free space as the databases take up.
func Compact(ctx context.Context, opts Options) (Compaction, error) {
	m, err := newMember(opts)
	if err != nil {
		return Compaction{}, err
	}
	binary, err := m.opts.binary()
	if err != nil {
		return Compaction{}, err
	}
	free, err := m.lock.TryLock()
	if err != nil {
		return Compaction{}, cannotUse(string(m.folder), err, os.Geteuid())
	}
	if !free {
		return Compaction{}, fmt.Errorf("an engine is running on data folder %q; stop it first", m.folder)
	}
	defer func() { _ = m.lock.Unlock() }()
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, binary, "--data", string(m.folder), "--compact") //nolint:gosec // the engine beside this program
	cmd.Env = append(child.Environment(), m.folder.environment()...)
	cmd.Stderr = &stderr
	output, err := cmd.Output()
	if err != nil {
		said := strings.TrimPrefix(strings.TrimSpace(stderr.String()), filepath.Base(binary)+": ")
		return Compaction{}, errors.Join(ctx.Err(), fmt.Errorf("compact the engine's databases: %w: %s", err, said))
	}
	var result Compaction
	if err := json.Unmarshal(output, &result); err != nil {
		return Compaction{}, fmt.Errorf("compact the engine's databases: %w", err)
	}
	return result, nil
}
