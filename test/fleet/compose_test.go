package fleet

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/mediaferry/mediaferry/internal/sandbox"
)

const (
	composeFile   = "docker-compose.yml"
	composeConfig = "ops/compose/mediaferry.yaml"
)

// project loads docker-compose.yml with all its profiles, as docker compose does.
func project(t *testing.T) *types.Project {
	t.Helper()
	details := types.ConfigDetails{WorkingDir: top, ConfigFiles: []types.ConfigFile{{Filename: filepath.Join(top, composeFile)}}, Environment: types.Mapping{}}
	loaded, err := loader.LoadWithContext(t.Context(), details, func(o *loader.Options) {
		o.SetProjectName("mediaferry", true)
		o.Profiles = []string{"*"}
	})
	require.NoError(t, err)
	require.NotEmpty(t, loaded.Services)
	return loaded
}

func ours(s types.ServiceConfig) bool { return strings.HasPrefix(s.Image, "mediaferry:") }

// once reports whether a service does one thing and ends.
func once(s types.ServiceConfig) bool { return s.Restart == "no" }

func variables(s types.ServiceConfig) map[string]string {
	all := map[string]string{}
	for name, value := range s.Environment {
		if value != nil {
			all[name] = *value
		}
	}
	return all
}

// called is the command line of a service of ours.
func called(t *testing.T, s types.ServiceConfig) invocation {
	t.Helper()
	line := append([]string{}, s.Entrypoint...)
	if len(line) == 0 {
		require.Contains(t, read(t, "Dockerfile"), `ENTRYPOINT ["mediaferry"]`)
		line = []string{"mediaferry"}
	}
	return invoked(t, append(line, s.Command...))
}

func TestEveryContainerIsConfined(t *testing.T) {
	pinned := regexp.MustCompile(`^[\w./-]+:v?\d[\w.-]*$`)
	for name, s := range project(t).Services {
		require.Regexp(t, pinned, s.Image, name)
		require.Regexp(t, `^\d+:\d+$`, s.User, name)
		require.True(t, s.ReadOnly, name)
		require.Equal(t, []string{"ALL"}, s.CapDrop, name)
		require.Empty(t, s.CapAdd, name)
		require.False(t, s.Privileged, name)
		require.Contains(t, s.SecurityOpt, "no-new-privileges:true", name)
		require.Empty(t, s.NetworkMode, "%s shares a network", name)
		require.NotEmpty(t, s.Networks, name)
		require.NotEmpty(t, s.Logging.Options["max-size"], name)
		if !once(s) {
			require.Equal(t, "unless-stopped", s.Restart, name)
			require.NotNil(t, s.HealthCheck, name)
		}
		for _, published := range s.Ports {
			require.Equal(t, "127.0.0.1", published.HostIP, name)
		}
		for variable := range s.Environment {
			if !ours(s) { // ours are those of the sandbox: see TestTheAccountsAreThoseOfTheSandbox
				require.NotRegexp(t, `(PASSWORD|SECRET|KEY|TOKEN)$`, variable, "%s: a secret belongs into a file", name)
			}
		}
	}
	for name, network := range project(t).Networks {
		require.Equal(t, name != "default", network.Internal, name)
	}
}

// What Temporal's server, tools and web UI are, and the store of reports, is what our modules
// are built and tested with.
func TestImagesHaveTheVersionsOfOurModules(t *testing.T) {
	services := project(t).Services
	for service, c := range map[string]struct{ image, module, file string }{
		"temporal":        {"temporalio/server:", "go.temporal.io/server v", "engine/go.mod"},
		"temporal-schema": {"temporalio/admin-tools:", "go.temporal.io/server v", "engine/go.mod"},
		"temporal-ui":     {"temporalio/ui:", "github.com/temporalio/ui-server/v2 v", "engine/go.mod"},
		"s3":              {"versity/versitygw:v", "github.com/versity/versitygw v", "internal/sandbox/go.mod"},
	} {
		version, found := strings.CutPrefix(services[service].Image, c.image)
		require.True(t, found, services[service].Image)
		require.Contains(t, read(t, c.file), c.module+version+"\n", service)
	}
}

