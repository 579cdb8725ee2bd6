package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/metrics"
	"github.com/mediaferry/mediaferry/internal/sandbox"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// seriesMost is below how many series of ours a worker stays.
const seriesMost = 400

// sample is one series of a scrape.
type sample struct {
	name   string
	labels map[string]string
	value  float64
}

// scrape reads the metrics of a worker: all as text, and ours by series.
func scrape(t *testing.T, address string) (text string, ours []sample) {
	t.Helper()
	response, err := http.Get("http://" + address + "/metrics")
	require.NoError(t, err)
	raw, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode, string(raw))
	label := regexp.MustCompile(`(\w+)="((?:[^"\\]|\\.)*)"`)
	for line := range strings.Lines(string(raw)) {
		if !strings.HasPrefix(line, "mediaferry_") {
			continue
		}
		series, text, found := cutLast(strings.TrimSpace(line), " ")
		require.True(t, found, line)
		value, err := strconv.ParseFloat(text, 64)
		require.NoError(t, err, line)
		name, rest, _ := strings.Cut(series, "{")
		s := sample{name: name, labels: map[string]string{}, value: value}
		for _, m := range label.FindAllStringSubmatch(rest, -1) {
			s.labels[m[1]] = m[2]
		}
		ours = append(ours, s)
	}
	return string(raw), ours
}

func cutLast(text, separator string) (before, after string, found bool) {
	if i := strings.LastIndex(text, separator); i >= 0 {
		return text[:i], text[i+len(separator):], true
	}
	return text, "", false
}

// sums adds up the series of a metric by some of their labels.
func sums(all []sample, name string, by ...string) map[string]float64 {
	out := map[string]float64{}
	for _, s := range all {
		if s.name != name {
			continue
		}
		key := make([]string, len(by))
		for i, label := range by {
			key[i] = s.labels[label]
		}
		out[strings.Join(key, " ")] += s.value
	}
	return out
}

// tool is a program of Prometheus.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		skip(t, "there is no "+name+"; install Debian's package prometheus")
	}
	return path
}

// listening is where a worker serves its metrics.
func listening(t *testing.T, w *process) string {
	t.Helper()
	for line := range strings.Lines(w.stderr.String()) {
		var said struct{ Msg, Listen string }
		if json.Unmarshal([]byte(line), &said) == nil && said.Msg == "ready" {
			return said.Listen
		}
	}
	t.Fatalf("the worker does not say where it listens: %s", w.stderr)
	return ""
}

// prom is a Prometheus that scrapes workers as ops/prometheus says, but each second.
type prom struct {
	t    *testing.T
	url  string
	from time.Time
}

const (
	rules      = "mediaferry.rules.yml"
	prometheus = "../../ops/prometheus"
)

