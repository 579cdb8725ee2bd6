package opening

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/codec"
	"github.com/mediaferry/mediaferry/internal/enginehost"
	"github.com/mediaferry/mediaferry/internal/front"
	"github.com/mediaferry/mediaferry/internal/guard"
	"github.com/mediaferry/mediaferry/internal/visibility"
	"github.com/mediaferry/mediaferry/internal/wiring"
	"github.com/mediaferry/mediaferry/starter/exit"
)

// EngineOptions are how this command hosts the embedded engine if no other
// process does.
type EngineOptions struct {
	Port, UIPort int
	Retention    time.Duration
}

// OpenEngine opens the ledger and connects to Temporal: to the service that the
// environment names, else to the engine of the data folder, which is started
// where it does not run.
func (s *Session) OpenEngine(ctx context.Context, o EngineOptions) error {
	if s.Lent {
		return s.lentEngine()
	}
	if s.Ledger == nil {
		if err := s.OpenLedger(ctx); err != nil {
			return err
		}
	}
	if !wiring.ServiceConfigured() {
		member, err := enginehost.Join(ctx, enginehost.Options{
			Data: s.Data, Port: o.Port, UIPort: o.UIPort, Retention: o.Retention, Log: s.Log,
			Attributes: visibility.Declared(), Front: s.front(),
		})
		if err != nil {
			return err
		}
		s.Engine = member
		s.OnClose(func() {
			if err := member.Close(); err != nil {
				s.Log.Warn("could not close the engine", zap.Error(err))
			}
		})
	}
	temporal, service, err := wiring.Connect(ctx, wiring.Connection{Engine: s.Engine, Data: s.Data, Keys: s.Keys, Log: s.Log, Metrics: s.Metrics.SDK(), Traces: s.Traces})
	if err != nil {
		return err
	}
	s.Temporal = temporal
	s.Ledger.Bind(service)
	s.OnClose(temporal.Close)
	s.lend()
	return nil
}

// lentEngine reports whether there is a Temporal to use.
func (s *Session) lentEngine() error {
	if s.Temporal == nil {
		return &exit.UsageError{Text: "Temporal cannot be reached", Hint: "see what keeps it: mediaferry doctor"}
	}
	return nil
}

// front is what this command serves in front of the engine if it hosts one.
func (s *Session) front() *enginehost.Front {
	return &enginehost.Front{
		UIPath: front.TemporalPath, Codec: front.CodecPath,
		Handler: func(url string, ui enginehost.Backend) (http.Handler, error) {
			dashboard, err := s.Config.Dashboard()
			if err != nil {
				return nil, err
			}
			o := front.Options{
				URL: url, Token: ui.Token, Viewer: dashboard.Viewer,
				Where:    "in the file " + guard.TokenFile(s.Data),
				Temporal: front.Upstream(ui),
				Codec:    codec.Handler(s.Keys, guard.Names{AnyHost: true}, nil),
			}
			if s.Page != nil {
				o.Page = s.Page()
			}
			if dashboard.Token != "" {
				o.Tokens = []string{dashboard.Token}
			}
			return front.New(o)
		},
	}
}

// EngineRuns reports whether there is an engine that outlives this command.
func (s *Session) EngineRuns(ctx context.Context) bool {
	if s.Locked != nil { // what it says could not be read
		return false
	}
	if s.Lent {
		return s.Temporal != nil
	}
	if wiring.ServiceConfigured() {
		return true
	}
	_, runs := enginehost.Running(ctx, s.Data)
	return runs
}

// EngineGone is why there is no engine any more, for a person.
func (s *Session) EngineGone() error {
	return fmt.Errorf("%w; your progress is saved. Run the command again when the engine can start", s.Engine.Err())
}

// EngineLost is closed when the embedded engine is gone for good.
func (s *Session) EngineLost() <-chan struct{} {
	if s.Engine == nil {
		return nil
	}
	return s.Engine.Done()
}

// Answers reports whether Temporal answers.
func (s *Session) Answers(ctx context.Context, within time.Duration) bool {
	if s.Temporal == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	_, err := s.Temporal.CheckHealth(ctx, &client.CheckHealthRequest{})
	return err == nil
}
