package commands

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/starter/exit"
)

type completionCommand struct{ *given }

func (c completionCommand) command() *cobra.Command {
	shells := map[string]func(*cobra.Command, io.Writer) error{
		"bash": func(root *cobra.Command, w io.Writer) error { return root.GenBashCompletionV2(w, true) },
		"zsh":  func(root *cobra.Command, w io.Writer) error { return root.GenZshCompletion(w) },
		"fish": func(root *cobra.Command, w io.Writer) error { return root.GenFishCompletion(w, true) },
	}
	return &cobra.Command{
		Use:   "completion bash|zsh|fish",
		Short: "print a shell completion script",
		Long: `completion prints a script for your shell. With it, the tab key completes commands, flags,
configured accounts and recent uploads.`,
		Example: `  source <(mediaferry completion bash)                       this bash session
  mediaferry completion zsh > "${fpath[1]}/_mediaferry"
  mediaferry completion fish > ~/.config/fish/completions/mediaferry.fish`,
		ValidArgsFunction: first(words("bash", "zsh", "fish")),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return exit.Misused("give exactly one shell: bash, zsh or fish")
			}
			if shells[args[0]] == nil {
				return exit.Misused("unknown shell %q; use bash, zsh or fish", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := shells[args[0]](cmd.Root(), c.Out); err != nil {
				return fmt.Errorf("print the script: %w", err)
			}
			return nil
		},
	}
}
