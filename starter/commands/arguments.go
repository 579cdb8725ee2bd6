package commands

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/internal/suggest"
	"github.com/mediaferry/mediaferry/starter/exit"
)

func oneAccount(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return exit.Misused("want the NAME of one account")
	}
	return nil
}

func oneBatch(_ *cobra.Command, args []string) error {
	switch len(args) {
	case 0:
		return &exit.UsageError{Text: "no batch is named", Hint: "mediaferry batch list prints them"}
	case 1:
		return nil
	}
	return exit.Misused("unexpected argument %q", args[1])
}

func oneManifest(_ *cobra.Command, args []string) error {
	switch len(args) {
	case 0:
		return exit.Misused("no MANIFEST is given")
	case 1:
		return nil
	}
	return exit.Misused("unexpected argument %q: a batch has one manifest", args[1])
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
		return &exit.UsageError{Text: "no UPLOAD_ID is given", Hint: "mediaferry list prints them"}
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
