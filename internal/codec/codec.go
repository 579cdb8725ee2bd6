// Package codec keeps what mediaferry gives to Temporal, and what its ledger
// must not show, unreadable without the installation's keys. It owns the keys'
// format and IDs, the payload codec with the data and failure converters made of
// it, the sealer for the ledger, and the server that decodes payloads for those
// who look at them in a browser.
//
// It refuses to know where keys come from, what a payload means, and who may see
// it. It never sends anything and never encodes for others.
//
// # For which workflow a payload is
//
// A payload names the ID of the workflow that it is for, and the name is
// authenticated with it. Whoever reads a payload for a workflow or an activity
// refuses one that names another workflow (ErrMisplaced), and one that nobody
// encrypted (ErrPlain): who can write to Temporal without having a key can neither
// make payloads nor use those of one workflow in another. The SDK says for which
// workflow it encodes and decodes:
//
//   - The input, result and memo of a workflow, its signals, queries and updates
//     with their answers: that workflow. Both ends know its ID. For a child that is
//     the child's, for a signal to another workflow that one's. A new run has the ID
//     of the one before it (continue-as-new, retry, reset), so what one hands to the
//     next is readable there.
//   - The input, result, heartbeats and failure details of an activity: the workflow
//     that the activity belongs to. An activity that belongs to none reads nothing.
//   - The input of a schedule: the schedule (ScheduleInput). Temporal appends the
//     time to the ID of each workflow that it starts, so all of these read it, and
//     no others do.
//   - Details of a canceled workflow: that workflow, by Interceptor. The SDK itself
//     does not say for which workflow it encodes them.
//
// Three things are not bound so exactly. The text of a failure is readable in every
// workflow, because a failure keeps the text of the one that caused it, a child's
// for instance; nothing decides on texts. What a parent attaches to a child, its
// summary, is made for the parent; only people read it. And payloads of one
// workflow ID can be exchanged for each other, such as an old signal's for a new
// one's.
//
// Without such a context, as in the server for browsers, a payload is only checked
// for being authentic, and one that is not encrypted is left as it is. What is
// encoded without is read by no workflow and no activity.
package codec

import (
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"
)

// How a payload tells that it is encrypted, and with which key.
const (
	metadataKeyID     = "encryption-key-id"
	encodingEncrypted = "binary/encrypted"
	encodingZstd      = "binary/zstd"
)

// DataConverter returns the SDK's default converter with every payload
// compressed and then encrypted, for the workflow that the SDK names.
func DataConverter(keys Keys) converter.DataConverter {
	return converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), PayloadCodec(keys))
}

// PayloadCodec returns the codec within DataConverter, for what takes codecs. It
// is safe for concurrent use.
//
// Compression and encryption are one codec and not a chain of two: so no payload
// is inflated that was not authenticated before.
func PayloadCodec(keys Keys) converter.PayloadCodec {
	return &payloadCodec{keys: keys, packer: newPacker()}
}

// ScheduleInput returns the arguments of the workflows that a schedule starts,
// encrypted for these. workflowID is the one in the schedule's action.
func ScheduleInput(keys Keys, workflowID string, args ...any) ([]any, error) {
	c := &payloadCodec{keys: keys, packer: newPacker(), made: place{schedule, workflowID}}
	dc := converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), c)
	out := make([]any, len(args))
	for i, arg := range args {
		payload, err := dc.ToPayload(arg)
		if err != nil {
			return nil, fmt.Errorf("argument %d of %d: %w", i+1, len(args), err)
		}
		out[i] = payload
	}
	return out, nil
}

type payloadCodec struct {
	keys   Keys
	packer *packer
	made   place // what is encoded is for
	held   bool  // what is decoded must be for made
}

// WithSerializationContext returns the codec of a workflow's or an activity's
// payloads. What belongs to no workflow is encoded for none, and not decoded.
func (c *payloadCodec) WithSerializationContext(of converter.SerializationContext) converter.PayloadCodec {
	bound := &payloadCodec{keys: c.keys, packer: c.packer, held: true}
	switch of := of.(type) {
	case converter.WorkflowSerializationContext:
		bound.made = workflowPlace(of.WorkflowID)
	case converter.ActivitySerializationContext:
		bound.made = workflowPlace(of.WorkflowID)
	}
	return bound
}

// Encode replaces each payload by one that holds it encrypted.
func (c *payloadCodec) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	return each(payloads, c.encode)
}

// Decode restores what Encode replaced. Within a workflow or an activity it refuses
// all other payloads; without, it leaves them as they are.
func (c *payloadCodec) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	return each(payloads, c.decode)
}

func each(payloads []*commonpb.Payload, do func(*commonpb.Payload) (*commonpb.Payload, error)) ([]*commonpb.Payload, error) {
	out := make([]*commonpb.Payload, len(payloads))
	for i, payload := range payloads {
		var err error
		if out[i], err = do(payload); err != nil {
			return payloads, fmt.Errorf("payload %d of %d: %w", i+1, len(payloads), err)
		}
	}
	return out, nil
}

func (c *payloadCodec) encode(payload *commonpb.Payload) (*commonpb.Payload, error) {
	plain, err := c.packer.pack(payload)
	if err != nil {
		return nil, err
	}
	id, sealed, err := c.keys.seal(c.made.use(), plain)
	if err != nil {
		return nil, err
	}
	out := &commonpb.Payload{
		Metadata: map[string][]byte{
			converter.MetadataEncoding: []byte(encodingEncrypted),
			metadataKeyID:              []byte(id),
		},
		Data: sealed,
	}
	c.made.mark(out)
	return out, nil
}

func (c *payloadCodec) decode(payload *commonpb.Payload) (*commonpb.Payload, error) {
	if encoding(payload) != encodingEncrypted {
		if c.held {
			return nil, fmt.Errorf("%w: use mediaferry, which encrypts payloads, to start and control uploads. "+
				"If you did, find out who else can write to Temporal", ErrPlain)
		}
		return payload, nil
	}
	made := placeOf(payload)
	plain, err := c.keys.open(made.use(), string(payload.GetMetadata()[metadataKeyID]), payload.GetData())
	if err != nil {
		return nil, err
	}
	if c.held && !made.readIn(c.made) {
		return nil, misplaced(made, c.made)
	}
	inner, err := parse(plain)
	if err != nil || encoding(inner) != encodingZstd {
		return inner, err
	}
	if plain, err = c.packer.unpack(inner.GetData()); err != nil {
		return nil, err
	}
	return parse(plain)
}

func parse(plain []byte) (*commonpb.Payload, error) {
	payload := &commonpb.Payload{}
	if err := proto.Unmarshal(plain, payload); err != nil {
		return nil, fmt.Errorf("the decrypted data is not a payload: %w", err)
	}
	return payload, nil
}

func encoding(payload *commonpb.Payload) string {
	return string(payload.GetMetadata()[converter.MetadataEncoding])
}
