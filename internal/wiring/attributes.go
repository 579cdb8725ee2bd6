package wiring

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/visibility"
)

// MissingAttributes lists the search attributes of mediaferry that a namespace does not
// have, or has with another type.
func MissingAttributes(ctx context.Context, temporal client.Client, namespace string) ([]visibility.Attribute, error) {
	has, err := attributesOf(ctx, temporal, namespace)
	if err != nil {
		return nil, err
	}
	var missing []visibility.Attribute
	for _, attribute := range visibility.Attributes() {
		found, ok := has[attribute.Name]
		if !ok || found != attribute.Type && found != enums.INDEXED_VALUE_TYPE_UNSPECIFIED {
			missing = append(missing, attribute)
		}
	}
	return missing, nil
}

// attributesOf reads the custom search attributes of a namespace. A service that keeps
// its operator's calls to itself tells their names with the namespace, without types.
func attributesOf(ctx context.Context, temporal client.Client, namespace string) (map[string]enums.IndexedValueType, error) {
	listed, err := temporal.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	if err == nil {
		return listed.GetCustomAttributes(), nil
	}
	var denied *serviceerror.PermissionDenied
	var missing *serviceerror.Unimplemented
	if !errors.As(err, &denied) && !errors.As(err, &missing) {
		return nil, err
	}
	described, err := temporal.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: namespace})
	if err != nil {
		return nil, err
	}
	has := map[string]enums.IndexedValueType{}
	for _, name := range described.GetConfig().GetCustomSearchAttributeAliases() {
		has[name] = enums.INDEXED_VALUE_TYPE_UNSPECIFIED
	}
	return has, nil
}

// attributesAgain is how long a namespace without the search attributes is believed to
// have none: somebody may run setup meanwhile.
const attributesAgain = time.Minute

// attributes gives workflows that start their search attributes, where the namespace has
// all of them. A namespace that lacks one refuses to start a workflow that has it.
type attributes struct {
	interceptor.ClientInterceptorBase
	log *zap.Logger

	mu        sync.Mutex
	temporal  client.Client // nil until it is connected
	namespace string
	known     bool
	asked     time.Time
}

func (a *attributes) connected(temporal client.Client, namespace string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.temporal, a.namespace = temporal, namespace
}

// InterceptClient sees what this client starts.
func (a *attributes) InterceptClient(next interceptor.ClientOutboundInterceptor) interceptor.ClientOutboundInterceptor {
	return &attributing{ClientOutboundInterceptorBase: interceptor.ClientOutboundInterceptorBase{Next: next}, attributes: a}
}

// have reports whether the namespace has all attributes.
func (a *attributes) have(ctx context.Context) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.known || a.temporal == nil || !a.asked.IsZero() && time.Since(a.asked) < attributesAgain {
		return a.known
	}
	missing, err := MissingAttributes(ctx, a.temporal, a.namespace)
	a.asked, a.known = time.Now(), err == nil && len(missing) == 0
	switch {
	case err != nil:
		a.log.Debug("could not read the search attributes of the namespace; going on without them", zap.Error(explain(err)))
	case !a.known:
		a.log.Debug("the namespace lacks search attributes; going on without them", zap.Int("missing", len(missing)))
	}
	return a.known
}

type attributing struct {
	interceptor.ClientOutboundInterceptorBase
	*attributes
}

// of are the attributes of a workflow with some arguments; none where the namespace does
// not have them.
func (a *attributing) of(ctx context.Context, args []any) temporal.SearchAttributes {
	all := visibility.Of(args)
	if all.Size() == 0 || !a.have(ctx) {
		return temporal.SearchAttributes{}
	}
	return all
}

// ExecuteWorkflow starts a workflow.
func (a *attributing) ExecuteWorkflow(ctx context.Context, in *interceptor.ClientExecuteWorkflowInput) (client.WorkflowRun, error) {
	if all := a.of(ctx, in.Args); all.Size() > 0 {
		in.Options.TypedSearchAttributes = all
	}
	return a.Next.ExecuteWorkflow(ctx, in)
}

// SignalWithStartWorkflow signals a workflow, or starts it.
func (a *attributing) SignalWithStartWorkflow(ctx context.Context, in *interceptor.ClientSignalWithStartWorkflowInput) (client.WorkflowRun, error) {
	if all := a.of(ctx, in.Args); all.Size() > 0 {
		in.Options.TypedSearchAttributes = all
	}
	return a.Next.SignalWithStartWorkflow(ctx, in)
}

// CreateSchedule has what a schedule starts give its batches their attributes: a workflow
// passes them on to those that it starts if it has some itself.
func (a *attributing) CreateSchedule(ctx context.Context, in *interceptor.ScheduleClientCreateInput) (client.ScheduleHandle, error) {
	if action, ok := in.Options.Action.(*client.ScheduleWorkflowAction); ok && a.have(ctx) {
		action.TypedSearchAttributes = visibility.OfSchedule()
	}
	return a.Next.CreateSchedule(ctx, in)
}
