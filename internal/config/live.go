package config

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"
)

// lookEvery is how long a Live takes the files for unchanged.
const lookEvery = time.Second

// settled is how old a change must be before a file's size and time are
// trusted: a second change within the file system's clock tick would leave no
// trace.
const settled = 2 * time.Second

// Live reads a configuration anew when its file, or a secret file that it refers
// to, has changed, so that new credentials need no restart. Variables of the
// environment stay as they were when the process began. It is safe for
// concurrent use.
type Live struct {
	path string
	tell func(error)
	now  func() time.Time
	load func(string) (*Config, error)

	mu     sync.Mutex
	looked time.Time
	config *Config // the last good one
	err    error   // why there is none
	stamps map[string]stamp
	told   string
}

// Watch returns a Live of a file. tell is called, once for each fault, when a
// changed file is broken; it must not call back, and may be nil. A path of ""
// stands for no file at all.
func Watch(path string, tell func(error)) *Live {
	if tell == nil {
		tell = func(error) {}
	}
	return &Live{
		path: path, tell: tell, now: time.Now,
		load: func(path string) (*Config, error) { return load(path, os.LookupEnv) },
	}
}

// Config returns the configuration as it is now. While the file is broken that
// is the last good one; it fails only where there never was one. It looks at the
// files at most once a second.
func (l *Live) Config() (*Config, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	fresh := !l.looked.IsZero() && now.Sub(l.looked) < lookEvery && !now.Before(l.looked)
	if !fresh {
		l.look(now)
	}
	return l.config, l.err
}

func (l *Live) look(now time.Time) {
	l.looked = now
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
		l.config, l.err, l.told = next, nil, ""
		return
	}
	if l.config == nil {
		l.err = err
		return
	}
	if err.Error() != l.told {
		l.told = err.Error()
		l.tell(fmt.Errorf("the configuration read before stays in use: %w", err))
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

// lost fails where next cannot read a secret file that c could: it is being
// replaced, and what was in it is good for a little longer.
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

// stamp tells one version of a file from another.
type stamp struct {
	info  os.FileInfo // nil where there is no such file
	fault string      // of a secret file: why it could not be read
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
	return s.info.Size() == as.info.Size() && s.info.ModTime().Equal(as.info.ModTime()) && os.SameFile(s.info, as.info)
}
