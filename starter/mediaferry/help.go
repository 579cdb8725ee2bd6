package main

import (
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/internal/suggest"
	"github.com/mediaferry/mediaferry/starter/exit"
)

// usage is how each command's help looks: one screen of 40 lines and 100
// columns, which a test keeps it to.
const usage = `Usage:{{if not .HasAvailableSubCommands}}
  {{.UseLine}}{{end}}{{if .HasAvailableSubCommands}}
  {{.CommandPath}} COMMAND{{end}}{{if .HasExample}}

Example:
{{.Example}}{{end}}{{if .HasAvailableSubCommands}}

Commands:{{range .Commands}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}{{if .HasAvailableLocalFlags}}

Flags:
{{.LocalFlags.FlagUsagesWrapped 100 | trimTrailingWhitespaces}}{{end}}{{if .HasAvailableInheritedFlags}}

Flags of every command:
{{.InheritedFlags.FlagUsagesWrapped 100 | trimTrailingWhitespaces}}{{end}}
`

// faces gives a command and all below it the house's help.
func faces(root *cobra.Command) {
	root.SetUsageTemplate(usage)
	root.CompletionOptions.DisableDefaultCmd = true // ours says what to do with its output
	root.InitDefaultHelpCmd()
	for _, c := range root.Commands() {
		if c.Name() == "help" {
			c.Hidden = true // --help does the same and is known to everybody
		}
	}
}

// noCommand refuses what is none of a command's own commands, and names the one
// that was probably meant.
func noCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var known []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			known = append(known, c.Name())
		}
	}
	misuse := exit.Misused("unknown command %q", args[0])
	if near := suggest.Nearest(args[0], known); near != "" {
		misuse.Hint = fmt.Sprintf("did you mean %s %s?", cmd.CommandPath(), near)
	}
	return misuse
}

// flagNames finds the long names in what a help text says of flags.
var flagNames = regexp.MustCompile(`(?m)^ +(?:-\w, )?--([a-z-]+)`)

// wrongFlag makes a misuse of what cannot be read as flags, and names the flag
// that was probably meant.
func wrongFlag(cmd *cobra.Command, err error) error {
	misuse := &exit.UsageError{Text: err.Error()}
	name, unknown := strings.CutPrefix(misuse.Text, "unknown flag: --")
	if !unknown {
		return misuse
	}
	var known []string
	for _, match := range flagNames.FindAllStringSubmatch(cmd.Flags().FlagUsages(), -1) {
		known = append(known, match[1])
	}
	if near := suggest.Nearest(name, known); near != "" {
		misuse.Hint = fmt.Sprintf("did you mean --%s? See: %s --help", near, cmd.CommandPath())
	}
	return misuse
}

func (a *app) completionCommand() *cobra.Command {
	shells := map[string]func(*cobra.Command, io.Writer) error{
		"bash": func(root *cobra.Command, w io.Writer) error { return root.GenBashCompletionV2(w, true) },
		"zsh":  func(root *cobra.Command, w io.Writer) error { return root.GenZshCompletion(w) },
		"fish": func(root *cobra.Command, w io.Writer) error { return root.GenFishCompletion(w, true) },
	}
	return &cobra.Command{
		Use:   "completion bash|zsh|fish",
		Short: "print what makes a shell complete commands, accounts and uploads",
		Long: `completion prints a script for a shell. With it, the tabulator key completes commands,
flags, the accounts of the configuration and the latest uploads.`,
		Example: `  source <(mediaferry completion bash)                             for this session of bash
  mediaferry completion zsh > "${fpath[1]}/_mediaferry"            for zsh, for good
  mediaferry completion fish > ~/.config/fish/completions/mediaferry.fish`,
		ValidArgs: []string{"bash", "zsh", "fish"},
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return exit.Misused("want one shell: bash, zsh or fish")
			}
			if shells[args[0]] == nil {
				return exit.Misused("shell %q is unknown, want bash, zsh or fish", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := shells[args[0]](cmd.Root(), a.Out); err != nil {
				return fmt.Errorf("print the script: %w", err)
			}
			return nil
		},
	}
}
