package commands

import (
	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/internal/ledger"
)

// completeAccounts helps a shell with the names of accounts.
func (g *given) completeAccounts(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	if g.Begin() != nil || g.OpenConfig() != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return g.Config.AccountNames(), cobra.ShellCompDirectiveNoFileComp
}

// completeUploads helps a shell with the IDs of the latest uploads.
func (g *given) completeUploads(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 || g.Begin() != nil || g.OpenLedger(cmd.Context()) != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer g.Close()
	var ids []string
	for entry, err := range g.Ledger.List(cmd.Context(), latest) {
		if err != nil {
			break
		}
		ids = append(ids, entry.Result.UploadID)
	}
	return ids, cobra.ShellCompDirectiveNoFileComp
}

// completeBatches helps a shell with the names of batches.
func (g *given) completeBatches(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 || g.Begin() != nil || g.OpenLedger(cmd.Context()) != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer g.Close()
	all, err := g.Ledger.Batches(cmd.Context(), ledger.BatchFilter{Limit: latest.Limit})
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var ids []string
	for _, b := range all {
		ids = append(ids, b.ID)
	}
	return ids, cobra.ShellCompDirectiveNoFileComp
}

// latest is what shell completion offers.
var latest = ledger.Filter{Limit: 50}
