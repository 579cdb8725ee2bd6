// Package notify tells the operator's webhook what the ledger has put down for it, in the
// form of Standard Webhooks (package webhook): it owns the body, and when a notice is
// tried again.
//
// It decides on nothing that is told: the ledger puts each notice down together with the
// change that it tells of. Any number of processes may send; the ledger gives each notice
// to one of them at a time. It knows no Temporal and no vendor.
package notify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/links"
	"github.com/mediaferry/mediaferry/internal/upload"
)

const (
	// every is how often it is looked for what is due.
	every = 2 * time.Second
	// lease is how long nobody else sends a notice that one process sends: longer than an
	// attempt takes.
	lease = time.Minute
	// attempt is how long a receiver has to answer.
	attempt = 20 * time.Second
	// together is how many notices are sent at once.
	together = 8
	// lasts is for how long a notice is repeated.
	lasts = 24 * time.Hour
	// remembered is for how long a notice that was sent is known, and forgets how often
	// it is looked for others.
	remembered = 24 * time.Hour
	forgets    = time.Hour
	// keeps is for how long one that was given up is known.
	keeps = 30 * 24 * time.Hour
	// unavailable is after what time an outage is told.
	unavailable = 5 * time.Minute
	// answerMost is how much of an answer is read, so that its connection can be used
	// again.
	answerMost = 64 << 10
)

// Outcomes of an attempt.
const (
	OutcomeSent    = "sent"
	OutcomeFailed  = "failed"   // it is repeated
	OutcomeGivenUp = "given_up" // it is not
)

// Settings are those of the webhook, as the configuration is now.
type Settings struct {
	URL    string // "": there is none
	Key    []byte // signs; empty: nothing is signed
	Policy egress.Policy
}

// Books is what of the ledger is needed.
type Books interface {
	TellOutages(ctx context.Context, longer time.Duration) error
	LeaseNotices(ctx context.Context, owner string, lease time.Duration, most int) ([]ledger.Notice, error)
	NoticeSent(ctx context.Context, id, owner string) error
	RepeatNotice(ctx context.Context, id, owner string, pause time.Duration, last string) error
	GiveNoticeUp(ctx context.Context, id, owner, last string) error
	ForgetNotices(ctx context.Context, sent, givenUp time.Time) error
}

// Sender sends notices. All fields must be set that do not say otherwise.
type Sender struct {
	Books    Books
	Settings func() (Settings, error)
	Egress   *egress.Egress
	Owner    string // names this process
	// Page is the address of the web page, where this process knows it; nil or "": it does
	// not.
	Page func() string
	// Told hears of each attempt; nil: nobody does.
	Told func(event upload.Event, outcome string)
	Log  *zap.Logger
	Now  func() time.Time

	forgot time.Time
}

