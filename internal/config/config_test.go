package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/config"
	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
)

// write puts a configuration into a folder of its own and returns its path.
func write(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), config.FileName)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func load(t testing.TB, text string) *config.Config {
	t.Helper()
	c, err := config.Load(write(t, text))
	require.NoError(t, err)
	return c
}

// problems loads a configuration that is wrong and returns what is told, with
// the file's folder left out.
func problems(t testing.TB, text string) []string {
	t.Helper()
	path := write(t, text)
	_, err := config.Load(path)
	var all config.Problems
	require.ErrorAs(t, err, &all)
	var lines []string
	for _, one := range all {
		require.Equal(t, path, one.File)
		lines = append(lines, strings.ReplaceAll(one.Error(), path, config.FileName))
	}
	return lines
}

func TestTheExampleIsACompleteConfiguration(t *testing.T) {
	c := load(t, string(config.Example()))
	require.Empty(t, c.Warnings)
	require.Equal(t, []string{"trustana", "trustoo", "sitoo", "closient", "truvideo"}, c.AccountNames())

	lacking, _ := c.Check()
	require.NotEmpty(t, lacking, "no secret is set")
	for _, name := range []string{
		"TRUSTANA_API_KEY", "TRUSTOO_PUBLIC_TOKEN", "TRUSTOO_PRIVATE_TOKEN", "SITOO_TOKEN",
		"CLOSIENT_API_KEY", "TRUVIDEO_API_KEY", "TRUVIDEO_SECRET", "TRUVIDEO_EXTERNAL_ID",
	} {
		require.Contains(t, lacking.Error(), "the environment variable "+name+", which is not set")
		t.Setenv(name, "value of "+name)
	}
	c = load(t, string(config.Example()))
	lacking, advice := c.Check()
	require.Empty(t, lacking)
	require.Contains(t, advice.Error(), "accounts.closient: api_key does not have the form")
	for _, name := range c.AccountNames() {
		account, err := c.Account(name)
		require.NoError(t, err)
		require.Equal(t, name, account.Name)
		require.Equal(t, name, account.Vendor)
		require.Equal(t, egress.Policy{}, account.Policy)
	}
}

func TestDefaultsOfAnAccount(t *testing.T) {
	t.Setenv("KEY", "k")
	c := load(t, `
accounts:
  a: {vendor: trustana, api_key: "${KEY}"}
  b: {vendor: truvideo, api_key: "${KEY}", secret: "${KEY}", external_id: 007}
  c: {vendor: closient, api_key: "${KEY}"}
  d: {vendor: sitoo, token: "${KEY}", requests_per_second: 2.5, max_bytes: 1.5 KiB}
`)
	a, err := c.Account("a")
	require.NoError(t, err)
	require.Equal(t, "https://api.trustana.com/v1", a.BaseURL)
	require.Equal(t, map[string]string{"api_key": "k"}, a.Settings)
	require.InDelta(t, 5, a.Rate, 0)
	require.Equal(t, 3, a.Burst, "half a second's worth")
	require.Zero(t, a.MaxBytes)

	b, err := c.Account("b")
	require.NoError(t, err)
	require.Equal(t, "https://upload-api.truvideo.com", b.BaseURL)
	require.Equal(t, "https://sdk-mobile-api.truvideo.com", b.LoginURL)
	require.Equal(t, "007", b.Settings["external_id"])
	require.Equal(t, "eTag", b.Settings["etag_key"])
	require.Zero(t, b.Rate)

	closient, err := c.Account("c")
	require.NoError(t, err)
	require.InDelta(t, 5, closient.Rate, 0)
	require.Equal(t, 20, closient.Burst)
	require.Equal(t, []upload.Quota{{Window: 24 * time.Hour, Limit: 10_000}}, closient.Quotas)
	require.False(t, closient.On("cleanup_duplicates"))

	d, err := c.Account("d")
	require.NoError(t, err)
	require.InDelta(t, 2.5, d.Rate, 0)
	require.Equal(t, 2, d.Burst)
	require.EqualValues(t, 1536, d.MaxBytes)
}

func TestAnAccountSetsItsLimits(t *testing.T) {
	t.Setenv("KEY", "k")
	c := load(t, `
accounts:
  a: {vendor: closient, api_key: "${KEY}", requests_per_minute: 60, requests_per_day: 500}
  b: {vendor: sitoo, token: "${KEY}", requests_per_minute: "120"}
  c: {vendor: closient, api_key: "${KEY}", requests_per_second: 8, requests_per_minute: 60}
`)
	a, err := c.Account("a")
	require.NoError(t, err)
	require.InDelta(t, 1, a.Rate, 0)
	require.Equal(t, 4, a.Burst, "the vendor's own, in proportion")
	require.Equal(t, []upload.Quota{{Window: 24 * time.Hour, Limit: 500}}, a.Quotas)
	b, err := c.Account("b")
	require.NoError(t, err)
	require.InDelta(t, 2, b.Rate, 0)
	require.Empty(t, b.Quotas)
	both, err := c.Account("c")
	require.NoError(t, err)
	require.InDelta(t, 1, both.Rate, 0, "the lower one counts")
	for _, text := range []string{"0", "-1", "2.5", "many", "1e3", "99999999999"} {
		require.Contains(t, problems(t, "accounts: {a: {vendor: sitoo, requests_per_day: "+text+"}}")[0], "use a whole number above 0")
	}
}

