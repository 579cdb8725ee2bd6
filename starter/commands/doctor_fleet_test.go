package commands

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/config"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/wiring"
	"github.com/mediaferry/mediaferry/starter/opening"
	"github.com/mediaferry/mediaferry/starter/output"
)

func TestDoctorComparesTheWorkersOfAFleet(t *testing.T) {
	const schema = 13
	north := ledger.Worker{Host: "north", PID: 1, Version: "v2", Schema: schema, Roots: []string{"/srv"}, Shared: map[string]string{"catalogue": "/mnt/c"}}
	south := ledger.Worker{Host: "south", PID: 2, Version: "v1", Schema: schema - 1}
	ancient := ledger.Worker{Host: "west", PID: 3, Version: "v0", Outdated: true}
	for name, c := range map[string]struct {
		workers []ledger.Worker
		says    []string
		silent  string
	}{
		"one version": {[]ledger.Worker{north}, []string{"ok       versions          v2 everywhere; the ledger's schema has version 13", "ok       sources           workers read catalogue=/mnt/catalogue on north; /srv/media on north"}, "warning"},
		"a rollout": {[]ledger.Worker{north, south}, []string{
			"warning  versions          the worker on south (2) is older than the ledger's schema, version 13; it still works",
			"warning  versions          the workers differ: v1 on south (2); v2 on north (1)",
		}, "problem"},
		"one that is too old": {[]ledger.Worker{north, ancient}, []string{"problem  versions          the worker on west (3) is too old for the ledger and takes no more work"}, "still works"},
		"another version here": {[]ledger.Worker{south}, []string{
			"warning  versions          v1 on south (2); this program is v2",
			"warning  sources           no running worker reads /srv/media, so uploads from there wait",
			"with it in sources.local_roots", "no running worker reads catalogue=/mnt/catalogue", "with it in sources.shared_roots",
		}, "v2 everywhere"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "mediaferry.yaml")
			require.NoError(t, os.WriteFile(file, []byte("accounts: {}\nsources: {local_roots: [/srv/media], shared_roots: {catalogue: /mnt/catalogue}}\n"), 0o600))
			read, err := config.Watch(file, nil).Config()
			require.NoError(t, err)
			var out bytes.Buffer
			s := &opening.Session{Console: output.Console{Out: &out, Err: &out}, Version: "v2", Config: read}
			d := &doctor{given: &given{Session: s}, findings: findings{p: s.Printer(false), width: checkWidth}}
			d.versions(c.workers, schema)
			d.readers(c.workers)
			for _, text := range c.says {
				require.Contains(t, out.String(), text)
			}
			require.NotContains(t, out.String(), c.silent)
		})
	}
}

func TestDoctorFindsADeploymentWithoutWorkers(t *testing.T) {
	var out bytes.Buffer
	s := &opening.Session{Console: output.Console{Out: &out, Err: &out}}
	d := &doctor{given: &given{Session: s}, findings: findings{p: s.Printer(false), width: checkWidth}}
	d.deployments(wiring.Service{Deployments: []wiring.Deployment{
		{Name: "a", Current: "v2", Polling: []string{"v1", "v2"}}, {Name: "b", Polling: []string{"v1"}}, {Name: "c", Current: "v1", Polling: []string{"v2"}},
	}})
	for _, text := range []string{
		"ok       deployment        a: workers of v1, v2 are running; new uploads run on v2",
		"warning  deployment        b: workers of v1 are running; none of them is the current version",
		"to make one the current version: mediaferry setup --current b.v1",
		"problem  deployment        c: workers of v2 are running; the current version is v1, of which no worker is running, so new uploads wait",
		"mediaferry setup --current c.v2",
	} {
		require.Contains(t, out.String(), text)
	}
}
