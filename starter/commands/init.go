package commands

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/internal/config"
	"github.com/mediaferry/mediaferry/internal/suggest"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
	"github.com/mediaferry/mediaferry/starter/exit"
)

type initCommand struct{ *given }

func (c initCommand) command() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "init [VENDOR]... [flags]",
		Short: "write a commented configuration",
		Long: `init writes a configuration with an account for each VENDOR named, or for all of them. It
describes every key and takes all secrets from environment variables. Only you can read the file
(mode 0600). init does not overwrite a file; to add an account to one, use "mediaferry account
add".`,
		Example: `  mediaferry init trustana sitoo
  mediaferry init -o -                 print it`,
		ValidArgsFunction: words(vendors.Names()...),
		RunE:              func(_ *cobra.Command, args []string) error { return c.run(args, out) },
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "write to `FILE`, or to standard output with - (default: --config, else ./mediaferry.yaml)")
	return cmd
}

func (c initCommand) run(names []string, out string) error {
	specs, err := vendorsNamed(names)
	if err != nil {
		return err
	}
	text := config.Example(specs...)
	if out == "-" {
		_, err := c.Out.Write(text)
		return err
	}
	path := config.Target(c.Flags.Config)
	if out != "" {
		path = out
	}
	if err := create(path, text); err != nil {
		return err
	}
	c.Say("wrote %s, which only you can read", path)
	c.next(path, specs)
	return nil
}

// next says what to do with a new configuration.
func (c initCommand) next(path string, specs []*spec.Spec) {
	if len(specs) == 0 {
		c.Hint("next: remove the accounts that you do not have, set the variables of the others, and run: " + doctorLive(c.given, path))
		return
	}
	c.Hint("next, set the credentials and check them:")
	for _, s := range specs {
		for _, variable := range config.Variables(s) {
			c.Hint("  export " + variable + "=…")
		}
	}
	c.Hint("  " + doctorLive(c.given, path))
}

// doctorLive is the command that checks the accounts of a configuration.
func doctorLive(g *given, path string) string {
	found, _, err := config.Find(g.Flags.Config)
	if err == nil && same(found, path) {
		if g.Flags.Config != "" {
			return "mediaferry doctor --live --config " + upload.Argument(path)
		}
		return "mediaferry doctor --live"
	}
	return "mediaferry doctor --live --config " + upload.Argument(path)
}

func same(a, b string) bool {
	one, errA := os.Stat(a)
	other, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(one, other)
}

// vendorsNamed are the descriptions of vendors, each once.
func vendorsNamed(names []string) ([]*spec.Spec, error) {
	var specs []*spec.Spec
	seen := map[string]bool{}
	for _, name := range names {
		vendor, err := vendors.Find(name)
		if err != nil {
			return nil, &exit.UsageError{Text: fmt.Sprintf("unknown vendor %q", name), Hint: suggest.Hint(name, vendors.Names())}
		}
		if !seen[name] {
			specs = append(specs, vendor.Spec())
		}
		seen[name] = true
	}
	return specs, nil
}

// create writes a configuration where there is none, and where one would be used.
func create(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return &exit.UsageError{
			Text: path + " exists already, and init overwrites nothing",
			Hint: "write to another file with -o FILE, or add an account to this one: mediaferry account add NAME --vendor VENDOR",
		}
	}
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	_, err = file.Write(text)
	if err = errors.Join(err, file.Close()); err == nil {
		_, err = config.Load(path)
	}
	if err != nil {
		_ = os.Remove(path) // it is incomplete, or lies where others could replace it
	}
	return err
}
