package commands

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/internal/codec"
	"github.com/mediaferry/mediaferry/internal/wiring"
	"github.com/mediaferry/mediaferry/starter/exit"
)

type codecCommand struct{ *given }

func (c codecCommand) command() *cobra.Command {
	var listen string
	var origins []string
	cmd := &cobra.Command{
		Use:   "codec [flags]",
		Short: "decode payloads for Temporal's web UI until interrupted",
		Long: `codec decodes payloads for the web UI of a Temporal service. Anyone who can reach it can read
the payloads in plain text, including signed URLs. It has no authentication, so by default it
listens on loopback only. The web UI of "mediaferry up" has a codec of its own.

codec decodes payloads that your keys encrypted, and refuses altered ones. It cannot tell
whether a payload was copied from another workflow. Workers can, and refuse such a payload.`,
		Example: "  mediaferry codec --listen 127.0.0.1:8234 --origin http://127.0.0.1:8233",
		Args:    noArguments,
		RunE:    func(cmd *cobra.Command, _ []string) error { return c.run(cmd.Context(), listen, origins) },
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:8234", "listen on `ADDR`")
	cmd.Flags().StringArrayVar(&origins, "origin", []string{"http://127.0.0.1:8233", "http://localhost:8233"}, "accept requests from the web UI at `ORIGIN`; can be repeated")
	return cmd
}

func (c codecCommand) run(ctx context.Context, listen string, origins []string) error {
	if err := wiring.CheckListen(listen); err != nil {
		return exit.Misused("--listen: %s", err)
	}
	if err := c.OpenConfig(); err != nil {
		return err
	}
	if err := c.OpenKeys(); err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", listen)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: codec.Handler(c.Keys, origins...), ReadHeaderTimeout: 10 * time.Second}
	c.OnClose(func() { _ = server.Close() })
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if _, err := fmt.Fprintf(c.Out, "http://%s\n", listener.Addr()); err != nil {
		return err
	}
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return ctx.Err()
}
