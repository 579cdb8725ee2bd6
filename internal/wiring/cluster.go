package wiring

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/mediaferry/mediaferry/internal/ledger"
)

// serviceOf asks a Temporal service for its identity, by which claims in the ledger
// name it: two addresses may lead to one cluster, and one address to another cluster
// tomorrow. A service that keeps its cluster's ID to itself is known by the ID of the
// namespace, which no other namespace has.
func serviceOf(ctx context.Context, temporal client.Client, namespace string) (ledger.Service, error) {
	if namespace == "" {
		namespace = client.DefaultNamespace
	}
	service := ledger.Service{Namespace: namespace}
	info, err := temporal.WorkflowService().GetClusterInfo(ctx, &workflowservice.GetClusterInfoRequest{})
	var denied *serviceerror.PermissionDenied
	var missing *serviceerror.Unimplemented
	switch {
	case err == nil && info.GetClusterId() != "":
		service.Cluster = info.GetClusterId()
		return service, nil
	case err != nil && !errors.As(err, &denied) && !errors.As(err, &missing):
		return service, fmt.Errorf("read the cluster ID: %w", explain(err))
	}
	described, err := temporal.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: namespace})
	if err != nil {
		return service, fmt.Errorf("read the ID of namespace %q: %w", namespace, explain(err))
	}
	service.Cluster = "of-namespace-" + described.GetNamespaceInfo().GetId()
	return service, nil
}
