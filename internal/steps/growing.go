package steps

import (
	"context"
	"time"

	"github.com/mediaferry/mediaferry/internal/sources"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// How a file is told that is still being written: it was touched a moment ago,
// it is large enough to take a while, and a second later it is another.
const (
	freshAge   = 2 * time.Second
	freshLeast = 64 << 20
	growLook   = time.Second
)

// path is where an item's source lies on this worker's host.
func (s *Steps) path(item upload.Item) string { return s.Sources.Path(item.Queue, item.Source) }

// atRest looks at a source until it is left alone: for as long as the item asks,
// or, where it asks nothing, for a second if the file is a large one that was
// written a moment ago; one that changes in that second is refused.
func (s *Steps) atRest(ctx context.Context, item upload.Item) (sources.Look, error) {
	look, err := s.Sources.Look(ctx, s.path(item))
	if err != nil || !item.Local() {
		return look, err
	}
	for still := s.stillFor(look); still < item.Settle || s.fresh(item, look); still = s.stillFor(look) {
		wait := growLook
		if left := item.Settle - still; item.Settle > 0 {
			wait = min(max(left, time.Millisecond), growLook)
		}
		if err := s.Pause(ctx, wait); err != nil {
			return look, err
		}
		before := look
		if look, err = s.Sources.Look(ctx, s.path(item)); err != nil {
			return look, err
		}
		switch changed := look.Fingerprint != before.Fingerprint; {
		case item.Settle > 0 && changed:
			look.Modified = latest(look.Modified, s.Now()) // clocks of file servers differ
		case item.Settle > 0:
			look.Modified = before.Modified
		case changed:
			return look, upload.Errorf(upload.KindInvalid, upload.StepClaim, "source %q is still growing: it had %d bytes, and %d a second later",
				upload.DisplaySource(item.Source), before.Size, look.Size).WithHint("wait until the file is complete, or use --settle 30s")
		default:
			return look, nil
		}
	}
	return look, nil
}

// stillFor is how long a file has been left alone.
func (s *Steps) stillFor(look sources.Look) time.Duration { return s.Now().Sub(look.Modified) }

// fresh reports whether a file that is to be taken at once deserves a second look.
func (s *Steps) fresh(item upload.Item, look sources.Look) bool {
	return item.Settle == 0 && look.Size > freshLeast && s.stillFor(look) < freshAge
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