func newProm(t *testing.T, targets ...string) prom {
	t.Helper()
	binary, folder := tool(t, "prometheus"), t.TempDir()
	config, err := os.ReadFile(filepath.Join(prometheus, "prometheus.yml"))
	require.NoError(t, err)
	quoted, err := json.Marshal(targets)
	require.NoError(t, err)
	text := string(config)
	for old, replacement := range map[string]string{`["127.0.0.1:9464"]`: string(quoted), "interval: 15s": "interval: 1s"} {
		require.Contains(t, text, old)
		text = strings.ReplaceAll(text, old, replacement)
	}
	require.NoError(t, os.WriteFile(filepath.Join(folder, "prometheus.yml"), []byte(text), 0o600))
	all, err := os.ReadFile(filepath.Join(prometheus, rules))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(folder, rules), all, 0o600))

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	var said syncBuffer
	cmd := exec.Command(binary, "--config.file="+filepath.Join(folder, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(folder, "data"), "--web.listen-address="+address)
	cmd.Stdout, cmd.Stderr = &said, &said
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("prometheus: %s", said.String())
		}
	})
	p := prom{t, "http://" + address, time.Now()}
	until(t, "Prometheus is ready", func() bool {
		response, err := http.Get(p.url + "/-/ready")
		if err != nil {
			return false
		}
		_ = response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
	return p
}

// get asks the API of Prometheus.
func (p prom) get(path string, values url.Values, into any) {
	p.t.Helper()
	response, err := http.Get(p.url + "/api/v1/" + path + "?" + values.Encode())
	require.NoError(p.t, err)
	raw, err := io.ReadAll(response.Body)
	require.NoError(p.t, err)
	require.NoError(p.t, response.Body.Close())
	var answer struct {
		Status string
		Data   json.RawMessage
	}
	require.NoError(p.t, json.Unmarshal(raw, &answer), string(raw))
	require.Equal(p.t, "success", answer.Status, "%s: %s", values.Encode(), raw)
	require.NoError(p.t, json.Unmarshal(answer.Data, into))
}

// points counts what a query answers since Prometheus started.
func (p prom) points(query string) (n int) {
	p.t.Helper()
	var found struct {
		Result []struct{ Values [][]any }
	}
	p.get("query_range", url.Values{
		"query": {query}, "start": {unix(p.from)}, "end": {unix(time.Now())}, "step": {"1"},
	}, &found)
	for _, series := range found.Result {
		n += len(series.Values)
	}
	return n
}

func unix(t time.Time) string { return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', 3, 64) }

// value is the sum of what a query answers now.
func (p prom) value(query string) (sum float64) {
	p.t.Helper()
	var found struct {
		Result []struct{ Value [2]any }
	}
	p.get("query", url.Values{"query": {query}}, &found)
	for _, series := range found.Result {
		n, err := strconv.ParseFloat(fmt.Sprint(series.Value[1]), 64)
		require.NoError(p.t, err)
		sum += n
	}
	return sum
}

// queries are those of a dashboard, as Grafana asks them for everything, by panel, and
// those of its variables.
func queries(t *testing.T, file string) (panels, variables map[string]string) {
	t.Helper()
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	var board struct {
		Title  string
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
		Templating struct {
			List []struct{ Name, Type, Definition string }
		}
	}
	require.NoError(t, json.Unmarshal(raw, &board))
	fill := strings.NewReplacer("$__rate_interval", "15s", "$vendor", ".*", "$account", ".*", "$batch", ".*").Replace
	panels, variables = map[string]string{}, map[string]string{}
	for _, panel := range board.Panels {
		for i, target := range panel.Targets {
			panels[fmt.Sprintf("%s: %s %d", board.Title, panel.Title, i)] = fill(target.Expr)
		}
	}
	for _, v := range board.Templating.List {
		if v.Type == "query" {
			variables[board.Title+": $"+v.Name] = fill(v.Definition)
		}
	}
	require.NotEmpty(t, panels)
	return panels, variables
}

// twice makes the box's accounts the place's, each of them two times.
func (f fleet) twice(more string) {
	f.t.Helper()
	raw, err := os.ReadFile(filepath.Join(f.dir, "box", "sandbox.yaml"))
	require.NoError(f.t, err)
	_, accounts, found := strings.Cut(string(raw), "accounts:\n")
	require.True(f.t, found)
	again := regexp.MustCompile(`(?m)^  (\w+):$`).ReplaceAllString(accounts, "  $1-too:")
	file := filepath.Join(f.dir, "mediaferry.yaml")
	require.NoError(f.t, os.WriteFile(file, []byte("accounts:\n"+strings.TrimRight(accounts, "\n")+"\n"+again+more), 0o600))
}

// TestTheMetricsOfAFleetAddUp runs a batch with faults by two workers, which a real
// Prometheus scrapes, and holds what they say against the simulators' books.
func TestTheMetricsOfAFleetAddUp(t *testing.T) {
	t.Parallel()
	promtool := tool(t, "promtool")
	f := newFleet(t)
	conf, err := os.ReadFile(filepath.Join(f.dir, "mediaferry.yaml"))
	require.NoError(t, err)
	f.twice(string(conf[strings.Index(string(conf), "sources:"):]))
	here, err := os.Hostname()
	require.NoError(t, err)
	workers := []string{listening(t, f.worker("--host", here)), listening(t, f.worker("--host", here, "--bwlimit", "200M"))}
	p := newProm(t, workers...)

	lines := f.troubled(func() {
		until(t, "Prometheus has seen what waits", func() bool {
			return p.value(`sum(mediaferry_waiting_items{for="account"})`) > 0 && p.value("max(mediaferry_oldest_waiting_seconds)") > 0 &&
				p.value("sum(mediaferry_batch_rows)") > 0
		})
	})
	ended := map[string]float64{}
	sizes, sent := map[string]float64{}, map[string]float64{}
	for _, line := range lines {
		ended[fmt.Sprintf("%s %s %s", line.To, line.State, kindOf(line))]++
		sent[line.To] += float64(line.BytesSent)
		if line.State == upload.StateReady {
			sizes[line.To] += float64(line.Size)
		}
	}
	until(t, "Prometheus has seen the end", func() bool {
		return p.value("sum(mediaferry_uploads_total)") == float64(len(lines))
	})

	var all []sample
	for _, address := range workers {
		text, ours := scrape(t, address)
		require.Less(t, len(ours), seriesMost, "series of %s", address)
		t.Logf("%s has %d series of ours", address, len(ours))
		checked(t, promtool, text)
		all = append(all, ours...)
	}
	require.Equal(t, ended, sums(all, "mediaferry_uploads_total", "account", "state", "kind"))
	require.Equal(t, sent, sums(all, "mediaferry_sent_bytes_total", "account"), "what the results say was sent")
	vain := sums(all, "mediaferry_wasted_bytes_total", "account")
	for account, n := range sums(all, "mediaferry_sent_bytes_total", "account") {
		require.InDelta(t, sizes[account], n-vain[account], 0, "bytes of %s of which something became", account)
	}
	f.requested(all)
	for _, m := range metrics.Families() {
		require.Positive(t, p.points(`{__name__=~"`+m.Name+`(_count)?"}`), "no worker had %s", m.Name)
	}

	var groups struct {
		Groups []struct {
			Rules []struct{ Name, Health, LastError string }
		}
	}
	p.get("rules", nil, &groups)
	require.Len(t, groups.Groups, 1)
	for _, rule := range groups.Groups[0].Rules {
		require.Equal(t, "ok", rule.Health, "%s: %s", rule.Name, rule.LastError)
	}
	boards, err := filepath.Glob("../../ops/grafana/dashboards/*.json")
	require.NoError(t, err)
	require.Len(t, boards, 3)
	var silent []string
	for _, board := range boards {
		panels, variables := queries(t, board)
		for name, query := range panels {
			if p.points(query) == 0 {
				silent = append(silent, name+": "+query)
			}
		}
		for name, definition := range variables {
			if len(p.labels(definition)) == 0 {
				silent = append(silent, name+": "+definition)
			}
		}
	}
	require.Empty(t, silent, "queries that answer nothing")
}

// kindOf is of what kind a failure is.
func kindOf(r upload.Result) upload.Kind {
	if r.Error == nil {
		return ""
	}
	return r.Error.Kind
}

// troubled runs a batch with two accounts of each vendor, in which something goes wrong
// at each of them, and returns its report. One account is paused until looked returns.
func (f fleet) troubled(looked func()) []upload.Result {
	f.t.Helper()
	table := [][]string{columns()}
	add := func(vendor, account, id, path string) {
		row := rowOf(vendor, id, path)
		row[1] = account
		table = append(table, row)
	}
	for _, vendor := range []string{"trustana", "trustoo", "sitoo", "closient"} {
		rows := 12
		if vendor == "closient" {
			rows = 2 // one after the other, since they are of one product
		}
		for n := range 2 * rows {
			account := vendor + strings.Repeat("-too", n%2)
			id := fmt.Sprintf("%s-%d", vendor, n)
			path := filepath.Join(f.media, id+".jpg")
			require.NoError(f.t, os.WriteFile(path, picture(f.t, id, 40_000+n), 0o600))
			add(vendor, account, id, path)
		}
	}
	for n, account := range []string{"truvideo", "truvideo-too"} {
		add("truvideo", account, account, f.film(account+".mp4", int64(30<<20+n)))
	}
	manifest := filepath.Join(f.media, "spring.csv")
	writeTable(f.t, manifest, table)
	f.box.faults(
		"trustana.prepare#3=status=429,retry-after=1", "trustana.put#2=status=503", "trustana.put#5=reset-in=20000",
		"trustoo.post#4=lost", "trustoo.post#6=status=500",
		"sitoo.upload-url#5=status=400", "sitoo.post#3=status=503", "sitoo.get#2=status=500",
		"closient.post#1=cut-answer",
		"truvideo.part#2=expired", "truvideo.part#5=reset-in=100000",
	)
	f.run("account", "pause", "trustoo-too", "--because", "somebody looks at what waits")
	f.run("batch", "start", manifest, "--id", "spring")
	looked()
	f.run("account", "resume", "trustoo-too")
	f.run("batch", "watch", "spring")
	return f.report("spring")
}

// checked makes sure that promtool finds nothing wrong with metrics.
func checked(t *testing.T, promtool, text string) {
	t.Helper()
	cmd := exec.Command(promtool, "check", "metrics")
	cmd.Stdin = strings.NewReader(text)
	said, err := cmd.CombinedOutput()
	require.NoError(t, err, string(said))
	require.Empty(t, string(said))
}

// requested holds the requests that workers counted against those that the vendors and
// their stores saw.
func (f fleet) requested(all []sample) {
	f.t.Helper()
	want, stores := map[string]float64{}, map[string]float64{}
	for _, r := range f.box.all() {
		status := statusLabel(r)
		if r.Storage && r.Method != http.MethodGet { // else it is a medium that is read again
			stores[status]++
		}
		if r.Storage {
			continue
		}
		if r.Call == "callback" || r.Call == "key" { // the store's own: it tells the vendor
			continue
		}
		want[fmt.Sprintf("%s %s %s", r.Vendor, r.Call, status)]++
	}
	got := sums(all, "mediaferry_vendor_requests_total", "vendor", "call", "status")
	require.Equal(f.t, want, got)
	require.Equal(f.t, stores, sums(all, "mediaferry_store_requests_total", "status"))
	timed := sums(all, "mediaferry_vendor_request_duration_seconds_count")
	require.InDelta(f.t, total(got), timed[""], 0)
}

// statusLabel is the label of what became of a request; none where the connection was
// cut.
func statusLabel(r sandbox.Request) string {
	switch r.Status {
	case 0:
		return "none"
	case 401, 403, 404, 429, 503:
		return strconv.Itoa(r.Status)
	}
	return strconv.Itoa(r.Status/100) + "xx"
}

func total(of map[string]float64) (sum float64) {
	for _, n := range of {
		sum += n
	}
	return sum
}

// labels are the values that Grafana finds for a variable.
func (p prom) labels(definition string) []string {
	p.t.Helper()
	inner := strings.TrimSuffix(strings.TrimPrefix(definition, "label_values("), ")")
	match, label, found := cutLast(inner, ", ")
	require.True(p.t, found, definition)
	var values []string
	p.get("label/"+label+"/values", url.Values{"match[]": {match}}, &values)
	return values
}

// TestRulesAndDashboardsAreSound checks what a Prometheus and a Grafana are given.
func TestRulesAndDashboardsAreSound(t *testing.T) {
	t.Parallel()
	promtool := tool(t, "promtool")
	for _, args := range [][]string{{"check", "config", "prometheus.yml"}, {"check", "rules", rules}, {"test", "rules", "mediaferry.rules.test.yml"}} {
		cmd := exec.Command(promtool, args...)
		cmd.Dir = prometheus
		said, err := cmd.CombinedOutput()
		require.NoError(t, err, "promtool %s: %s", strings.Join(args, " "), said)
		require.NotContains(t, string(said), "FAILED")
	}
	all, err := os.ReadFile(filepath.Join(prometheus, rules))
	require.NoError(t, err)
	tests, err := os.ReadFile(filepath.Join(prometheus, "mediaferry.rules.test.yml"))
	require.NoError(t, err)
	page, err := os.ReadFile("../../docs/operations.md")
	require.NoError(t, err)
	alerts := regexp.MustCompile(`(?m)alert: (\w+)$`).FindAllStringSubmatch(string(all), -1)
	require.NotEmpty(t, alerts)
	for _, alert := range alerts {
		require.Contains(t, string(tests), "name: "+alert[1]+"\n", "no test fires it")
		require.Contains(t, string(page), "`"+alert[1]+"`", "docs/operations.md says what to do")
	}
	known := map[string]bool{}
	for _, m := range metrics.Families() {
		known[m.Name] = true
	}
	used := regexp.MustCompile(`mediaferry_[a-z_]+`)
	boards, err := filepath.Glob("../../ops/grafana/dashboards/*.json")
	require.NoError(t, err)
	shown := map[string]bool{}
	for _, board := range boards {
		panels, variables := queries(t, board)
		maps.Copy(panels, variables)
		for name, query := range panels {
			for _, metric := range used.FindAllString(query, -1) {
				base := metric
				for _, suffix := range []string{"_bucket", "_count", "_sum"} {
					base = strings.TrimSuffix(base, suffix)
				}
				require.True(t, known[base], "%s uses %s", name, metric)
				shown[base] = true
			}
		}
	}
	for _, metric := range used.FindAllString(string(all), -1) {
		base := strings.TrimSuffix(strings.TrimSuffix(metric, "_bucket"), "_count")
		require.True(t, known[base], "rules use %s", metric)
	}
	require.Equal(t, slices.Sorted(maps.Keys(known)), slices.Sorted(maps.Keys(shown)), "each metric is on a dashboard")
}
