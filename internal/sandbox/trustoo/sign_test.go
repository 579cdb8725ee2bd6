package trustoo

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTrustooSignatureVectors(t *testing.T) {
	for _, c := range []struct{ name, query, body, want string }{
		{"a GET", "", "", "2a0ed981cd3ac584cf45aa7eabf487625ceb3ef007ea248c2b0a94d62e581e80"},
		{"a GET with a query", "page=1&page_size=10", "", "05384fb4a80084a3c09386c4843f6a8d9ae70fc7a6d6b1e595ed6d6decf29b1c"},
		{"a POST", "", `{"product_id":"0","rating":5,"author":"A"}`, "fa40f40a1f909e16d04a4e1727f989d89c0dddd66714f19c1f0fcfc8701fddf6"},
	} {
		t.Run(c.name, func(t *testing.T) {
			q, err := url.ParseQuery(c.query)
			require.NoError(t, err)
			require.Equal(t, c.want, signatureOf("prv_test_token", q, "1700000000", []byte(c.body)))
		})
	}
}
