package commands

import (
	"io"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/internal/wiring"
	"github.com/mediaferry/mediaferry/starter/opening"
	"github.com/mediaferry/mediaferry/starter/output"
)

// rootCommand is the parent of all other commands.
type rootCommand struct {
	*given
	ran   bool        // the command line was understood
	ended func(error) // ends the command's span, once the command has ended
}

func newRoot(version string, stdout, stderr io.Writer) *rootCommand {
	session := &opening.Session{Console: output.Console{Out: stdout, Err: stderr}, Version: version}
	r := newRootOf(session)
	session.Page = func() http.Handler { return r.page(opening.User(), true) }
	return r
}

func (r *rootCommand) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "mediaferry",
		Short: "upload images and videos to vendor platforms reliably",
		Long: `mediaferry uploads product images and videos to five vendors. Exit status: 0 all is well,
1 could not run, 2 misused, 3 some item is not ready, 130 interrupted.`,
		Example: `  mediaferry demo                                send samples to simulators
  mediaferry upload --to trustana img/shoe.jpg   send one image, wait for its ID`,
		Version:       r.Version,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			r.ran = true
			return r.begin(cmd)
		},
	}
	root.SetFlagErrorFunc(wrongFlag)
	root.SetVersionTemplate(wiring.Build("mediaferry", r.Version) + "\n")
	flags := root.PersistentFlags()
	flags.StringVar(&r.Flags.Config, "config", "", "configuration `FILE` (default: $MEDIAFERRY_CONFIG, ./mediaferry.yaml, ~/.config/mediaferry/…)")
	flags.StringVar(&r.Flags.Data, "data", "", "data folder `DIR` (default: $MEDIAFERRY_DATA, ~/.local/state/…)")
	flags.StringVar(&r.Flags.LogLevel, "log-level", "warn", "log from `LEVEL` up: debug, info, warn or error")
	flags.StringVar(&r.Flags.LogFormat, "log-format", "console", "log as `FORMAT`: console or json")
	g := r.given
	for i := range tasks {
		root.AddGroup(&tasks[i])
	}
	root.AddCommand(grouped("begin", initCommand{g}.command(), demoCommand{g}.command(), doctorCommand{g}.command(), vendorsCommand{g}.command(), completionCommand{g}.command())...)
	root.AddCommand(grouped("send", uploadCommand{g}.command(), batchCommand{g}.command(), listCommand{g}.command(), showCommand{g}.command(), accountCommand{g}.command())...)
	root.AddCommand(grouped(steering, waitCommand{g}.command(), pauseCommand{g}.command(), resumeCommand{g}.command(), cancelCommand{g}.command(),
		retryCommand{g}.command(), moveCommand{g}.command(), decideCommand{g}.command())...)
	root.AddCommand(grouped("run", upCommand{g}.command(), dashboardCommand{g}.command(), setupCommand{g}.command(), codecCommand{g}.command(), sandboxCommand{g}.command())...)
	setHelp(root)
	g.setCompletion(root)
	return root
}
