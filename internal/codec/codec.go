// Package codec keeps what mediaferry gives to Temporal, and what its ledger
// must not show, unreadable without the installation's keys. It owns the keys'
// format and IDs, the payload codec with the data and failure converters made of
// it, the sealer for the ledger, and the server that decodes payloads for those
// who look at them in a browser.
//
// It refuses to know where keys come from, what a payload means, and who may see
// it. It never sends anything and never encodes for others.
package codec

import (
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/proto"
)

// How a payload tells that it is encrypted, and with which key.
const (
	metadataKeyID     = "encryption-key-id"
	encodingEncrypted = "binary/encrypted"
	encodingZstd      = "binary/zstd"
)

// usePayload binds a sealed value to being a payload of this format.
const usePayload = "mediaferry payload 1 " + encodingEncrypted

// DataConverter returns the SDK's default converter with every payload
// compressed and then encrypted. It reads unencrypted payloads too, so that a
// namespace that other programs use stays readable.
func DataConverter(keys Keys) converter.DataConverter {
	return converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), PayloadCodec(keys))
}

// FailureConverter returns a failure converter that passes message, stack trace
// and details of failures through dc. The SDK does not do so by itself: each
// client and worker needs both converters. What kind of failure it was stays
// readable.
func FailureConverter(dc converter.DataConverter) converter.FailureConverter {
	return temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{
		DataConverter:          dc,
		EncodeCommonAttributes: true,
	})
}

// PayloadCodec returns the codec within DataConverter, for what takes codecs. It
// is safe for concurrent use.
//
// Compression and encryption are one codec and not a chain of two: so no payload
// is inflated that was not authenticated before.
func PayloadCodec(keys Keys) converter.PayloadCodec {
	return &payloadCodec{keys: keys, packer: newPacker()}
}

type payloadCodec struct {
	keys   Keys
	packer *packer
}

// Encode replaces each payload by one that holds it encrypted.
func (c *payloadCodec) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	return each(payloads, c.encode)
}

// Decode restores what Encode replaced, and leaves all other payloads as they
// are.
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
	id, sealed, err := c.keys.seal(usePayload, plain)
	if err != nil {
		return nil, err
	}
	return &commonpb.Payload{
		Metadata: map[string][]byte{
			converter.MetadataEncoding: []byte(encodingEncrypted),
			metadataKeyID:              []byte(id),
		},
		Data: sealed,
	}, nil
}

func (c *payloadCodec) decode(payload *commonpb.Payload) (*commonpb.Payload, error) {
	if encoding(payload) != encodingEncrypted {
		return payload, nil
	}
	plain, err := c.keys.open(usePayload, string(payload.GetMetadata()[metadataKeyID]), payload.GetData())
	if err != nil {
		return nil, err
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
		return nil, fmt.Errorf("no payload within what was decrypted: %w", err)
	}
	return payload, nil
}

func encoding(payload *commonpb.Payload) string {
	return string(payload.GetMetadata()[converter.MetadataEncoding])
}
