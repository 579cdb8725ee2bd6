package sandbox

import (
	"fmt"
	"strings"
)

// Config is a configuration file with one account for each vendor, named after it,
// and with the sandbox's own credentials in plain. Its header says what else
// the sandbox would take. It follows rotations: the sets printed are good ones.
func (s *Sandbox) Config() []byte {
	var hints, accounts strings.Builder
	for _, v := range s.vendors {
		a := v.Account(s.w, s.w.Credentials.Current(v.Name()).Values)
		if a.Hint != "" {
			hints.WriteString(" " + a.Hint)
		}
		fmt.Fprintf(&accounts, "  %s:\n    vendor: %s\n", v.Name(), v.Name())
		for _, line := range a.Lines {
			fmt.Fprintf(&accounts, "    %s: %q\n", line[0], line[1])
		}
		if s.opts.Host != "" { // no loopback, where http: needs no leave
			accounts.WriteString("    insecure: true\n")
		}
		for _, note := range a.Notes {
			fmt.Fprintf(&accounts, "    # %s\n", note)
		}
	}
	return fmt.Appendf(nil, "# Accounts at the sandbox %s. This file contains no secrets.\n# Control: %s%s (GET for a list).%s\naccounts:\n%s",
		s.w.Base, s.w.Base, controlPrefix, hints.String(), accounts.String())
}