func TestAllProblemsAtOnce(t *testing.T) {
	got := problems(t, `
acounts: {}
accounts:
  trustana:
    vendor: trustana
    base_ulr: https://x
    requests_per_second: -1
    api_key: hunter2
  a b: {vendor: sitoo}
  t2: {vendor: trustanna}
  t3: {vendor: truvideo, base_url: "https://x.example", token: 1, etag_key: ETAG}
  t4: {}
  t5: [1]
  t6: {vendor: sitoo, max_bytes: 20 MX, insecure: yes, token: "hun${ter2"}
  t6: {vendor: sitoo}
sources:
  local_roots: /srv
  allow_private_networks: 1
  s3: {endpoint: "http://minio.example"}
ledger: mysql://user:hunter2@host/db
results: ftp://x
notify: {webhook: "http://example.com"}
`)
	require.Equal(t, []string{
		`unknown key "acounts" (mediaferry.yaml:2); did you mean accounts?`,
		`unknown key "base_ulr" in accounts.trustana (mediaferry.yaml:6); did you mean base_url?`,
		`accounts.trustana.requests_per_second is "-1" (mediaferry.yaml:7); use a number above 0, for example 5 or 0.5`,
		`invalid account name "a b" (mediaferry.yaml:9); use up to 64 letters, digits, dots, dashes and underscores, starting with a letter or digit`,
		`accounts.t2.vendor: unknown vendor "trustanna" (mediaferry.yaml:10); did you mean trustana?`,
		`unknown key "token" in accounts.t3 (mediaferry.yaml:11); use one of vendor, base_url, login_url, requests_per_second, requests_per_minute, requests_per_day, max_bytes, convert, patience, insecure, api_key, secret, external_id, etag_key`,
		`accounts.t3.base_url is not TruVideo Upload V3's own address, so the login address is unknown (mediaferry.yaml:11); set accounts.t3.login_url too`,
		`accounts.t3.etag_key is "ETAG" (mediaferry.yaml:11); use eTag or etag`,
		`accounts.t4.vendor is missing (mediaferry.yaml:12); use one of ` + strings.Join(vendors.Names(), ", "),
		`accounts.t5 is a list (mediaferry.yaml:13); use a mapping with a vendor and its credentials`,
		`accounts.t6.token contains "${" without a valid reference (mediaferry.yaml:14); use ${NAME} or ${file:/path}; for a literal ${ write $${`,
		`accounts.t6.max_bytes is "20 MX" (mediaferry.yaml:14); use a number of bytes, or a number with kB, MB, GB, TB, KiB, MiB, GiB or TiB, for example 20MiB`,
		`accounts.t6.insecure is "yes" (mediaferry.yaml:14); use true or false`,
		`duplicate key "t6" in accounts, first set in line 14 (mediaferry.yaml:15); remove one of them`,
		`sources.local_roots is a single value (mediaferry.yaml:17); use a list of folders, for example [/srv/media]`,
		`sources.allow_private_networks is "1" (mediaferry.yaml:18); use true or false`,
		`sources.s3.endpoint "http://minio.example" is not an https: URL (mediaferry.yaml:19); use https:, or set sources.allow_private_networks: true`,
		`ledger is not a PostgreSQL URL (mediaferry.yaml:20); use postgres://USER:PASSWORD@HOST/DATABASE with special characters percent-encoded, or leave it empty for a SQLite file in the data folder`,
		`results "ftp://x" cannot hold reports (mediaferry.yaml:21); use a folder, s3://BUCKET/PREFIX or oss://BUCKET/PREFIX`,
		`notify.webhook is not an https: URL (mediaferry.yaml:22); use https://HOST/PATH, or http: on loopback`,
	}, got)
}

func TestAProblemHasItsColumn(t *testing.T) {
	_, err := config.Load(write(t, "accounts:\n  a: {vendor: trustana, video: true}\n"))
	var all config.Problems
	require.ErrorAs(t, err, &all)
	require.Equal(t, 2, all[0].Line)
	require.Equal(t, 25, all[0].Column)
}

