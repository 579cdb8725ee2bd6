package codec_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/mediaferry/mediaferry/internal/codec"
)

// in returns a converter for the payloads of a workflow.
func in(dc converter.DataConverter, workflowID string) converter.DataConverter {
	return converter.WithDataConverterSerializationContext(dc, converter.WorkflowSerializationContext{Namespace: "n", WorkflowID: workflowID})
}

// inActivity returns a converter for the payloads of a workflow's activity.
func inActivity(dc converter.DataConverter, workflowID string) converter.DataConverter {
	return converter.WithDataConverterSerializationContext(dc, converter.ActivitySerializationContext{WorkflowID: workflowID, ActivityType: "a"})
}

func TestAPayloadIsReadInItsWorkflowOnly(t *testing.T) {
	root := codec.DataConverter(keysOf(t, 1))
	plain := converter.GetDefaultDataConverter()
	input, err := codec.ScheduleInput(keysOf(t, 1), "w", canary)
	require.NoError(t, err)
	scheduled, ok := input[0].(*commonpb.Payload)
	require.True(t, ok)
	by := func(dc converter.DataConverter) *commonpb.Payload {
		payload, err := dc.ToPayload(canary)
		require.NoError(t, err)
		return payload
	}
	renamed := by(in(root, "w"))
	renamed.Metadata["workflow-id"] = []byte("v")
	rekinded := by(in(root, "w"))
	rekinded.Metadata["schedule-id"] = rekinded.Metadata["workflow-id"]
	delete(rekinded.Metadata, "workflow-id")
	bare := by(in(root, "w"))
	delete(bare.Metadata, "workflow-id")
	cases := map[string]struct {
		payload *commonpb.Payload
		reader  converter.DataConverter
		want    error
	}{
		"its own workflow":                             {by(in(root, "w")), in(root, "w"), nil},
		"an activity of its workflow":                  {by(in(root, "w")), inActivity(root, "w"), nil},
		"the workflow of its activity":                 {by(inActivity(root, "w")), in(root, "w"), nil},
		"who looks at it":                              {by(in(root, "w")), root, nil},
		"another workflow":                             {by(in(root, "w")), in(root, "v"), codec.ErrMisplaced},
		"another workflow's activity":                  {by(inActivity(root, "w")), inActivity(root, "v"), codec.ErrMisplaced},
		"a workflow whose ID begins like it":           {by(in(root, "w")), in(root, "w-2026-03-01T12:00:00Z"), codec.ErrMisplaced},
		"an activity of no workflow":                   {by(in(root, "w")), inActivity(root, ""), codec.ErrMisplaced},
		"made for none, by an activity of no workflow": {by(inActivity(root, "")), inActivity(root, ""), codec.ErrMisplaced},
		"made for none":                                {by(root), in(root, "w"), codec.ErrMisplaced},
		"a nexus operation":                            {by(in(root, "w")), converter.WithDataConverterSerializationContext(root, converter.NexusSerializationContext{}), codec.ErrMisplaced},
		"with the reader's name":                       {renamed, in(root, "v"), codec.ErrAltered},
		"without a name":                               {bare, in(root, "v"), codec.ErrAltered},
		"turned into a schedule's":                     {rekinded, in(root, "w-2026-03-01T12:00:00Z"), codec.ErrAltered},
		"not encrypted":                                {by(plain), in(root, "w"), codec.ErrPlain},
		"not encrypted, looked at":                     {by(plain), root, nil},
		"a schedule's by its workflow":                 {scheduled, in(root, "w-2026-03-01T12:00:00Z"), nil},
		"a schedule's by one without a time":           {scheduled, in(root, "w"), nil},
		"a schedule's by another":                      {scheduled, in(root, "w-v"), codec.ErrMisplaced},
		"a schedule's by one of a longer name":         {scheduled, in(root, "ww-2026-03-01T12:00:00Z"), codec.ErrMisplaced},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var text string
			err := c.reader.FromPayload(c.payload, &text)
			if c.want == nil {
				require.NoError(t, err)
				require.Equal(t, canary, text)
				return
			}
			require.ErrorIs(t, err, c.want)
			require.NotContains(t, err.Error(), canary)
			require.Empty(t, text)
		})
	}
}

