package enginehost

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/grpc"
)

// realBinary is the engine as it was built, or the end of the test.
func realBinary(t *testing.T) string {
	t.Helper()
	path := os.Getenv("MEDIAFERRY_ENGINE")
	if path == "" {
		path = filepath.Join("..", "..", "bin", "mediaferry-engine")
	}
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") == "true" || os.Getenv("MEDIAFERRY_NO_SKIP") == "1" {
			t.Fatalf("no engine to test with: %v", err)
		}
		t.Skipf("no engine to test with, run make build or set MEDIAFERRY_ENGINE: %v", err)
	}
	path, err := filepath.Abs(path)
	require.NoError(t, err)
	return path
}

// dial connects a Temporal client that follows the engine.
func dial(t *testing.T, m *Member) client.Client {
	t.Helper()
	c, err := client.Dial(client.Options{
		HostPort:  "passthrough:///engine",
		Namespace: m.Address().Namespace,
		ConnectionOptions: client.ConnectionOptions{
			TLSDisabled: true,
			DialOptions: []grpc.DialOption{grpc.WithContextDialer(m.Dial)},
		},
		Credentials: client.NewAPIKeyStaticCredentials(m.Token()),
	})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

const queue = "test"

// greet has an activity on either side of a wait.
func greet(ctx workflow.Context) (string, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
	var first, name, second string
	if err := workflow.ExecuteActivity(ctx, "Say", "hello").Get(ctx, &first); err != nil {
		return "", err
	}
	workflow.GetSignalChannel(ctx, "name").Receive(ctx, &name)
	if err := workflow.ExecuteActivity(ctx, "Say", name).Get(ctx, &second); err != nil {
		return "", err
	}
	return first + " " + second, nil
}

func linger(ctx workflow.Context) error {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 10 * time.Minute,
		WaitForCancellation: true,
		RetryPolicy:         &temporal.RetryPolicy{MaximumAttempts: 1},
	})
	return workflow.ExecuteActivity(ctx, "Linger").Get(ctx, nil)
}

type activities struct {
	said     atomic.Int32
	lingered chan struct{}
}

func (a *activities) Say(_ context.Context, text string) (string, error) {
	a.said.Add(1)
	return text, nil
}

// Linger sends no heartbeat.
func (a *activities) Linger(ctx context.Context) error {
	close(a.lingered)
	<-ctx.Done()
	return ctx.Err()
}

func work(t *testing.T, c client.Client) *activities {
	t.Helper()
	a := &activities{lingered: make(chan struct{})}
	w := worker.New(c, queue, worker.Options{})
	w.RegisterWorkflow(greet)
	w.RegisterWorkflow(linger)
	w.RegisterActivity(a)
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)
	return a
}

func TestWorkflowOutlivesTheHostOfItsEngine(t *testing.T) {
	data, binary := t.TempDir(), realBinary(t)
	host := startHost(t, data, binary, false)
	found, ok := Running(t.Context(), data)
	require.True(t, ok)
	require.Equal(t, host.address, found)

	m, err := Join(t.Context(), Options{Data: data, Binary: binary})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	require.False(t, m.Hosting())
	c := dial(t, m)
	a := work(t, c)
	run, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "greeting", TaskQueue: queue}, greet)
	require.NoError(t, err)
	until(t, "the workflow has come to its wait", func() bool { return a.said.Load() == 1 })

	host.kill()
	require.NoError(t, c.SignalWorkflow(t.Context(), "greeting", run.GetRunID(), "name", "world"))
	var greeting string
	require.NoError(t, run.Get(t.Context(), &greeting))
	require.Equal(t, "hello world", greeting)
	require.Equal(t, int32(2), a.said.Load(), "what had ended was not run again")

	until(t, "the guest hosts", m.Hosting)
	after := m.Address()
	require.NotEqual(t, host.address.PID, after.PID)
	require.Equal(t, host.address.Temporal, after.Temporal)
}

// What asks the web UI without a credential gets nothing out of Temporal: it has none
// of its own.
func TestTheWebUIPassesOnWhatItsCallerPresents(t *testing.T) {
	var ui Backend
	m, err := Join(t.Context(), Options{Data: t.TempDir(), Binary: realBinary(t), Front: &Front{
		UIPath: "/ui", Codec: "/codec",
		Handler: func(_ string, b Backend) (http.Handler, error) {
			ui = b
			return http.NotFoundHandler(), nil
		},
	}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	ask := func(authorization string) (int, string) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, ui.URL+"/ui/api/v1/namespaces", nil)
		require.NoError(t, err)
		request.Header.Set("Authorization", authorization)
		response, err := (&http.Client{Transport: &http.Transport{DialContext: ui.Dial}}).Do(request)
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		return response.StatusCode, string(body)
	}
	for _, wrong := range []string{"", "Bearer wrong", "Basic " + ui.Token} {
		status, body := ask(wrong)
		require.Equal(t, http.StatusForbidden, status, body)
	}
	status, body := ask("Bearer " + ui.Token)
	require.Equal(t, http.StatusOK, status, body)
	require.Contains(t, body, `"default"`)
}

func TestTheEngineAnswersNobodyWithoutItsToken(t *testing.T) {
	m, err := Join(t.Context(), Options{Data: t.TempDir(), Binary: realBinary(t)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	for _, token := range []string{"", "wrong"} {
		options := client.Options{HostPort: m.Address().Temporal, ConnectionOptions: client.ConnectionOptions{TLSDisabled: true}}
		if token != "" {
			options.Credentials = client.NewAPIKeyStaticCredentials(token)
		}
		c, err := client.NewLazyClient(options)
		require.NoError(t, err)
		_, err = c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{TaskQueue: queue}, "evil")
		require.ErrorContains(t, err, "Request unauthorized")
		_, err = c.WorkflowService().GetClusterInfo(t.Context(), &workflowservice.GetClusterInfoRequest{})
		require.ErrorContains(t, err, "Request unauthorized")
		c.Close()
	}
}

func TestNoRealEngineSurvivesItsHost(t *testing.T) {
	data, binary := t.TempDir(), realBinary(t)
	host := startHost(t, data, binary, false)
	host.kill()
	requireEngineGone(t, data)
	_, ok := Running(t.Context(), data)
	require.False(t, ok)

	result, err := Compact(t.Context(), Options{Data: data, Binary: binary})
	require.NoError(t, err)
	require.Positive(t, result.After)
	require.LessOrEqual(t, result.After, result.Before)
}

func TestCancellationReachesAnActivityThatSendsNoHeartbeat(t *testing.T) {
	data := t.TempDir()
	m, err := Join(t.Context(), Options{Data: data, Binary: realBinary(t)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	c := dial(t, m)
	a := work(t, c)
	run, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{TaskQueue: queue}, linger)
	require.NoError(t, err)
	<-a.lingered
	require.NoError(t, c.CancelWorkflow(t.Context(), run.GetID(), run.GetRunID()))
	var canceled *temporal.CanceledError
	require.ErrorAs(t, run.Get(t.Context(), nil), &canceled)
}

func TestRealEngineSaysWhyItDoesNotStart(t *testing.T) {
	data, binary := t.TempDir(), realBinary(t)
	require.NoError(t, os.MkdirAll(folder(data).engineDir(), 0o700))
	file := filepath.Join(folder(data).engineDir(), "temporal.db")
	require.NoError(t, os.WriteFile(file, []byte(strings.Repeat("a letter, and no database ", 100)), 0o600))
	_, err := Join(t.Context(), Options{Data: data, Binary: binary})
	require.ErrorContains(t, err, file)
	require.ErrorContains(t, err, "not a database")
}
