package codec_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/codec"
)

// rawKey is a key that a test can tell from others.
func rawKey(fill byte) []byte { return bytes.Repeat([]byte{fill}, codec.KeySize) }

func keysOf(t testing.TB, fills ...byte) codec.Keys {
	t.Helper()
	var raw [][]byte
	for _, fill := range fills {
		raw = append(raw, rawKey(fill))
	}
	keys, err := codec.NewKeys(raw...)
	require.NoError(t, err)
	return keys
}

func TestParseKeys(t *testing.T) {
	one, two := rawKey(0xfb), rawKey(2)
	want := keysOf(t, 0xfb).IDs()
	both := keysOf(t, 0xfb, 2).IDs()
	cases := map[string]struct {
		text string
		want []string
	}{
		"standard base64":                         {base64.StdEncoding.EncodeToString(one), want},
		"base64 for URLs":                         {base64.URLEncoding.EncodeToString(one), want},
		"base64 without padding":                  {base64.RawStdEncoding.EncodeToString(one), want},
		"hex in lower case":                       {hex.EncodeToString(one), want},
		"hex in upper case":                       {strings.ToUpper(hex.EncodeToString(one)), want},
		"space around it":                         {"  " + hex.EncodeToString(one) + " \n", want},
		"two keys at a comma":                     {hex.EncodeToString(one) + ", " + base64.StdEncoding.EncodeToString(two), both},
		"two keys in lines, as in a file of them": {hex.EncodeToString(one) + "\r\n" + hex.EncodeToString(two) + "\r\n", both},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			keys, err := codec.ParseKeys(c.text)
			require.NoError(t, err)
			require.Equal(t, c.want, keys.IDs())
		})
	}
}

func TestParseKeysRefusesWithoutShowingTheKey(t *testing.T) {
	short := base64.StdEncoding.EncodeToString(rawKey('S')[:31])
	good := hex.EncodeToString(rawKey(1))
	cases := map[string]struct{ text, want string }{
		"nothing":                  {"", "no encryption key: to create a key: openssl rand -base64 32"},
		"commas only":              {" , ,", "no encryption key"},
		"a byte too few":           {short, "encryption key 1 of 1 has 31 bytes but must have 32; to create a key: openssl rand -base64 32"},
		"a byte too many":          {base64.StdEncoding.EncodeToString(append(rawKey(1), 1)), "has 33 bytes"},
		"no encoding":              {"correct horse battery staple", "must be base64 or hex"},
		"a bad key after a good":   {good + "," + short, "encryption key 2 of 2 has 31 bytes"},
		"one key twice":            {good + "," + good, "has the same ID"},
		"hex of one digit too few": {good[1:], "must have 32"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := codec.ParseKeys(c.text)
			require.ErrorContains(t, err, c.want)
			for word := range strings.SplitSeq(c.text, ",") {
				if len(word) > 8 {
					require.NotContains(t, err.Error(), word)
				}
			}
		})
	}
}

func TestAGeneratedKeyIsRead(t *testing.T) {
	first, err := codec.GenerateKey()
	require.NoError(t, err)
	second, err := codec.GenerateKey()
	require.NoError(t, err)
	require.NotEqual(t, first, second)
	keys, err := codec.ParseKeys(first + "," + second)
	require.NoError(t, err)
	require.Len(t, keys.IDs(), 2)
}

func TestKeysPrintTheirIDsOnly(t *testing.T) {
	keys := keysOf(t, 'K')
	id := keys.IDs()[0]
	require.Len(t, id, 8)
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		text := fmt.Sprintf(format, keys)
		require.Contains(t, text, id)
		require.NotContains(t, text, "KKKK")
		require.NotContains(t, text, "75 75")
	}
}

func TestWithKeepsTheEncryptingKey(t *testing.T) {
	first, more := keysOf(t, 1, 2), keysOf(t, 2, 3)
	require.Equal(t, keysOf(t, 1, 2, 3).IDs(), first.With(more).IDs())
	require.Equal(t, keysOf(t, 1, 2).IDs(), first.IDs(), "the receiver stays as it was")
	require.Equal(t, more.IDs(), codec.Keys{}.With(more).IDs())
}

func TestADigestNeedsTheKey(t *testing.T) {
	one, two := keysOf(t, 1), keysOf(t, 2)
	require.Regexp(t, `^[0-9a-f]{32}$`, one.Digest([]byte("value")))
	require.Equal(t, one.Digest([]byte("value")), one.With(two).Digest([]byte("value")), "the first key counts")
	require.NotEqual(t, one.Digest([]byte("value")), one.Digest([]byte("another")))
	require.NotEqual(t, one.Digest([]byte("value")), two.Digest([]byte("value")))
	require.Equal(t, []string{one.Digest([]byte("value")), two.Digest([]byte("value"))}, one.With(two).Digests([]byte("value")))
	require.Empty(t, codec.Keys{}.Digests([]byte("value")))
}
