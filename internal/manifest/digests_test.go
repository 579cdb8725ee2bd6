package manifest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEveryTextIsRememberedWithItsFirstLine(t *testing.T) {
	const texts = 50_000
	var d digests
	for i := range texts {
		require.Zero(t, d.first(domainID, fmt.Sprint("item-", i), i+2))
	}
	for i := range texts {
		text := fmt.Sprint("item-", i)
		got := []int{d.first(domainID, text, 1), d.seen(domainID, text), d.seen(domainWork, text)}
		require.Equal(t, []int{i + 2, i + 2, 0}, got, "domains are apart")
	}
	slots, used := 0, 0
	for _, s := range d.shards {
		slots, used = slots+len(s.slots), used+s.used
	}
	require.Equal(t, texts, used)
	require.LessOrEqual(t, slots*16, texts*25)
}

func TestLinesBeyondTheTableAreStillRepeats(t *testing.T) {
	var d digests
	require.Zero(t, d.first(domainID, "a", 5_000_000_000))
	require.Equal(t, 4_294_967_295, d.first(domainID, "a", 5_000_000_001))
	require.Zero(t, d.seen(domainWork, "a\x00b"), "a domain ends where its text begins")
}

func TestWhatIsNoPackedListEndsIt(t *testing.T) {
	for _, packed := range [][]byte{nil, {0x80}, {1, 0x80}, {1, 1}, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}} {
		require.Empty(t, unpack(packed))
	}
	require.Equal(t, repetitions{5: {{sameID, 2}}}, unpack([]byte{5, 3, 'i', 0x80}))
}
