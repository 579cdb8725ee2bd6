package config_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/config"
	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/upload"
)

func TestDefaultsWithoutAFile(t *testing.T) {
	c := config.Empty(nil)
	allowed, err := c.AllowPrivateNetworks()
	require.NoError(t, err)
	require.False(t, allowed)
	_, given, err := c.LocalRoots()
	require.NoError(t, err)
	require.False(t, given)
	ledger, err := c.Ledger()
	require.NoError(t, err)
	require.Empty(t, ledger)
	results, err := c.Results()
	require.NoError(t, err)
	require.Empty(t, results)
	s3, err := c.S3()
	require.NoError(t, err)
	require.Equal(t, config.S3{}, s3)
	notify, err := c.Notify()
	require.NoError(t, err)
	require.Equal(t, config.Notify{Events: upload.Events()}, notify)
	require.False(t, notify.Wants(upload.EventBatchEnded), "there is no webhook")
}

func TestTheRestOfTheFile(t *testing.T) {
	t.Setenv("ID", "id")
	t.Setenv("SECRET", "s")
	t.Setenv("WEBHOOK_SECRET", webhookSecret)
	home, err := os.UserHomeDir()
	require.NoError(t, err)
	c := load(t, `
sources:
  shared_roots: {nas: /mnt/nas, films: films}
  local_roots: [/srv/media, pictures, ~/photos, "${ID}/x"]
  allow_private_networks: true
  s3: {endpoint: "http://minio.example:9000/", region: eu-central-1, path_style: true}
  oss: {endpoint: oss-eu-central-1.aliyuncs.com, access_key_id: "${ID}", access_key_secret: "${SECRET}"}
ledger: postgres://ferry:${SECRET}@db/ferry
results: reports
notify: {webhook: "https://hooks.example/${SECRET}", secret: "${WEBHOOK_SECRET}", events: [batch.ended, account.denied]}
`)
	dir := filepath.Dir(c.Path)
	roots, given, err := c.LocalRoots()
	require.NoError(t, err)
	require.True(t, given)
	require.Equal(t, []string{"/srv/media", filepath.Join(dir, "pictures"), filepath.Join(home, "photos"), filepath.Join(dir, "id/x")}, roots)
	shared, err := c.SharedRoots()
	require.NoError(t, err)
	require.Equal(t, []upload.Root{{Shared: "nas", Path: "/mnt/nas"}, {Shared: "films", Path: filepath.Join(dir, "films")}}, shared)
	allowed, err := c.AllowPrivateNetworks()
	require.NoError(t, err)
	require.True(t, allowed)
	s3, err := c.S3()
	require.NoError(t, err)
	require.Equal(t, config.S3{Endpoint: "http://minio.example:9000", Region: "eu-central-1", PathStyle: true}, s3)
	oss, err := c.OSS()
	require.NoError(t, err)
	require.Equal(t, config.OSS{Endpoint: "https://oss-eu-central-1.aliyuncs.com", AccessKeyID: "id", AccessKeySecret: "s"}, oss)
	ledger, err := c.Ledger()
	require.NoError(t, err)
	require.Equal(t, "postgres://ferry:s@db/ferry", ledger)
	results, err := c.Results()
	require.NoError(t, err)
	require.Equal(t, filepath.Join(dir, "reports"), results)
	notify, err := c.Notify()
	require.NoError(t, err)
	require.Equal(t, config.Notify{
		Webhook: "https://hooks.example/s", Secret: webhookSecret, Policy: egress.Policy{Private: true},
		Events: []upload.Event{upload.EventBatchEnded, upload.EventAccountDenied},
	}, notify)
	require.True(t, notify.Wants(upload.EventBatchEnded))
	require.False(t, notify.Wants(upload.EventBatchHeld))
	require.Empty(t, c.Warnings)
}

func TestNoFolderAtAllIsNotTheDefault(t *testing.T) {
	roots, given, err := load(t, "sources: {local_roots: []}").LocalRoots()
	require.NoError(t, err)
	require.True(t, given)
	require.Empty(t, roots)
}

func TestOSSIsJudgedWhereItIsUsed(t *testing.T) {
	unused := load(t, "sources: {oss: {access_key_id: '${UNSET}', access_key_secret: '${UNSET}'}}")
	lacking, _ := unused.Check()
	require.Empty(t, lacking)
	_, err := unused.OSS()
	require.ErrorContains(t, err, "sources.oss.access_key_id needs the environment variable UNSET, which is not set")

	used := load(t, "sources: {oss: {endpoint: oss.example, access_key_id: '${UNSET}'}}")
	lacking, _ = used.Check()
	require.ErrorContains(t, lacking, "UNSET")

	_, err = load(t, "sources: {oss: {endpoint: oss.example, access_key_id: x}}").OSS()
	require.ErrorContains(t, err, "sources.oss.access_key_secret is missing, but oss:// URLs need it")
	_, err = config.Empty(nil).OSS()
	require.ErrorContains(t, err, "sources.oss.endpoint is missing")
}

func TestPlacesForReports(t *testing.T) {
	for _, text := range []string{"s3://bucket/a/b", "oss://bucket"} {
		got, err := load(t, "results: "+text).Results()
		require.NoError(t, err)
		require.Equal(t, text, got)
	}
	for _, text := range []string{"s3://", "https://x.example/y", "s3://b/k?x=1"} {
		require.Contains(t, problems(t, "results: "+text)[0], "cannot hold reports")
	}
}

