package activities

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
)

// byName resolves every account, and tells credentials apart by one setting.
type byName struct{}

func (byName) Account(name string) (vendors.Account, error) { return vendors.Account{Name: name}, nil }
func (byName) KeyFingerprint(a vendors.Account) string      { return a.Settings["secret"] }

func TestATokenIsKeptForOneAddressAndOneSetOfCredentials(t *testing.T) {
	acts := &Activities{Accounts: byName{}}
	at := func(base, login, secret string) tokens {
		return tokens{acts, vendors.Account{Name: "a", BaseURL: base, LoginURL: login, Settings: map[string]string{"secret": secret}}}
	}
	same := at("https://a.example", "https://l.example", "one")
	require.Equal(t, same.scoped("access"), at("https://a.example", "https://l.example", "one").scoped("access"))
	require.NotEqual(t, same.scoped("access"), same.scoped("policy"))
	for name, other := range map[string]tokens{
		"another address":          at("http://127.0.0.1:1", "https://l.example", "one"),
		"another address of login": at("https://a.example", "https://m.example", "one"),
		"other credentials":        at("https://a.example", "https://l.example", "two"),
	} {
		t.Run(name, func(t *testing.T) {
			require.NotEqual(t, same.scoped("access"), other.scoped("access"))
		})
	}
	require.Equal(t, same.scoped("refresh"), at("https://a.example", "https://l.example", "two").scoped("refresh"),
		"a chain of refresh tokens outlives the other credentials")
}

func TestAnItemGoesToTheAccountThatWasMeantOnly(t *testing.T) {
	account := vendors.Account{Name: "sitoo", Vendor: "sitoo", BaseURL: "https://sitoo.example"}
	for name, c := range map[string]struct {
		item upload.Item
		ok   bool
	}{
		"the same address":      {upload.Item{Vendor: "sitoo", Base: "https://sitoo.example"}, true},
		"none was named":        {upload.Item{Vendor: "sitoo"}, true},
		"a sandbox of the name": {upload.Item{Vendor: "sitoo", Base: "http://127.0.0.1:1/sitoo"}, false},
		"another vendor":        {upload.Item{Vendor: "trustoo", Base: "https://sitoo.example"}, false},
		"a row that was refused with its manifest": {
			upload.Item{Vendor: "sitoo", Base: "https://sitoo.example", Given: []upload.Given{{Column: "sha256", Text: "abc"}}}, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := meant(c.item, account)
			if c.ok {
				require.NoError(t, err)
				return
			}
			require.Equal(t, upload.KindInvalid, upload.KindOf(err))
			require.NotEmpty(t, upload.AsError(err, "").Hint)
		})
	}
}