func TestOddDocuments(t *testing.T) {
	cases := map[string]struct{ text, want string }{
		"broken syntax":                  {"accounts:\n  a: {vendor", "invalid YAML: "},
		"tabs":                           {"accounts:\n\ta: 1\n", "the line is indented with a tab, and YAML allows spaces only (mediaferry.yaml:2); replace the tab by spaces, two for each level"},
		"tabs further down":              {"accounts:\n  a:\n    vendor: sitoo\n  \ttoken: x\n", "the line is indented with a tab, and YAML allows spaces only (mediaferry.yaml:4)"},
		"two documents":                  {"ledger: ''\n---\nledger: ''\n", "the file contains a second YAML document, which begins here (mediaferry.yaml:2); keep only one document"},
		"a list":                         {"- accounts", "the document is a list (mediaferry.yaml:1); use one or more of accounts, sources, ledger, results, encryption, patience, notify"},
		"a merge key":                    {"accounts:\n  a: &x {vendor: sitoo}\n  b: {<<: *x}\n", "accounts.b has a merge key, which is not supported (mediaferry.yaml:3); write out all keys"},
		"a key that is a list":           {"? [a]\n: 1\n", "the document has a key that is a list"},
		"a mapping as a value":           {"ledger: {a: 1}", "ledger is a mapping (mediaferry.yaml:1); use a single value"},
		"a binary value":                 {"ledger: !!binary aGk=", "ledger has the YAML type !!binary"},
		"an alias of itself":             {"sources: &s\n  s3: *s\n", `unknown key "s3" in sources.s3`},
		"a vendor by reference":          {"accounts: {a: {vendor: '${X}'}}", `accounts.a.vendor: unknown vendor "${X}"`},
		"a folder that is a URL":         {"sources: {local_roots: ['s3://b/k']}", `sources.local_roots[0] "s3://b/k" is a URL`},
		"an empty folder":                {"sources: {local_roots: ['']}", "sources.local_roots[0] is empty"},
		"a shared folder without a name": {"sources: {shared_roots: [/mnt]}", "sources.shared_roots is a list (mediaferry.yaml:1); use a name and a folder for each, for example {catalogue: /mnt/catalogue}"},
		"a bad name of a shared folder":  {"sources: {shared_roots: {'a b': /mnt}}", `sources.shared_roots has the name "a b"`},
		"a shared folder twice":          {"sources: {shared_roots: {a: /mnt, b: /mnt/}}", "sources.shared_roots.b is the same folder as sources.shared_roots.a"},
		"a shared folder that is a URL":  {"sources: {shared_roots: {a: 's3://b/k'}}", `sources.shared_roots.a "s3://b/k" is a URL`},
		"an empty shared folder":         {"sources: {shared_roots: {a: }}", "sources.shared_roots.a is empty"},
		"a login for other vendors":      {"accounts: {a: {vendor: sitoo, login_url: 'https://x'}}", `unknown key "login_url" in accounts.a`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, strings.Join(problems(t, c.text), "\n"), c.want)
		})
	}
}

func TestEmptyFilesAreConfigurations(t *testing.T) {
	for name, text := range map[string]string{"nothing": "", "comments": "# none\n", "empty sections": "accounts:\nsources:\n  s3:\nledger:\nnotify: {}\n"} {
		t.Run(name, func(t *testing.T) {
			c := load(t, text)
			require.Empty(t, c.AccountNames())
			_, err := c.Account("trustana")
			require.ErrorIs(t, err, config.ErrUnknownAccount)
			require.ErrorContains(t, err, "has no accounts")
			lacking, advice := c.Check()
			require.Empty(t, lacking)
			require.Empty(t, advice)
		})
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	_, err := config.Load(filepath.Join(t.TempDir(), "none.yaml"))
	require.ErrorContains(t, err, "no such file")
	_, err = config.Load(t.TempDir())
	require.ErrorContains(t, err, "is a directory")
	_, err = config.Load(write(t, "# "+strings.Repeat("x", 1<<20)))
	require.ErrorContains(t, err, "is larger than 1048576 bytes")
}

func TestUnknownAccounts(t *testing.T) {
	c := load(t, "accounts:\n  spring: {vendor: sitoo}\n  autumn: {vendor: sitoo}\n")
	_, err := c.Account("sprign")
	require.ErrorIs(t, err, config.ErrUnknownAccount)
	require.EqualError(t, err, `unknown account "sprign" (did you mean spring?); use one of spring, autumn`)
	_, err = c.Profile("winter")
	require.EqualError(t, err, `unknown account "winter"; use one of spring, autumn`)
	_, err = config.Empty([]string{"mediaferry.yaml", "/etc/x"}).Account("spring")
	require.EqualError(t, err, `unknown account "spring": no configuration was found (looked at mediaferry.yaml, /etc/x); choose one with --config`)
}

func TestPrintingShowsNoSecret(t *testing.T) {
	c := load(t, "accounts: {a: {vendor: sitoo, token: hunter2}}")
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		require.NotContains(t, fmt.Sprintf(format, c), "hunter2")
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(string(config.Example()))
	f.Add("accounts: {a: {vendor: truvideo, base_url: 'http://[::1]:1', max_bytes: 1e9}}")
	f.Add("a: &a [*a]\nsources: {local_roots: *a}")
	path := filepath.Join(f.TempDir(), config.FileName)
	f.Fuzz(func(t *testing.T, text string) {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		c, err := config.Load(path)
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		c.Check()
	})
}
