package wiring

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/config"
	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/metrics"
	"github.com/mediaferry/mediaferry/internal/notify"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/webhook"
)

// lastNotices is how long a process that ends goes on sending: what its last upload left
// would otherwise wait for the next process.
const lastNotices = 5 * time.Second

// Wanted says which events the webhook is told of, by the configuration as it is now.
func Wanted(live *config.Live) func(upload.Event) bool {
	return func(event upload.Event) bool {
		now, err := live.Config()
		if err != nil {
			return false // nothing works without a configuration, and whoever needs it says so
		}
		to, err := now.Notify()
		return err == nil && to.Wants(event)
	}
}

// Notifier sends notifications until it is stopped.
type Notifier struct {
	sender *notify.Sender
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// NotifierOptions say what a notifier needs.
type NotifierOptions struct {
	Ledger  *ledger.Ledger
	Config  *config.Live
	Page    func() string    // the address of the web page; nil: not known
	Metrics *metrics.Metrics // nil: none
	Log     *zap.Logger
}

// StartNotifier sends what the ledger has put down for the webhook. Any number of
// processes may do so.
func StartNotifier(ctx context.Context, o NotifierOptions) *Notifier {
	n := &Notifier{sender: &notify.Sender{
		Books: o.Ledger, Settings: webhookOf(o.Config), Egress: egress.New(), Owner: rand.Text(), Page: o.Page,
		Told: o.Metrics.Notified, Log: o.Log, Now: time.Now,
	}}
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	n.cancel = cancel
	n.done.Go(func() { n.sender.Run(life) })
	return n
}

// Stop sends what is due, as far as that takes little time.
func (n *Notifier) Stop() {
	n.cancel()
	n.done.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), lastNotices)
	defer cancel()
	if err := n.sender.Once(ctx); err != nil && ctx.Err() == nil {
		n.sender.Log.Debug("could not look for notifications", zap.Error(err))
	}
	n.sender.Egress.CloseIdle()
}

// webhookOf reads the settings of the webhook as they are now.
func webhookOf(live *config.Live) func() (notify.Settings, error) {
	return func() (notify.Settings, error) {
		now, err := live.Config()
		if err != nil {
			return notify.Settings{}, err
		}
		to, err := now.Notify()
		if err != nil || to.Webhook == "" {
			return notify.Settings{}, err
		}
		settings := notify.Settings{URL: to.Webhook, Policy: to.Policy}
		if to.Secret != "" {
			settings.Key, err = webhook.ParseKey(to.Secret)
		}
		return settings, err
	}
}
