package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/codec"
	"github.com/mediaferry/mediaferry/internal/config"
	"github.com/mediaferry/mediaferry/internal/egress"
)

func TestMissingSecretsMatterWhenTheyAreUsed(t *testing.T) {
	t.Setenv("EMPTY", "")
	t.Setenv("KEY", "k")
	path := write(t, `
accounts:
  good: {vendor: trustana, api_key: "${KEY}"}
  unset: {vendor: trustana, api_key: "${UNSET_KEY}"}
  empty: {vendor: trustana, api_key: "${EMPTY}"}
  gone: {vendor: trustana, api_key: "${file:none}"}
  none: {vendor: trustana}
  half: {vendor: trustoo, client_id: x, client_secret: "${KEY}", refresh_token: "${UNSET_KEY}"}
`)
	c, err := config.Load(path)
	require.NoError(t, err)
	_, err = c.Account("good")
	require.NoError(t, err)
	cases := map[string]string{
		"unset": "accounts.unset.api_key needs the environment variable UNSET_KEY, which is not set (mediaferry.yaml:4)",
		"empty": "accounts.empty.api_key needs the environment variable EMPTY, which is empty (mediaferry.yaml:5)",
		"gone":  "accounts.gone.api_key needs the file " + filepath.Join(filepath.Dir(path), "none") + ", which does not exist (mediaferry.yaml:6)",
		"none":  "accounts.none: credentials for trustana are missing; set api_key (mediaferry.yaml:7)",
		"half": "accounts.half.refresh_token needs the environment variable UNSET_KEY, which is not set (mediaferry.yaml:8)\n" +
			"accounts.half: credentials for trustoo are incomplete: client_id and client_secret are set, but refresh_token is missing; set client_id, client_secret and refresh_token (mediaferry.yaml:8)",
	}
	for name, want := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := c.Account(name)
			require.EqualError(t, err, strings.ReplaceAll(want, "mediaferry.yaml", path))
			profile, err := c.Profile(name)
			require.NoError(t, err, "planning needs no credentials")
			require.NotEmpty(t, profile.BaseURL)
		})
	}
	lacking, _ := c.Check()
	require.Len(t, lacking, len(cases)+1, "all of them at once")
}

func TestOneSetOfCredentialsIsEnough(t *testing.T) {
	t.Setenv("TOKEN", "t")
	c := load(t, `accounts: {a: {vendor: trustoo, access_token: "${TOKEN}", public_token: "${UNSET_1}", private_token: "${UNSET_2}"}}`)
	account, err := c.Account("a")
	require.NoError(t, err)
	require.Equal(t, map[string]string{"access_token": "t", "drop_invalid_callback": "false", "video": "false"}, account.Settings)
}

func TestProfilesHoldNoSecret(t *testing.T) {
	t.Setenv("KEY", "k")
	c := load(t, `accounts: {a: {vendor: trustoo, public_token: p, private_token: "${KEY}", video: true, max_bytes: 5MB}}`)
	profile, err := c.Profile("a")
	require.NoError(t, err)
	require.Equal(t, map[string]string{"public_token": "p", "drop_invalid_callback": "false", "video": "true"}, profile.Settings)
	require.EqualValues(t, 5_000_000, profile.MaxBytes)
}

func TestReferences(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("A", "alpha")
	t.Setenv("B", "${A}")
	secret := filepath.Join(dir, "secret")
	require.NoError(t, os.WriteFile(secret, []byte("from a file\r\n\n"), 0o600))
	cases := map[string]struct{ text, want string }{
		"a variable":                      {"${A}", "alpha"},
		"within a text":                   {"x-${A}-y-${A}", "x-alpha-y-alpha"},
		"a file, without its line end":    {"${file:" + secret + "}", "from a file"},
		"a file and a variable":           {"${A}:${file:" + secret + "}", "alpha:from a file"},
		"escaped":                         {"$${A}", "${A}"},
		"escaped, and then not":           {"$${A}${A}", "${A}alpha"},
		"a dollar in front of an escape":  {"$$${A}", "$${A}"},
		"dollars alone":                   {"$A $$ $", "$A $$ $"},
		"a value is not looked at again":  {"${B}", "${A}"},
		"a number keeps its zeros":        {"007", "007"},
		"a closing brace of its own":      {"a}b", "a}b"},
		"an unknown scheme is a variable": {"$${env:A}", "${env:A}"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			account, err := load(t, "accounts: {a: {vendor: trustana, api_key: '"+c.text+"'}}").Account("a")
			require.NoError(t, err)
			require.Equal(t, c.want, account.Settings["api_key"])
		})
	}
}

