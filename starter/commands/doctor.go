package commands

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/internal/config"
	"github.com/mediaferry/mediaferry/starter/exit"
)

type doctorCommand struct{ *given }

func (c doctorCommand) command() *cobra.Command {
	var f doctorFlags
	cmd := &cobra.Command{
		Use:   "doctor [flags]",
		Short: "check configuration, credentials, engine, accounts, clock and disk",
		Long: `doctor checks everything that an upload needs and lists all problems at once. Without --live
it sends no credentials to vendors, only one HEAD request to each, to compare clocks. To see
whether reports can be written, it writes a small file where they belong and removes it. If a
Temporal service is configured, it checks the namespace, its search attributes and retention, and
on which version of the workers new uploads run.

--live makes one call with each account's credentials that changes nothing at the vendor. Some
vendors have only a call about a certain product; name one of yours with --set.

--prune removes items from the ledger that ended more than 30 days ago, and returns the disk
space of histories that Temporal has deleted. Stop the engine first.

Exit status: 0 if all is well, 1 if not.`,
		Example: `  mediaferry doctor
  mediaferry doctor --live --set organization_id=ID --set gtin=04006381333931
  mediaferry doctor --prune`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if len(f.set) > 0 && !f.live {
				return exit.Misused("--set needs --live")
			}
			d := &doctor{given: c.given, findings: findings{p: c.Printer(f.json), width: checkWidth}}
			return d.run(cmd.Context(), f)
		},
	}
	cmd.Flags().BoolVar(&f.live, "live", false, "check the credentials of each account with one harmless call")
	cmd.Flags().StringArrayVar(&f.set, "set", nil, "with --live: a vendor's field that its call needs, as `NAME=VALUE`")
	cmd.Flags().BoolVar(&f.prune, "prune", false, "remove old items and compact the data folder")
	cmd.Flags().BoolVar(&f.json, "json", false, "print one JSON object per line")
	return cmd
}

type doctorFlags struct {
	live, prune, json bool
	set               []string
}

// finding is one thing that doctor checked.
type finding struct {
	Check  string `json:"check"`
	State  string `json:"state"` // ok, warning or problem
	Detail string `json:"detail"`
	Hint   string `json:"hint,omitempty"`
	Live   *live  `json:"live,omitempty"`
}

type doctor struct {
	*given
	findings
	clocks int           // of vendors, that were compared
	skew   time.Duration // the largest of them
}

const (
	fine  = "ok"
	doubt = "warning"

	leastDisk = 1 << 30         // below which a warning is due
	mostSkew  = 2 * time.Minute // some signatures live a quarter of an hour
	leastSkew = 2 * time.Second // below which a Date is too coarse
	askTime   = 5 * time.Second // for a vendor to answer
	// serviceTime is for a Temporal service to answer: it may be far away, and
	// several questions are asked.
	serviceTime = 10 * time.Second
	keepDays    = 30 // what ended is kept so long
	// perUpload is how much an upload adds to the data folder until it is
	// pruned: measured over 2,000 uploads with a workflow each.
	perUpload = 40 << 10

	checkWidth = 16 // of the names of checks
)

func (d *doctor) say(check, state, detail, hint string) {
	d.tell(finding{Check: check, State: state, Detail: detail, Hint: hint})
}

func (d *doctor) tell(f finding) {
	d.print(f.State, f.Check, f.Detail, f.Hint, func(detail, hint string) any {
		f.Detail, f.Hint = detail, hint
		return f
	})
}

func (d *doctor) run(ctx context.Context, f doctorFlags) error {
	d.disk()
	d.engineBinary(ctx)
	if d.configuration() {
		d.reach(ctx)
		d.conversion(ctx)
		d.results(ctx)
		d.ledgerState(ctx)
		if f.live {
			if err := d.live(ctx, f.set); err != nil {
				return err
			}
		}
		if f.prune && d.Ledger != nil {
			d.prune(ctx)
		}
	}
	if d.err != nil {
		return d.err
	}
	switch d.problems {
	case 0:
		return nil
	case 1:
		return errors.New("found 1 problem")
	}
	return fmt.Errorf("found %d problems", d.problems)
}

// configuration reads the configuration; false where there is no going on.
func (d *doctor) configuration() bool {
	if err := d.OpenConfig(); err != nil {
		var many config.Problems
		if !errors.As(err, &many) {
			d.say("configuration", problem, err.Error(), "")
			return false
		}
		if all, err := config.Examine(many[0].File); err == nil {
			many = all
		}
		for _, one := range many {
			d.say("configuration", problem, one.Error(), "")
		}
		return false
	}
	var lack *exit.UsageError
	if errors.As(d.RequireSharedResults(), &lack) {
		d.say("results", problem, lack.Text, lack.Hint)
	}
	if d.Config.Path == "" {
		d.say("configuration", doubt, "no configuration was found, so there are no accounts", "write a configuration with: mediaferry init, or try: mediaferry demo")
		return true
	}
	problems, advice := d.Config.Check()
	for _, one := range problems {
		d.say("configuration", problem, one.Error(), "")
	}
	for _, one := range advice {
		d.say("configuration", doubt, one.Error(), "")
	}
	if len(problems) == 0 {
		d.say("configuration", fine, fmt.Sprintf("%s, %d accounts", d.Config.Path, len(d.Config.AccountNames())), "")
	}
	return true
}