// Run sends notices until the context ends.
func (s *Sender) Run(ctx context.Context) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for heard := true; ; {
		err := s.Once(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && heard: // once: it lasts as long as its cause
			s.Log.Warn("could not look for notifications", zap.Error(err))
		}
		heard = err == nil
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// Once sends what is due, and returns when nothing is.
func (s *Sender) Once(ctx context.Context) error {
	to, err := s.Settings()
	if err != nil || to.URL == "" {
		return err
	}
	if err := s.Books.TellOutages(ctx, unavailable); err != nil {
		return err
	}
	for {
		due, err := s.Books.LeaseNotices(ctx, s.Owner, lease, together)
		if err != nil {
			return err
		}
		var sending sync.WaitGroup
		failures := make([]error, len(due))
		for i, n := range due {
			sending.Go(func() { failures[i] = s.send(ctx, to, n) })
		}
		sending.Wait()
		if err := errors.Join(failures...); err != nil || ctx.Err() != nil {
			return err
		}
		if len(due) < together {
			return s.forget(ctx)
		}
	}
}

// forget forgets old notices now and then.
func (s *Sender) forget(ctx context.Context) error {
	now := s.Now()
	if now.Sub(s.forgot) < forgets {
		return nil
	}
	s.forgot = now
	return s.Books.ForgetNotices(ctx, now.Add(-remembered), now.Add(-keeps))
}

// send makes one attempt, and notes what came of it. The error is the ledger's.
func (s *Sender) send(ctx context.Context, to Settings, n ledger.Notice) error {
	n.Data.Link = s.link(n.Data)
	wish, err := s.post(ctx, to, n)
	if err == nil {
		s.tell(n, OutcomeSent)
		return s.Books.NoticeSent(ctx, n.ID, s.Owner)
	}
	if ctx.Err() != nil { // the attempt was cut short, and another process may make it again at once
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), every)
		defer cancel()
		return s.Books.RepeatNotice(ctx, n.ID, s.Owner, 0, "")
	}
	pause := max(pauseAfter(n.Tries), wish.after)
	over := s.Now().Add(pause).Sub(n.First) > lasts
	fields := []zap.Field{zap.String("event", string(n.Event)), zap.String("webhook_id", n.ID), zap.Int64("attempt", n.Tries), zap.String("receiver", hostOf(to.URL)), zap.String("error", err.Error())}
	if wish.gone || over {
		s.tell(n, OutcomeGivenUp)
		s.Log.Error("a notification was not delivered and is not sent again: check the receiver and notify.webhook", fields...)
		return s.Books.GiveNoticeUp(ctx, n.ID, s.Owner, err.Error())
	}
	s.tell(n, OutcomeFailed)
	s.Log.Warn("a notification was not delivered", append(fields, zap.Duration("next_in", pause))...)
	return s.Books.RepeatNotice(ctx, n.ID, s.Owner, pause, err.Error())
}

func (s *Sender) tell(n ledger.Notice, outcome string) {
	if s.Told != nil {
		s.Told(n.Event, outcome)
	}
}

// verdict is what a receiver wants of later attempts.
type verdict struct {
	gone  bool          // there are to be none
	after time.Duration // not before
}

// post sends a notice once.
func (s *Sender) post(ctx context.Context, to Settings, n ledger.Notice) (verdict, error) {
	ctx, cancel := context.WithTimeout(ctx, attempt)
	defer cancel()
	r, err := request(ctx, to, n, s.Now())
	if err != nil {
		return verdict{}, err
	}
	answer, err := s.Egress.Control(to.Policy).Do(r)
	if err != nil {
		return verdict{}, fmt.Errorf("%s: %s", hostOf(to.URL), egress.Cause(err))
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, answerMost)) // what it says does not matter
	_ = answer.Body.Close()                                             // it was read
	if answer.StatusCode >= 200 && answer.StatusCode < 300 {
		return verdict{}, nil
	}
	return verdict{
		gone: answer.StatusCode == http.StatusGone, after: egress.RetryAfterWithin(lasts, answer.Header, s.Now()),
	}, fmt.Errorf("%s answered %d (%s)", hostOf(to.URL), answer.StatusCode, egress.Speaker(answer.Header))
}

// pauseAfter is how long to wait after so many attempts: 5 s, 15 s, 45 s … an hour, with
// a part of it by chance.
func pauseAfter(tries int64) time.Duration {
	const first, longest = 5 * time.Second, time.Hour
	pause := first
	for range min(tries-1, 10) {
		pause = min(3*pause, longest)
	}
	return pause + rand.N(pause/5)
}

// link is the page about what a notice is about; "" where its address is not known.
func (s *Sender) link(of upload.Notice) string {
	if s.Page == nil {
		return ""
	}
	base := strings.TrimRight(s.Page(), "/")
	switch {
	case base == "":
		return ""
	case of.UploadID != "":
		return base + links.Item(of.UploadID)
	case of.Batch != "":
		return base + links.Batch(of.Batch)
	}
	return base + "/accounts"
}

// hostOf names a receiver: its path may be a secret.
func hostOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "the webhook"
	}
	return u.Host
}
