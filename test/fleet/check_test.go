//go:build compose

package fleet

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// patience bounds each wait for something that has to happen.
const patience = 4 * time.Minute

const (
	pageURL       = "http://127.0.0.1:8235"
	prometheusURL = "http://127.0.0.1:9090"
)

// checking is a fleet of docker-compose.yml, in containers.
type checking struct {
	t       *testing.T
	command []string // docker compose, or docker-compose
	folder  string   // a copy of what the file needs, with secrets of its own
	token   string   // of the page
	began   time.Time
	table   strings.Builder
}

// TestCompose is `make compose-check`, which sets MEDIAFERRY_COMPOSE to the command and
// MEDIAFERRY_COMPOSE_WITHOUT to the services that have no image here.
func TestCompose(t *testing.T) {
	c := &checking{t: t, command: strings.Fields(os.Getenv("MEDIAFERRY_COMPOSE")), folder: t.TempDir(), began: time.Now()}
	require.NotEmpty(t, c.command, "run make compose-check")
	c.copies()
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(c.tail("logs", "--no-color", "--tail", "20"))
			c.tail("--profile", "*", "down", "-v", "--remove-orphans", "-t", "2")
		}
		t.Logf("\n%s", c.table.String())
	})
	c.up()
	c.upload()
	c.vendorsAreAlone()
	c.batch()
	c.metrics()
	c.page()
	c.browse()
	c.scale()
	c.rollOut()
	c.down()
}

// copies makes the folder in which everything is started.
func (c *checking) copies() {
	for _, path := range []string{composeFile, "ops", "internal/samples/files"} {
		source := filepath.Join(top, path)
		require.NoError(c.t, filepath.WalkDir(source, func(from string, entry os.DirEntry, err error) error {
			if err != nil || entry.Name() == "secrets" {
				return err
			}
			below, err := filepath.Rel(top, from)
			require.NoError(c.t, err)
			to := filepath.Join(c.folder, below)
			if entry.IsDir() {
				return os.MkdirAll(to, 0o755)
			}
			text, err := os.ReadFile(from)
			require.NoError(c.t, err)
			info, err := entry.Info()
			require.NoError(c.t, err)
			require.NoError(c.t, os.MkdirAll(filepath.Dir(to), 0o755))
			return os.WriteFile(to, text, info.Mode())
		}))
	}
	require.NoError(c.t, os.Chmod(c.folder, 0o755))
	out, err := exec.Command(filepath.Join(c.folder, "ops/compose/secrets.sh")).CombinedOutput()
	require.NoError(c.t, err, "%s", out)
	token, err := os.ReadFile(filepath.Join(c.folder, "ops/compose/secrets/dashboard_token"))
	require.NoError(c.t, err)
	c.token = strings.TrimSpace(string(token))
}

// seen adds a line to the table.
func (c *checking) seen(what, figure string, arguments ...any) {
	fmt.Fprintf(&c.table, "| %-34s | %-72s | %5.0f s |\n", what, fmt.Sprintf(figure, arguments...), time.Since(c.began).Seconds())
	c.began = time.Now()
}

func (c *checking) prepared(input string, arguments []string) *exec.Cmd {
	cmd := exec.Command(c.command[0], append(append([]string{}, c.command[1:]...), arguments...)...)
	cmd.Dir = c.folder
	cmd.Env = append(os.Environ(), "COMPOSE_PROJECT_NAME=mediaferry-check")
	cmd.Stdin = strings.NewReader(input)
	return cmd
}

// compose runs the command, and returns what it printed.
func (c *checking) compose(arguments ...string) string {
	c.t.Helper()
	return c.sent("", arguments...)
}

func (c *checking) sent(input string, arguments ...string) string {
	c.t.Helper()
	cmd := c.prepared(input, arguments)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	require.NoError(c.t, cmd.Run(), "%s:\n%s%s", strings.Join(arguments, " "), said.String(), out.String())
	return out.String()
}

// tail runs the command after a failure.
func (c *checking) tail(arguments ...string) string {
	out, _ := c.prepared("", arguments).CombinedOutput()
	return string(out)
}

// mediaferry runs a command of ours in a container of its own.
func (c *checking) mediaferry(arguments ...string) string {
	c.t.Helper()
	return c.compose(append([]string{"run", "--rm", "-T", "mediaferry"}, arguments...)...)
}

// eventually waits until something is so.
func (c *checking) eventually(what string, so func() bool) {
	c.t.Helper()
	require.Eventually(c.t, so, patience, time.Second, what)
}

func (c *checking) containers(service string) []string {
	c.t.Helper()
	return strings.Fields(c.compose("ps", "-q", service))
}

