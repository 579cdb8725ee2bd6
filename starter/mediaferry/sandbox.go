package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/config"
	"github.com/mediaferry/mediaferry/internal/sandbox"
	"github.com/mediaferry/mediaferry/internal/wiring"
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
		RunE: func(cmd *cobra.Command, _ []string) error { return a.sandbox(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.listen, "listen", "", "address `ADDR` on loopback; default: that of the last time, or a free port")
	flags.StringArrayVar(&f.faults, "fault", nil, "a fault, `RULE`; may be given more than once")
	flags.BoolVar(&f.json, "json", false, "print one JSON object when ready")
	return cmd
}

func (a *app) sandbox(ctx context.Context, f sandboxFlags) error {
	box, err := a.openSandbox(ctx, f)
	if err != nil {
		return err
	}
	path := filepath.Join(a.data, sandboxConfig)
	p := printer{out: a.stdout, err: a.stderr}
	if f.json {
		err = p.object(map[string]string{"sandbox": box.URL(), "config": path})
	} else {
		err = p.table([][]string{{"sandbox", box.URL()}, {"config", path}})
		a.say("ready; stop with Ctrl-C")
	}
	if err != nil {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}

// checkBox refuses an address that is none, or that others reach: whoever does gets
// the accounts' credentials, and what was uploaded.
func checkBox(listen string) error {
	if listen == "" {
		return nil
	}
	if err := wiring.CheckListen(listen); err != nil {
		return misused("--listen: %s", err)
	}
	if !wiring.Loopback(listen) {
		return &usageError{
			text: fmt.Sprintf("--listen: %q is not on loopback, and the sandbox asks nobody who they are", listen),
			hint: "want such as 127.0.0.1:8500; containers share its network, as in docker-compose.yml",
		}
	}
	return nil
}

// addressFile remembers where the sandbox was.
const addressFile = "address"

// openSandbox starts the sandbox in the data folder, where it was before if it
// was, and writes its accounts beside it. Where no configuration is named, they
// are used.
func (a *app) openSandbox(ctx context.Context, f sandboxFlags) (*sandbox.Sandbox, error) {
	for _, text := range f.faults {
		if _, err := sandbox.ParseRule(text); err != nil {
			return nil, misused("--fault %q: %s", text, err)
		}
	}
	if err := checkBox(f.listen); err != nil {
		return nil, err
	}
	dir := filepath.Join(a.data, "sandbox")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	options := sandbox.Options{Dir: dir, Listen: f.listen, Logger: a.log, Faults: f.faults}
	if f.listen == "" { // URLs that were handed out stay good at the same address
		if last, err := os.ReadFile(filepath.Join(dir, addressFile)); err == nil {
			options.Listen = string(last)
		}
	}
	box, err := sandbox.Start(ctx, options)
	if errors.Is(err, syscall.EADDRINUSE) && f.listen == "" {
		a.say("%s is in use, so the sandbox gets another address; URLs that it handed out before are void", options.Listen)
		options.Listen = ""
		box, err = sandbox.Start(ctx, options)
	}
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	if err := writeFile(filepath.Join(dir, addressFile), []byte(box.Addr())); err != nil {
		a.log.Warn("the sandbox's address is not remembered", zap.Error(err))
	}
	a.onClose(func() { _ = box.Close() })
	path := filepath.Join(a.data, sandboxConfig)
	if err := writeFile(path, box.Config()); err != nil {
		return nil, err
	}
	if config.Named(a.flags.config) == "" {
		a.flags.config = path
	}
	return box, nil
}

// writeFile replaces a file as a whole, for its owner alone.
func writeFile(path string, content []byte) error {
	draft := path + ".new"
	if err := os.WriteFile(draft, content, 0o600); err != nil {
		return err
	}
	return os.Rename(draft, path)
}
