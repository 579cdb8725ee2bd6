package commands

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/wiring"
	"github.com/mediaferry/mediaferry/starter/exit"
	"github.com/mediaferry/mediaferry/starter/opening"
)

type setupCommand struct{ *given }

type setupFlags struct {
	retention int
	given     bool // the retention was
	dry       bool
	current   string
	json      bool
}

func (c setupCommand) command() *cobra.Command {
	var f setupFlags
	cmd := &cobra.Command{
		Use:   "setup [flags]",
		Short: "prepare a Temporal namespace and the ledger",
		Long: `setup prepares the namespace TEMPORAL_NAMESPACE and the ledger: it creates the namespace, sets how
long ended workflows are kept, adds the search attributes, and brings the ledger's schema up to
date. It can be repeated, and changes only what is missing. Run it before the first worker, and
before the workers of a new version.

--current makes a build of a worker deployment the current one: new uploads run on its workers,
and those that are running stay on theirs.

Exit status: 0 if all is ready, 1 if not.`,
		Example: `  mediaferry setup --dry-run
  mediaferry setup --retention 30
  mediaferry setup --current mediaferry.v2`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.given = cmd.Flags().Changed("retention")
			return c.run(cmd.Context(), f)
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&f.retention, "retention", 0, "keep histories of ended workflows for `DAYS`, 1 to 365 (default: as before, initially 30)")
	flags.BoolVar(&f.dry, "dry-run", false, "change nothing, and print what would be changed")
	flags.StringVar(&f.current, "current", "", "make `NAME.BUILD` the current version of a worker deployment")
	flags.BoolVar(&f.json, "json", false, "print one JSON object per line")
	return cmd
}

func (f setupFlags) check() error {
	if f.given && (f.retention < 1 || f.retention > 365) {
		return exit.Misused("--retention must be 1 to 365 days, got %d", f.retention)
	}
	name, build, _ := strings.Cut(f.current, ".")
	switch {
	case f.current != "" && (name == "" || build == ""):
		return exit.Misused("--current must be NAME.BUILD, for example mediaferry.v2, got %q", f.current)
	case f.current != "" && f.dry:
		return exit.Misused("--current and --dry-run cannot be used together")
	case f.current != "" && !wiring.ServiceConfigured():
		return &exit.UsageError{Text: "--current needs a Temporal service: the embedded engine has no worker deployments", Hint: "set TEMPORAL_ADDRESS"}
	}
	return nil
}

func (c setupCommand) run(ctx context.Context, f setupFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	if err := c.OpenConfig(); err != nil {
		return err
	}
	s := &setup{given: c.given, findings: findings{p: c.Printer(f.json), width: len("search attributes")}, f: f}
	if err := s.books(ctx); err != nil {
		return err
	}
	if err := s.service(ctx); err != nil {
		return err
	}
	if s.err != nil {
		return s.err
	}
	if s.problems > 0 {
		return errors.New("not everything is ready; correct the problems above, and run setup again")
	}
	return nil
}

// setup prints what it prepares.
type setup struct {
	*given
	findings
	f setupFlags
}

func (s *setup) say(done wiring.Prepared) {
	s.print(string(done.Outcome), done.What, done.Detail, done.Hint, func(detail, hint string) any {
		done.Detail, done.Hint = detail, hint
		return done
	})
}

// books brings the ledger's schema up to date.
func (s *setup) books(ctx context.Context) error {
	url, err := s.LedgerURL()
	if err != nil {
		return err
	}
	was, wanted, err := ledger.SchemaVersions(ctx, url)
	done := wiring.Prepared{What: "ledger", Outcome: wiring.OutcomeKept, Detail: fmt.Sprintf("its schema has version %d, which is current", was)}
	switch {
	case err != nil:
		done.Outcome, done.Detail, done.Hint = wiring.OutcomeFailed, err.Error(), "check `ledger` in the configuration, and that the user may create tables"
		s.say(done)
		return nil
	case was > wanted:
		done.Outcome, done.Detail = wiring.OutcomeFailed, fmt.Sprintf("its schema has version %d, and this program knows only %d", was, wanted)
		done.Hint = "install a newer version of mediaferry"
		s.say(done)
		return nil
	case was < wanted:
		done.Outcome, done.Detail = wiring.OutcomePlanned, fmt.Sprintf("schema version %d instead of %d", wanted, was)
	}
	if !s.f.dry {
		if err := s.OpenLedger(ctx); err != nil {
			return err
		}
		if was < wanted {
			done.Outcome = wiring.OutcomeMade
		}
	}
	s.say(done)
	return nil
}

// service prepares the namespace.
func (s *setup) service(ctx context.Context) error {
	to := wiring.Connection{Data: s.Data, Log: s.Log}
	keep := time.Duration(s.f.retention) * 24 * time.Hour
	if !wiring.ServiceConfigured() {
		if s.f.dry && !s.EngineRuns(ctx) {
			s.say(wiring.Prepared{What: "namespace", Outcome: wiring.OutcomeKept, Detail: "the embedded engine prepares it whenever it starts"})
			return nil
		}
		if err := s.OpenEngine(ctx, opening.EngineOptions{Retention: keep}); err != nil {
			return err
		}
		to.Engine = s.Engine
	}
	all, err := wiring.Prepare(ctx, to, wiring.Preparation{Retention: keep, DryRun: s.f.dry})
	if err != nil {
		return err
	}
	for _, done := range all {
		s.say(done)
	}
	if s.f.current == "" {
		return nil
	}
	name, build, _ := strings.Cut(s.f.current, ".")
	done, err := wiring.MakeCurrent(ctx, to, name, build)
	if err != nil {
		return err
	}
	s.say(done)
	return nil
}
