package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	namespacepb "go.temporal.io/api/namespace/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

// settle waits until the server at address answers for the namespace, and gives
// the namespace its retention. That the services have started does not say that
// they can be used: they first find each other and take over the history.
func settle(ctx context.Context, address string, s settings) error {
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithPerRPCCredentials(bearer(s.token)))
	if err != nil {
		return fmt.Errorf("connect to the server: %w", err)
	}
	defer func() { _ = conn.Close() }()
	service := workflowservice.NewWorkflowServiceClient(conn)
	for _, answers := range []func(context.Context, workflowservice.WorkflowServiceClient, string) error{
		answersForHistory, answersForVisibility,
	} {
		if err := repeat(ctx, func() error { return answers(ctx, service, s.namespace) }); err != nil {
			return fmt.Errorf("waiting for the server: %w", err)
		}
	}
	if err := list(ctx, conn, s.namespace, s.listed); err != nil {
		return err
	}
	return keepFor(ctx, service, s.namespace, s.retention)
}

func repeat(ctx context.Context, try func() error) error {
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// answersForHistory asks for a workflow that does not exist: only the service
// that holds the history, with the database behind it, can say so.
func answersForHistory(ctx context.Context, service workflowservice.WorkflowServiceClient, namespace string) error {
	_, err := service.DescribeWorkflowExecution(ctx, &workflowservice.DescribeWorkflowExecutionRequest{
		Namespace: namespace,
		Execution: &commonpb.WorkflowExecution{WorkflowId: "no-such-workflow"},
	})
	// A namespace that the frontend has not loaded yet is "not found" as well.
	if status.Code(err) == codes.NotFound {
		_, err = service.DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: namespace})
	}
	return err
}

func answersForVisibility(ctx context.Context, service workflowservice.WorkflowServiceClient, namespace string) error {
	_, err := service.ListWorkflowExecutions(ctx, &workflowservice.ListWorkflowExecutionsRequest{
		Namespace: namespace, PageSize: 1,
	})
	return err
}

// keepFor changes how long the namespace keeps what has ended, where that is not
// retention already. A retention of 0 leaves it alone.
func keepFor(ctx context.Context, service workflowservice.WorkflowServiceClient, namespace string, retention time.Duration) error {
	if retention == 0 {
		return nil
	}
	found, err := service.DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: namespace})
	if err != nil {
		return fmt.Errorf("read namespace %q: %w", namespace, err)
	}
	if found.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration() == retention {
		return nil
	}
	_, err = service.UpdateNamespace(ctx, &workflowservice.UpdateNamespaceRequest{
		Namespace: namespace,
		Config:    &namespacepb.NamespaceConfig{WorkflowExecutionRetentionTtl: durationpb.New(retention)},
	})
	if err != nil {
		return fmt.Errorf("set the retention of namespace %q to %s: %w", namespace, retention, err)
	}
	return nil
}
