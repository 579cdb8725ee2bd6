package commands

import (
	"fmt"
	"regexp"
	"strings"
	"text/template"

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

// overview is the layout of the first help screen: commands by the task that they are for.
const overview = `Usage:
  {{.CommandPath}} COMMAND

Example:
{{.Example}}
{{range tasks .}}
{{.Title}}:{{range .Lines}}
  {{.}}{{end}}{{end}}

Global flags (mediaferry COMMAND --help shows all flags of a command):
{{.PersistentFlags.FlagUsagesWrapped 100 | trimTrailingWhitespaces}}
`

// tasks are what commands are for, in the order in which a newcomer meets them.
var tasks = []cobra.Group{
	{ID: "begin", Title: "To begin"},
	{ID: "send", Title: "To send and to look"},
	{ID: steering, Title: "To steer one upload"},
	{ID: "run", Title: "To run"},
}

// steering is the task whose commands share lines: each takes an UPLOAD_ID and is named
// after what it does.
const steering = "steer"

// task is one group of commands as the overview prints it.
type task struct {
	Title string
	Lines []string
}

// tasksOf groups the commands of the program.
func tasksOf(root *cobra.Command) []task {
	var all []task
	for _, group := range tasks {
		one := task{Title: group.Title}
		var names []string
		for _, c := range root.Commands() {
			if c.GroupID != group.ID || !c.IsAvailableCommand() {
				continue
			}
			names = append(names, c.Name())
			one.Lines = append(one.Lines, fmt.Sprintf("%-*s %s", root.Commands()[0].NamePadding(), c.Name(), c.Short))
		}
		if group.ID == steering {
			one.Lines = []string{strings.Join(names, ", ") + " UPLOAD_ID"}
		}
		all = append(all, one)
	}
	return all
}

// grouped puts commands into a task.
func grouped(id string, commands ...*cobra.Command) []*cobra.Command {
	for _, c := range commands {
		c.GroupID = id
	}
	return commands
}

// setHelp gives a command and all below it the layout of help.
func setHelp(root *cobra.Command) {
	root.SetUsageTemplate(usage)
	inner := root.UsageFunc()
	root.SetUsageFunc(func(c *cobra.Command) error {
		if c != root {
			return inner(c)
		}
		layout, err := template.New("overview").Funcs(template.FuncMap{
			"tasks": tasksOf, "trimTrailingWhitespaces": func(text string) string { return strings.TrimRight(text, " \n") },
		}).Parse(overview)
		if err != nil {
			return err
		}
		return layout.Execute(c.OutOrStdout(), c)
	})
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
