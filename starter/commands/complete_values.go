package commands

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mediaferry/mediaferry/internal/manifest"
	"github.com/mediaferry/mediaferry/internal/report"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

// completers are what flags take, by the name that their help gives it: NAME of --host
// NAME. A name that several flags give to different things is here with the flag.
func (g *given) completers() map[string]completer {
	return map[string]completer{
		"ACCOUNT":                      g.completeAccounts,
		"ACCOUNT=N":                    g.completeRates,
		"BATCH":                        g.completeBatches,
		"COLUMN":                       words(manifest.Columns()...),
		"FOR":                          words(append([]upload.WaitFor{anything}, upload.WaitFors()...)...),
		"KIND":                         words(upload.Kinds()...),
		"LEVEL":                        words("debug", "info", "warn", "error"),
		"N|N%":                         completeBudgets,
		"STATE":                        words(upload.States()...),
		"VENDOR":                       words(vendors.Names()...),
		"--format FORMAT":              words(report.Formats()...),
		"--host NAME":                  g.completeHosts,
		"--log-format FORMAT":          words("console", "json"),
		"--template FORMAT":            words("csv", "jsonl"),
		"account add --set NAME=VALUE": completeSettings,
		"doctor --set NAME=VALUE":      g.completeProbes,
		"upload --set NAME=VALUE":      g.completeFields,
		"DIR":                          folders,
		"FILE":                         nil, // as the shell does by itself
		"PATH":                         nil,
	}
}

// free are the names of what only a person knows: a shell offers nothing for it.
var free = []string{"ADDR", "CLIENT", "DAYS", "ID", "N", "NAME", "NAME.BUILD", "ORIGIN", "RATE", "RULE", "SPEC", "T", "TEXT", "TIME", "URL"}

// setCompletion says of every flag what a shell offers for it.
func (g *given) setCompletion(root *cobra.Command) {
	known := g.completers()
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		complete := func(f *pflag.Flag) {
			if offer, decided := completerOf(known, c, f); decided && offer != nil {
				_ = c.RegisterFlagCompletionFunc(f.Name, offer) // a flag is walked over once
			}
		}
		c.PersistentFlags().VisitAll(complete)
		c.LocalNonPersistentFlags().VisitAll(complete)
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(root)
}

// completerOf is what a shell offers for a flag; decided is false where nobody has said.
func completerOf(known map[string]completer, c *cobra.Command, f *pflag.Flag) (offer completer, decided bool) {
	value, _ := pflag.UnquoteUsage(f)
	if value == "" { // it takes no value
		return nil, true
	}
	path := strings.TrimPrefix(c.CommandPath(), c.Root().Name()+" ")
	for _, name := range []string{path + " --" + f.Name + " " + value, "--" + f.Name + " " + value, value} {
		if offer, decided = known[name]; decided {
			return offer, true
		}
	}
	return words[string](), slices.Contains(free, value)
}

// folders has the shell offer folders.
func folders(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveFilterDirs
}

// manifests has the shell offer manifests, and the folders in which they may be.
func manifests(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, nothing
	}
	return []string{"csv", "tsv", "jsonl", "ndjson", "xlsx"}, cobra.ShellCompDirectiveFilterFileExt
}

// completeRates offers the accounts of --rps.
func (g *given) completeRates(_ *cobra.Command, _ []string, text string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var names []string
	for _, account := range g.accountNames() {
		names = append(names, account+"=")
	}
	return pairs(names, text)
}

// completeBudgets offers the kinds of --failures.
func completeBudgets(_ *cobra.Command, _ []string, text string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var names []string
	for _, kind := range upload.Kinds() {
		names = append(names, string(kind)+"=")
	}
	return pairs(names, text)
}

// completeFields offers the fields of the vendor of --to, and the values of those that
// take one of several words.
func (g *given) completeFields(cmd *cobra.Command, _ []string, text string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if g.Begin() != nil || g.OpenConfig() != nil {
		return nil, nothing
	}
	account, err := g.Config.Profile(cmd.Flag("to").Value.String())
	if err != nil {
		return nil, nothing
	}
	vendor, err := vendors.Find(account.Vendor)
	if err != nil {
		return nil, nothing
	}
	var choices []choice
	for _, f := range vendor.Spec().Fields {
		one := choice{name: f.Name, doc: f.Doc, values: f.Choices}
		if f.Type == spec.Boolean {
			one.values = []string{"true", "false"}
		}
		choices = append(choices, one)
	}
	return chosen(choices, text)
}

// completeSettings offers the settings of an account of the vendor that is named.
func completeSettings(cmd *cobra.Command, args []string, text string) ([]cobra.Completion, cobra.ShellCompDirective) {
	name := cmd.Flag("vendor").Value.String()
	if name == "" && len(args) > 0 {
		name = args[0]
	}
	vendor, err := vendors.Find(name)
	if err != nil {
		return nil, nothing
	}
	var choices []choice
	for _, s := range vendor.Spec().Settings {
		choices = append(choices, choice{s.Name, s.Doc, s.Choices})
	}
	return chosen(choices, text)
}

// completeProbes offers the fields that the calls of doctor --live need.
func (g *given) completeProbes(_ *cobra.Command, _ []string, text string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var choices []choice
	for _, name := range g.accountNames() {
		account, err := g.Config.Profile(name)
		if err != nil {
			continue
		}
		vendor, err := vendors.Find(account.Vendor)
		if err != nil || vendor.Spec().Probe == nil {
			continue
		}
		for _, field := range vendor.Spec().Probe.Fields {
			choices = append(choices, choice{name: field})
		}
	}
	return chosen(choices, text)
}

// choice is a name that stands before an equals sign.
type choice struct {
	name, doc string
	values    []string // none: any
}

// chosen offers the names, or the values of the one that text names.
func chosen(choices []choice, text string) ([]cobra.Completion, cobra.ShellCompDirective) {
	name, _, named := strings.Cut(text, "=")
	var found []cobra.Completion
	for _, one := range choices {
		if named && one.name == name {
			for _, value := range one.values {
				found = append(found, one.name+"="+value)
			}
			return beginning(found, text), nothing
		}
		if !named && strings.HasPrefix(one.name, text) {
			found = append(found, cobra.CompletionWithDesc(one.name+"=", one.doc))
		}
	}
	return found, nothing | cobra.ShellCompDirectiveNoSpace
}

// completeDecision offers uploads and then verdicts; with --batch, verdicts alone.
func (g *given) completeDecision(cmd *cobra.Command, args []string, text string) ([]cobra.Completion, cobra.ShellCompDirective) {
	before := 1
	if cmd.Flag("batch").Value.String() != "" {
		before = 0
	}
	switch {
	case len(args) < before:
		return g.completeUploads(cmd, args, text)
	case len(args) == before:
		return words(upload.VerdictReady, upload.VerdictRetry, upload.VerdictFail)(cmd, args, text)
	}
	return nil, nothing
}