func (c *checking) docker(arguments ...string) string {
	c.t.Helper()
	out, err := exec.Command("docker", arguments...).CombinedOutput()
	require.NoError(c.t, err, "docker %s: %s", strings.Join(arguments, " "), out)
	return strings.TrimSpace(string(out))
}

// healthy waits until so many containers of a service are.
func (c *checking) healthy(service string, many int) {
	c.t.Helper()
	c.eventually(service+" is healthy", func() bool {
		count := 0
		for _, id := range c.containers(service) {
			if state, err := exec.Command("docker", "inspect", "--format", "{{.State.Health.Status}}", id).Output(); err == nil && strings.TrimSpace(string(state)) == "healthy" {
				count++
			}
		}
		return count == many
	})
}

// up starts what has an image.
func (c *checking) up() {
	c.compose("config", "-q")
	c.seen("the file loads", "%s", strings.TrimSpace(strings.SplitN(c.compose("version"), "\n", 2)[0]))
	without := strings.Fields(os.Getenv("MEDIAFERRY_COMPOSE_WITHOUT"))
	var services []string
	skip := map[string]bool{"mediaferry": true, "worker-next": true}
	for _, one := range without {
		skip[one] = true
	}
	for _, one := range strings.Fields(c.compose("--profile", "sandbox", "config", "--services")) {
		if !skip[one] {
			services = append(services, one)
		}
	}
	c.compose(append([]string{"--profile", "sandbox", "up", "-d", "--no-build"}, services...)...)
	var ended, running int
	for _, one := range services {
		switch one {
		case "temporal-schema", "setup", "current":
			c.eventually(one+" ends with 0", func() bool {
				return c.docker("inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", c.containers(one)[0]) == "exited 0"
			})
			ended++
		case "worker":
			c.healthy(one, 3)
			running += 3
		default:
			c.healthy(one, 1)
			running++
		}
	}
	for _, id := range strings.Fields(c.compose("--profile", "sandbox", "ps", "-q")) {
		require.Regexp(c.t, `^[1-9]\d*:\d+$`, c.docker("inspect", "--format", "{{.Config.User}}", id), "nothing runs as root")
	}
	c.seen("all is started", "%d containers are healthy, %d have ended with 0; without: %s", running, ended, strings.Join(without, " ")+" ")
}

// upload sends one picture, which any worker reads.
func (c *checking) upload() {
	var result struct{ State, Way string }
	require.NoError(c.t, json.Unmarshal([]byte(c.mediaferry("upload", "--json", "--to", "trustana", "/media/headphones.jpg")), &result))
	require.Equal(c.t, "ready", result.State)
	c.mediaferry("doctor")
	c.seen("mediaferry upload, doctor", "%s; doctor has no problem", result.State)
}

// vendorsAreAlone looks from a worker: it reaches the vendors and not the control of the
// sandbox.
func (c *checking) vendorsAreAlone() {
	worker := c.containers("worker")[0]
	status := func(url string) string {
		return c.docker("exec", worker, "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", url)
	}
	require.Equal(c.t, "403", status("http://sandbox:8500/_sandbox/ledger"))
	require.Equal(c.t, "200", status("http://sandbox:8500/_sandbox/health"))
	c.seen("sandbox, from a worker", "vendors answer; control: 403")
}

// rows are those of the batch.
const rows = 480

// books are what the simulated vendors received.
type books struct {
	Media []struct {
		Vendor   string
		State    string
		Visible  bool // a person would see it at the vendor
		Received int  // whole bodies
		Fields   map[string]any
	}
	Violations []any
}

// visible counts the media that a person would see. A session that was opened and never used,
// because the worker that had asked for it was killed, is none.
func (b books) visible() int {
	count := 0
	for _, medium := range b.Media {
		if medium.Visible {
			count++
		}
	}
	return count
}

func (c *checking) books() books {
	var all books
	text := c.docker("exec", c.containers("sandbox")[0], "sh", "-c", `curl -fsS -H "Authorization: Bearer $(cat /data/sandbox/token)" http://127.0.0.1:8500/_sandbox/ledger`)
	require.NoError(c.t, json.Unmarshal([]byte(text), &all))
	return all
}

type progress struct {
	State                   string
	Total, Ready, Failed    int
	InProgress, Unconfirmed int
}

func (c *checking) progress() progress {
	var p progress
	require.NoError(c.t, json.Unmarshal([]byte(c.mediaferry("batch", "status", "check", "--json")), &p))
	return p
}

