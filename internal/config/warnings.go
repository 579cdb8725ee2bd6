package config

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/trust"
)

// almost matches a reference in shell syntax.
var almost = regexp.MustCompile(`^\$[A-Za-z_][A-Za-z0-9_]*$`)

// warnAccount warns of secrets in plain text. Credentials for a vendor on loopback
// are exempt, because it is a simulated one. All of them are hidden from texts.
func (r *reader) warnAccount(a *account) {
	for _, setting := range a.spec.Settings {
		if setting.Secret {
			egress.Hide(a.values[setting.Name].text)
		}
	}
	base, err := url.Parse(a.values["base_url"].text)
	if err == nil && egress.IsLoopback(base) {
		return
	}
	for _, setting := range a.spec.Settings {
		if setting.Secret {
			r.warnPlain(a.values[setting.Name], VariableFor(a.name, setting.Name))
		}
	}
}

func (r *reader) warnRest() {
	for _, name := range []string{"sources.oss.access_key_secret", "encryption.key", "notify.secret", "dashboard.token", "dashboard.viewer_token"} {
		egress.Hide(r.config.values[name].text)
	}
	r.warnPlain(r.config.values["sources.oss.access_key_secret"], "OSS_ACCESS_KEY_SECRET")
	r.warnPlain(r.config.values["encryption.key"], "MEDIAFERRY_KEY")
	r.warnPlain(r.config.values["notify.secret"], "MEDIAFERRY_NOTIFY_SECRET")
	r.warnPlain(r.config.values["dashboard.token"], "MEDIAFERRY_TOKEN")
	r.warnPlain(r.config.values["dashboard.viewer_token"], "MEDIAFERRY_VIEWER_TOKEN")
	ledger := r.config.values["ledger"]
	if u, err := url.Parse(ledger.text); err == nil && u.User != nil {
		if password, has := u.User.Password(); has {
			egress.Hide(password)
			r.warnPlain(ledger, "MEDIAFERRY_LEDGER")
		}
	}
	r.warnOpen()
}

// warnOpen warns of secrets in a file that others can read.
func (r *reader) warnOpen() {
	if r.config.open && len(r.config.Warnings) > 0 {
		r.config.Warnings = append(r.config.Warnings, Problem{
			File: r.config.Path, Message: "other users can read this file and the secrets in it", Hint: "to prevent that: chmod 600 " + r.config.Path,
		})
	}
}

// doubts are secret files that others can read, or may have written.
func (c *Config) doubts() Problems {
	var problems Problems
	for _, path := range slices.Sorted(maps.Keys(c.secrets)) {
		if doubt := c.secrets[path].doubt; doubt != nil && !doubt.Changeable {
			problems = append(problems, Problem{Message: fmt.Sprintf("secret file %s: %s", path, doubt.About(path)), Hint: doubt.Hint})
		}
	}
	key := c.dashboard(&findings{}).Key
	file, err := trust.OpenSecret(key)
	var doubt *trust.Refusal
	switch {
	case key == "":
	case errors.As(err, &doubt):
		problems = append(problems, Problem{Message: fmt.Sprintf("dashboard.tls.key %s: %s", key, doubt.About(key)), Hint: doubt.Hint})
	case err == nil:
		_ = file.Close() // only opened
	}
	return problems
}

// unsigned warns of a webhook whose receiver cannot tell who speaks.
func (c *Config) unsigned() Problems {
	v := c.values["notify.webhook"]
	if n := c.notify(&findings{}); n.Webhook == "" || c.values["notify.secret"].given {
		return nil
	}
	return Problems{{
		File: c.Path, Line: v.line, Column: v.column, Message: "notify.secret is missing, so notifications are not signed",
		Hint: "create one with: echo whsec_$(openssl rand -base64 32)",
	}}
}

func (r *reader) warnPlain(v value, name string) {
	if !v.given || v.late {
		return
	}
	hint := "to read it from the environment, write ${" + name + "}"
	if almost.MatchString(v.text) {
		hint = "to read it from a variable, write ${NAME}"
	}
	r.config.Warnings = append(r.config.Warnings, Problem{
		File: r.config.Path, Line: v.line, Column: v.column,
		Message: v.where + " is a secret in plain text", Hint: hint,
	})
}

// VariableFor proposes the name of an environment variable for a secret: NAME_API_KEY.
func VariableFor(words ...string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToUpper(strings.Join(words, "_")))
}
