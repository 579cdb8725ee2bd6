package sources

import (
	"context"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/egress"
)

// TrustWeb replaces the way to https: sources by one that knows a test server's
// certificate.
func (s *Sources) TrustWeb(client *http.Client) { s.web.door = client.Transport }

// PlayAWS makes the S3 client, and lets an address play AWS's: it is asked, and
// not taken for an endpoint that the operator named.
func (s *Sources) PlayAWS(ctx context.Context, t *testing.T, address string) {
	t.Helper()
	client, err := s.s3.configured(ctx)
	require.NoError(t, err)
	o := client.Options()
	o.BaseEndpoint = &address
	o.HTTPClient = s.s3.egress.Objects(egress.Policy{Private: true, Insecure: true})
	s.s3.client = s3.New(o)
}
