package commands

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/internal/batch"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/starter/exit"
)

// manifestError makes of an error about a manifest what its exit status needs: what
// is wrong with the manifest itself is printed, and the command ends as with a bad
// row.
func (g *given) manifestError(err error) error {
	var known *upload.Error
	var refused *batch.RefusedError
	switch {
	case errors.As(err, &refused):
		if refused.Whole { // its problems follow
			g.Say("manifest %q is refused", refused.Manifest)
		} else {
			g.Say("%s", err)
		}
		g.Problems(refused.Found)
		return &exit.NotReadyError{Count: refused.Found.Refused}
	case !errors.As(err, &known):
		return err
	}
	if known.Status != 0 && !known.MayPass() { // a server refused it: it cannot be read
		return &exit.UsageError{Text: known.Message, Hint: known.Hint}
	}
	switch known.Kind {
	case upload.KindInvalid, upload.KindMissing:
		g.Say("%s", known.Message)
		g.Hint(known.Hint)
		return &exit.NotReadyError{Count: 1}
	}
	return err
}

// registerLiteral adds the flag that names columns to be taken as they are.
func registerLiteral(cmd *cobra.Command, columns *[]string) {
	cmd.Flags().StringArrayVar(columns, "literal", nil, "take the cells of `COLUMN` as they are, traces of spreadsheets included (repeatable)")
}

// knownAccount refuses an account of --to that cannot be used; "" names none.
func (g *given) knownAccount(to string) error {
	if to == "" {
		return nil
	}
	_, err := g.Config.Profile(to)
	return err
}

// headerFirst is what to do about a manifest that is refused as a whole.
const headerFirst = "the problem in line 1 affects every row; correct it first"
