package codec

import (
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	sdk "go.temporal.io/sdk/workflow"
)

// Interceptor returns what encodes the details of a canceled workflow for that
// workflow, by dc; one detail, as in temporal.NewCanceledError(detail). The SDK
// encodes them without saying for which workflow, so that nobody could read them. It
// belongs to the options of each client: the workers of a client use it too.
func Interceptor(dc converter.DataConverter) interceptor.ClientInterceptor {
	return &cancellations{dc: dc}
}

type cancellations struct {
	interceptor.ClientInterceptorBase
	interceptor.WorkerInterceptorBase
	dc converter.DataConverter
}

// InterceptWorkflow sees how workflows end.
func (c *cancellations) InterceptWorkflow(_ sdk.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &ending{WorkflowInboundInterceptorBase: interceptor.WorkflowInboundInterceptorBase{Next: next}, dc: c.dc}
}

type ending struct {
	interceptor.WorkflowInboundInterceptorBase
	dc converter.DataConverter
}

// ExecuteWorkflow runs a workflow.
func (e *ending) ExecuteWorkflow(ctx sdk.Context, in *interceptor.ExecuteWorkflowInput) (any, error) {
	result, err := e.Next.ExecuteWorkflow(ctx, in)
	canceled, ok := err.(*temporal.CanceledError) //nolint:errorlint // one that came from elsewhere has its details encoded
	if !ok || !canceled.HasDetails() {
		return result, err
	}
	var detail any
	if err := canceled.Details(&detail); err != nil {
		return nil, err
	}
	here := converter.WithDataConverterSerializationContext(e.dc, converter.WorkflowSerializationContext{
		WorkflowID: sdk.GetInfo(ctx).WorkflowExecution.ID,
	})
	payloads, err := here.ToPayloads(detail)
	if err != nil {
		return nil, err
	}
	return nil, temporal.NewCanceledError(client.NewValues(payloads))
}
