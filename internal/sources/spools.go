package sources

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Limits of what is read once. Together, the files take 256 MiB of disk at most.
const (
	spoolSize  = 32 << 20
	spoolCount = 8
	// spoolIdle is how long a file is kept for the step after the one that read it.
	spoolIdle = 2 * time.Minute
)

// spools are files with the content of web sources that can only be read once: those
// whose server gives no length, or another version each time. The files have no name, so
// that they are gone when they are closed, or with the process.
type spools struct {
	dir string

	mu      sync.Mutex
	kept    []*spool // those that were read, the oldest first
	open    int      // those that are being read as well
	waiting []chan struct{}
}

// enter waits until another file may be opened. Those that nobody uses give way.
func (s *spools) enter(ctx context.Context) error {
	for {
		s.mu.Lock()
		unused := slices.IndexFunc(s.kept, func(one *spool) bool { return one.users == 0 })
		if s.open >= spoolCount && unused >= 0 {
			s.drop(s.kept[unused])
		}
		if s.open < spoolCount {
			s.open++
			s.mu.Unlock()
			return nil
		}
		turn := make(chan struct{})
		s.waiting = append(s.waiting, turn)
		s.mu.Unlock()
		select {
		case <-turn:
		case <-ctx.Done():
			return broken(ctx.Err(), "was not read: %v", context.Cause(ctx))
		}
	}
}

// leave gives the place back of a source that could not be read.
func (s *spools) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
	s.wake()
}

// wake lets all who wait look again. The mutex is held.
func (s *spools) wake() {
	for _, turn := range s.waiting {
		close(turn)
	}
	s.waiting = nil
}

// drop closes a file that nobody uses. The mutex is held.
func (s *spools) drop(one *spool) {
	at := slices.Index(s.kept, one)
	if at < 0 || one.users > 0 {
		return
	}
	s.kept = slices.Delete(s.kept, at, at+1)
	one.expire.Stop()
	_ = one.file.Close() // it has no name
	s.open--
}

// put gives a spool back, which is kept for a while.
func (s *spools) put(one *spool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one.users--
	one.expire.Reset(spoolIdle)
	s.wake()
}

// add keeps a spool that was read, for its first user.
func (s *spools) add(one *spool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, old := range slices.Clone(s.kept) {
		if old.source == one.source {
			s.drop(old) // nobody asks for it again
		}
	}
	one.users = 1
	one.expire = time.AfterFunc(spoolIdle, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.drop(one)
		s.wake()
	})
	s.kept = append(s.kept, one)
}

// take returns a spool that is kept, or nil. The caller must put it back.
func (s *spools) take(source, fingerprint string) *spool {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := slices.IndexFunc(s.kept, func(one *spool) bool { return one.source == source && one.fingerprint == fingerprint })
	if at < 0 {
		return nil
	}
	s.kept[at].users++
	return s.kept[at]
}
