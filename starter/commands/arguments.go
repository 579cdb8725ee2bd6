package commands

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/internal/suggest"
	"github.com/mediaferry/mediaferry/starter/exit"
)

func oneAccount(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return exit.Misused("give the NAME of exactly one account")
	}
	return nil
}

func oneBatch(_ *cobra.Command, args []string) error {
	switch len(args) {
	case 0:
		return &exit.UsageError{Text: "ID is missing", Hint: "run `mediaferry batch list` to see batch IDs"}
	case 1:
		return nil
	}
	return exit.Misused("unexpected argument %q", args[1])
}

func oneManifest(_ *cobra.Command, args []string) error {
	switch len(args) {
	case 0:
		return exit.Misused("MANIFEST is missing")
	case 1:
		return nil
	}
	return exit.Misused("unexpected argument %q: a batch takes one manifest", args[1])
}

func noArguments(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return exit.Misused("unexpected argument %q", args[0])
	}
	return nil
}

func oneUpload(_ *cobra.Command, args []string) error {
	switch len(args) {
	case 0:
		return &exit.UsageError{Text: "UPLOAD_ID is missing", Hint: "run `mediaferry list` to see upload IDs"}
	case 1:
		return nil
	}
	return exit.Misused("unexpected argument %q", args[1])
}

// noCommand refuses an argument that is not a subcommand, and names the one
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
