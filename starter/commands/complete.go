package commands

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/wiring"
)

// mostCompleted is how many IDs a shell is offered at once.
const mostCompleted = 100

// filesOnly and nothing are what a shell does where no names are known: it offers files,
// or nothing at all.
const (
	filesOnly = cobra.ShellCompDirectiveDefault
	nothing   = cobra.ShellCompDirectiveNoFileComp
)

// completer offers what can stand in the place of text.
type completer = cobra.CompletionFunc

// beginning are those names that begin with a text.
func beginning(names []string, text string) (found []cobra.Completion) {
	for _, name := range names {
		if strings.HasPrefix(name, text) {
			found = append(found, name)
		}
	}
	return found
}

// words offers fixed names.
func words[T ~string](names ...T) completer {
	return func(_ *cobra.Command, _ []string, text string) ([]cobra.Completion, cobra.ShellCompDirective) {
		all := make([]string, 0, len(names))
		for _, name := range names {
			all = append(all, string(name))
		}
		return beginning(all, text), nothing
	}
}

// pairs offers the front of NAME=VALUE, and the shell goes on behind it.
func pairs(names []string, text string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return beginning(names, text), nothing | cobra.ShellCompDirectiveNoSpace
}

// first offers for the first argument only.
func first(c completer) completer {
	return func(cmd *cobra.Command, args []string, text string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, nothing
		}
		return c(cmd, args, text)
	}
}

// accountNames are the configured accounts; none where there is no valid configuration.
func (g *given) accountNames() []string {
	if g.Begin() != nil || g.OpenConfig() != nil {
		return nil
	}
	return g.Config.AccountNames()
}

// completeAccounts offers the configured accounts.
func (g *given) completeAccounts(_ *cobra.Command, _ []string, text string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return beginning(g.accountNames(), text), nothing
}

// opensLedger reports whether the ledger is open. Completion makes none.
func (g *given) opensLedger(cmd *cobra.Command) bool {
	return g.Begin() == nil && g.OpenConfig() == nil && g.HasLedger() && g.OpenLedger(cmd.Context()) == nil
}

// completeUploads offers the IDs of uploads, a level at a time: upload/ and batch/, then
// accounts and batches, then the uploads themselves.
func (g *given) completeUploads(cmd *cobra.Command, args []string, text string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 || !g.opensLedger(cmd) {
		return nil, nothing
	}
	defer g.Close()
	folders, err := g.Ledger.Folders(cmd.Context())
	if err != nil {
		return nil, nothing
	}
	if levels := nextLevel(folders, text); len(levels) > 0 {
		return levels, nothing | cobra.ShellCompDirectiveNoSpace
	}
	entries, err := g.Ledger.Beginning(cmd.Context(), text, mostCompleted)
	if err != nil {
		return nil, nothing
	}
	var ids []cobra.Completion
	for _, entry := range entries {
		ids = append(ids, cobra.CompletionWithDesc(entry.Result.UploadID, string(entry.Result.State)))
	}
	return ids, nothing
}

// nextLevel are the folders that begin with a text, each up to the next slash.
func nextLevel(folders []string, text string) (levels []cobra.Completion) {
	for _, folder := range folders {
		rest, found := strings.CutPrefix(folder, text)
		if !found || rest == "" {
			continue
		}
		level, _, _ := strings.Cut(rest, "/")
		if level = text + level + "/"; !slices.Contains(levels, level) {
			levels = append(levels, level)
		}
	}
	return levels
}

// completeBatches offers the IDs of batches, the latest first.
func (g *given) completeBatches(cmd *cobra.Command, _ []string, text string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if !g.opensLedger(cmd) {
		return nil, nothing
	}
	defer g.Close()
	all, err := g.Ledger.Batches(cmd.Context(), ledger.BatchFilter{Limit: mostCompleted})
	if err != nil {
		return nil, nothing
	}
	var ids []cobra.Completion
	for _, b := range all {
		if strings.HasPrefix(b.ID, text) {
			ids = append(ids, cobra.CompletionWithDesc(b.ID, string(b.State)))
		}
	}
	return ids, nothing | cobra.ShellCompDirectiveKeepOrder
}

// completeHosts offers the hosts whose workers read files.
func (g *given) completeHosts(cmd *cobra.Command, _ []string, text string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if !g.opensLedger(cmd) {
		return nil, nothing
	}
	defer g.Close()
	workers, err := g.Ledger.Workers(cmd.Context(), wiring.WorkerAge)
	if err != nil {
		return nil, nothing
	}
	var hosts []string
	for _, w := range workers {
		if len(w.Roots) > 0 && !slices.Contains(hosts, w.Host) {
			hosts = append(hosts, w.Host)
		}
	}
	return beginning(hosts, text), nothing
}
