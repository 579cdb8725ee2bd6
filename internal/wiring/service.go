package wiring

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/visibility"
)

// Service is what a look at the Temporal service of the environment found.
type Service struct {
	Address, Namespace string
	// Pollers is how many processes ask for the workflows of uploads, by the
	// service's own account: it remembers one for some minutes after its end.
	Pollers int
	// Retention is how long the namespace keeps workflows that have ended.
	Retention time.Duration
	// Missing are the search attributes that the namespace lacks.
	Missing []visibility.Attribute
	// Deployments are those of the workers that ask for the workflows of uploads.
	Deployments []Deployment
}

// Deployment is a worker deployment.
type Deployment struct {
	Name    string
	Current string   // the build on which new uploads run; "" where none was made the current one
	Polling []string // builds whose workers ask for work
}

// LookAtService connects to the Temporal service that the environment names, and
// looks whether its namespace is there and who carries uploads in it. It needs no
// keys and changes nothing; ctx bounds it. Where it fails, what the environment
// says is returned all the same. data is the data folder, or "".
func LookAtService(ctx context.Context, data string) (Service, error) {
	temporal, options, err := Connection{Data: data}.bare(ctx)
	found := Service{Address: options.HostPort, Namespace: options.Namespace}
	if err != nil {
		return found, err
	}
	defer temporal.Close()
	described, err := temporal.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: found.Namespace})
	var missing *serviceerror.NamespaceNotFound
	switch {
	case errors.As(err, &missing):
		return found, fmt.Errorf("namespace %q does not exist; create it with mediaferry setup, or set TEMPORAL_NAMESPACE", found.Namespace)
	case err != nil:
		return found, fmt.Errorf("namespace %q: %w", found.Namespace, explain(err))
	}
	found.Retention = described.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration()
	if found.Missing, err = MissingAttributes(ctx, temporal, found.Namespace); err != nil {
		return found, fmt.Errorf("search attributes of namespace %q: %w", found.Namespace, explain(err))
	}
	queue, err := temporal.DescribeTaskQueue(ctx, upload.TaskQueue, enums.TASK_QUEUE_TYPE_WORKFLOW)
	if err != nil {
		return found, fmt.Errorf("task queue %s: %w", upload.TaskQueue, explain(err))
	}
	found.Pollers = len(queue.GetPollers())
	found.Deployments, err = deployments(ctx, temporal, queue.GetPollers())
	return found, err
}

// deployments reads those to which pollers belong.
func deployments(ctx context.Context, temporal client.Client, pollers []*taskqueue.PollerInfo) ([]Deployment, error) {
	polling := map[string][]string{}
	for _, p := range pollers {
		if of := p.GetDeploymentOptions(); of.GetDeploymentName() != "" && !slices.Contains(polling[of.GetDeploymentName()], of.GetBuildId()) {
			polling[of.GetDeploymentName()] = append(polling[of.GetDeploymentName()], of.GetBuildId())
		}
	}
	var all []Deployment
	for _, name := range slices.Sorted(maps.Keys(polling)) {
		described, err := temporal.WorkerDeploymentClient().GetHandle(name).Describe(ctx, client.WorkerDeploymentDescribeOptions{})
		if err != nil {
			return all, fmt.Errorf("worker deployment %s: %w", name, explain(err))
		}
		one := Deployment{Name: name, Polling: polling[name]}
		if now := described.Info.RoutingConfig.CurrentVersion; now != nil {
			one.Current = now.BuildID
		}
		slices.Sort(one.Polling)
		all = append(all, one)
	}
	return all, nil
}
