package commands

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/internal/suggest"
	"github.com/mediaferry/mediaferry/starter/exit"
)

// usage is the layout of each command's help: one screen of 40 lines and 100
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

Global flags:
{{.InheritedFlags.FlagUsagesWrapped 100 | trimTrailingWhitespaces}}{{end}}
`

// setHelp gives a command and all below it the layout of help.
func setHelp(root *cobra.Command) {
	root.SetUsageTemplate(usage)
	root.CompletionOptions.DisableDefaultCmd = true // ours says what to do with its output
	root.InitDefaultHelpCmd()
	for _, c := range root.Commands() {
		if c.Name() == "help" {
			c.Hidden = true // --help does the same and is known to everybody
		}
	}
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
