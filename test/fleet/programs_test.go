package fleet

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/contrib/envconfig"

	"github.com/mediaferry/mediaferry/internal/config"
)

// top is the folder of the project.
var top = func() string {
	folder, err := filepath.Abs("../..")
	if err != nil {
		panic(err)
	}
	return folder
}()

// read returns a file of the project. Go keeps the result of a test as long as the files of its
// module are the same, and looks at no others, but it does look at the folders to which a test
// changes: so a fresh checkout is always tested.
func read(t *testing.T, path string) string {
	t.Helper()
	require.NoError(t, os.Chdir(top)) //nolint:usetesting // nothing here runs elsewhere
	text, err := os.ReadFile(filepath.Join(top, path))
	require.NoError(t, err)
	return string(text)
}

// startsFlag finds a flag of a page of docs/cli, which its own tests keep current, and
// whether it takes a value.
var startsFlag = regexp.MustCompile(`(?m)^ +(?:-\w, )?(--[\w-]+)(?: ([A-Z]+))?(?:, (--[\w-]+) ([A-Z]+))?`)

// invocation is a command line of one of our programs.
type invocation struct {
	program string // mediaferry, mediaferry-worker
	command string // of mediaferry; "" for the worker
	flags   map[string]string
}

// invoked reads a command line, and fails where the program has no such command or flag.
func invoked(t *testing.T, line []string) invocation {
	t.Helper()
	require.NotEmpty(t, line)
	call := invocation{program: line[0], flags: map[string]string{}}
	page, rest := line[0], line[1:]
	if call.program == "mediaferry" {
		require.NotEmpty(t, rest, "mediaferry needs a command")
		if rest[0] == "--help" {
			return call
		}
		call.command, rest = rest[0], rest[1:]
		page += "-" + call.command
	}
	takes := map[string]bool{} // whether a flag takes a value
	for _, found := range startsFlag.FindAllStringSubmatch(read(t, "docs/cli/"+page+".md"), -1) {
		takes[found[1]] = found[2] != ""
		if found[3] != "" { // --deployment NAME, --build-id ID
			takes[found[3]] = true
		}
	}
	require.NotEmpty(t, takes, page)
	for len(rest) > 0 {
		name, value, joined := strings.Cut(rest[0], "=")
		takesValue, known := takes[name]
		require.True(t, known, "%s has no flag %s", page, name)
		rest = rest[1:]
		if takesValue && !joined {
			require.NotEmpty(t, rest, "%s %s has no value", page, name)
			value, rest = rest[0], rest[1:]
		}
		call.flags[name] = value
	}
	return call
}

func TestFlagsAreThoseOfThePrograms(t *testing.T) {
	call := invoked(t, []string{"mediaferry-worker", "--listen", ":9464", "--deployment", "a", "--build-id=b", "--behind-proxy"})
	require.Equal(t, map[string]string{"--listen": ":9464", "--deployment": "a", "--build-id": "b", "--behind-proxy": ""}, call.flags)
	require.Equal(t, "setup", invoked(t, []string{"mediaferry", "setup", "--retention", "30"}).command)
}

// port is that of an address to listen at.
func port(t *testing.T, address string) string {
	t.Helper()
	_, port, found := strings.Cut(address, ":")
	require.True(t, found, address)
	return port
}

// environment holds the variables of a container against those that our programs read:
// their own, Temporal's, which its own package reads, those of the AWS SDK, and those that
// the configuration names.
func environment(t *testing.T, variables map[string]string, configuration string) {
	t.Helper()
	named := regexp.MustCompile(`\$\{([A-Z_]+)\}`).FindAllStringSubmatch(configuration, -1)
	var temporal []string
	for name, value := range variables {
		switch {
		case strings.HasPrefix(name, "TEMPORAL_"):
			temporal = append(temporal, name+"="+value)
		case name == config.FileEnv || name == config.DataEnv:
			require.True(t, filepath.IsAbs(value), name)
		case slices.Contains([]string{"AWS_SHARED_CREDENTIALS_FILE", "AWS_EC2_METADATA_DISABLED", "TMPDIR"}, name):
		default:
			require.True(t, slices.ContainsFunc(named, func(one []string) bool { return one[1] == name }), "nothing reads %s", name)
		}
	}
	options, err := envconfig.LoadClientOptions(envconfig.LoadClientOptionsRequest{EnvLookup: lookup(temporal), DisableFile: true})
	require.NoError(t, err)
	require.Equal(t, variables["TEMPORAL_ADDRESS"], options.HostPort)
	require.Equal(t, variables["TEMPORAL_NAMESPACE"], options.Namespace)
}

// lookup is an environment.
type lookup []string

func (l lookup) Environ() []string { return l }

func (l lookup) LookupEnv(name string) (string, bool) {
	for _, one := range l {
		if value, found := strings.CutPrefix(one, name+"="); found {
			return value, true
		}
	}
	return "", false
}

// secretFiles are the files that a configuration reads secrets from.
func secretFiles(configuration string) []string {
	var files []string
	for _, found := range regexp.MustCompile(`\$\{file:([^}]+)\}`).FindAllStringSubmatch(configuration, -1) {
		files = append(files, found[1])
	}
	return files
}

// loaded is a configuration as our loader takes it, with secrets that are made up.
func loaded(t *testing.T, configuration string, variables map[string]string) *config.Config {
	t.Helper()
	folder := t.TempDir()
	for _, file := range secretFiles(configuration) {
		here := filepath.Join(folder, filepath.Base(file))
		secret := "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=" // as long as a key is
		if filepath.Base(file) == "ledger" {
			secret = "postgres://user:password@host/mediaferry"
		}
		require.NoError(t, os.WriteFile(here, []byte(secret), 0o600))
		configuration = strings.ReplaceAll(configuration, "${file:"+file+"}", "${file:"+here+"}")
	}
	for name, value := range variables {
		if !strings.HasPrefix(name, "TEMPORAL_") && name != config.FileEnv {
			t.Setenv(name, value)
		}
	}
	path := filepath.Join(folder, config.FileName)
	require.NoError(t, os.WriteFile(path, []byte(configuration), 0o600))
	c, err := config.Load(path)
	require.NoError(t, err)
	problems, err := config.Examine(path)
	require.NoError(t, err)
	require.Empty(t, problems)
	require.Empty(t, c.Warnings)
	return c
}
