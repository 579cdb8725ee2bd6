package commands

import (
	"context"

	"github.com/spf13/cobra"

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
		Long: `sandbox simulates the vendors and the storage behind them on loopback, strictly:
signatures, expiry, limits and states are checked as the vendors do. Its accounts are
written to sandbox.yaml in the data folder, where it also keeps what it received.

A fault is VENDOR.CALL[#NTH][*TIMES][@MATCH]=WHAT[,PARAM=VALUE…]; a wrong one lists
the calls and faults that there are. Faults can be changed while it runs, under the
address that it prints.`,
		Example: `  mediaferry sandbox
  mediaferry sandbox --fault 'trustana.put#1=status=503,code=SlowDown' --fault 'sitoo.get=stuck'`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.Listen, "listen", "", "address `ADDR` on loopback; default: that of the last time, or a free port")
	flags.StringArrayVar(&f.Faults, "fault", nil, "a fault, `RULE`; may be given more than once")
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
		err = p.Object(map[string]string{"sandbox": box.URL(), "config": box.Config()})
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
