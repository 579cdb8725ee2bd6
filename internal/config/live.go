package config

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/mediaferry/mediaferry/internal/trust"
)

// checkEvery is the least time between two checks of the files for changes: a command that
// follows an edit finds workers that know of it.
const checkEvery = 100 * time.Millisecond

// settled is the age that a change must have before a file's size and time are
// trusted: a second change within one tick of the file system's clock would leave
// no trace.
const settled = 2 * time.Second

// Live reads a configuration again when its file, or a secret file that it refers
// to, has changed, so that new credentials need no restart. Environment variables
// stay as they were when the process began. A Live is safe for concurrent use.
type Live struct {
	path   string
	report func(error)
	now    func() time.Time
	load   func(string) (*Config, error)

	mu       sync.Mutex
	checked  time.Time
	config   *Config // the last valid one
	err      error   // why there is no valid one
	stamps   map[string]stamp
	reported string
}

// Watch returns a Live for a file. report is called, once for each fault, when a
// changed file is invalid; it must not call the Live, and may be nil. A path of ""
// means that there is no file.
func Watch(path string, report func(error)) *Live {
	if report == nil {
		report = func(error) {}
	}
	return &Live{
		path: path, report: report, now: time.Now,
		load: func(path string) (*Config, error) { return load(path, os.LookupEnv) },
	}
}

// Config returns the current configuration. While the file is invalid, that is the
// last valid one; Config fails only if there never was a valid one. It checks the
// files at most ten times a second.
func (l *Live) Config() (*Config, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	fresh := !l.checked.IsZero() && now.Sub(l.checked) < checkEvery && !now.Before(l.checked)
	if !fresh {
		l.refresh(now)
	}
	return l.config, l.err
}

func (l *Live) refresh(now time.Time) {
	l.checked = now
	if l.path == "" {
		l.config = Empty(nil)
		return
	}
	if l.stamps != nil && !l.changed(now) {
		return
	}
	next, err := l.load(l.path)
	l.stamps = next.stamps
	if err == nil && l.config != nil {
		err = l.config.lost(next)
	}
	if err == nil {
		l.config, l.err, l.reported = next, nil, ""
		return
	}
	if l.config == nil {
		l.err = err
		return
	}
	if err.Error() != l.reported {
		l.reported = err.Error()
		l.report(fmt.Errorf("the previous configuration stays in use: %w", err))
	}
}

func (l *Live) changed(now time.Time) bool {
	for path, before := range l.stamps {
		if !before.same(stampOf(path)) || before.info != nil && now.Sub(before.info.ModTime()).Abs() < settled {
			return true
		}
	}
	return false
}

// lost fails if next cannot read a secret file that c could read: the file is being
// replaced, and its old content is valid for a little longer.
func (c *Config) lost(next *Config) error {
	var faults []string
	for path, version := range next.stamps {
		if before, known := c.stamps[path]; known && before.fault == "" && version.fault != "" {
			faults = append(faults, version.fault)
		}
	}
	if len(faults) == 0 {
		return nil
	}
	slices.Sort(faults)
	return errors.New(list(faults))
}

// stamp identifies one version of a file.
type stamp struct {
	info  os.FileInfo // nil if the file does not exist
	fault string      // why a secret file could not be read
}

func stampOf(path string) stamp {
	info, err := os.Stat(path)
	if err != nil {
		return stamp{}
	}
	return stamp{info: info}
}

func (s stamp) same(as stamp) bool {
	if s.info == nil || as.info == nil {
		return s.info == nil && as.info == nil
	}
	return s.info.Size() == as.info.Size() && s.info.ModTime().Equal(as.info.ModTime()) &&
		os.SameFile(s.info, as.info) && trust.Same(s.info, as.info)
}
