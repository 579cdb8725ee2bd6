package config

import (
	"bytes"
	_ "embed"
	"fmt"
	"strconv"
	"strings"

	"github.com/mediaferry/mediaferry/internal/vendors"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

// frame is the configuration around the accounts, which stand where accountsMark is.
//
//go:embed frame.yaml
var frame []byte

const accountsMark = "@accounts\n"

// Example returns a commented mediaferry.yaml with an account at each of the vendors,
// named like the vendor, and all secrets taken from the environment. Without vendors, it
// has all that there are.
func Example(specs ...*spec.Spec) []byte {
	if len(specs) == 0 {
		for _, v := range vendors.All() {
			specs = append(specs, v.Spec())
		}
	}
	var accounts []string
	for _, s := range specs {
		accounts = append(accounts, exampleAccount(s))
	}
	return bytes.Replace(frame, []byte(accountsMark), []byte(strings.Join(accounts, "\n")), 1)
}

// Variables lists the environment variables that Example takes a vendor's credentials
// from.
func Variables(s *spec.Spec) []string {
	var names []string
	for _, setting := range s.Credentials[0].Settings {
		names = append(names, VariableFor(s.Name, setting))
	}
	return names
}

// exampleAccount is a vendor's account with the first set of credentials. The other sets
// are comments.
func exampleAccount(s *spec.Spec) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s:\n    vendor: %s\n    base_url: %s\n", wrapped("  # ", "Keys: "+s.Keys.Doc+" ("+s.Keys.Source+")."), s.Name, s.Name, s.BaseURL)
	if s.LoginURL != "" {
		fmt.Fprintf(&b, "    login_url: %s\n", s.LoginURL)
	}
	var lines [][2]string
	for _, name := range s.Credentials[0].Settings {
		setting, _ := s.Setting(name)
		lines = append(lines, [2]string{name + ": ${" + VariableFor(s.Name, name) + "}", setting.Doc})
	}
	for _, setting := range s.Settings {
		if setting.Default != "" && s.Need(setting.Name) == "" && !s.Selects(setting.Name) {
			lines = append(lines, [2]string{setting.Name + ": " + setting.Default, setting.Doc})
		}
	}
	if s.Rate > 0 {
		lines = append(lines, [2]string{"requests_per_second: " + strconv.FormatFloat(s.Rate, 'g', -1, 64), ""})
	}
	b.WriteString(commented(lines))
	for _, set := range s.Credentials[1:] {
		b.WriteString("    # Or, instead of " + s.Credentials[0].Words() + ":\n")
		lines = nil
		if set.If != "" {
			setting, _ := s.Setting(set.If)
			lines = append(lines, [2]string{"# " + set.If + ": " + set.Is, setting.Doc})
		}
		for _, name := range set.Settings {
			setting, _ := s.Setting(name)
			lines = append(lines, [2]string{"# " + name + ": ${" + VariableFor(s.Name, name) + "}", setting.Doc})
		}
		b.WriteString(commented(lines))
	}
	return b.String()
}

// commented writes lines of an account with what they mean behind them.
func commented(lines [][2]string) string {
	widest := 0
	for _, line := range lines {
		widest = max(widest, len(line[0]))
	}
	var b strings.Builder
	for _, line := range lines {
		if line[1] == "" {
			fmt.Fprintf(&b, "    %s\n", line[0])
			continue
		}
		fmt.Fprintf(&b, "    %-*s  # %s\n", widest, line[0], line[1])
	}
	return b.String()
}

// exampleWidth is how many characters a line of a comment may have.
const exampleWidth = 88

// wrapped writes a text as comments.
func wrapped(before, text string) string {
	var b strings.Builder
	line := before
	for _, word := range strings.Fields(text) {
		if len(line)+len(word) > exampleWidth && line != before {
			b.WriteString(strings.TrimRight(line, " ") + "\n")
			line = before
		}
		line += word + " "
	}
	b.WriteString(strings.TrimRight(line, " ") + "\n")
	return b.String()
}
