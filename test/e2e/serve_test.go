package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/mediaferry/mediaferry/internal/codec"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
)

// temporalVariable names a Temporal service, as HOST:PORT, on which tests of resets run
// instead of the embedded engine: each with a namespace of its own, two workers that are
// processes of their own, and a ledger in PostgreSQL.
const temporalVariable = "MEDIAFERRY_TEST_TEMPORAL"

// service is a namespace of a Temporal service, with a client without our keys.
type service struct {
	client.Client
	namespace string
}

// serve starts the sandbox, and what runs uploads: the embedded engine, or workers of
// the service that temporalVariable names.
func (p *place) serve() (control, service) {
	p.t.Helper()
	address := os.Getenv(temporalVariable)
	if address == "" {
		_, at := p.up("--sandbox")
		return control{p.t, at.Sandbox, at.token(p.t)}, service{stranger(p.t, at), at.Namespace}
	}
	at := upLine{Temporal: address, Namespace: newNamespace(p.t, address)}
	f := fleet{place: p, box: p.box(), service: at}
	f.join(ledgertest.Postgres(p.t), newKey(p.t))
	for range 2 {
		f.worker()
	}
	return f.box, service{stranger(p.t, at), at.Namespace}
}

// join makes the place's programs use the fleet's Temporal service, with a ledger in
// PostgreSQL and a key.
func (f fleet) join(ledger, key string) {
	f.t.Helper()
	f.configure(fmt.Sprintf("sources: {local_roots: [%q], allow_private_networks: true}\nledger: %q\nresults: %q\nencryption: {key: \"${MEDIAFERRY_KEY}\"}\n", f.media, ledger, filepath.Join(f.data, "results")))
	f.env = append(f.env, f.service.environment(f.t)...)
	f.env = append(f.env, "MEDIAFERRY_KEY="+key, "MEDIAFERRY_DATA="+filepath.Join(f.dir, "client"))
}

func newKey(t *testing.T) string {
	t.Helper()
	key, err := codec.GenerateKey()
	require.NoError(t, err)
	return key
}

// newNamespace makes a namespace that goes with the test, and waits until the service
// knows it everywhere.
func newNamespace(t *testing.T, address string) string {
	t.Helper()
	c, err := client.Dial(client.Options{HostPort: address})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	name := "test-" + filepath.Base(t.TempDir()) + "-" + fmt.Sprint(time.Now().UnixNano())
	_, err = c.WorkflowService().RegisterNamespace(t.Context(), &workflowservice.RegisterNamespaceRequest{
		Namespace: name, WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour),
	})
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := c.OperatorService().DeleteNamespace(context.WithoutCancel(t.Context()), &operatorservice.DeleteNamespaceRequest{Namespace: name})
		require.NoError(t, err)
	})
	until(t, "the namespace is known", func() bool {
		_, err := c.WorkflowService().ListWorkflowExecutions(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Namespace: name})
		return err == nil
	})
	return name
}
