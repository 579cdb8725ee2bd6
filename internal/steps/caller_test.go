package steps

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

func TestAnItemGoesToTheAccountThatWasMeantOnly(t *testing.T) {
	account := spec.Account{Name: "sitoo", Vendor: "sitoo", BaseURL: "https://sitoo.example"}
	for name, c := range map[string]struct {
		item upload.Item
		ok   bool
	}{
		"the same address":      {upload.Item{Vendor: "sitoo", Base: "https://sitoo.example"}, true},
		"none was named":        {upload.Item{Vendor: "sitoo"}, true},
		"a sandbox of the name": {upload.Item{Vendor: "sitoo", Base: "http://127.0.0.1:1/sitoo"}, false},
		"another vendor":        {upload.Item{Vendor: "trustoo", Base: "https://sitoo.example"}, false},
		"a row that was refused with its manifest": {
			upload.Item{Vendor: "sitoo", Base: "https://sitoo.example", Incomplete: true}, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := Meant(c.item, account)
			if c.ok {
				require.NoError(t, err)
				return
			}
			require.Equal(t, upload.KindInvalid, upload.KindOf(err))
			require.NotEmpty(t, upload.AsError(err, "").Hint)
		})
	}
}
