package codec_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/proto"

	"github.com/mediaferry/mediaferry/internal/codec"
)

const canary = "canary-5f1d"

type row struct {
	Name string         `json:"name"`
	Size int64          `json:"size"`
	More map[string]any `json:"more"`
}

func TestConverterRoundTrips(t *testing.T) {
	dc := codec.DataConverter(keysOf(t, 1))
	in := row{Name: canary, Size: 1 << 40, More: map[string]any{"tags": []any{"a", "b"}}}
	payloads, err := dc.ToPayloads(in, []byte(canary), nil, canary, int64(7))
	require.NoError(t, err)
	raw, err := proto.Marshal(payloads)
	require.NoError(t, err)
	require.NotContains(t, string(raw), canary)
	require.NotContains(t, string(raw), "json/plain", "not even the kind of value shows")

	var (
		got   row
		blob  []byte
		none  *row
		text  string
		count int64
	)
	require.NoError(t, dc.FromPayloads(payloads, &got, &blob, &none, &text, &count))
	require.Equal(t, in, got)
	require.Equal(t, canary, string(blob))
	require.Nil(t, none)
	require.Equal(t, canary, text)
	require.EqualValues(t, 7, count)
	require.Contains(t, dc.ToString(payloads.Payloads[0]), canary)
}

func TestEqualValuesLookDifferent(t *testing.T) {
	dc := codec.DataConverter(keysOf(t, 1))
	a, err := dc.ToPayload(canary)
	require.NoError(t, err)
	b, err := dc.ToPayload(canary)
	require.NoError(t, err)
	require.NotEqual(t, a.GetData(), b.GetData())
}

func TestPayloadNamesItsEncodingAndKey(t *testing.T) {
	keys := keysOf(t, 1, 2)
	payload, err := codec.DataConverter(keys).ToPayload(canary)
	require.NoError(t, err)
	require.Equal(t, map[string][]byte{
		"encoding":          []byte("binary/encrypted"),
		"encryption-key-id": []byte(keys.IDs()[0]),
	}, payload.GetMetadata())
}

func TestCompressionComesBeforeEncryption(t *testing.T) {
	keys := keysOf(t, 1)
	repeated := &commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte("json/plain")}, Data: []byte(strings.Repeat(`{"source":"/srv/media/a.jpg"},`, 5000))}
	noise := &commonpb.Payload{Data: make([]byte, 100_000)}
	_, _ = rand.Read(noise.Data)
	c := codec.PayloadCodec(keys)
	out, err := c.Encode([]*commonpb.Payload{repeated, noise})
	require.NoError(t, err)
	require.Less(t, proto.Size(out[0]), proto.Size(repeated)/50)
	require.Less(t, proto.Size(out[1]), proto.Size(noise)+200, "what does not shrink must not grow")
	back, err := c.Decode(out)
	require.NoError(t, err)
	require.True(t, proto.Equal(repeated, back[0]))
	require.True(t, proto.Equal(noise, back[1]))
}

func TestASmallPayloadGrowsByLittle(t *testing.T) {
	payload := &commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte("json/plain")}, Data: []byte(`true`)}
	out, err := codec.PayloadCodec(keysOf(t, 1)).Encode([]*commonpb.Payload{payload})
	require.NoError(t, err)
	require.Less(t, proto.Size(out[0]), proto.Size(payload)+120)
}

func TestOldPayloadsDecodeAfterRotation(t *testing.T) {
	before := codec.DataConverter(keysOf(t, 1))
	payload, err := before.ToPayload(canary)
	require.NoError(t, err)

	after := codec.DataConverter(keysOf(t, 2, 1))
	var text string
	require.NoError(t, after.FromPayload(payload, &text))
	require.Equal(t, canary, text)

	fresh, err := after.ToPayload(canary)
	require.NoError(t, err)
	require.ErrorIs(t, before.FromPayload(fresh, &text), codec.ErrUnknownKey, "the new key encrypts")
}

func TestUnknownKeyIsNamedWithWhatToDo(t *testing.T) {
	old, now := keysOf(t, 1), keysOf(t, 2)
	payload, err := codec.DataConverter(old).ToPayload(canary)
	require.NoError(t, err)
	var text string
	err = codec.DataConverter(now).FromPayload(payload, &text)
	require.ErrorIs(t, err, codec.ErrUnknownKey)
	require.ErrorContains(t, err, old.IDs()[0])
	require.ErrorContains(t, err, now.IDs()[0])
	require.ErrorContains(t, err, "encryption.key")
}

func TestTamperedPayloadsAreRefused(t *testing.T) {
	keys := keysOf(t, 1, 2)
	dc := codec.DataConverter(keys)
	cases := map[string]func(*commonpb.Payload){
		"a flipped bit in the ciphertext": func(p *commonpb.Payload) { p.Data[len(p.Data)/2] ^= 1 },
		"a flipped bit in the nonce":      func(p *commonpb.Payload) { p.Data[0] ^= 1 },
		"a missing last byte":             func(p *commonpb.Payload) { p.Data = p.Data[:len(p.Data)-1] },
		"no data":                         func(p *commonpb.Payload) { p.Data = nil },
		"the ID of another known key":     func(p *commonpb.Payload) { p.Metadata["encryption-key-id"] = []byte(keys.IDs()[1]) },
		"no key ID":                       func(p *commonpb.Payload) { delete(p.Metadata, "encryption-key-id") },
		"an endless key ID":               func(p *commonpb.Payload) { p.Metadata["encryption-key-id"] = bytes.Repeat([]byte("a"), 1<<20) },
	}
	for name, spoil := range cases {
		t.Run(name, func(t *testing.T) {
			payload, err := dc.ToPayload(canary)
			require.NoError(t, err)
			spoil(payload)
			var text string
			err = dc.FromPayload(payload, &text)
			require.ErrorIs(t, err, codec.ErrAltered)
			require.Less(t, len(err.Error()), 200)
			require.Empty(t, text)
		})
	}
}

