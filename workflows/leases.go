package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/mediaferry/mediaferry/internal/upload"
)

const (
	// needMost is the share of a URL's life that a part may claim: a URL is never
	// younger than when it was asked for. A part that has started in time is
	// served to its end, so this costs nothing.
	needMost = 0.8
	// earlyMost is how many sessions, or URLs of a part, may run out before they
	// are tried, one after the other, until they are tried all the same.
	earlyMost = 2
)

// leases are the URLs of a session's parts, and how long each is good.
type leases struct {
	life time.Duration // of those that do not say
	urls map[int]upload.PartURL
	// fresh are parts whose URL was asked for a moment ago, for this start.
	fresh map[int]bool
}

func newLeases(session upload.Session) leases {
	l := leases{life: session.Life, urls: map[int]upload.PartURL{}, fresh: map[int]bool{}}
	l.add(session.Parts)
	return l
}

func (l *leases) add(urls []upload.PartURL) {
	for _, u := range urls {
		if u.Life <= 0 {
			u.Life = l.life
		}
		l.urls[u.Number] = u
	}
}

// usable reports whether a part may start on the URL that it has: enough is left
// of it, or it is as young as one can be.
func (l *leases) usable(number int, now time.Time, need time.Duration) bool {
	u, ok := l.urls[number]
	if !ok || u.ExpiresAt.IsZero() || l.fresh[number] {
		return ok
	}
	need = min(need, time.Duration(needMost*float64(u.Life)))
	return !upload.Spent(now, u.ExpiresAt, u.Life, need)
}

// take hands out a part's URL for one start.
func (l *leases) take(number int) upload.PartURL {
	delete(l.fresh, number)
	return l.urls[number]
}

// expired drops a URL that ran out.
func (l *leases) expired(number int) { delete(l.urls, number) }

// sign asks for a URL of a part, and on the way for those that can start while
// these are good: the vendor hands out those of the lowest parts that are not
// stored, which are in flight for the most part.
func (s *sender) sign(ctx workflow.Context, number int) error {
	if err := s.gate(ctx, false); err != nil {
		return err
	}
	var signed []upload.PartURL
	last := s.ahead(number)
	in := upload.SignParts{Item: s.item, Session: s.session.ID, Parts: []int{number}, Open: s.open(last)}
	signing := workflow.WithActivityOptions(ctx, control(fmt.Sprintf("request URLs from part %d on", number)))
	err := workflow.ExecuteActivity(signing, upload.ActivitySignParts, in).Get(signing, &signed)
	if e, _ := failureOf(err); e != nil {
		return s.adoptable(ctx, number, e)
	}
	if err != nil {
		return err
	}
	s.urls.add(signed)
	if _, ok := s.urls.urls[number]; !ok {
		return upload.Errorf(upload.KindInternal, upload.StepTransfer, "the vendor returned no URL for part %d", number)
	}
	s.urls.fresh[number] = true
	return nil
}

// adoptable looks whether a part for which the vendor hands out no URL is one
// whose bytes it has, because an answer was lost. It goes on with such a part as
// with one that has a URL; anything else is the end of the session.
func (s *sender) adoptable(ctx workflow.Context, number int, unsigned *upload.Error) error {
	if unsigned.Code != upload.CodeUnsigned {
		return unsigned
	}
	media, err := s.inspect(ctx)
	if err != nil {
		return err
	}
	for _, stored := range media.Stored {
		if stored.Number == number && stored.ETag != "" {
			s.parts[number-1].stored = stored.ETag
			s.urls.add([]upload.PartURL{{Number: number}})
			return nil
		}
	}
	return unsigned
}

// inspect asks what the vendor knows of the session.
func (s *sender) inspect(ctx workflow.Context) (media upload.Media, err error) {
	session := s.session
	session.Parts = nil
	ctx = workflow.WithActivityOptions(ctx, control("inspect the session at "+s.item.Account))
	err = workflow.ExecuteActivity(ctx, upload.ActivityInspect, upload.Inspect{Item: s.item, Content: s.p.Content, Session: session}).Get(ctx, &media)
	s.p.Attempts.Add(upload.StepPoll, 1)
	if e, _ := failureOf(err); e != nil {
		return media, e
	}
	return media, err
}

// ahead is the last part whose URL is worth asking for along with that of a part:
// as many as there is room for now, and as can start at the present pace while
// the part's own URL would be good.
func (s *sender) ahead(number int) int {
	wanted := max(s.pace.width-s.flying, 1)
	life := s.session.Life
	if u, ok := s.urls.urls[number]; ok {
		life = u.Life
	} else if len(s.session.Parts) > 0 && s.session.Parts[0].Life > 0 {
		life = s.session.Parts[0].Life
	}
	if each := s.need(number); each > 0 && life > each {
		wanted += min(int((life-each)/each)*s.pace.width, 2*s.pace.width)
	}
	last := number
	for _, other := range s.queue {
		if other > number && wanted > 1 {
			last = other
			wanted--
		}
	}
	return last
}

// open counts the parts up to number that the store has not acknowledged.
func (s *sender) open(number int) int {
	open := number
	for _, part := range s.done[:number] {
		if part.ETag != "" {
			open--
		}
	}
	return open
}