func TestReferencesThatAreNone(t *testing.T) {
	for _, text := range []string{"${", "${}", "${A", "${a b}", "${1A}", "${A:-x}", "${file:}", "${env:A}"} {
		t.Run(text, func(t *testing.T) {
			got := problems(t, "accounts: {a: {vendor: trustana, api_key: 'hunter2"+text+"'}}")
			require.Len(t, got, 1)
			require.Contains(t, got[0], `accounts.a.api_key contains "${" without a valid reference`)
			require.NotContains(t, got[0], "hunter2", "the text may be a secret")
		})
	}
}

func TestSecretFilesThatAreNone(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "empty"), []byte("\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "large"), make([]byte, 64<<10+1), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "lines"), []byte("one\ntwo\n"), 0o600))
	for name, want := range map[string]string{
		"empty": "which is empty", "large": "which is larger than 65536 bytes", ".": "which is not a regular file",
		"lines": "contains a line break or another control character",
	} {
		t.Run(name, func(t *testing.T) {
			c := load(t, "accounts: {a: {vendor: trustana, api_key: '${file:"+filepath.Join(dir, name)+"}'}}")
			_, err := c.Account("a")
			require.ErrorContains(t, err, want)
		})
	}
}

func TestRelativeSecretFilesLieBesideTheConfiguration(t *testing.T) {
	path := write(t, "accounts: {a: {vendor: trustana, api_key: '${file:secrets/key}'}}")
	folder := filepath.Join(filepath.Dir(path), "secrets")
	require.NoError(t, os.Mkdir(folder, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "key"), []byte("k"), 0o600))
	c, err := config.Load(path)
	require.NoError(t, err)
	account, err := c.Account("a")
	require.NoError(t, err)
	require.Equal(t, "k", account.Settings["api_key"])
}

func TestAddressesAndPolicy(t *testing.T) {
	private, both := egress.Policy{Private: true}, egress.Policy{Private: true, Insecure: true}
	cases := map[string]struct {
		text, base, login string
		policy            egress.Policy
	}{
		"the vendor's own":               {"vendor: sitoo", "https://media-object-storage.sitooapis.com", "", egress.Policy{}},
		"with a slash at the end":        {"vendor: sitoo, base_url: 'https://x.example/a/'", "https://x.example/a", "", egress.Policy{}},
		"http on loopback":               {"vendor: sitoo, base_url: 'http://127.0.0.1:9'", "http://127.0.0.1:9", "", both},
		"http on loopback by name":       {"vendor: sitoo, base_url: 'http://sitoo.localhost:9'", "http://sitoo.localhost:9", "", both},
		"https on loopback":              {"vendor: sitoo, base_url: 'https://[::1]:9'", "https://[::1]:9", "", private},
		"http, insecure":                 {"vendor: sitoo, base_url: 'http://x.example', insecure: true", "http://x.example", "", both},
		"https, insecure":                {"vendor: sitoo, base_url: 'https://10.0.0.1', insecure: true", "https://10.0.0.1", "", private},
		"an address from a variable":     {"vendor: sitoo, base_url: '${BASE}'", "http://127.0.0.1:7", "", both},
		"both of truvideo's on loopback": {"vendor: truvideo, base_url: 'http://127.0.0.1:9', login_url: 'http://127.0.0.1:9'", "http://127.0.0.1:9", "http://127.0.0.1:9", both},
		"truvideo's own, spelt out":      {"vendor: truvideo, base_url: 'https://upload-api.truvideo.com/'", "https://upload-api.truvideo.com", "https://sdk-mobile-api.truvideo.com", egress.Policy{}},
		"only the login elsewhere":       {"vendor: truvideo, login_url: 'https://x.example'", "https://upload-api.truvideo.com", "https://x.example", egress.Policy{}},
	}
	t.Setenv("BASE", "http://127.0.0.1:7")
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			account, err := load(t, "accounts: {a: {"+c.text+"}}").Profile("a")
			require.NoError(t, err)
			require.Equal(t, c.base, account.BaseURL)
			require.Equal(t, c.login, account.LoginURL)
			require.Equal(t, c.policy, account.Policy)
		})
	}
	t.Run("where private networks are allowed", func(t *testing.T) {
		account, err := load(t, "accounts: {a: {vendor: sitoo}}\nsources: {allow_private_networks: true}").Profile("a")
		require.NoError(t, err)
		require.Equal(t, private, account.Policy)
	})
}

