// Command mediaferry is the operator's program: it starts, watches and steers
// uploads, and starts the embedded engine and the sandbox. One file a command;
// app.go opens what commands stand on, follow.go waits for uploads, print.go is
// how results look.
//
// Results go to standard output, everything else to standard error. It makes no
// request to a vendor itself: workers do, of which it runs one where no other
// does.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/internal/config"
	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/starter/exit"
)

// version is set when a release is built.
var version = "dev"

func main() {
	stdout := os.Stdout
	os.Stdout = os.Stderr // what libraries print is no result
	os.Exit(run(os.Args[1:], stdout, os.Stderr))
}

// run runs one command line and returns its exit status.
func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	a := newApp(stdout, stderr)
	root := a.root()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	command, err := root.ExecuteContextC(ctx)
	a.Close()
	switch {
	case err == nil:
		return exit.OK
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		if a.Parting != "" {
			a.Say("%s", a.Parting)
		}
		return exit.Interrupted
	}
	var items *exit.NotReadyError
	if errors.As(err, &items) {
		return exit.NotReady // each item was told
	}
	status, hint := exit.Failed, ""
	var misuse *exit.UsageError
	var problems config.Problems
	var system syscall.Errno
	switch {
	case errors.As(err, &misuse), !a.ran && !errors.As(err, &system): // what is not ours is cobra's, or that of an output
		status, hint = exit.Misuse, fmt.Sprintf("see: %s --help", command.CommandPath())
		if misuse != nil && misuse.Hint != "" {
			hint = misuse.Hint
		}
	case errors.As(err, &problems), errors.Is(err, config.ErrUnknownAccount):
		status = exit.Misuse
	}
	a.Say("%s", egress.Redact(err.Error()))
	a.Hint(hint)
	return status
}

// root is the command that all others hang from.
func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "mediaferry",
		Short: "bring images and videos to vendor platforms, durably",
		Long: `mediaferry brings product images and videos to Trustana, Trustoo, Sitoo, Closient and TruVideo.
Exit status: 0 all is well, 1 could not run, 2 misused, 3 some item is not ready, 130 interrupted.`,
		Example: `  mediaferry demo                                  samples to all five vendors, simulated
  mediaferry up                                    run the engine, its web UI and a worker
  mediaferry upload --to trustana img/shoe.jpg     send one image, wait for its media ID`,
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(*cobra.Command, []string) error {
			a.ran = true
			return a.Begin()
		},
	}
	root.SetFlagErrorFunc(wrongFlag)
	root.SetVersionTemplate("mediaferry {{.Version}}\n")
	flags := root.PersistentFlags()
	flags.StringVar(&a.Flags.Config, "config", "", "configuration `FILE`; default $MEDIAFERRY_CONFIG, ./mediaferry.yaml")
	flags.StringVar(&a.Flags.Data, "data", "", "state in `DIR`; default $MEDIAFERRY_DATA, the user's state folder")
	flags.StringVar(&a.Flags.LogLevel, "log-level", "warn", "`LEVEL` of the log: debug, info, warn or error")
	flags.StringVar(&a.Flags.LogFormat, "log-format", "console", "`FORMAT` of the log: console or json")
	root.AddCommand(
		a.upCommand(), a.demoCommand(), a.uploadCommand(), a.batchCommand(), a.listCommand(), a.showCommand(),
		a.waitCommand(), a.pauseCommand(), a.resumeCommand(), a.moveCommand(), a.cancelCommand(),
		a.retryCommand(), a.decideCommand(), a.accountCommand(),
		a.vendorsCommand(), a.doctorCommand(), a.sandboxCommand(), a.codecCommand(), a.completionCommand(),
	)
	faces(root)
	return root
}
