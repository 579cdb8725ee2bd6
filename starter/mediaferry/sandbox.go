package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/internal/config"
	"github.com/mediaferry/mediaferry/internal/sandboxhost"
	"github.com/mediaferry/mediaferry/internal/wiring"
	"github.com/mediaferry/mediaferry/starter/exit"
)

type sandboxFlags struct {
	listen string
	faults []string
	json   bool
}

func (a *app) sandboxCommand() *cobra.Command {
	var f sandboxFlags
	cmd := &cobra.Command{
		Use:   "sandbox [flags]",
		Short: "run the five vendors, simulated, until interrupted",
		Long: `sandbox simulates the five vendors and the storage behind them on loopback, strictly:
signatures, expiry, limits and states are checked as the vendors do. Its accounts are
written to sandbox.yaml in the data folder, where it also keeps what it received.

A fault is VENDOR.CALL[#NTH][*TIMES][@MATCH]=WHAT[,PARAM=VALUE…]; a wrong one lists
the calls and faults that there are. Faults can be changed while it runs, under the
address that it prints.`,
		Example: `  mediaferry sandbox
  mediaferry sandbox --fault 'trustana.put#1=status=503,code=SlowDown' --fault 'sitoo.get=stuck'`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runSandbox(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.listen, "listen", "", "address `ADDR` on loopback; default: that of the last time, or a free port")
	flags.StringArrayVar(&f.faults, "fault", nil, "a fault, `RULE`; may be given more than once")
	flags.BoolVar(&f.json, "json", false, "print one JSON object when ready")
	return cmd
}

func (a *app) runSandbox(ctx context.Context, f sandboxFlags) error {
	box, err := a.openSandbox(ctx, f)
	if err != nil {
		return err
	}
	p := a.Printer(false)
	if f.json {
		err = p.Object(map[string]string{"sandbox": box.URL(), "config": box.Config()})
	} else {
		err = p.Table([][]string{{"sandbox", box.URL()}, {"config", box.Config()}})
		a.Say("ready; stop with Ctrl-C")
	}
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-a.sandboxLost():
		return box.Err()
	}
}

// checkBox refuses an address that is none, or that others reach: whoever does gets
// the accounts' credentials, and what was uploaded.
func checkBox(listen string) error {
	if listen == "" {
		return nil
	}
	if err := wiring.CheckListen(listen); err != nil {
		return exit.Misused("--listen: %s", err)
	}
	if !wiring.Loopback(listen) {
		return &exit.UsageError{
			Text: fmt.Sprintf("--listen: %q is not on loopback, and the sandbox asks nobody who they are", listen),
			Hint: "want such as 127.0.0.1:8500; containers share its network, as in docker-compose.yml",
		}
	}
	return nil
}

// sandboxLost is closed when the sandbox of this process has ended by itself, and
// never where there is none.
func (a *app) sandboxLost() <-chan struct{} {
	if a.sandbox == nil {
		return nil
	}
	return a.sandbox.Done()
}

// openSandbox starts the sandbox of the data folder, where it was before if it
// was, and writes its accounts beside it. Where no configuration is named, they
// are used.
func (a *app) openSandbox(ctx context.Context, f sandboxFlags) (*sandboxhost.Sandbox, error) {
	if err := checkBox(f.listen); err != nil {
		return nil, err
	}
	box, err := sandboxhost.Start(ctx, sandboxhost.Options{
		Data: a.data, Listen: f.listen, Faults: f.faults, Log: a.log,
		Moved: func(last string) {
			a.Say("%s is in use, so the sandbox gets another address; URLs that it handed out before are void", last)
		},
	})
	var fault *sandboxhost.FaultError
	switch {
	case errors.As(err, &fault):
		return nil, exit.Misused("%s", err)
	case err != nil:
		return nil, err
	}
	a.onClose(box.Close)
	a.sandbox = box
	if config.Named(a.flags.config) == "" {
		a.flags.config = box.Config()
	}
	return box, nil
}
