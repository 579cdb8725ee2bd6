package codec_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"

	"github.com/mediaferry/mediaferry/internal/codec"
)

func TestSealerRoundTrips(t *testing.T) {
	sealer := codec.NewSealer(keysOf(t, 1))
	for name, plain := range map[string][]byte{"a token": []byte(canary), "nothing": {}} {
		t.Run(name, func(t *testing.T) {
			sealed, err := sealer.Seal(plain)
			require.NoError(t, err)
			require.NotContains(t, string(sealed), canary)
			again, err := sealer.Seal(plain)
			require.NoError(t, err)
			require.NotEqual(t, sealed, again)
			back, err := sealer.Open(sealed)
			require.NoError(t, err)
			require.Equal(t, string(plain), string(back))
		})
	}
}

func TestSealedValuesOutliveARotation(t *testing.T) {
	sealed, err := codec.NewSealer(keysOf(t, 1)).Seal([]byte(canary))
	require.NoError(t, err)
	plain, err := codec.NewSealer(keysOf(t, 2, 1)).Open(sealed)
	require.NoError(t, err)
	require.Equal(t, canary, string(plain))
	_, err = codec.NewSealer(keysOf(t, 2)).Open(sealed)
	require.ErrorIs(t, err, codec.ErrUnknownKey)
	require.ErrorContains(t, err, keysOf(t, 1).IDs()[0])
}

func TestOpenRefusesEveryAlteration(t *testing.T) {
	sealer := codec.NewSealer(keysOf(t, 1))
	sealed, err := sealer.Seal([]byte(canary))
	require.NoError(t, err)
	for i := range sealed {
		spoilt := append([]byte(nil), sealed...)
		spoilt[i] ^= 0x40
		_, err := sealer.Open(spoilt)
		require.Error(t, err, "byte %d", i)
		_, err = sealer.Open(sealed[:i])
		require.Error(t, err, "cut at %d", i)
	}
}

func TestAPayloadIsNoSealedValue(t *testing.T) {
	keys := keysOf(t, 1)
	sealed, err := codec.NewSealer(keys).Seal([]byte(canary))
	require.NoError(t, err)
	id := []byte(keys.IDs()[0])
	forged := &commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte("binary/encrypted"), "encryption-key-id": id}, Data: sealed[5:]}
	_, err = codec.PayloadCodec(keys).Decode([]*commonpb.Payload{forged})
	require.ErrorIs(t, err, codec.ErrAltered)

	payload, err := codec.DataConverter(keys).ToPayload(canary)
	require.NoError(t, err)
	_, err = codec.NewSealer(keys).Open(append(append([]byte(nil), sealed[:5]...), payload.GetData()...))
	require.ErrorIs(t, err, codec.ErrAltered)
}

func TestSealerWithoutAKeyRefuses(t *testing.T) {
	_, err := codec.NewSealer(codec.Keys{}).Seal([]byte(canary))
	require.ErrorIs(t, err, codec.ErrNoKey)
}

func FuzzOpen(f *testing.F) {
	sealer := codec.NewSealer(keysOf(f, 1))
	sealed, err := sealer.Seal([]byte(canary))
	require.NoError(f, err)
	f.Add(sealed)
	f.Add(sealed[:len(sealed)-1])
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		if plain, err := sealer.Open(data); err == nil {
			require.Equal(t, canary, string(plain))
		}
	})
}
