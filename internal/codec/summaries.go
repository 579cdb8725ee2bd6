package codec

import (
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
)

// Summaries returns dc with one exception: summaries stay readable without the keys.
func Summaries(dc converter.DataConverter) converter.DataConverter { return summaries{dc} }

// summaries leaves what Temporal's UI shows beside workflows, activities and timers
// readable. The SDK passes it as a bare string to ToPayload; everything else that is a
// string goes through ToPayloads, or is a type of its own. Whoever writes a summary makes
// it of counts, account names, IDs, statuses and times, and of nothing else.
type summaries struct{ converter.DataConverter }

// ToPayload encodes one value.
func (s summaries) ToPayload(value any) (*commonpb.Payload, error) {
	if text, ok := value.(string); ok {
		return converter.GetDefaultDataConverter().ToPayload(text)
	}
	return s.DataConverter.ToPayload(value)
}

// WithSerializationContext returns the converter of a workflow's or an activity's
// payloads.
func (s summaries) WithSerializationContext(of converter.SerializationContext) converter.DataConverter {
	return summaries{converter.WithDataConverterSerializationContext(s.DataConverter, of)}
}
