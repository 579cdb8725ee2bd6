package commands

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/internal/codec"
	"github.com/mediaferry/mediaferry/internal/config"
	"github.com/mediaferry/mediaferry/internal/front"
	"github.com/mediaferry/mediaferry/internal/guard"
	"github.com/mediaferry/mediaferry/internal/wiring"
	"github.com/mediaferry/mediaferry/starter/exit"
	"github.com/mediaferry/mediaferry/starter/opening"
)

type dashboardCommand struct{ *given }

type dashboardFlags struct {
	listen      string
	behindProxy bool
}

func (c dashboardCommand) command() *cobra.Command {
	var f dashboardFlags
	cmd := &cobra.Command{
		Use:   "dashboard [flags]",
		Short: "serve the operators' page until interrupted",
		Long: `dashboard serves the page on which people see and steer what runs: what needs a person, what is
in trouble, batches, uploads, accounts, decisions and workers. It shows what the ledger knows, and
does no work of a worker. "mediaferry up" serves the page by itself.

If dashboard.temporal_ui of the configuration names Temporal's web UI, the page has it at /temporal/.

Whoever has dashboard.token of the configuration may operate, and whoever has
dashboard.viewer_token may look. Without dashboard.token, the token is in the file "token" of the
data folder.`,
		Example: `  mediaferry dashboard
  mediaferry dashboard --listen :8443                  with dashboard.tls set
  mediaferry dashboard --listen :8080 --behind-proxy   a proxy ends TLS`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.listen, "listen", "127.0.0.1:8235", "listen on `ADDR`; other addresses than loopback need dashboard.tls or --behind-proxy")
	flags.BoolVar(&f.behindProxy, "behind-proxy", false, "listen without TLS on any address, for a proxy that ends TLS")
	return cmd
}

func (c dashboardCommand) run(ctx context.Context, f dashboardFlags) error {
	c.Standing = true
	if err := wiring.CheckListen(f.listen); err != nil {
		return exit.Misused("--listen: %s", err)
	}
	if err := c.OpenConfig(); err != nil {
		return err
	}
	settings, err := c.Config.Dashboard()
	if err != nil {
		return err
	}
	serving, err := wiring.Serving(f.listen, settings, f.behindProxy)
	switch {
	case err != nil:
		return exit.Misused("%s", err)
	case settings.Token == "" && !guard.ListensOnLoopback(f.listen):
		return &exit.UsageError{Text: "--listen " + f.listen + " is reached by other hosts, so it needs dashboard.token", Hint: "set dashboard: {token: ${DASHBOARD_TOKEN}} in the configuration, or listen on 127.0.0.1"}
	}
	c.Parting = "stopped; uploads continue with their workers"
	if err := c.OpenEngine(ctx, opening.EngineOptions{}); err != nil {
		return err
	}
	listener, err := serving.Listen(ctx)
	if err != nil {
		return err
	}
	url := serving.Scheme() + "://" + listener.Addr().String()
	token, handler, err := c.front(url, f, settings)
	if err != nil {
		return err
	}
	server := wiring.HTTPServer(handler)
	server.ReadTimeout = 0 // files may be dropped on the page
	c.OnClose(func() { _ = server.Close() })
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	address := url
	if guard.ListensOnLoopback(f.listen) {
		address = front.Link(url, "/", token)
	}
	if _, err := fmt.Fprintln(c.Out, address); err != nil {
		return err
	}
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return ctx.Err()
}

// front is the page behind its login, with the token that opens it.
func (c dashboardCommand) front(url string, f dashboardFlags, settings config.Dashboard) (token string, h http.Handler, err error) {
	o := front.Options{
		URL: url, Token: settings.Token, Viewer: settings.Viewer, Where: "dashboard.token of the configuration", Page: c.page("", settings.TemporalUI != ""),
		Temporal: front.Upstream{URL: settings.TemporalUI},
		Codec:    codec.Handler(c.Keys, guard.Names{AnyHost: true}, nil),
		AnyHost:  !guard.ListensOnLoopback(f.listen), Secure: f.behindProxy && !guard.ListensOnLoopback(f.listen),
	}
	if o.Token == "" {
		if o.Token, err = guard.MakeToken(c.Data); err != nil {
			return "", nil, err
		}
		o.Where = "in the file " + guard.TokenFile(c.Data)
	}
	h, err = front.New(o)
	return o.Token, h, err
}
