package commands

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/internal/transfer"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/starter/exit"
	"github.com/mediaferry/mediaferry/starter/output"
)

// limitFlags are the limits of a batch as they are given.
type limitFlags struct {
	rps       []string
	inFlight  int
	bandwidth string
	failures  []string
	patience  string
}

// none takes a limit away.
const none = "none"

func (f *limitFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringArrayVar(&f.rps, "rps", nil, "limit calls per second for an account to N, as `ACCOUNT=N` (repeatable)")
	flags.IntVar(&f.inFlight, "in-flight", 0, "send at most `N` rows at once per worker and account; 0 means automatic")
	flags.StringVar(&f.bandwidth, "bwlimit", "", "limit what each worker sends for the batch to `RATE` bytes per second: 10M, 1.5Gi or off")
	flags.StringVar(&f.patience, "patience", "", "wait out an outage for `TIME` before a row fails: 24h, 90m or 0; none means the account's own")
	flags.StringArrayVar(&f.failures, "failures", nil, "hold the batch at `N|N%` failed rows, or KIND=N|N% (repeatable)")
}

// apply changes limits by those that were given.
func (f limitFlags) apply(cmd *cobra.Command, known []string, limits upload.Limits) (upload.Limits, error) {
	flags := cmd.Flags()
	var err error
	if flags.Changed("rps") {
		if limits.RPS, err = parseRPS(f.rps, known, limits.RPS); err != nil {
			return limits, err
		}
	}
	if flags.Changed("in-flight") {
		if f.inFlight < 0 {
			return limits, exit.Misused("--in-flight must be 1 or more, or 0 for automatic, got %d", f.inFlight)
		}
		limits.InFlight = f.inFlight
	}
	if flags.Changed("bwlimit") {
		if limits.Bandwidth, err = transfer.ParseRate(f.bandwidth); err != nil {
			return limits, exit.Misused("--bwlimit: %s", err)
		}
	}
	if flags.Changed("patience") {
		limits.Patience = nil
		if f.patience != none {
			if limits.Patience, err = parsePatience(f.patience); err != nil {
				return limits, err
			}
		}
	}
	if flags.Changed("failures") {
		if limits.Failures, err = parseBudgets(f.failures); err != nil {
			return limits, err
		}
	}
	return limits, nil
}

// given is what was given, for the record.
func (f limitFlags) given(cmd *cobra.Command) string {
	var texts []string
	for _, pair := range f.rps {
		texts = append(texts, "--rps "+pair)
	}
	if cmd.Flags().Changed("in-flight") {
		texts = append(texts, fmt.Sprintf("--in-flight %d", f.inFlight))
	}
	if cmd.Flags().Changed("bwlimit") {
		texts = append(texts, "--bwlimit "+f.bandwidth)
	}
	if cmd.Flags().Changed("patience") {
		texts = append(texts, "--patience "+f.patience)
	}
	for _, budget := range f.failures {
		texts = append(texts, "--failures "+budget)
	}
	return strings.Join(texts, " ")
}

// parsePatience reads --patience.
func parsePatience(text string) (*time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return nil, exit.Misused("--patience %q is not a time; use for example 24h, 90m or 0", text)
	}
	return &d, nil
}

// parseRPS reads ACCOUNT=N. none gives an account its own rate back; 0 might be
// meant for that, or to send nothing, and is refused.
func parseRPS(given, known []string, now map[string]float64) (map[string]float64, error) {
	rates := maps.Clone(now)
	if rates == nil {
		rates = map[string]float64{}
	}
	for _, pair := range given {
		name, text, ok := strings.Cut(pair, "=")
		if !ok || name == "" || text == "" {
			return nil, exit.Misused("--rps %q must have the form ACCOUNT=N", pair)
		}
		if !slices.Contains(known, name) {
			return nil, &exit.UsageError{Text: fmt.Sprintf("--rps: unknown account %q", name), Hint: "configured accounts: " + strings.Join(known, ", ")}
		}
		rate, err := strconv.ParseFloat(text, 64)
		switch {
		case text == none:
			delete(rates, name)
		case err != nil || !(rate > 0 && rate <= 1e6):
			return nil, exit.Misused("--rps %s: %q is not a rate; use calls per second, for example 5 or 0.5, or none to use the account's own limit", name, text)
		default:
			rates[name] = rate
		}
	}
	if len(rates) == 0 {
		return nil, nil
	}
	return rates, nil
}

// parseBudgets reads N, N%, KIND=N and KIND=N%.
func parseBudgets(given []string) ([]upload.Budget, error) {
	var budgets []upload.Budget
	for _, text := range given {
		if text == none {
			if len(given) > 1 {
				return nil, exit.Misused("--failures none cannot be combined with other values")
			}
			return nil, nil
		}
		budget, err := parseBudget(text)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(budgets, func(b upload.Budget) bool { return b.Kind == budget.Kind && (b.Count > 0) == (budget.Count > 0) }) {
			return nil, exit.Misused("--failures %s repeats a limit that is already set", text)
		}
		budgets = append(budgets, budget)
	}
	return budgets, nil
}

func parseBudget(text string) (upload.Budget, error) {
	var budget upload.Budget
	kind, number, named := strings.Cut(text, "=")
	if !named {
		kind, number = "", text
	}
	budget.Kind = upload.Kind(kind)
	if named && !slices.Contains(upload.Kinds(), budget.Kind) {
		return budget, exit.Misused("--failures %s: unknown kind %q; use one of %s", text, kind, output.Join(upload.Kinds()))
	}
	if share, isShare := strings.CutSuffix(number, "%"); isShare {
		percent, err := strconv.ParseFloat(share, 64)
		if err != nil || !(percent > 0 && percent <= 100) {
			return budget, exit.Misused("--failures %s: a share must be more than 0%% and at most 100%%", text)
		}
		budget.Share = percent / 100
		return budget, nil
	}
	count, err := strconv.ParseInt(number, 10, 64)
	if err != nil || count < 1 {
		return budget, exit.Misused("--failures %s is not a limit; use a number of rows, a share such as 5%%, a limit for one kind such as rejected=10, or none", text)
	}
	budget.Count = count
	return budget, nil
}
