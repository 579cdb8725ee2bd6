package commands

import (
	"fmt"
	"regexp"
	"strings"
	"text/template"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mediaferry/mediaferry/internal/suggest"
	"github.com/mediaferry/mediaferry/starter/exit"
)

// screenWidth is the width of every help screen, which has at most 40 lines; a test keeps
// them to that.
const screenWidth = 80

// usage is the layout of each command's help.
const usage = `Usage:{{if .HasAvailableSubCommands}}
  {{.CommandPath}} COMMAND{{else}}
  {{.UseLine}}{{end}}{{if .HasExample}}

Example:
{{.Example}}{{end}}{{if .HasAvailableSubCommands}}
{{range tasks .}}
{{.Title}}:{{range .Lines}}
  {{.}}{{end}}{{end}}{{end}}{{if .HasParent}}{{with flags .LocalFlags}}

Flags:
{{.}}{{end}}

Global flags, which mediaferry --help explains:
  --config FILE, --data DIR, --log-level LEVEL, --log-format FORMAT{{else}}

Global flags (--help after a command shows its own):
{{flags .PersistentFlags}}{{end}}
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

// tasksOf groups the commands below one by what they are for, in the order of its groups.
func tasksOf(parent *cobra.Command) []task {
	groups := parent.Groups()
	if len(groups) == 0 {
		groups = []*cobra.Group{{Title: "Commands"}}
	}
	var all []task
	for _, group := range groups {
		one := task{Title: group.Title}
		var names []string
		for _, c := range parent.Commands() {
			if c.GroupID != group.ID || !c.IsAvailableCommand() {
				continue
			}
			names = append(names, c.Name())
			one.Lines = append(one.Lines, fmt.Sprintf("%-*s %s", c.NamePadding(), c.Name(), c.Short))
		}
		if group.ID == steering && !parent.HasParent() {
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
	layout := template.Must(template.New("usage").Funcs(template.FuncMap{"tasks": tasksOf, "flags": flagLines}).Parse(usage))
	root.SetUsageFunc(func(c *cobra.Command) error { return layout.Execute(c.OutOrStdout(), c) })
	root.SetHelpFunc(func(c *cobra.Command, _ []string) {
		_, _ = fmt.Fprintf(c.OutOrStdout(), "%s\n\n", filled(c.Long, screenWidth))
		_ = c.Usage() // to an output that took the text
	})
	root.CompletionOptions.DisableDefaultCmd = true // ours says what to do with its output
	root.InitDefaultHelpCmd()
	for _, c := range root.Commands() {
		if c.Name() == "help" {
			c.Hidden = true // --help does the same and is known to everybody
		}
	}
}

// flagLines are flags as help shows them. --help itself is known to whoever reads that.
func flagLines(flags *pflag.FlagSet) string {
	shown := pflag.NewFlagSet("", pflag.ContinueOnError)
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Name != "help" && f.Name != "version" {
			shown.AddFlag(f)
		}
	})
	return strings.TrimRight(shown.FlagUsagesWrapped(screenWidth), " \n")
}

// filled breaks the lines of each paragraph at a width. A line that is indented stays as
// it is.
func filled(text string, width int) string {
	var out strings.Builder
	column := 0
	for i, line := range strings.Split(text, "\n") {
		words := strings.Fields(line)
		if i > 0 && (column == 0 || len(words) == 0 || strings.HasPrefix(line, " ")) {
			out.WriteByte('\n')
			column = 0
		}
		if strings.HasPrefix(line, " ") {
			out.WriteString(line)
			continue
		}
		for _, word := range words {
			long := utf8.RuneCountInString(word)
			switch {
			case column == 0:
			case column+1+long > width:
				out.WriteByte('\n')
				column = 0
			default:
				out.WriteByte(' ')
				column++
			}
			out.WriteString(word)
			column += long
		}
	}
	return out.String()
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