func TestLedgersWithoutHostOrScheme(t *testing.T) {
	for _, text := range []string{"postgres:///db", "host=db user=x password=hunter2", "sqlite://x", "/srv/ledger.db", "'postgres://u:hun%ter2@h/d'"} {
		t.Run(text, func(t *testing.T) {
			got := problems(t, "ledger: "+text)
			require.Contains(t, got[0], "ledger is not a PostgreSQL URL")
			require.NotContains(t, got[0], "hun")
		})
	}
	got, err := load(t, "ledger: postgresql:///db?host=/run/postgresql").Ledger()
	require.NoError(t, err)
	require.Equal(t, "postgresql:///db?host=/run/postgresql", got)
}

func TestFind(t *testing.T) {
	home, work := t.TempDir(), t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CONFIG_HOME", "")
	t.Setenv(config.FileEnv, "")
	t.Chdir(work)
	folder, err := os.UserConfigDir()
	require.NoError(t, err)
	users := filepath.Join(folder, "mediaferry", "mediaferry.yaml")

	path, searched, err := config.Find("")
	require.NoError(t, err)
	require.Empty(t, path)
	require.Equal(t, []string{"mediaferry.yaml", users}, searched)

	require.NoError(t, os.MkdirAll(filepath.Dir(users), 0o700))
	require.NoError(t, os.WriteFile(users, nil, 0o600))
	path, _, err = config.Find("")
	require.NoError(t, err)
	require.Equal(t, users, path)

	require.NoError(t, os.WriteFile("mediaferry.yaml", nil, 0o600))
	path, _, err = config.Find("")
	require.NoError(t, err)
	require.Equal(t, "mediaferry.yaml", path)

	other := filepath.Join(t.TempDir(), "other.yaml")
	t.Setenv(config.FileEnv, other)
	_, _, err = config.Find("")
	require.ErrorContains(t, err, "named by MEDIAFERRY_CONFIG: no such file")
	require.NoError(t, os.WriteFile(other, nil, 0o600))
	path, _, err = config.Find("")
	require.NoError(t, err)
	require.Equal(t, other, path)

	path, _, err = config.Find(users)
	require.NoError(t, err)
	require.Equal(t, users, path, "the flag wins")
	require.Equal(t, users, config.Named(users))
	require.Equal(t, other, config.Named(""))
	_, _, err = config.Find(filepath.Join(work, "none.yaml"))
	require.ErrorContains(t, err, "named by --config: no such file")
	_, _, err = config.Find(work)
	require.ErrorContains(t, err, "is a folder")
}

func TestDataDir(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", "/var/state")
	t.Setenv(config.DataEnv, "")
	got, err := config.DataDir("")
	require.NoError(t, err)
	require.True(t, filepath.IsAbs(got))
	require.Equal(t, "mediaferry", filepath.Base(got))
	work := t.TempDir()
	t.Chdir(work)
	t.Setenv(config.DataEnv, "from-environment")
	got, err = config.DataDir("")
	require.NoError(t, err)
	require.Equal(t, "from-environment", filepath.Base(got))
	got, err = config.DataDir("flag")
	require.NoError(t, err)
	require.Equal(t, "flag", filepath.Base(got))
	require.True(t, filepath.IsAbs(got))
}

const webhookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

func TestAWebhookHasTheFormOfTheStandard(t *testing.T) {
	require.Equal(t, []string{
		`notify.secret is not whsec_ followed by 24 to 64 bytes in base64 (mediaferry.yaml:2); create one with: echo whsec_$(openssl rand -base64 32)`,
		`notify.events[0] is an unknown event: "batch.end" (mediaferry.yaml:3); did you mean batch.ended?`,
	}, problems(t, "notify:\n  secret: hunter2\n  events: [batch.end, batch.held]\n"))
	require.Equal(t, []string{
		`notify.events is a single value (mediaferry.yaml:1); use a list of events, for example [batch.ended, account.denied]`,
	}, problems(t, "notify: {events: batch.ended}\n"))

	c := load(t, `notify: {webhook: "http://127.0.0.1:9/hook"}`)
	notify, err := c.Notify()
	require.NoError(t, err)
	require.Equal(t, egress.Policy{Private: true, Insecure: true}, notify.Policy)
	_, advice := c.Check()
	require.Contains(t, advice.Error(), "notify.secret is missing, so notifications are not signed")

	notify, err = load(t, `notify: {webhook: "https://10.0.0.5/hook"}`).Notify()
	require.NoError(t, err)
	require.Equal(t, egress.Policy{}, notify.Policy, "a private address needs sources.allow_private_networks, as that of a vendor does")
}

func TestTheWebUIOfTemporalIsNamedWithoutAPath(t *testing.T) {
	d, err := load(t, "dashboard: {temporal_ui: 'http://temporal-ui:8080/'}").Dashboard()
	require.NoError(t, err)
	require.Equal(t, "http://temporal-ui:8080", d.TemporalUI)
	for _, wrong := range []string{"temporal-ui:8080", "http://user:password@temporal-ui:8080", "ftp://temporal-ui"} {
		require.Len(t, problems(t, "dashboard: {temporal_ui: '"+wrong+"'}"), 1, wrong)
	}
	told := problems(t, "dashboard: {temporal_ui: 'http://temporal-ui:8080/temporal'}")
	require.Len(t, told, 1)
	require.Contains(t, told[0], "use http://temporal-ui:8080, and start the web UI with TEMPORAL_UI_PUBLIC_PATH=/temporal")
}