func TestAddressesThatAreRefused(t *testing.T) {
	cases := map[string]struct{ text, want string }{
		"http elsewhere":      {"base_url: 'http://x.example/v1'", `accounts.a.base_url "http://x.example/v1" is not an https: URL (mediaferry.yaml:1); use https:, or set insecure: true`},
		"a lookalike":         {"base_url: 'http://127.0.0.1.example'", "is not an https: URL"},
		"no scheme":           {"base_url: x.example", `"x.example" is not an https: URL`},
		"another scheme":      {"base_url: 'ftp://x.example'", "is not an https: URL"},
		"no host":             {"base_url: 'https:///v1'", "is not an https: URL"},
		"a user":              {"base_url: 'https://u:hunter2@x.example'", "contains a user, a query or a fragment"},
		"a query":             {"base_url: 'https://x.example?k=hunter2'", "contains a user, a query or a fragment"},
		"an unreadable query": {"base_url: 'https://x.example:port?k=hunter2'", "is not an https: URL"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := strings.Join(problems(t, "accounts: {a: {vendor: sitoo, "+c.text+"}}"), "\n")
			require.Contains(t, got, c.want)
			require.NotContains(t, got, "hunter2")
		})
	}
}

func TestLateValuesAreJudgedWhenUsed(t *testing.T) {
	t.Setenv("RATE", "fast")
	t.Setenv("VIDEO", "yes")
	t.Setenv("BASE", "http://x.example")
	t.Setenv("SAFE", "false")
	c := load(t, `accounts: {a: {vendor: trustoo, access_token: t, requests_per_second: "${RATE}", video: "${VIDEO}", base_url: "${BASE}", insecure: "${UNSET}"}}`)
	_, err := c.Account("a")
	for _, want := range []string{
		`accounts.a.requests_per_second is "fast"`, `accounts.a.video is "yes"`,
		`accounts.a.base_url "http://x.example" is not an https: URL`, "accounts.a.insecure needs the environment variable UNSET",
	} {
		require.ErrorContains(t, err, want)
	}
}

func TestWarningsOfSecretsInPlain(t *testing.T) {
	c := load(t, `
accounts:
  my-shop: {vendor: truvideo, api_key: hunter2, secret: "$SECRET", external_id: plain}
  partly: {vendor: sitoo, token: "prefix-${TOKEN}"}
  simulated: {vendor: sitoo, base_url: "http://127.0.0.1:9", token: hunter2}
  late: {vendor: sitoo, base_url: "${UNSET}", token: hunter2}
sources: {oss: {access_key_secret: hunter2}}
ledger: postgres://user:hunter2@host/db
encryption: {key: hunter2}
notify: {secret: whsec_aHVudGVyMmh1bnRlcjJodW50ZXIyaHVudGVyMg==}
`)
	var got []string
	for _, w := range c.Warnings {
		got = append(got, strings.ReplaceAll(w.Error(), c.Path, "mediaferry.yaml"))
	}
	require.Equal(t, []string{
		"accounts.my-shop.api_key is a secret in plain text (mediaferry.yaml:3); to read it from the environment, write ${MY_SHOP_API_KEY}",
		"accounts.my-shop.secret is a secret in plain text (mediaferry.yaml:3); to read it from a variable, write ${NAME}",
		"accounts.late.token is a secret in plain text (mediaferry.yaml:6); to read it from the environment, write ${LATE_TOKEN}",
		"sources.oss.access_key_secret is a secret in plain text (mediaferry.yaml:7); to read it from the environment, write ${OSS_ACCESS_KEY_SECRET}",
		"encryption.key is a secret in plain text (mediaferry.yaml:9); to read it from the environment, write ${MEDIAFERRY_KEY}",
		"notify.secret is a secret in plain text (mediaferry.yaml:10); to read it from the environment, write ${MEDIAFERRY_NOTIFY_SECRET}",
		"ledger is a secret in plain text (mediaferry.yaml:8); to read it from the environment, write ${MEDIAFERRY_LEDGER}",
	}, got)
}

