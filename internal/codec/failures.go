package codec

import (
	"errors"

	commonpb "go.temporal.io/api/common/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
)

// typeRefused is the type of the failure of what refused a payload. It stays readable
// in Temporal.
const typeRefused = "payload-refused"

// FailureConverter returns a failure converter that passes message, stack trace
// and details of failures through dc. The SDK does not do so by itself: each
// client and worker needs both converters. What kind of failure it was stays
// readable.
//
// What refuses a payload as altered, of another workflow or unencrypted is not
// repeated: it would be refused again.
func FailureConverter(dc converter.DataConverter) converter.FailureConverter {
	return failuresOf(dc, dc)
}

// failures is the SDK's own converter with values that know for which workflow they
// are.
type failures struct {
	converter.FailureConverter
	anywhere converter.DataConverter
}

func failuresOf(anywhere, here converter.DataConverter) *failures {
	return &failures{
		FailureConverter: temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{
			DataConverter:          failureValues{DataConverter: here, anywhere: anywhere},
			EncodeCommonAttributes: true,
		}),
		anywhere: anywhere,
	}
}

// WithSerializationContext returns the converter of a workflow's or an activity's
// failures.
func (f *failures) WithSerializationContext(of converter.SerializationContext) converter.FailureConverter {
	return failuresOf(f.anywhere, converter.WithDataConverterSerializationContext(f.anywhere, of))
}

// ErrorToFailure makes a failure of an error.
func (f *failures) ErrorToFailure(err error) *failurepb.Failure {
	failure := f.FailureConverter.ErrorToFailure(err)
	info := failure.GetApplicationFailureInfo()
	var made *temporal.ApplicationError
	if info != nil && !errors.As(err, &made) && (errors.Is(err, ErrAltered) || errors.Is(err, ErrPlain)) {
		info.Type, info.NonRetryable = typeRefused, true
		failure.Cause = nil // the message says all
	}
	return failure
}

// failureValues are the payloads of a failure. The SDK reads a failure's text with
// FromPayload and its details with FromPayloads: texts are read wherever they were
// made, details only where they belong.
type failureValues struct {
	converter.DataConverter
	anywhere converter.DataConverter
}

func (v failureValues) FromPayload(payload *commonpb.Payload, value any) error {
	return v.anywhere.FromPayload(payload, value)
}