// batch runs a batch while a worker is killed and Temporal and PostgreSQL are restarted.
func (c *checking) batch() {
	before := c.books().visible()
	manifest := "source,to,id,skuIds,entity_id\n"
	for i := range rows {
		if i%2 == 0 {
			manifest += fmt.Sprintf("/media/headphones.jpg,trustana,%d,SKU%d,\n", i, i)
		} else {
			manifest += fmt.Sprintf("/media/headphones.jpg,sitoo,%d,,entity-%d\n", i, i)
		}
	}
	c.sent(manifest, "run", "--rm", "-T", "mediaferry", "batch", "start", "-", "--id", "check")
	c.eventually("the batch runs", func() bool { return c.progress().Ready > 0 })
	killed := c.containers("worker")[0]
	c.docker("kill", killed)
	c.seen("a worker is killed", "at %d of %d rows", c.progress().Ready, rows)
	c.compose("restart", "-t", "1", "temporal")
	c.healthy("temporal", 1)
	c.seen("Temporal is restarted", "at %d rows", c.progress().Ready)
	c.compose("restart", "-t", "20", "postgres")
	c.healthy("postgres", 1)
	c.eventually("the ledger answers", func() bool {
		return c.prepared("", []string{"run", "--rm", "-T", "mediaferry", "batch", "status", "check"}).Run() == nil
	})
	c.seen("PostgreSQL is restarted", "at %d rows", c.progress().Ready)
	c.docker("start", killed)
	c.healthy("worker", 3)
	c.eventually("the batch ends", func() bool { return c.progress().State == "completed" })
	end := c.progress()
	require.Equal(c.t, rows, end.Ready, "%+v", end)
	all := c.books()
	require.Empty(c.t, all.Violations)
	require.Equal(c.t, rows, all.visible()-before, "each arrived once: %+v", all.Media)
	c.seen("the batch ends", "%d of %d rows are ready; vendors have %d new media; no violations", end.Ready, end.Total, all.visible()-before)
	reports := strings.Fields(c.docker("exec", c.containers("s3")[0], "sh", "-c", "cd /var/tmp/s3/mediaferry && find reports -type f"))
	require.NotEmpty(c.t, reports)
	c.seen("reports are in the S3 store", "%d files, such as %s", len(reports), reports[0])
}

// value asks Prometheus.
func (c *checking) value(query string) float64 {
	var answer struct {
		Data struct {
			Result []struct{ Value [2]any }
		}
	}
	text, status := c.get(prometheusURL+"/api/v1/query?query="+url.QueryEscape(query), "")
	require.Equal(c.t, http.StatusOK, status, text)
	require.NoError(c.t, json.Unmarshal([]byte(text), &answer))
	if len(answer.Data.Result) != 1 {
		return -1
	}
	number, err := strconv.ParseFloat(answer.Data.Result[0].Value[1].(string), 64)
	require.NoError(c.t, err)
	return number
}

func (c *checking) get(address, accept string) (text string, status int) {
	request, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, address, nil)
	require.NoError(c.t, err)
	if strings.HasPrefix(address, pageURL) {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	request.Header.Set("Accept", accept)
	response, err := http.DefaultClient.Do(request)
	require.NoError(c.t, err)
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	require.NoError(c.t, err)
	return string(body), response.StatusCode
}

// metrics reads those of all workers and of Temporal.
func (c *checking) metrics() {
	for query, want := range map[string]float64{
		`count(up{job="mediaferry"} == 1)`: 3, `up{job="temporal"}`: 1,
		`sum(max by (account) (mediaferry_items{state="ready"}))`: rows + 1,
	} {
		c.eventually(query, func() bool { return c.value(query) == want })
	}
	rules, _ := c.get(prometheusURL+"/api/v1/rules", "")
	require.Contains(c.t, rules, "mediaferry")
	require.Contains(c.t, rules, `"health":"ok"`)
	require.NotContains(c.t, rules, `"health":"err"`)
	c.seen("Prometheus", "3 workers and Temporal are up; %d items are ready; %d alert rules", rows+1, strings.Count(rules, `"type":"alerting"`))
}

// page opens what operators see.
func (c *checking) page() {
	text, status := c.get(pageURL+"/batches/check", "text/html")
	require.Equal(c.t, http.StatusOK, status)
	require.Contains(c.t, text, strconv.Itoa(rows))
	workers, status := c.get(pageURL+"/workers", "application/json")
	require.Equal(c.t, http.StatusOK, status)
	require.Contains(c.t, workers, `"alive":true`)
	ui, status := c.get(pageURL+"/temporal/", "text/html")
	require.Equal(c.t, http.StatusOK, status)
	require.Contains(c.t, ui, "<html")
	workflows, status := c.get(pageURL+"/temporal/api/v1/namespaces/mediaferry/workflows?query="+url.QueryEscape(`MediaferryBatch = "check"`), "application/json")
	require.Equal(c.t, http.StatusOK, status)
	require.Contains(c.t, workflows, "batch")
	for _, path := range []string{"/", "/temporal/", "/temporal/api/v1/namespaces"} {
		response, err := http.Get(pageURL + path)
		require.NoError(c.t, err)
		require.NoError(c.t, response.Body.Close())
		require.Equal(c.t, http.StatusUnauthorized, response.StatusCode, path)
	}
	c.seen("the page, and Temporal's UI in it", "open with the token, 401 without; the UI finds the batch's workflows")
}

