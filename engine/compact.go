package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
	"go.temporal.io/server/common/config"
)

// sizes is what compaction prints, in bytes, write-ahead logs included.
type sizes struct {
	Before int64 `json:"before"`
	After  int64 `json:"after"`
}

func compactAndReport(data string, stdout, stderr io.Writer) int {
	result, err := compact(filepath.Join(data, "engine"))
	if err == nil {
		err = json.NewEncoder(stdout).Encode(result)
	}
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "mediaferry-engine: %v\n", err)
		return exitFailed
	}
	return exitOK
}

// compact rewrites both databases without their free pages. Killed in between,
// it leaves them as they were.
func compact(dir string) (sizes, error) {
	s := storesIn(dir)
	if _, err := os.Stat(filepath.Join(dir, "temporal.db")); err != nil {
		return sizes{}, fmt.Errorf("no engine has ever run in %q: %w", dir, err)
	}
	lock := flock.New(filepath.Join(dir, "lock"))
	locked, err := lock.TryLock()
	if err != nil {
		return sizes{}, fmt.Errorf("lock %q: %w", lock.Path(), err)
	}
	if !locked {
		return sizes{}, fmt.Errorf("an engine is running on %q; stop it first", dir)
	}
	defer func() { _ = lock.Unlock() }()
	result := sizes{Before: storedBytes(dir)}
	for _, cfg := range []*config.SQL{s.temporal, s.visibility} {
		if err := vacuum(cfg); err != nil {
			return sizes{}, explain(err, dir)
		}
	}
	result.After = storedBytes(dir)
	return result, nil
}

func vacuum(cfg *config.SQL) error {
	db, err := openStore(cfg)
	if err != nil {
		return err
	}
	for _, statement := range []string{"VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"} {
		if err := db.Exec(statement); err != nil {
			return fmt.Errorf("compact database %q: %w", cfg.DatabaseName, err)
		}
	}
	return nil
}

func storedBytes(dir string) int64 {
	var total int64
	for _, name := range []string{"temporal.db", "temporal.db-wal", "visibility.db", "visibility.db-wal"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil {
			total += info.Size()
		}
	}
	return total
}
