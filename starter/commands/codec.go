package commands

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/internal/codec"
	"github.com/mediaferry/mediaferry/internal/guard"
	"github.com/mediaferry/mediaferry/internal/identity"
	"github.com/mediaferry/mediaferry/internal/wiring"
	"github.com/mediaferry/mediaferry/starter/exit"
)

type codecCommand struct{ *given }

type codecFlags struct {
	listen      string
	origins     []string
	behindProxy bool
	hosts       []string
	identity    identity.Options
}

func (c codecCommand) command() *cobra.Command {
	var f codecFlags
	cmd := &cobra.Command{
		Use:   "codec [flags]",
		Short: "decode payloads for Temporal's web UI until interrupted",
		Long: `codec decodes payloads for the web UI and the command line of a Temporal service. The web UI of
"mediaferry up" has a codec of its own.

Whoever may use the codec can read payloads in plain text, including signed URLs. Requests need
"Authorization: Bearer TOKEN": TOKEN is dashboard.token of the configuration, or else in the
file "token" of the data folder. For a web UI with logins, name its OpenID Connect provider
(--oidc-issuer), or the key that signs its tokens (--jwt-key), and turn on "Pass access token".

codec decodes payloads that your keys encrypted, and refuses altered ones. It cannot tell
whether a payload was copied from another workflow. Workers can, and refuse such a payload.`,
		Example: `  mediaferry codec --listen 127.0.0.1:8234
  mediaferry codec --listen :8234 --origin https://temporal.example.com \
      --oidc-issuer https://login.example.com --audience temporal-ui`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.listen, "listen", "127.0.0.1:8234", "listen on `ADDR`; other addresses than loopback need dashboard.tls or --behind-proxy")
	flags.StringArrayVar(&f.origins, "origin", nil, "accept requests from the web UI at `ORIGIN`; can be repeated")
	flags.StringArrayVar(&f.hosts, "hostname", nil, "answer requests to `NAME`; can be repeated (default: loopback, or every name on other addresses)")
	flags.BoolVar(&f.behindProxy, "behind-proxy", false, "listen without TLS on any address, for a proxy that ends TLS")
	flags.StringVar(&f.identity.Issuer, "oidc-issuer", "", "accept tokens of the OpenID Connect provider at `URL`")
	flags.StringVar(&f.identity.KeyFile, "jwt-key", "", "accept tokens signed with the public key in `FILE` (PEM)")
	flags.StringVar(&f.identity.Audience, "audience", "", "accept only tokens made for `CLIENT`; required with --oidc-issuer and --jwt-key")
	return cmd
}

func (c codecCommand) run(ctx context.Context, f codecFlags) error {
	if err := wiring.CheckListen(f.listen); err != nil {
		return exit.Misused("--listen: %s", err)
	}
	if err := f.identity.Check(); err != nil {
		return exit.Misused("%s", err)
	}
	if err := c.OpenConfig(); err != nil {
		return err
	}
	dashboard, err := c.Config.Dashboard()
	if err != nil {
		return err
	}
	serving, err := wiring.Serving(f.listen, dashboard, f.behindProxy)
	if err != nil {
		return exit.Misused("%s", err)
	}
	if err := c.OpenKeys(ctx); err != nil {
		return err
	}
	allow, err := c.admission(ctx, dashboard.Token, f.identity)
	if err != nil {
		return err
	}
	listener, err := serving.Listen(ctx)
	if err != nil {
		return err
	}
	names := guard.Names{Hosts: f.hosts, Origins: f.origins, AnyHost: len(f.hosts) == 0 && !guard.ListensOnLoopback(f.listen)}
	server := wiring.HTTPServer(codec.Handler(c.Keys, names, allow))
	c.OnClose(func() { _ = server.Close() })
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if _, err := fmt.Fprintf(c.Out, "%s://%s\n", serving.Scheme(), listener.Addr()); err != nil {
		return err
	}
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return ctx.Err()
}

// admission decides who may decode: the bearer of a token, and whom an identity
// provider vouches for.
func (c codecCommand) admission(ctx context.Context, token string, o identity.Options) (func(*http.Request) *guard.Refusal, error) {
	tokens, where := guard.Tokens{token}, "dashboard.token of the configuration"
	if token == "" {
		made, err := guard.MakeToken(c.Data)
		if err != nil {
			return nil, err
		}
		tokens, where = guard.Tokens{made}, "in the file "+guard.TokenFile(c.Data)
	}
	people, err := identity.Open(ctx, o)
	switch {
	case err != nil && o.KeyFile != "":
		return nil, exit.Misused("%s", err)
	case err != nil: // the provider may be out of order
		return nil, err
	}
	return func(r *http.Request) *guard.Refusal {
		refusal := tokens.Check(r, where)
		if refusal == nil || people == nil {
			return refusal
		}
		if err := people.Check(r.Context(), guard.Bearer(r)); err != nil {
			return &guard.Refusal{Status: http.StatusUnauthorized, Text: err.Error()}
		}
		return nil
	}, nil
}
