package sandbox

import (
	"fmt"
	"strings"
)

// Config is a configuration file with one account for each vendor, named after it,
// and with the sandbox's own credentials in plain. Its header says what else
// the sandbox would take. It follows rotations: the sets printed are good ones.
func (s *Sandbox) Config() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "# Accounts at the sandbox %s. Nothing in here is secret.\n", s.base)
	fmt.Fprintf(&b, "# Control: %s%s (GET for a list). Closient's organization_id: %s, with any GTIN.\n",
		s.base, controlPrefix, strings.Join(s.Settings().Closient.Organizations, ", "))
	b.WriteString("accounts:\n")
	for _, a := range s.accounts() {
		fmt.Fprintf(&b, "  %s:\n    vendor: %s\n", a.vendor, a.vendor)
		for _, line := range a.lines {
			fmt.Fprintf(&b, "    %s: %q\n", line[0], line[1])
		}
		for _, note := range a.notes {
			fmt.Fprintf(&b, "    # %s\n", note)
		}
	}
	return []byte(b.String())
}

type configAccount struct {
	vendor string
	lines  [][2]string
	notes  []string
}

func (s *Sandbox) accounts() []configAccount {
	v := func(vendor string) map[string]string { return s.creds.current(vendor).Values }
	trustoo, sitoo, truvideo := v("trustoo"), v("sitoo"), v("truvideo")
	return []configAccount{
		{vendor: "trustana", lines: [][2]string{{"base_url", s.base + "/trustana/v1"}, {"api_key", v("trustana")["api_key"]}}},
		{vendor: "trustoo", lines: [][2]string{
			{"base_url", s.base + "/trustoo"}, {"public_token", trustoo["public_token"]}, {"private_token", trustoo["private_token"]},
		}, notes: []string{
			fmt.Sprintf("or access_token: %q", trustoo["access_token"]),
			fmt.Sprintf("or client_id: %q, client_secret: %q, refresh_token: %q", trustoo["client_id"], trustoo["client_secret"], trustoo["refresh_token"]),
		}},
		{vendor: "sitoo", lines: [][2]string{{"base_url", s.base + "/sitoo"}, {"token", sitoo["token"]}}, notes: []string{
			fmt.Sprintf("or auth: basic, api_id: %q, password: %q", sitoo["api_id"], sitoo["password"]),
		}},
		{vendor: "closient", lines: [][2]string{{"base_url", s.base + "/closient/dashboard/api/v1"}, {"api_key", v("closient")["api_key"]}}},
		{vendor: "truvideo", lines: [][2]string{
			{"base_url", s.base + "/truvideo"},
			{"login_url", s.base + "/truvideo-login"},
			{"api_key", truvideo["api_key"]},
			{"secret", truvideo["secret"]},
			{"external_id", truvideo["external_id"]},
		}},
	}
}
