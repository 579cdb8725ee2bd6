package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/config"
)

var shop = config.NewAccount{Name: "shop", Vendor: "trustoo", Settings: []config.NewSetting{
	{Key: "public_token", Value: "007"}, {Key: "private_token", Value: "geheim", Secret: true}, {Key: "video", Value: "true"},
}}

const shopLines = `  shop:
    vendor: trustoo
    public_token: 007
    private_token: ${file:secrets/shop.private_token}
    video: true
`

func TestAnAccountIsAddedAndTheRestStays(t *testing.T) {
	for name, c := range map[string]struct{ before, after string }{
		"no file": {"", "# mediaferry.yaml: vendor accounts. `mediaferry init -o -` shows all that can be set.\n\naccounts:\n" + shopLines},
		"behind the last account": {
			"# mine\naccounts:\n  a: {vendor: sitoo, token: \"${T}\"} # here\n  # the end\n\nledger: \"\" # there\n",
			"# mine\naccounts:\n  a: {vendor: sitoo, token: \"${T}\"} # here\n  # the end\n" + shopLines + "\nledger: \"\" # there\n",
		},
		"at the end, without a line break": {
			"ledger: \"\"\naccounts:\n  a:\n    vendor: sitoo\n    token: ${T}",
			"ledger: \"\"\naccounts:\n  a:\n    vendor: sitoo\n    token: ${T}\n" + shopLines,
		},
		"accounts apart from each other": {
			"accounts:\n  a: {vendor: sitoo}\n\n  b: {vendor: sitoo}\n",
			"accounts:\n  a: {vendor: sitoo}\n\n  b: {vendor: sitoo}\n\n" + shopLines,
		},
		"a wider indentation": {
			"accounts:\n    a:\n        vendor: sitoo\nledger: ''\n",
			"accounts:\n    a:\n        vendor: sitoo\n    shop:\n        vendor: trustoo\n        public_token: 007\n        private_token: ${file:secrets/shop.private_token}\n        video: true\nledger: ''\n",
		},
		"no accounts":    {"patience: 1h # short\n", "patience: 1h # short\n\naccounts:\n" + shopLines},
		"empty accounts": {"accounts:\nledger: ''\n", "accounts:\n" + shopLines + "ledger: ''\n"},
		"none in braces": {"accounts: {}\nledger: ''\n", "accounts:\n" + shopLines + "ledger: ''\n"},
		"comments only":  {"# nothing yet\n", "# nothing yet\n\naccounts:\n" + shopLines},
		"all in braces": {
			"accounts: {a: {vendor: sitoo}} # short\nledger: ''\n",
			"accounts: {a: {vendor: sitoo}, shop: {vendor: trustoo, public_token: 007, private_token: '${file:secrets/shop.private_token}', video: true}} # short\nledger: ''\n",
		},
		"a block of text at the end": {
			"accounts:\n  a:\n    vendor: sitoo\n    token: |\n      ${T}\n\nledger: ''\n",
			"accounts:\n  a:\n    vendor: sitoo\n    token: |\n      ${T}\n" + shopLines + "\nledger: ''\n",
		},
		"line ends of Windows": {
			"accounts:\r\n  a: {vendor: sitoo}\r\nledger: ''\r\n",
			strings.ReplaceAll("accounts:\n  a: {vendor: sitoo}\n"+shopLines+"ledger: ''\n", "\n", "\r\n"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "own", config.FileName)
			if c.before != "" {
				path = write(t, c.before)
				require.NoError(t, os.Chmod(path, 0o640))
			}
			added, err := config.AddAccount(path, shop)
			require.NoError(t, err)
			require.Equal(t, c.before == "", added.Created)
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, c.after, string(text))
			mode := os.FileMode(0o640)
			if added.Created {
				mode = 0o600
			}
			requireMode(t, mode, path)
			secret := filepath.Join(filepath.Dir(path), "secrets", "shop.private_token")
			require.Equal(t, []string{secret}, added.Files)
			requireMode(t, 0o600, secret)
			loaded, err := config.Load(path)
			require.NoError(t, err)
			require.Empty(t, loaded.Warnings)
			account, err := loaded.Account("shop")
			require.NoError(t, err)
			require.Equal(t, "geheim", account.Settings["private_token"])
			require.Equal(t, "007", account.Settings["public_token"])
			require.True(t, account.On("video"))
		})
	}
}

func requireMode(t *testing.T, want os.FileMode, path string) {
	t.Helper()
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, want, info.Mode().Perm())
}

func TestAnAccountThatDoesNotFitChangesNothing(t *testing.T) {
	const text = "accounts:\n  a: {vendor: sitoo, token: \"${T}\"}\n"
	with := func(name, vendor string, settings ...config.NewSetting) config.NewAccount {
		return config.NewAccount{Name: name, Vendor: vendor, Settings: settings}
	}
	for name, c := range map[string]struct {
		text    string
		account config.NewAccount
		want    string
	}{
		"a name that is taken": {text, with("a", "sitoo"), "account exists already: a"},
		"a broken file":        {"accounts:\n\ta: 1\n", shop, "indented with a tab"},
		"half of the credentials": {
			text, with("b", "trustoo", config.NewSetting{Key: "private_token", Value: "geheim", Secret: true}),
			"private_token is set, but public_token is missing",
		},
		"a wrong word":      {text, with("b", "sitoo", config.NewSetting{Key: "token", Value: "${T}"}, config.NewSetting{Key: "auth", Value: "magic"}), `accounts.b.auth is "magic"`},
		"an unknown vendor": {text, with("b", "nobody"), `unknown vendor "nobody"`},
		"a wrong reference": {text, with("b", "sitoo", config.NewSetting{Key: "token", Value: "${"}), `without a valid reference`},
	} {
		t.Run(name, func(t *testing.T) {
			path := write(t, c.text)
			_, err := config.AddAccount(path, c.account)
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "geheim")
			require.NotContains(t, err.Error(), "/."+config.FileName)
			now, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, c.text, string(now))
			left, err := filepath.Glob(filepath.Join(filepath.Dir(path), "secrets", "*"))
			require.NoError(t, err)
			require.Empty(t, left)
			left, err = filepath.Glob(filepath.Join(filepath.Dir(path), ".media*"))
			require.NoError(t, err)
			require.Empty(t, left)
		})
	}
}

func TestASecretFileIsNotOverwritten(t *testing.T) {
	path := write(t, "ledger: ''\n")
	folder := filepath.Join(filepath.Dir(path), "secrets")
	require.NoError(t, os.Mkdir(folder, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "shop.private_token"), []byte("older"), 0o600))
	_, err := config.AddAccount(path, shop)
	require.ErrorContains(t, err, "exists already")
	kept, err := os.ReadFile(filepath.Join(folder, "shop.private_token"))
	require.NoError(t, err)
	require.Equal(t, "older", string(kept))
}

func TestALinkToTheConfigurationStaysOne(t *testing.T) {
	path := write(t, "ledger: ''\n")
	link := filepath.Join(t.TempDir(), "link.yaml")
	require.NoError(t, os.Symlink(path, link))
	added, err := config.AddAccount(link, shop)
	require.NoError(t, err)
	require.Equal(t, []string{filepath.Join(filepath.Dir(path), "secrets", "shop.private_token")}, added.Files)
	info, err := os.Lstat(link)
	require.NoError(t, err)
	require.NotZero(t, info.Mode()&os.ModeSymlink)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Contains(t, string(text), shopLines)
}