func TestFingerprintsTellCredentialsApartToThoseWhoHaveTheKey(t *testing.T) {
	t.Setenv("KEY", "one")
	keys, err := codec.ParseKeys(keyText(1))
	require.NoError(t, err)
	text := `accounts: {a: {vendor: trustana, api_key: "${KEY}", max_bytes: %s}, b: {vendor: closient, api_key: "${KEY}"}}`
	account := func(name, most string) string {
		a, err := load(t, strings.Replace(text, "%s", most, 1)).Account(name)
		require.NoError(t, err)
		return config.Fingerprint(keys, a)
	}
	first := account("a", "1")
	require.Regexp(t, `^[0-9a-f]{32}$`, first)
	require.Equal(t, first, account("a", "2"), "other settings do not count")
	require.NotEqual(t, first, account("b", "1"), "the vendor counts")
	t.Setenv("KEY", "two")
	require.NotEqual(t, first, account("a", "1"))
	t.Setenv("KEY", "one")
	keys, err = codec.ParseKeys(keyText(2))
	require.NoError(t, err)
	require.NotEqual(t, first, account("a", "1"), "without the key, nobody can try credentials until one fits")
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]int64{
		"1": 1, "20MiB": 20 << 20, "20 mib": 20 << 20, "20MB": 20e6, "1.5kB": 1500, "7 B": 7, "1TiB": 1 << 40, "2GB": 2e9,
	} {
		t.Run(text, func(t *testing.T) {
			account, err := load(t, "accounts: {a: {vendor: sitoo, max_bytes: "+text+"}}").Profile("a")
			require.NoError(t, err)
			require.Equal(t, want, account.MaxBytes)
		})
	}
	for _, text := range []string{"0", "-1", "20M", "1.5", "0.1KiB", "1e3", "lots", "99999999TB", "1 2", "MiB"} {
		t.Run("not "+text, func(t *testing.T) {
			require.Contains(t, problems(t, "accounts: {a: {vendor: sitoo, max_bytes: '"+text+"'}}")[0], "use a number of bytes")
		})
	}
}

func TestRatesThatAreNone(t *testing.T) {
	for _, text := range []string{"0", "-1", ".nan", "NaN", "Inf", "1e99", "5/s"} {
		t.Run(text, func(t *testing.T) {
			require.Contains(t, problems(t, "accounts: {a: {vendor: sitoo, requests_per_second: "+text+"}}")[0], "use a number above 0")
		})
	}
}

func TestPatienceIsTheAccountsOwnOrThatOfAll(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"accounts: {a: {vendor: sitoo, token: x}}":                              config.DefaultPatience,
		"patience: 90m\naccounts: {a: {vendor: sitoo, token: x}}":               90 * time.Minute,
		"patience: 90m\naccounts: {a: {vendor: sitoo, token: x, patience: 0}}":  0,
		"patience: 0s\naccounts: {a: {vendor: sitoo, token: x, patience: 24h}}": 24 * time.Hour,
	} {
		account, err := load(t, text).Account("a")
		require.NoError(t, err, text)
		require.Equal(t, want, account.Patience, text)
	}
	require.Contains(t, problems(t, "patience: soon\naccounts: {a: {vendor: sitoo, token: x, patience: -1h}}"),
		`patience is "soon" (mediaferry.yaml:1); use a duration, for example 24h, 90m or 0`)
}
