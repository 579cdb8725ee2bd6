package commands

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/internal/config"
	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/suggest"
	"github.com/mediaferry/mediaferry/internal/vendors"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
	"github.com/mediaferry/mediaferry/starter/exit"
	"github.com/mediaferry/mediaferry/starter/output"
)

func (c accountCommand) add() *cobra.Command {
	var vendor string
	var set []string
	cmd := &cobra.Command{
		Use:   "add NAME [flags]",
		Short: "add an account to the configuration",
		Long: `add writes an account into the configuration, and creates the file if there is none. Comments
stay. On a terminal it asks for the settings that "mediaferry vendors VENDOR" lists; elsewhere, use
--set for each. A secret is written to a file that only you can read, in the folder "secrets"
beside the configuration, unless you refer to a variable or a file of your own.`,
		Example: `  mediaferry account add trustana
  mediaferry account add shop --vendor trustoo --set public_token=abc \
    --set 'private_token=${TRUSTOO_PRIVATE_TOKEN}'
  mediaferry account add store --vendor sitoo \
    --set 'token=${file:/run/secrets/sitoo}'`,
		Args: oneAccount,
		RunE: func(cmd *cobra.Command, args []string) error {
			n := &newAccount{given: c.given, name: args[0], asks: c.Asks(os.Stdin)}
			if err := n.read(vendor, set); err != nil {
				return err
			}
			return n.add(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&vendor, "vendor", "", "the account's `VENDOR` (default: NAME)")
	cmd.Flags().StringArrayVar(&set, "set", nil, "a setting of the account, as `NAME=VALUE`")
	return cmd
}

// newAccount is an account that is about to be added.
type newAccount struct {
	*given
	name  string
	spec  *spec.Spec
	set   map[string]string // by --set
	creds spec.Credentials  // the set of credentials that it has
	asks  *output.Asker     // nil off a terminal
	named []string          // variables that have to be set
}

// read reads the command line.
func (n *newAccount) read(vendor string, set []string) error {
	if vendor == "" {
		vendor = n.name
	}
	specs, err := vendorsNamed([]string{vendor})
	if err != nil {
		if misuse := (*exit.UsageError)(nil); vendor == n.name && errors.As(err, &misuse) {
			return &exit.UsageError{Text: "--vendor is missing", Hint: "use one of " + strings.Join(vendors.Names(), ", ")}
		}
		return err
	}
	n.spec, n.set = specs[0], map[string]string{}
	keys := config.AccountKeys(n.spec)
	for _, pair := range set {
		name, value, found := strings.Cut(pair, "=")
		_, twice := n.set[name]
		switch {
		case !found:
			return exit.Misused("--set %s must have the form NAME=VALUE", name)
		case !slices.Contains(keys, name):
			return &exit.UsageError{Text: fmt.Sprintf("--set %s: %s accounts have no such setting", name, n.spec.Name), Hint: suggest.Hint(name, keys)}
		case twice:
			return exit.Misused("--set %s is given twice", name)
		case value == "":
			return exit.Misused("--set %s has no value; leave it out, or write %s=VALUE", name, name)
		}
		n.set[name] = value
		if setting, is := n.spec.Setting(name); is && setting.Secret && !refers(value) {
			egress.Hide(value)
		}
	}
	return nil
}

// refers reports whether a value names a variable or a file.
func refers(value string) bool { return strings.Contains(value, "${") }

// add asks for what is missing, and writes the account.
func (n *newAccount) add(ctx context.Context) error {
	path := config.Target(n.Flags.Config)
	if err := config.Vacant(path, n.name); err != nil {
		return taken(err)
	}
	if err := n.choose(ctx); err != nil {
		return err
	}
	account := config.NewAccount{Name: n.name, Vendor: n.spec.Name}
	for _, key := range config.AccountKeys(n.spec) {
		if _, own := n.spec.Setting(key); n.set[key] != "" && !own {
			account.Settings = append(account.Settings, config.NewSetting{Key: key, Value: n.set[key]})
		}
	}
	own, err := n.settings(ctx)
	if err != nil {
		return err
	}
	account.Settings = append(account.Settings, own...)
	added, err := config.AddAccount(path, account)
	if err != nil {
		return taken(err)
	}
	n.done(path, added)
	return nil
}

// taken makes a misuse of an account that exists.
func taken(err error) error {
	if errors.Is(err, config.ErrAccountExists) {
		return &exit.UsageError{Text: err.Error(), Hint: "choose another name, or edit the file"}
	}
	return err
}

// done says what was written, and what comes next.
func (n *newAccount) done(path string, added config.Added) {
	verb := "added account %s to %s"
	if added.Created {
		verb = "added account %s to the new file %s"
	}
	n.Say(verb, n.name, path)
	for _, file := range added.Files {
		n.Hint("secret in " + file + ", which only you can read")
	}
	for _, one := range added.Advice {
		n.Say("warning: %s", one.Error())
	}
	n.Hint("next:")
	for _, variable := range n.named {
		n.Hint("  export " + variable + "=…")
	}
	n.Hint("  " + doctorLive(n.given, path))
}

// choose finds out which set of credentials the account has.
func (n *newAccount) choose(ctx context.Context) error {
	var possible []spec.Credentials
	for _, set := range n.spec.Credentials {
		if word := n.set[set.If]; set.If == "" || word == "" || word == set.Is {
			possible = append(possible, set)
		}
	}
	if len(possible) == 0 { // the word is none that there is: loading says so
		possible = n.spec.Credentials
	}
	var begun []spec.Credentials
	for _, set := range possible {
		if slices.ContainsFunc(set.Settings, func(name string) bool { return n.set[name] != "" }) {
			begun = append(begun, set)
		}
	}
	switch {
	case len(begun) > 1:
		return exit.Misused("--set gives parts of several sets of credentials; an account needs %s", n.spec.CredentialWords())
	case len(begun) == 1:
		n.creds = begun[0]
	case len(possible) == 1 || n.asks == nil:
		n.creds = possible[0]
	default:
		return n.pick(ctx, possible)
	}
	return nil
}

// pick asks which set of credentials the account has.
func (n *newAccount) pick(ctx context.Context, possible []spec.Credentials) error {
	n.asks.Note("an account at %s needs one of:", n.spec.Title)
	for i, set := range possible {
		n.asks.Note("  %d  %s", i+1, set.Words())
	}
	for {
		text, err := n.asks.Line(ctx, "which one? [1]: ")
		if err != nil {
			return err
		}
		if text == "" {
			text = "1"
		}
		if at, err := strconv.Atoi(text); err == nil && at >= 1 && at <= len(possible) {
			n.creds = possible[at-1]
			return nil
		}
		n.asks.Note("answer with a number from 1 to %d", len(possible))
	}
}

// settings are the vendor's own, in the order of `vendors NAME`.
func (n *newAccount) settings(ctx context.Context) ([]config.NewSetting, error) {
	if err := n.lacking(); err != nil {
		return nil, err
	}
	if n.asks != nil {
		n.asks.Note("About keys: %s (%s).", n.spec.Keys.Doc, n.spec.Keys.Source)
		n.asks.Note("Enter takes what is in brackets; a $NAME there is read from the environment, each time.")
	}
	var all []config.NewSetting
	for _, setting := range n.spec.Settings {
		value, err := n.value(ctx, setting)
		if err != nil {
			return nil, err
		}
		if value != "" {
			all = append(all, config.NewSetting{Key: setting.Name, Value: value, Secret: setting.Secret && !refers(value)})
		}
	}
	return all, nil
}

// value is what a setting is to be, by the command line or by the person; "" if it is left
// out.
func (n *newAccount) value(ctx context.Context, setting spec.Setting) (string, error) {
	needed := slices.Contains(n.creds.Settings, setting.Name)
	switch {
	case n.set[setting.Name] != "":
		n.mention(n.set[setting.Name])
		return n.set[setting.Name], nil
	case n.creds.If == setting.Name && n.creds.Is != setting.Default:
		return n.creds.Is, nil
	case n.asks == nil, !needed && (n.spec.Need(setting.Name) != "" || n.spec.Selects(setting.Name)):
		return "", nil
	case needed:
		return n.credential(ctx, setting)
	}
	return n.option(ctx, setting)
}

// references finds the variables that a value names.
var references = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)

// mention notes the variables of a value that are not set yet.
func (n *newAccount) mention(value string) {
	for _, found := range references.FindAllStringSubmatch(value, -1) {
		if os.Getenv(found[1]) == "" && !slices.Contains(n.named, found[1]) {
			n.named = append(n.named, found[1])
		}
	}
}

// credential asks for a setting that the account needs. Without an answer, it comes from
// a variable.
func (n *newAccount) credential(ctx context.Context, setting spec.Setting) (string, error) {
	variable := config.VariableFor(n.name, setting.Name)
	ask, hidden := n.asks.Line, ""
	if setting.Secret {
		ask, hidden = n.asks.Secret, "; it is not shown"
	}
	value, err := ask(ctx, fmt.Sprintf("%s (%s%s) [$%s]: ", setting.Name, setting.Doc, hidden, variable))
	if err != nil {
		return "", err
	}
	if value == "" {
		value = "${" + variable + "}"
	}
	if setting.Secret && !refers(value) {
		egress.Hide(value)
	}
	n.mention(value)
	return value, nil
}

// option asks for a setting that has a default, which is not written.
func (n *newAccount) option(ctx context.Context, setting spec.Setting) (string, error) {
	for {
		value, err := n.asks.Line(ctx, fmt.Sprintf("%s (%s) [%s]: ", setting.Name, setting.Doc, setting.Default))
		switch {
		case err != nil:
			return "", err
		case value == "" || value == setting.Default:
			return "", nil
		case len(setting.Choices) == 0 || slices.Contains(setting.Choices, value):
			return value, nil
		}
		n.asks.Note("answer with %s", strings.Join(setting.Choices, " or "))
	}
}

// lacking says all that is missing at once, where nobody can be asked for it.
func (n *newAccount) lacking() error {
	if n.asks != nil {
		return nil
	}
	var missing []string
	example := ""
	for _, name := range n.creds.Settings {
		if n.set[name] != "" {
			continue
		}
		missing = append(missing, name)
		if setting, _ := n.spec.Setting(name); setting.Secret && example == "" {
			example = "a secret may also be a variable or a file: --set '" + name + "=${" + config.VariableFor(n.name, name) + "}', --set '" + name + "=${file:/run/secrets/" + name + "}'"
		}
	}
	if len(missing) == 0 {
		return nil
	}
	text := fmt.Sprintf("account %s needs %s; nobody can be asked off a terminal, so give each with --set NAME=VALUE", n.name, strings.Join(missing, ", "))
	if len(n.spec.Credentials) > 1 && len(missing) == len(n.creds.Settings) {
		text += ". An account at " + n.spec.Title + " needs " + n.spec.CredentialWords()
	}
	return &exit.UsageError{Text: text, Hint: example}
}
