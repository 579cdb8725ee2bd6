package commands

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/internal/guard"
	"github.com/mediaferry/mediaferry/starter/opening"
)

type sandboxCommand struct{ *given }

type sandboxFlags struct {
	opening.SandboxOptions
	json bool
}

func (c sandboxCommand) command() *cobra.Command {
	var f sandboxFlags
	cmd := &cobra.Command{
		Use:   "sandbox [flags]",
		Short: "run the simulated vendors until interrupted",
		Long: `sandbox simulates the vendors and their storage on loopback. It checks signatures, expiry times,
limits and states as strictly as the vendors do. It writes its accounts to sandbox.yaml in the
data folder, where it also keeps the files that it receives.

A fault is VENDOR.CALL[#NTH][*TIMES][@MATCH]=WHAT[,PARAM=VALUE…]. If a fault is invalid, the
error lists the available calls and faults. You can change faults while the sandbox runs, at
the address that it prints, with the header "Authorization: Bearer TOKEN": the token is in the
file "token" of the data folder.

With --hostname, other hosts reach the vendors, for example from other containers. Everybody knows
the credentials of the simulated accounts, so use it only on a network of your own. Faults can
then be changed from the sandbox's own host alone.`,
		Example: `  mediaferry sandbox
  mediaferry sandbox --listen :8500 --hostname sandbox
  mediaferry sandbox --fault 'trustana.put#1=status=503,code=SlowDown'`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.Listen, "listen", "", "listen on `ADDR`, on loopback without --hostname (default: the last address used, or a free port)")
	flags.StringVar(&f.Host, "hostname", "", "let other hosts reach the sandbox under `NAME`, which stands in all its URLs; needs --listen :PORT")
	flags.StringArrayVar(&f.Faults, "fault", nil, "simulate a fault according to `RULE`; can be repeated")
	flags.BoolVar(&f.json, "json", false, "print one JSON object when ready")
	return cmd
}

func (c sandboxCommand) run(ctx context.Context, f sandboxFlags) error {
	box, err := c.sandbox.Start(ctx, f.SandboxOptions)
	if err != nil {
		return err
	}
	p := c.Printer(false)
	if f.json {
		err = p.Object(map[string]string{"sandbox": box.URL(), "config": box.Config(), "token_file": guard.TokenFile(c.Data)})
	} else {
		err = p.Table([][]string{{"sandbox", box.URL()}, {"config", box.Config()}})
		c.Say("ready; stop with Ctrl-C")
	}
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-c.sandbox.Lost():
		return box.Err()
	}
}
