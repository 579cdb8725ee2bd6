package commands

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/internal/config"
	"github.com/mediaferry/mediaferry/internal/convert"
	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/enginehost"
	"github.com/mediaferry/mediaferry/internal/media"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
	"github.com/mediaferry/mediaferry/internal/waits"
	"github.com/mediaferry/mediaferry/internal/wiring"
	"github.com/mediaferry/mediaferry/starter/exit"
	"github.com/mediaferry/mediaferry/starter/output"
)

type doctorCommand struct{ *given }

func (c doctorCommand) command() *cobra.Command {
	var f doctorFlags
	cmd := &cobra.Command{
		Use:   "doctor [flags]",
		Short: "check configuration, credentials, engine, accounts, clock and disk",
		Long: `doctor checks everything that an upload needs and lists all problems at once. Without --live
it sends no credentials to vendors, only one HEAD request to each, to compare clocks. If a Temporal
service is configured, it checks that the namespace exists and which workers are running.

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
			d := &doctor{given: c.given, p: c.Printer(f.json)}
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
	p        output.Printer
	problems int
	clocks   int           // of vendors, that were compared
	skew     time.Duration // the largest of them
	err      error
}

const (
	fine    = "ok"
	doubt   = "warning"
	problem = "problem"

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
)

func (d *doctor) say(check, state, detail, hint string) {
	d.tell(finding{Check: check, State: state, Detail: detail, Hint: hint})
}

func (d *doctor) tell(f finding) {
	if f.State == problem {
		d.problems++
	}
	f.Detail, f.Hint = output.Visible(egress.Redact(f.Detail)), output.Visible(f.Hint)
	var err error
	if d.p.JSON {
		err = d.p.Object(f)
	} else {
		_, err = fmt.Fprintf(d.p.Out, "%-8s %-16s  %s\n", f.State, f.Check, f.Detail)
		if err == nil && f.Hint != "" {
			_, err = fmt.Fprintf(d.p.Out, "%25s  %s\n", "", f.Hint)
		}
	}
	d.err = errors.Join(d.err, err)
}

func (d *doctor) run(ctx context.Context, f doctorFlags) error {
	d.disk()
	d.engineBinary(ctx)
	if d.configuration() {
		d.reach(ctx)
		d.conversion(ctx)
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
		d.say("configuration", doubt, "no configuration was found, so there are no accounts", "create ./mediaferry.yaml, or try: mediaferry demo")
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

// reach asks each account's vendor for its clock.
func (d *doctor) reach(ctx context.Context) {
	door := egress.New()
	defer door.CloseIdle()
	for _, name := range d.Config.AccountNames() {
		account, err := d.Config.Profile(name)
		if err != nil {
			continue // reported already
		}
		d.ask(ctx, door, account)
	}
	if d.clocks > 0 && d.skew <= mostSkew {
		d.say("clock", fine, fmt.Sprintf("this host's clock is within %s of the vendors' clocks", max(d.skew.Round(time.Second), leastSkew)), "")
	}
}

func (d *doctor) ask(ctx context.Context, door *egress.Egress, account spec.Account) {
	check := "account " + account.Name
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	base, err := url.Parse(account.BaseURL)
	if err != nil {
		d.say(check, problem, "base_url is not a URL", "")
		return
	}
	root := base.Scheme + "://" + base.Host + "/"
	head, err := http.NewRequestWithContext(ctx, http.MethodHead, root, nil)
	if err != nil {
		d.say(check, problem, egress.Cause(err), "")
		return
	}
	answer, err := door.Control(account.Policy).Do(head)
	if err != nil {
		d.say(check, problem, root+": "+egress.Cause(err), "check base_url, the network and the proxy settings (HTTPS_PROXY)")
		return
	}
	_ = answer.Body.Close() // a HEAD has none
	skew := egress.Skew(answer.Header, time.Now())
	if answer.Header.Get("Date") != "" {
		d.clocks, d.skew = d.clocks+1, max(d.skew, skew.Abs())
	}
	if skew.Abs() > mostSkew {
		d.say(check, doubt, fmt.Sprintf("the vendor's clock differs from this host's by %s", skew.Round(time.Second)), "correct this host's clock: signatures and expiry times depend on it")
		return
	}
	d.say(check, fine, base.Host+" answers", "")
}

// conversion checks whether pictures can be converted, if an account wants that.
func (d *doctor) conversion(ctx context.Context) {
	var names []string
	for _, name := range d.Config.AccountNames() {
		if account, err := d.Config.Profile(name); err == nil && account.Convert {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return
	}
	if err := convert.Try(ctx, d.Data); err != nil {
		said := upload.AsError(err, "")
		d.say("conversion", problem, said.Message, said.Hint)
		return
	}
	if lacks := convert.Lacks(media.HEIC); lacks != "" {
		d.say("conversion", doubt, fmt.Sprintf("accounts with convert: true (%s): HEIC and AVIF cannot be decoded here, because none of these programs is installed: %s",
			strings.Join(names, ", "), strings.Join(convert.Programs(), ", ")), lacks)
		return
	}
	d.say("conversion", fine, fmt.Sprintf("accounts with convert: true: %s; %s decodes HEIC and AVIF", strings.Join(names, ", "), convert.Installed()), "")
}

// ledgerState checks the ledger, paused accounts and workers.
func (d *doctor) ledgerState(ctx context.Context) {
	if err := d.OpenResults(ctx); err != nil {
		hint := ""
		if lack := (*exit.UsageError)(nil); errors.As(err, &lack) {
			hint = lack.Hint
		}
		d.say("ledger", problem, err.Error(), hint)
		return
	}
	if err := d.Ledger.Health(ctx); err != nil {
		d.say("ledger", problem, err.Error(), "")
		return
	}
	d.keys(ctx)
	states, err := d.Ledger.Accounts(ctx)
	if err != nil {
		d.say("accounts", problem, err.Error(), "")
		return
	}
	for _, s := range states {
		if s.Paused {
			d.say("account "+s.Name, doubt, "paused by "+s.By+": "+s.Because, "to resume it: mediaferry account resume "+s.Name)
		} else if w := waits.Account(s); w != nil {
			d.say("account "+s.Name, doubt, string(waits.StateOf(s))+": waiting for "+output.WaitWords(*w, time.Now()), "to try again at once: mediaferry account resume "+s.Name)
		}
	}
	d.notifications(ctx)
	workers, err := d.Ledger.Workers(ctx, wiring.WorkerAge)
	if err != nil {
		d.say("workers", problem, err.Error(), "")
		return
	}
	var hosts []string
	for _, w := range workers {
		hosts = append(hosts, fmt.Sprintf("%s (%d, seen %s)", w.Host, w.PID, output.Ago(w.SeenAt, time.Now())))
	}
	if len(hosts) == 0 {
		hosts = []string{"none; each command does its own work"}
	}
	d.say("workers", fine, strings.Join(hosts, ", "), "")
}

// disk checks the data folder.
func (d *doctor) disk() {
	err := d.OpenData()
	var refused *exit.UsageError
	switch {
	case errors.As(err, &refused):
		d.say("data folder", problem, refused.Text, refused.Hint)
		return
	case err != nil:
		d.say("data folder", problem, err.Error(), "")
		return
	}
	probe, err := os.CreateTemp(d.Data, ".probe-*")
	if err != nil {
		d.say("data folder", problem, err.Error(), "choose another folder with --data")
		return
	}
	_ = probe.Close() // nothing was written
	_ = os.Remove(probe.Name())
	var total int64
	_ = filepath.WalkDir(d.Data, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil {
			return nil // gone meanwhile
		}
		if info, err := entry.Info(); err == nil && info.Mode().IsRegular() {
			total += info.Size()
		}
		return nil
	})
	detail := fmt.Sprintf("%s, %s; each upload takes about %s until it is pruned", d.Data, output.Size(total), output.Size(perUpload))
	var volume syscall.Statfs_t
	if err := syscall.Statfs(d.Data, &volume); err == nil {
		free := int64(volume.Bavail) * volume.Bsize
		detail += ", " + output.Size(free) + " free"
		if free < leastDisk {
			d.say("data folder", doubt, detail, "free some space: the engine stops when the disk is full")
			return
		}
	}
	d.say("data folder", fine, detail, "")
}

// engineBinary checks that there is an engine, or a service instead.
func (d *doctor) engineBinary(ctx context.Context) {
	if wiring.ServiceConfigured() {
		d.service(ctx)
		return
	}
	binary, err := enginePath()
	if err != nil {
		d.say("engine", problem, err.Error(), "build it with: make build")
		return
	}
	state := "is not running"
	if d.EngineRuns(ctx) {
		state = "is running"
	}
	d.say("engine", fine, binary+" "+state, "")
}

// namespace checks what setup prepares.
func (d *doctor) namespace(found wiring.Service) {
	if len(found.Missing) > 0 {
		d.say("namespace", doubt, fmt.Sprintf("%s lacks %d search attributes, so uploads have none", found.Namespace, len(found.Missing)), "to add them: mediaferry setup")
		return
	}
	d.say("namespace", fine, fmt.Sprintf("%s keeps ended workflows for %s and has all search attributes", found.Namespace, wiring.Days(found.Retention)), "")
}

// service checks the Temporal service of the environment.
func (d *doctor) service(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, serviceTime)
	defer cancel()
	found, err := wiring.LookAtService(ctx, d.Data)
	if err == nil {
		d.namespace(found)
	}
	at := "temporal"
	if found.Address != "" {
		at += " at " + found.Address
	}
	switch {
	case err != nil:
		d.say("engine", problem, at+": "+err.Error(), "check TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and the other TEMPORAL_ variables")
	case found.Pollers == 0:
		d.say("engine", doubt, fmt.Sprintf("%s, namespace %s: reachable, but no worker is running", at, found.Namespace), "start mediaferry-worker or mediaferry up; until then, each command does its own work")
	default:
		d.say("engine", fine, fmt.Sprintf("%s, namespace %s: reachable; workers for uploads: %d", at, found.Namespace, found.Pollers), "")
	}
}

func enginePath() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	binary := filepath.Join(filepath.Dir(self), "mediaferry-engine")
	_, err = os.Stat(binary)
	return binary, err
}

// prune removes what is old.
func (d *doctor) prune(ctx context.Context) {
	removed, err := d.Ledger.Prune(ctx, time.Now().AddDate(0, 0, -keepDays))
	if err == nil {
		err = d.Ledger.Compact(ctx)
	}
	if err != nil {
		d.say("prune", problem, err.Error(), "")
		return
	}
	d.say("prune", fine, fmt.Sprintf("removed %d items from the ledger that ended more than %d days ago", removed, keepDays), "")
	if wiring.ServiceConfigured() {
		return
	}
	if d.EngineRuns(ctx) {
		d.say("prune", doubt, "the engine is running, so its files were not compacted", "stop mediaferry up, then run `mediaferry doctor --prune` again")
		return
	}
	freed, err := enginehost.Compact(ctx, enginehost.Options{Data: d.Data})
	if err != nil {
		d.say("prune", problem, err.Error(), "")
		return
	}
	d.say("prune", fine, fmt.Sprintf("compacted the engine's files from %s to %s", output.Size(freed.Before), output.Size(freed.After)), "")
}
