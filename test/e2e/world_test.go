package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/sandbox"
	"github.com/mediaferry/mediaferry/internal/sandbox/closient"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// upLine is what `up --json` and `sandbox --json` print.
type upLine struct {
	Temporal, Namespace, Dashboard, UI, Codec, Sandbox, Config string

	TokenFile string `json:"token_file"`
}

// places are the addresses, without the logins in them.
func (l upLine) places() upLine {
	for _, link := range []*string{&l.Dashboard, &l.UI} {
		*link, _, _ = strings.Cut(*link, "?")
	}
	return l
}

// token is that of the data folder, or "" where there is none.
func (l upLine) token(t *testing.T) string {
	t.Helper()
	if l.TokenFile == "" {
		return ""
	}
	text, err := os.ReadFile(l.TokenFile)
	require.NoError(t, err)
	return strings.TrimSpace(string(text))
}

// environment names the engine to a program with another data folder.
func (l upLine) environment(t *testing.T) []string {
	t.Helper()
	env := []string{"TEMPORAL_ADDRESS=" + l.Temporal, "TEMPORAL_NAMESPACE=" + l.Namespace}
	if token := l.token(t); token != "" {
		env = append(env, "TEMPORAL_API_KEY="+token, "TEMPORAL_TLS=false")
	}
	return env
}

// up starts `mediaferry up --json` with more flags, and waits until it is ready.
func (p *place) up(flags ...string) (*process, upLine) {
	p.t.Helper()
	s := p.start("mediaferry", append([]string{"up", "--json"}, flags...)...)
	var line upLine
	s.object(&line)
	return s, line
}

// box starts the sandbox as a process of its own, with a data folder of its own,
// and makes its accounts the place's.
func (p *place) box() control {
	p.t.Helper()
	data := filepath.Join(p.dir, "box")
	s := p.start("mediaferry", "sandbox", "--json", "--data", data)
	var line upLine
	s.object(&line)
	p.env = append(p.env, "MEDIAFERRY_CONFIG="+line.Config)
	return control{p.t, line.Sandbox, line.token(p.t)}
}

// configure makes the box's accounts and more the configuration.
func (p *place) configure(more string) {
	p.t.Helper()
	accounts, err := os.ReadFile(filepath.Join(p.dir, "box", "sandbox.yaml"))
	require.NoError(p.t, err)
	file := filepath.Join(p.dir, "mediaferry.yaml")
	require.NoError(p.t, os.WriteFile(file, append(accounts, more...), 0o600))
	p.env = append(p.env, "MEDIAFERRY_CONFIG="+file) // the last of a name counts
}

// control is a sandbox's control API.
type control struct {
	t          *testing.T
	url, token string
}

func (c control) call(method, path string, body, into any) {
	c.t.Helper()
	status, raw := c.send(method, path, body)
	require.Equal(c.t, http.StatusOK, status, string(raw))
	if into != nil {
		require.NoError(c.t, json.Unmarshal(raw, into))
	}
}

// send is call for what the sandbox may refuse.
func (c control) send(method, path string, body any) (status int, answer []byte) {
	c.t.Helper()
	raw, err := json.Marshal(body)
	require.NoError(c.t, err)
	request, err := http.NewRequestWithContext(c.t.Context(), method, c.url+"/_sandbox/"+path, bytes.NewReader(raw))
	require.NoError(c.t, err)
	request.Header.Set("Authorization", "Bearer "+c.token)
	response, err := http.DefaultClient.Do(request)
	require.NoError(c.t, err)
	answer, err = io.ReadAll(response.Body)
	require.NoError(c.t, err)
	require.NoError(c.t, response.Body.Close())
	return response.StatusCode, answer
}

// faults makes these the faults, and no others.
func (c control) faults(rules ...string) {
	c.t.Helper()
	c.call(http.MethodDelete, "faults", nil, nil)
	if len(rules) > 0 {
		c.call(http.MethodPost, "faults", rules, nil)
	}
}

// hold has calls carried out and not answered.
func (c control) hold(calls []string) {
	c.t.Helper()
	rules := make([]string, len(calls))
	for i, call := range calls {
		rules[i] = call + "=slow=10m"
	}
	c.faults(rules...)
}

// hits waits until each fault in force has been met at least as often.
func (c control) hits(times int) {
	c.t.Helper()
	var rules []sandbox.AppliedRule
	defer func() {
		if c.t.Failed() {
			c.t.Logf("faults, and how often each was met: %+v", rules)
		}
	}()
	until(c.t, "every fault is met", func() bool {
		rules = nil
		c.call(http.MethodGet, "faults", nil, &rules)
		for _, r := range rules {
			if r.Applied < times {
				return false
			}
		}
		return true
	})
}

// requests counts the answered requests of a call since the sandbox started.
func (c control) requests(vendor, call string) int {
	c.t.Helper()
	var all []sandbox.Request
	c.call(http.MethodGet, "requests?vendor="+vendor, nil, &all)
	n := 0
	for _, r := range all {
		if r.Call == call {
			n++
		}
	}
	return n
}

