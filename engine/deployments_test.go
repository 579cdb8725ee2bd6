package main

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	computepb "go.temporal.io/api/compute/v1"
	deploymentpb "go.temporal.io/api/deployment/v1"
	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

// deployments is a client of an engine whose controller of workers is a stub.
type deployments struct {
	t       *testing.T
	ctx     context.Context
	service workflowservice.WorkflowServiceClient
}

const (
	testDeployment = "uploads"
	testTaskQueue  = "uploads-queue"
)

func startDeployments(t *testing.T) deployments {
	t.Helper()
	address := startChild(t, t.TempDir()).serving().Temporal
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithPerRPCCredentials(bearer(testToken)))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	return deployments{t: t, ctx: ctx, service: workflowservice.NewWorkflowServiceClient(conn)}
}

func version(buildID string) *deploymentpb.WorkerDeploymentVersion {
	return &deploymentpb.WorkerDeploymentVersion{DeploymentName: testDeployment, BuildId: buildID}
}

// poll is a versioned worker that takes one workflow task and ends.
func (d deployments) poll(buildID string) <-chan string {
	workflowIDs := make(chan string, 1)
	go func() {
		for d.ctx.Err() == nil {
			task, err := d.service.PollWorkflowTaskQueue(d.ctx, &workflowservice.PollWorkflowTaskQueueRequest{
				Namespace: "default",
				TaskQueue: &taskqueuepb.TaskQueue{Name: testTaskQueue},
				Identity:  buildID,
				DeploymentOptions: &deploymentpb.WorkerDeploymentOptions{
					DeploymentName:       testDeployment,
					BuildId:              buildID,
					WorkerVersioningMode: enumspb.WORKER_VERSIONING_MODE_VERSIONED,
				},
			})
			if err == nil && len(task.GetTaskToken()) > 0 {
				workflowIDs <- task.GetWorkflowExecution().GetWorkflowId()
				return
			}
		}
	}()
	return workflowIDs
}

// makeCurrent waits until the poller has made the version known, and makes it the
// current one.
func (d deployments) makeCurrent(buildID string) {
	d.t.Helper()
	require.NoError(d.t, repeat(d.ctx, func() error {
		_, err := d.service.SetWorkerDeploymentCurrentVersion(d.ctx, &workflowservice.SetWorkerDeploymentCurrentVersionRequest{
			Namespace: "default", DeploymentName: testDeployment, BuildId: buildID, Identity: "test",
		})
		return err
	}))
}

func (d deployments) startWorkflow(id string) {
	d.t.Helper()
	_, err := d.service.StartWorkflowExecution(d.ctx, &workflowservice.StartWorkflowExecutionRequest{
		Namespace:    "default",
		WorkflowId:   id,
		WorkflowType: &commonpb.WorkflowType{Name: "Upload"},
		TaskQueue:    &taskqueuepb.TaskQueue{Name: testTaskQueue},
		RequestId:    id,
	})
	require.NoError(d.t, err)
}

func TestWorkerDeploymentsWork(t *testing.T) {
	d := startDeployments(t)
	for _, buildID := range []string{"one", "two"} {
		tasks := d.poll(buildID)
		d.makeCurrent(buildID)

		found, err := d.service.DescribeWorkerDeployment(d.ctx, &workflowservice.DescribeWorkerDeploymentRequest{
			Namespace: "default", DeploymentName: testDeployment,
		})
		require.NoError(t, err)
		require.Equal(t, buildID, found.GetWorkerDeploymentInfo().GetRoutingConfig().GetCurrentDeploymentVersion().GetBuildId())

		described, err := d.service.DescribeWorkerDeploymentVersion(d.ctx, &workflowservice.DescribeWorkerDeploymentVersionRequest{
			Namespace: "default", DeploymentVersion: version(buildID),
		})
		require.NoError(t, err)
		info := described.GetWorkerDeploymentVersionInfo()
		require.Equal(t, enumspb.WORKER_DEPLOYMENT_VERSION_STATUS_CURRENT, info.GetStatus())
		require.Nil(t, info.GetComputeConfig())

		d.startWorkflow("workflow-" + buildID)
		select {
		case workflowID := <-tasks:
			require.Equal(t, "workflow-"+buildID, workflowID)
		case <-d.ctx.Done():
			t.Fatal("the current version got no task")
		}
	}
}

func TestVersionWithoutWorkersIsMadeAndDeleted(t *testing.T) {
	d := startDeployments(t)
	_, err := d.service.CreateWorkerDeployment(d.ctx, &workflowservice.CreateWorkerDeploymentRequest{
		Namespace: "default", DeploymentName: testDeployment, Identity: "test",
	})
	require.NoError(t, err)
	_, err = d.service.CreateWorkerDeploymentVersion(d.ctx, &workflowservice.CreateWorkerDeploymentVersionRequest{
		Namespace: "default", DeploymentVersion: version("one"), Identity: "test",
	})
	require.NoError(t, err)
	_, err = d.service.DeleteWorkerDeploymentVersion(d.ctx, &workflowservice.DeleteWorkerDeploymentVersionRequest{
		Namespace: "default", DeploymentVersion: version("one"), Identity: "test",
	})
	require.NoError(t, err)
}

func TestComputeConfigurationIsRefused(t *testing.T) {
	d := startDeployments(t)
	groups := map[string]*computepb.ComputeConfigScalingGroup{
		"all": {Provider: &computepb.ComputeProvider{Type: "k8s"}},
	}
	_, err := d.service.CreateWorkerDeployment(d.ctx, &workflowservice.CreateWorkerDeploymentRequest{
		Namespace: "default", DeploymentName: testDeployment, Identity: "test",
	})
	require.NoError(t, err)
	_, err = d.service.CreateWorkerDeploymentVersion(d.ctx, &workflowservice.CreateWorkerDeploymentVersionRequest{
		Namespace: "default", DeploymentVersion: version("one"), Identity: "test",
		ComputeConfig: &computepb.ComputeConfig{ScalingGroups: groups},
	})
	require.Equal(t, codes.InvalidArgument, status.Code(err), "%v", err)
	require.ErrorContains(t, err, "not part of the embedded engine")
}