func TestAMisplacedPayloadIsToldWithWhatToDo(t *testing.T) {
	root := codec.DataConverter(keysOf(t, 1))
	payload, err := in(root, "theirs").ToPayload(canary)
	require.NoError(t, err)
	var text string
	err = in(root, "ours").FromPayload(payload, &text)
	require.ErrorIs(t, err, codec.ErrAltered, "to who does not ask further")
	for _, words := range []string{`made for workflow "theirs"`, `not for workflow "ours"`, "find out who can write to Temporal"} {
		require.ErrorContains(t, err, words)
	}
}

func TestTheServerDecodesForEveryWorkflow(t *testing.T) {
	keys := keysOf(t, 1)
	payload, err := in(codec.DataConverter(keys), "w").ToPayload(canary)
	require.NoError(t, err)
	decode := func() (int, []byte) {
		body, err := protojson.Marshal(&commonpb.Payloads{Payloads: []*commonpb.Payload{payload}})
		require.NoError(t, err)
		w := ask{origin: ui, body: body}.do(codec.Handler(keys, pages(ui), nil))
		return w.Code, w.Body.Bytes()
	}
	status, body := decode()
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, canary, decodedText(t, body))
	payload.Metadata["workflow-id"] = []byte("v")
	status, body = decode()
	require.Equal(t, http.StatusBadRequest, status)
	require.Contains(t, string(body), "failed authentication")
}

func TestTheTextOfAFailureIsReadEverywhereAndItsDetailsWhereTheyBelong(t *testing.T) {
	root := codec.FailureConverter(codec.DataConverter(keysOf(t, 1)))
	of := func(id string) converter.FailureConverter {
		return converter.WithFailureConverterSerializationContext(root, converter.WorkflowSerializationContext{WorkflowID: id})
	}
	failure := of("w").ErrorToFailure(temporal.NewApplicationErrorWithOptions("message "+canary, "rejected", temporal.ApplicationErrorOptions{Details: []any{canary}}))
	for id, want := range map[string]error{"w": nil, "v": codec.ErrMisplaced} {
		var made *temporal.ApplicationError
		require.ErrorAs(t, of(id).FailureToError(failure), &made)
		require.Equal(t, "message "+canary, made.Message())
		var detail string
		require.ErrorIs(t, made.Details(&detail), want)
	}
}

func TestWhatRefusesAPayloadIsNotRepeated(t *testing.T) {
	root := codec.DataConverter(keysOf(t, 1))
	fc := codec.FailureConverter(root)
	misplaced, err := in(root, "v").ToPayload(canary)
	require.NoError(t, err)
	plain, err := converter.GetDefaultDataConverter().ToPayload(canary)
	require.NoError(t, err)
	unknown, err := in(codec.DataConverter(keysOf(t, 2)), "w").ToPayload(canary)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		payload *commonpb.Payload
		final   bool
	}{"misplaced": {misplaced, true}, "plain": {plain, true}, "a key that may yet be given": {unknown, false}} {
		t.Run(name, func(t *testing.T) {
			var text string
			err := in(root, "w").FromPayload(c.payload, &text)
			require.Error(t, err)
			var made *temporal.ApplicationError
			require.ErrorAs(t, fc.FailureToError(fc.ErrorToFailure(err)), &made)
			require.Equal(t, c.final, made.NonRetryable())
			require.Equal(t, c.final, made.Type() == "payload-refused")
			require.Equal(t, err.Error(), made.Message())
		})
	}
	own := temporal.NewApplicationErrorWithCause("internal", "internal", codec.ErrAltered)
	var made *temporal.ApplicationError
	require.ErrorAs(t, fc.FailureToError(fc.ErrorToFailure(own)), &made)
	require.Equal(t, "internal", made.Type(), "what was judged stays so")
}
