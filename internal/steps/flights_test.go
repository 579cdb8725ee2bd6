package steps

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPartsThatAreUnderWayAreAddedUp(t *testing.T) {
	s := new(Steps)
	first, landFirst := s.Flying("upload/a/1", 0, func() int64 { return 3 })
	second, landSecond := s.Flying("upload/a/1", 0, func() int64 { return 4 })
	other, landOther := s.Flying("upload/a/2", 100, func() int64 { return 1 })
	require.EqualValues(t, 7, first())
	require.EqualValues(t, 7, second())
	require.EqualValues(t, 101, other())

	landFirst()
	third, landThird := s.Flying("upload/a/1", 10, func() int64 { return 1 })
	require.EqualValues(t, 15, third(), "the first is among what was sent before")
	require.EqualValues(t, 15, second())
	for _, land := range []func(){landSecond, landThird, landOther} {
		land()
	}
	require.Empty(t, s.flights.all)
}
