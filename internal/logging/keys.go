package logging

import (
	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// About is what an event is about. Every log names these alike, so that all lines of an
// upload, a batch or an account are found by one key.
type About struct {
	UploadID, Batch, Account, Vendor string
	Step                             upload.Step
	Kind                             upload.Kind
	Attempt                          int64
	WorkflowID, RunID                string
}

// Keys are the keys of About, in its order.
func Keys() []string {
	return []string{"upload_id", "batch", "account", "vendor", "step", "kind", "attempt", "workflow_id", "run_id"}
}

// Fields are what is known of the event's subject, and more.
func (a About) Fields(more ...zap.Field) []zap.Field {
	texts := []string{a.UploadID, a.Batch, a.Account, a.Vendor, string(a.Step), string(a.Kind), "", a.WorkflowID, a.RunID}
	fields := make([]zap.Field, 0, len(texts)+len(more))
	for i, key := range Keys() {
		switch {
		case texts[i] != "":
			fields = append(fields, zap.String(key, texts[i]))
		case key == "attempt" && a.Attempt > 0:
			fields = append(fields, zap.Int64(key, a.Attempt))
		}
	}
	return append(fields, more...)
}
