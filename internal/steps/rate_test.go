package steps

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestARateIsThatOfAllSendsTogether(t *testing.T) {
	now := time.Unix(0, 0)
	clock := func() time.Time { return now }
	var r rates
	require.Zero(t, r.of("a"))
	first, second := r.begin("a", clock), r.begin("a", clock)
	now = now.Add(10 * time.Second)
	first(100)
	second(100)
	require.InDelta(t, 20, r.of("a"), 0.01)
	require.Zero(t, r.of("b"))
	now = now.Add(time.Hour) // nobody sends: that says nothing
	third := r.begin("a", clock)
	now = now.Add(10 * time.Second)
	third(400)
	require.InDelta(t, 40, r.of("a"), 0.01)
	fourth := r.begin("a", clock)
	now = now.Add(time.Second)
	fourth(0)
	require.InDelta(t, 40, r.of("a"), 0.01, "what failed at once says nothing either")
}
