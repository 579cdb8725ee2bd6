package workflows

import (
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/visibility"
)

// listed is what an upload's search attributes say.
type listed struct {
	changes int // so far: each is billed
	waits   bool
}

// mostListed is how many changes an upload makes before its end, which is one more.
const mostListed = 2

// attributed are the attributes of a workflow that this one starts: none where this one
// has none, because then the namespace does not know them.
func attributed(ctx workflow.Context, all temporal.SearchAttributes) temporal.SearchAttributes {
	if workflow.GetTypedSearchAttributes(ctx).Size() == 0 {
		return temporal.SearchAttributes{}
	}
	return all
}

// relist changes search attributes where this workflow has some.
func relist(ctx workflow.Context, updates ...temporal.SearchAttributeUpdate) error {
	if workflow.GetTypedSearchAttributes(ctx).Size() == 0 {
		return nil
	}
	return workflow.UpsertTypedSearchAttributes(ctx, updates...)
}

// list shows the upload's state where Temporal lists workflows: that its bytes are on
// their way, that it waits for a person, and how it ended.
func (r *run) list(ctx workflow.Context) {
	state, final := r.result.State, r.result.State.Ended() && r.result.State != upload.StateUnconfirmed
	if !final && (r.listed.changes >= mostListed || state == upload.StateTransferring && r.listed.changes > 0) {
		return
	}
	updates := []temporal.SearchAttributeUpdate{visibility.State.ValueSet(string(state))}
	if r.result.Size > 0 {
		updates = append(updates, visibility.Size.ValueSet(int64(r.result.Size)))
	}
	switch {
	case r.result.Error != nil:
		updates = append(updates, visibility.Kind.ValueSet(string(r.result.Error.Kind)))
	case r.listed.waits:
		updates = append(updates, visibility.Kind.ValueUnset())
	}
	switch {
	case state == upload.StateUnconfirmed:
		updates = append(updates, visibility.WaitsFor.ValueSet(string(upload.ForPerson)))
	case r.listed.waits:
		updates = append(updates, visibility.WaitsFor.ValueUnset())
	}
	r.listed.waits = state == upload.StateUnconfirmed
	r.listed.changes++
	if err := relist(ctx, updates...); err != nil {
		workflow.GetLogger(ctx).Warn("could not change the search attributes", "error", err)
	}
}