// browse logs in with a browser, where there is one, and looks at the batch in the page and at
// its workflow in Temporal's web UI.
func (c *checking) browse() {
	_, err := exec.LookPath("chromium")
	if err != nil {
		c.seen("the page in Chromium", "not opened: chromium is not installed")
		return
	}
	ctx, cancel := chromedp.NewContext(context.Background(), chromedp.WithAllocatorOptions(chromedp.NoSandbox))
	defer cancel()
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	require.NoError(c.t, chromedp.Do(ctx, chromedp.EmulateViewport(1280, 900),
		chromedp.Navigate(pageURL+"/batches/check"), chromedp.WaitVisible("#token"), chromedp.SendKeys("#token", c.token), chromedp.Click("//button"),
		chromedp.WaitVisible("#main")))
	text := func() string {
		text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.body.innerText`))
		if err != nil {
			return "" // it is being loaded
		}
		return text
	}
	c.eventually("the page shows the batch", func() bool { return strings.Contains(text(), strconv.Itoa(rows)) })
	at, err := chromedp.Run(ctx, chromedp.Location())
	require.NoError(c.t, err)
	u, err := url.Parse(at)
	require.NoError(c.t, err)
	query := "?query=" + url.QueryEscape(`MediaferryBatch = "check"`)
	require.NoError(c.t, chromedp.Do(ctx, chromedp.Navigate("http://"+u.Host+"/temporal/namespaces/mediaferry/workflows"+query)))
	c.eventually("Temporal's web UI shows the batch", func() bool { return strings.Contains(text(), "batch/check") || strings.Contains(text(), "dispatch") })
	c.seen("the page in Chromium", "login; the batch, and its workflows in Temporal's UI")
}

// build is that of the workers which carried an upload, by Temporal's account.
func (c *checking) build(id string) string {
	text, status := c.get(pageURL+"/temporal/api/v1/namespaces/mediaferry/workflows/"+url.PathEscape(id), "application/json")
	require.Equal(c.t, http.StatusOK, status, text)
	var described struct {
		Info struct {
			Versioning struct {
				Version struct {
					Build string `json:"buildId"`
				} `json:"deploymentVersion"`
			} `json:"versioningInfo"`
		} `json:"workflowExecutionInfo"`
	}
	require.NoError(c.t, json.Unmarshal([]byte(text), &described))
	return described.Info.Versioning.Version.Build
}

// rollOut starts workers of another version beside the present ones, directs uploads to them,
// and goes back. Both versions are the same image.
func (c *checking) rollOut() {
	c.docker("tag", "mediaferry:v1", "mediaferry:v2")
	c.compose("--profile", "next", "up", "-d", "--no-build", "--no-recreate", "worker-next")
	c.healthy("worker-next", 3)
	for _, version := range []string{"v2", "v1"} {
		c.mediaferry("setup", "--current", "mediaferry."+version)
		c.mediaferry("upload", "--to", "sitoo", "--id", "with-"+version, "--set", "entity_id="+version, "/media/headphones.jpg")
		require.Equal(c.t, version, c.build("upload/sitoo/with-"+version))
	}
	c.compose("--profile", "next", "rm", "-s", "-f", "worker-next")
	c.seen("v2 is rolled out, and back", "an upload after setup --current ran on v2, the next one on v1 again")
}

// scale adds a worker.
func (c *checking) scale() {
	c.compose("--profile", "sandbox", "up", "-d", "--no-build", "--no-recreate", "--scale", "worker=4", "worker")
	c.healthy("worker", 4)
	c.eventually("Prometheus finds it", func() bool { return c.value(`count(up{job="mediaferry"} == 1)`) == 4 })
	c.seen("--scale worker=4", "4 workers are healthy; Prometheus finds all")
}

// down takes all down, and leaves nothing.
func (c *checking) down() {
	c.compose("--profile", "sandbox", "down", "-v", "--remove-orphans", "-t", "30")
	filter := "label=com.docker.compose.project=mediaferry-check"
	require.Empty(c.t, c.docker("ps", "-aq", "--filter", filter))
	require.Empty(c.t, c.docker("volume", "ls", "-q", "--filter", filter))
	require.Empty(c.t, c.docker("network", "ls", "-q", "--filter", filter))
	c.seen("all is taken down", "no container, volume or network is left")
}