func TestUnencryptedPayloadsPass(t *testing.T) {
	payload, err := converter.GetDefaultDataConverter().ToPayload(canary)
	require.NoError(t, err)
	for name, keys := range map[string]codec.Keys{"with a key": keysOf(t, 1), "without any": {}} {
		t.Run(name, func(t *testing.T) {
			var text string
			require.NoError(t, codec.DataConverter(keys).FromPayload(payload, &text))
			require.Equal(t, canary, text)
		})
	}
}

func TestACompressedPayloadOfOthersIsNotInflated(t *testing.T) {
	bomb := &commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte("binary/zstd")}, Data: []byte("whatever")}
	out, err := codec.PayloadCodec(keysOf(t, 1)).Decode([]*commonpb.Payload{bomb})
	require.NoError(t, err)
	require.True(t, proto.Equal(bomb, out[0]))
}

func TestNothingIsEncodedWithoutAKey(t *testing.T) {
	_, err := codec.DataConverter(codec.Keys{}).ToPayload(canary)
	require.ErrorIs(t, err, codec.ErrNoKey)
}

func TestInputsAreNotChanged(t *testing.T) {
	c := codec.PayloadCodec(keysOf(t, 1))
	in := &commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte("json/plain")}, Data: bytes.Repeat([]byte("a"), 1000)}
	kept := proto.Clone(in)
	out, err := c.Encode([]*commonpb.Payload{in})
	require.NoError(t, err)
	require.True(t, proto.Equal(kept, in))
	keptOut := proto.Clone(out[0])
	_, err = c.Decode(out)
	require.NoError(t, err)
	require.True(t, proto.Equal(keptOut, out[0]))
}

func TestFailuresHideMessageStackAndDetails(t *testing.T) {
	dc := codec.DataConverter(keysOf(t, 1))
	fc := codec.FailureConverter(dc)
	cause := errors.New("cause " + canary)
	failure := fc.ErrorToFailure(temporal.NewApplicationErrorWithOptions("message "+canary, "rejected", temporal.ApplicationErrorOptions{
		NonRetryable: true, Cause: cause, Details: []any{map[string]string{"detail": canary}},
	}))
	raw, err := proto.Marshal(failure)
	require.NoError(t, err)
	require.NotContains(t, string(raw), canary)
	require.Empty(t, failure.GetStackTrace())
	require.Contains(t, string(raw), "rejected", "the type stays readable, programs decide on it")

	var back *temporal.ApplicationError
	require.ErrorAs(t, fc.FailureToError(failure), &back)
	require.Equal(t, "message "+canary, back.Message())
	require.True(t, back.NonRetryable())
	var details map[string]string
	require.NoError(t, back.Details(&details))
	require.Equal(t, canary, details["detail"])
	require.ErrorContains(t, errors.Unwrap(back), canary)
}

func TestConcurrentUse(t *testing.T) {
	dc := codec.DataConverter(keysOf(t, 1))
	done := make(chan error)
	for i := range 16 {
		go func() {
			in := strings.Repeat(string(rune('a'+i)), 5000)
			payload, err := dc.ToPayload(in)
			var out string
			if err == nil {
				err = dc.FromPayload(payload, &out)
			}
			if err == nil && in != out {
				err = errors.New("another's value came back")
			}
			done <- err
		}()
	}
	for range 16 {
		require.NoError(t, <-done)
	}
}

func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte(nil), "")
	f.Add([]byte(canary), "json/plain")
	f.Add(bytes.Repeat([]byte("ab"), 4000), "binary/encrypted")
	f.Add(bytes.Repeat([]byte{0}, 200), "binary/zstd")
	f.Add([]byte(canary), "binary/zstd")
	c := codec.PayloadCodec(keysOf(f, 1))
	f.Fuzz(func(t *testing.T, data []byte, encoding string) {
		in := &commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte(encoding)}, Data: data}
		out, err := c.Encode([]*commonpb.Payload{in})
		require.NoError(t, err)
		back, err := c.Decode(out)
		require.NoError(t, err)
		require.True(t, proto.Equal(in, back[0]))
	})
}

func FuzzDecode(f *testing.F) {
	keys := keysOf(f, 1)
	c := codec.PayloadCodec(keys)
	good, err := c.Encode([]*commonpb.Payload{{Data: []byte(canary)}})
	require.NoError(f, err)
	f.Add(good[0].GetData())
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		in := &commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte("binary/encrypted"), "encryption-key-id": []byte(keys.IDs()[0])}, Data: data}
		out, err := c.Decode([]*commonpb.Payload{in})
		if err == nil { // what was sealed for the corpus is the only thing that opens
			require.Equal(t, canary, string(out[0].GetData()))
			return
		}
		require.ErrorIs(t, err, codec.ErrAltered)
	})
}
