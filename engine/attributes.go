package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
)

// attributes are search attributes by their names, as flags give them.
type attributes map[string]enumspb.IndexedValueType

// String lists them.
func (a attributes) String() string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(a)) {
		all = append(all, name+"="+a[name].String())
	}
	return strings.Join(all, ",")
}

// Set adds one, NAME=TYPE.
func (a *attributes) Set(text string) error {
	name, kind, _ := strings.Cut(text, "=")
	value, err := enumspb.IndexedValueTypeFromString(kind)
	if name == "" || err != nil || value == enumspb.INDEXED_VALUE_TYPE_UNSPECIFIED {
		return fmt.Errorf("want NAME=TYPE with a type such as Keyword or Int, got %q", text)
	}
	if *a == nil {
		*a = attributes{}
	}
	(*a)[name] = value
	return nil
}

// list gives the namespace those search attributes that it lacks: one that an older
// engine made has fewer.
func list(ctx context.Context, conn grpc.ClientConnInterface, namespace string, wanted attributes) error {
	if len(wanted) == 0 {
		return nil
	}
	found, err := workflowservice.NewWorkflowServiceClient(conn).DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: namespace})
	if err != nil {
		return fmt.Errorf("read namespace %q: %w", namespace, err)
	}
	missing := maps.Clone(wanted)
	for _, name := range found.GetConfig().GetCustomSearchAttributeAliases() {
		delete(missing, name)
	}
	if len(missing) == 0 {
		return nil
	}
	_, err = operatorservice.NewOperatorServiceClient(conn).AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{
		Namespace: namespace, SearchAttributes: missing,
	})
	if err != nil {
		return fmt.Errorf("add the search attributes %s to namespace %q: %w", missing, namespace, err)
	}
	return nil
}
