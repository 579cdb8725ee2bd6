// Package client tells the Temporal server that no worker controller exists. It
// stands in for the package of the same path, which starts workers on Kubernetes,
// AWS and Google Cloud: the embedded engine starts none. Worker deployments work
// without it, as long as nobody gives one of their versions a compute
// configuration, and that is refused.
package client

import (
	"context"

	deploymentpb "go.temporal.io/api/deployment/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/auto-scaled-workers/wci/workflow/iface"
	"go.uber.org/fx"
)

// Module provides the Client. It adds no hook to task queues, since no task is to
// start a worker.
var Module = fx.Provide(func() Client { return Client{} })

// Client answers for the worker controllers, of which there are none. Namespaces
// are of any type, so that this module does not need the server's.
type Client struct{}

// DescribeWorkerControllerInstance finds nothing, which the server takes for a
// version without compute configuration.
func (Client) DescribeWorkerControllerInstance(
	_ context.Context, _ any, _ *deploymentpb.WorkerDeploymentVersion,
) (*iface.QueryDescribeWorkerControllerInstanceResponse, []byte, error) {
	return nil, nil, serviceerror.NewNotFound("the embedded engine has no worker controller")
}

// UpdateWorkerControllerInstance refuses every compute configuration.
func (Client) UpdateWorkerControllerInstance(
	_ context.Context, _ any, _ *deploymentpb.WorkerDeploymentVersion, _ []byte, _ string,
	_ map[string]iface.ScalingGroupSpecUpdate, _ []string,
) (*iface.UpdateWorkerControllerInstanceResponse, error) {
	return nil, errNotPart()
}

// ValidateWorkerControllerInstanceSpec refuses every compute configuration.
func (Client) ValidateWorkerControllerInstanceSpec(
	_ context.Context, _ any, _ *deploymentpb.WorkerDeploymentVersion, _ string,
	_ map[string]iface.ScalingGroupSpecUpdate, _ []string,
) error {
	return errNotPart()
}

// DeleteWorkerControllerInstance has nothing to delete. The server calls it
// whenever a version is deleted.
func (Client) DeleteWorkerControllerInstance(
	_ context.Context, _ any, _ *deploymentpb.WorkerDeploymentVersion, _ string,
) error {
	return nil
}

// errNotPart is an invalid argument because the server retries everything else.
func errNotPart() error {
	return serviceerror.NewInvalidArgument("starting workers for a deployment version is not part of the embedded engine; start them yourself, and leave the compute configuration out")
}
