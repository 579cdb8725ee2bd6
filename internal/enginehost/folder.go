package enginehost

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/mediaferry/mediaferry/internal/trust"
)

// Address is where an engine can be reached. All of it is on loopback.
type Address struct {
	Temporal  string `json:"temporal"` // host:port of the Temporal service
	Namespace string `json:"namespace"`
	Front     string `json:"front,omitempty"` // URL of the front, without a path
	PID       int    `json:"pid"`             // of the engine's process
}

// record is the content of engine.json. It outlives the engine, because the next
// one wants its ports.
type record struct {
	Address
	Host  int    `json:"host_pid"`        // the process that hosts the engine
	Ready bool   `json:"ready"`           // false while the host has no engine
	Error string `json:"error,omitempty"` // why it has none
}

// folder is a data folder, as an absolute path.
type folder string

func (f folder) path(name string) string { return filepath.Join(string(f), name) }

func (f folder) hostLock() string   { return f.path("host.lock") }
func (f folder) engineLog() string  { return f.path("engine.log") }
func (f folder) engineDir() string  { return f.path("engine") } // the engine's own
func (f folder) engineLock() string { return filepath.Join(f.engineDir(), "lock") }
func (f folder) addressFile() string {
	return f.path("engine.json")
}

// environment is what an engine needs in its environment besides what every child
// has. A compaction needs as much room as the database, and /tmp is often small.
func (f folder) environment() []string { return []string{"SQLITE_TMPDIR=" + f.engineDir()} }

func (f folder) read() (record, error) {
	var r record
	text, err := os.ReadFile(f.addressFile())
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return record{}, fmt.Errorf("%q is not valid JSON: %w", f.addressFile(), err)
	}
	return r, nil
}

// write replaces the record in one step, since guests read it at any moment. Only
// the host writes, so there is one writer at a time.
func (f folder) write(r record) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	next := f.addressFile() + ".next"
	if err := os.WriteFile(next, append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("write the address of the engine: %w", err)
	}
	if err := os.Rename(next, f.addressFile()); err != nil {
		return fmt.Errorf("write the address of the engine: %w", err)
	}
	return nil
}

// checkOwner refuses an engine of another user than uid. It could be used, but not
// taken over: the files of the next one would be out of reach for that user.
func (f folder) checkOwner(uid int) error {
	if owner := trust.OwnerOtherThan(uid, f.addressFile()); owner != "" {
		return fmt.Errorf("the engine of data folder %q belongs to %s; run as that user, or choose another folder with --data", f, owner)
	}
	return nil
}

// cannotUse says whose a folder is that the user uid may not use, since that is
// mostly the reason.
func cannotUse(data string, err error, uid int) error {
	err = fmt.Errorf("data folder %q cannot be used: %w", data, err)
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	dir := data
	for dir != filepath.Dir(dir) {
		if _, statErr := os.Stat(dir); statErr == nil {
			break
		}
		dir = filepath.Dir(dir) // what is missing has no owner
	}
	if owner := trust.OwnerOtherThan(uid, dir); owner != "" {
		return fmt.Errorf("%w; %q belongs to %s", err, dir, owner)
	}
	return err
}