func TestMountedFilesAndSecretsAreThere(t *testing.T) {
	p := project(t)
	script := read(t, "ops/compose/secrets.sh")
	for name, secret := range p.Secrets {
		require.Equal(t, filepath.Join(p.WorkingDir, "ops/compose/secrets", name), secret.File)
		require.Contains(t, script, "\nsecret "+name+" ", "secrets.sh makes it")
	}
	require.Len(t, regexp.MustCompile(`(?m)^secret \w`).FindAllString(script, -1), len(p.Secrets))
	for _, ignored := range []string{".gitignore", ".dockerignore"} {
		require.Contains(t, read(t, ignored), "ops/compose/secrets")
	}
	for name, s := range p.Services {
		for _, mounted := range s.Volumes {
			if mounted.Type == types.VolumeTypeBind {
				_, err := os.Stat(mounted.Source)
				require.NoError(t, err, name)
				require.True(t, mounted.ReadOnly, "%s mounts %s", name, mounted.Source)
			}
		}
		for _, secret := range s.Secrets {
			require.Contains(t, p.Secrets, secret.Source, name)
		}
	}
	for _, script := range []string{"databases.sh", "temporal-schema.sh", "s3.sh", "secrets.sh"} {
		info, err := os.Stat(filepath.Join(top, "ops/compose", script))
		require.NoError(t, err)
		require.NotZero(t, info.Mode()&0o111, script)
		out, err := exec.Command("sh", "-n", filepath.Join(top, "ops/compose", script)).CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
}

func TestComposeCallsOurProgramsAsTheyAre(t *testing.T) {
	p, configuration := project(t), read(t, composeConfig)
	builds := map[string]bool{}
	for name, s := range p.Services {
		if !ours(s) {
			continue
		}
		call := called(t, s)
		if call.command == "sandbox" {
			require.Empty(t, s.Environment, "the sandbox reads nothing of the fleet")
			require.Equal(t, name, call.flags["--hostname"])
			continue
		}
		environment(t, variables(s), configuration)
		target := variables(s)["MEDIAFERRY_CONFIG"]
		require.Contains(t, mountedAt(s), target, name)
		given := map[string]bool{variables(s)["AWS_SHARED_CREDENTIALS_FILE"]: true}
		for _, file := range secretFiles(configuration) {
			given[file] = true
		}
		for _, secret := range s.Secrets {
			require.True(t, given["/run/secrets/"+secret.Source], "%s does not need %s", name, secret.Source)
			delete(given, "/run/secrets/"+secret.Source)
		}
		require.Empty(t, given, "%s lacks secrets", name)
		if build := call.flags["--build-id"]; build != "" {
			require.Equal(t, "mediaferry:"+build, s.Image)
			builds[call.flags["--deployment"]+"."+build] = true
		}
	}
	require.True(t, builds[called(t, p.Services["current"]).flags["--current"]], "the current version is that of the workers")
}

func mountedAt(s types.ServiceConfig) []string {
	var targets []string
	for _, mounted := range s.Volumes {
		targets = append(targets, mounted.Target)
	}
	return targets
}

func TestTheConfigurationOfComposeIsValid(t *testing.T) {
	p := project(t)
	worker := p.Services["worker"]
	c := loaded(t, read(t, composeConfig), variables(worker))
	shared, err := c.SharedRoots()
	require.NoError(t, err)
	require.NotEmpty(t, shared)
	for _, name := range []string{"worker", "worker-next", "dashboard", "mediaferry"} {
		for _, root := range shared {
			require.Contains(t, mountedAt(p.Services[name]), root.Path, name)
		}
	}
	require.False(t, writable(worker, "/media"))
	require.True(t, writable(p.Services["dashboard"], shared[0].Path), "the page keeps dropped files there")
	ledger, err := c.Ledger()
	require.NoError(t, err)
	require.Contains(t, ledger, "@postgres:5432/mediaferry")
	require.Contains(t, read(t, "ops/compose/databases.sh"), "database mediaferry mediaferry")
	d, err := c.Dashboard()
	require.NoError(t, err)
	require.Equal(t, "http://temporal-ui:"+variables(p.Services["temporal-ui"])["TEMPORAL_UI_PORT"], d.TemporalUI)
	results, err := c.Results()
	require.NoError(t, err)
	store, err := c.S3()
	require.NoError(t, err)
	script := read(t, "ops/compose/s3.sh")
	require.Contains(t, script, "--port :"+port(t, strings.TrimPrefix(store.Endpoint, "http://"))+" ")
	require.Contains(t, script, "--region "+store.Region+" ")
	bucket, _, _ := strings.Cut(strings.TrimPrefix(results, "s3://"), "/")
	require.Contains(t, script, "/"+bucket+"\n", "the bucket is made")
}

func writable(s types.ServiceConfig, target string) bool {
	for _, mounted := range s.Volumes {
		if mounted.Target == target {
			return !mounted.ReadOnly
		}
	}
	return false
}

func TestTheAccountsAreThoseOfTheSandbox(t *testing.T) {
	p := project(t)
	call := called(t, p.Services["sandbox"])
	box, err := sandbox.Start(t.Context(), sandbox.Options{Dir: t.TempDir(), Host: call.flags["--hostname"], Discard: true})
	require.NoError(t, err)
	t.Cleanup(func() { _ = box.Close() })
	want := regexp.MustCompile(`//sandbox:\d+`).ReplaceAllString(string(box.Config()), "//sandbox"+call.flags["--listen"])
	have := regexp.MustCompile(`\$\{([A-Z_]+)\}`).ReplaceAllStringFunc(read(t, composeConfig), func(name string) string {
		return variables(p.Services["worker"])[strings.Trim(name, "${}")]
	})
	accounts := func(text string) any {
		var found struct {
			Accounts map[string]map[string]any `yaml:"accounts"`
		}
		require.NoError(t, yaml.Unmarshal([]byte(text), &found))
		require.NotEmpty(t, found.Accounts)
		return found.Accounts
	}
	require.Equal(t, accounts(want), accounts(have))
}

func TestPortsMeet(t *testing.T) {
	p := project(t)
	for name, s := range p.Services {
		if !ours(s) || s.HealthCheck == nil {
			continue
		}
		listens := port(t, called(t, s).flags["--listen"])
		require.Contains(t, s.HealthCheck.Test[len(s.HealthCheck.Test)-1], "http://127.0.0.1:"+listens+"/", name)
		for _, published := range s.Ports {
			require.Equal(t, listens, published.Published, name)
			require.Equal(t, listens, strconv.Itoa(int(published.Target)), name)
		}
	}
	server := read(t, "ops/compose/temporal.yaml")
	require.Contains(t, server, "grpcPort: "+port(t, variables(p.Services["worker"])["TEMPORAL_ADDRESS"])+",")
	require.Contains(t, strings.Join(p.Services["temporal"].HealthCheck.Test, " "), "http://127.0.0.1:7243/")
	require.Contains(t, server, "httpPort: 7243")

	var scrapes struct {
		Configs []struct {
			Job string `yaml:"job_name"`
			DNS []struct {
				Names []string
				Port  string
			} `yaml:"dns_sd_configs"`
			Static []struct{ Targets []string } `yaml:"static_configs"`
		} `yaml:"scrape_configs"`
		Rules []string `yaml:"rule_files"`
	}
	require.NoError(t, yaml.Unmarshal([]byte(read(t, "ops/compose/prometheus.yml")), &scrapes))
	require.Equal(t, "mediaferry", scrapes.Configs[0].Job, "rules and dashboards use the job's name")
	for _, worker := range scrapes.Configs[0].DNS[0].Names {
		require.Equal(t, scrapes.Configs[0].DNS[0].Port, port(t, called(t, p.Services[worker]).flags["--listen"]))
	}
	require.Contains(t, server, `listenAddress: "0.0.0.0:`+port(t, scrapes.Configs[1].Static[0].Targets[0])+`"`)
	for _, rules := range scrapes.Rules {
		require.Contains(t, mountedAt(p.Services["prometheus"]), rules)
	}
}

func TestGrafanaFindsItsDashboards(t *testing.T) {
	grafana := project(t).Services["grafana"]
	var provider struct {
		Providers []struct{ Options struct{ Path string } }
	}
	require.NoError(t, yaml.Unmarshal([]byte(read(t, "ops/grafana/provisioning/dashboards/mediaferry.yml")), &provider))
	folder := provider.Providers[0].Options.Path
	for _, mounted := range grafana.Volumes {
		if mounted.Target == folder {
			require.Equal(t, "dashboards", filepath.Base(mounted.Source))
		}
	}
	require.Contains(t, mountedAt(grafana), folder)
	home := variables(grafana)["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
	require.Equal(t, folder, filepath.Dir(home))
	require.NotEmpty(t, read(t, "ops/grafana/dashboards/"+filepath.Base(home)))
	require.Contains(t, read(t, "ops/grafana/provisioning/datasources/prometheus.yml"), "${PROMETHEUS_URL}")
	require.Equal(t, "http://prometheus:9090", variables(grafana)["PROMETHEUS_URL"])
}