// acknowledged are the numbers of the parts whose PUTs the store has answered
// since the sandbox started.
func (c control) acknowledged() (parts []int) {
	c.t.Helper()
	var all []sandbox.Request
	c.call(http.MethodGet, "requests?vendor=truvideo", nil, &all)
	for _, r := range all {
		if r.Call != "part" || r.Status != http.StatusOK {
			continue
		}
		at, err := url.Parse(r.Path)
		require.NoError(c.t, err)
		number, err := strconv.Atoi(at.Query().Get("partNumber"))
		require.NoError(c.t, err, r.Path)
		parts = append(parts, number)
	}
	return parts
}

// sentOnce makes sure that these parts of a medium were stored once.
func sentOnce(t *testing.T, m sandbox.Medium, parts []int) {
	t.Helper()
	for _, number := range parts {
		require.Equal(t, 1, m.Parts[number-1].Received, "part %d of %d, which was acknowledged before", number, len(m.Parts))
	}
}

func (c control) ledger() sandbox.Ledger {
	c.t.Helper()
	var books sandbox.Ledger
	c.call(http.MethodGet, "ledger", nil, &books)
	return books
}

// configure changes settings of the vendors.
func (c control) configure(settings any) { c.call(http.MethodPost, "options", settings, nil) }

// medium returns the one medium that a person would see at a vendor with the
// bytes of a file, and makes sure that there is no other with them.
func (c control) medium(vendor, file string) sandbox.Medium {
	c.t.Helper()
	want := sum(c.t, file)
	var found []sandbox.Medium
	for _, m := range c.ledger().Of(vendor) {
		if m.Visible && m.SHA256 == want {
			found = append(found, m)
		}
	}
	require.Len(c.t, found, 1, "media of %s at %s", filepath.Base(file), vendor)
	return found[0]
}

// content makes sure that nobody has complained.
func (c control) content() {
	c.t.Helper()
	require.Empty(c.t, c.ledger().Violations)
}

func sum(t *testing.T, file string) string {
	t.Helper()
	in, err := os.Open(file)
	require.NoError(t, err)
	defer func() { _ = in.Close() }()
	h := sha256.New()
	_, err = io.Copy(h, in)
	require.NoError(t, err)
	return hex.EncodeToString(h.Sum(nil))
}

// fields are flags for an upload to a vendor, so that it has all that it needs.
func fields(vendor string) []string {
	switch vendor {
	case "sitoo":
		return []string{"--set", "entity_id=S1|SKU|DAMAGED|7"}
	case "closient":
		return []string{"--set", "organization_id=" + sandboxOrganization(), "--set", "gtin=4006381333931"}
	}
	return nil
}

// sending are the arguments of an upload.
func sending(vendor, id, source string, more ...string) []string {
	args := append([]string{"upload", "--to", vendor, "--id", id, "--json"}, fields(vendor)...)
	return append(append(args, more...), source)
}

// results reads objects a line.
func results(t *testing.T, stdout string) []upload.Result {
	t.Helper()
	var all []upload.Result
	for line := range strings.Lines(stdout) {
		var r upload.Result
		require.NoError(t, json.Unmarshal([]byte(line), &r), line)
		all = append(all, r)
	}
	return all
}

// result reads the one object that there is.
func result(t *testing.T, stdout string) upload.Result {
	t.Helper()
	all := results(t, stdout)
	require.Len(t, all, 1, stdout)
	return all[0]
}

// ready waits for an upload's end and makes sure that it is a good one.
func (p *place) ready(id string) upload.Result {
	p.t.Helper()
	r := result(p.t, p.do("wait", "--json", id))
	require.Equal(p.t, upload.StateReady, r.State)
	return r
}

// record is engine.json.
type record struct {
	PID  int `json:"pid"`
	Host int `json:"host_pid"`
}

func (p *place) engine() record {
	p.t.Helper()
	var r record
	raw, err := os.ReadFile(filepath.Join(p.data, "engine.json"))
	require.NoError(p.t, err)
	require.NoError(p.t, json.Unmarshal(raw, &r))
	return r
}

// noEngineIsLeft waits until no process works on the data folder: what is in
// engine.json is not believed.
func (p *place) noEngineIsLeft() {
	p.t.Helper()
	until(p.t, "no engine is left", func() bool { return len(p.engines()) == 0 })
}

// engines are the processes of engines on the place's data folder.
func (p *place) engines() (pids []int) {
	p.t.Helper()
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(p.t, err)
	for _, line := range lines {
		raw, err := os.ReadFile(line)
		if err != nil {
			continue // it has ended meanwhile
		}
		words := strings.Split(string(raw), "\x00")
		if filepath.Base(words[0]) != "mediaferry-engine" || words[1] == "sandbox" || !strings.Contains(string(raw), "\x00"+p.data+"\x00") {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(line))); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// sandboxOrganization is the organization that the sandbox's Closient knows.
func sandboxOrganization() string {
	settings := sandbox.DefaultSettings()
	return sandbox.In[closient.Settings](&settings).Organizations[0]
}
