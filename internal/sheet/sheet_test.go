package sheet

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var formulas = []string{
	"=1+1", "+1", "-1+2", "@SUM(1)", "\t=1", "\r=1", "\n=1", "＝1+1", "＋1", "－1", "＠SUM(1)", "=HYPERLINK(\"http://evil\")", "'=1", "''-1",
}

func TestNoCellIsAFormulaAndEachIsReadBack(t *testing.T) {
	for _, cell := range formulas {
		safe := Guard(cell)
		require.Equal(t, byte('\''), safe[0], "%q", cell)
		require.Equal(t, cell, Unguard(safe))
	}
	for _, cell := range []string{"", "a", "a=1", "'quoted'", "1-2", "'", "''", "ü", "IM16127893"} {
		require.Equal(t, cell, Guard(cell))
		require.Equal(t, cell, Unguard(cell))
	}
}

func FuzzUnguardRestoresEveryCell(f *testing.F) {
	for _, cell := range formulas {
		f.Add(cell)
	}
	f.Fuzz(func(t *testing.T, cell string) {
		require.Equal(t, cell, Unguard(Guard(cell)))
	})
}

func TestAWrittenRowIsReadAsTheSameCells(t *testing.T) {
	var b bytes.Buffer
	w := NewWriter(&b)
	row := []string{"plain", "a,b", "a;=1", `say "x"`, "two\nlines", " blank", ""}
	require.NoError(t, w.Write(row))
	require.NoError(t, w.Flush())
	read, err := csv.NewReader(&b).Read()
	require.NoError(t, err)
	require.Equal(t, row, read)
}

func TestACellCannotBePartedByAnotherSeparator(t *testing.T) {
	var b bytes.Buffer
	w := NewWriter(&b)
	require.NoError(t, w.Write([]string{"x;=1+1", "x\t=1+1"}))
	require.NoError(t, w.Flush())
	require.Equal(t, "\"x;=1+1\",\"x\t=1+1\"\n", b.String())
}

func TestACellHoldsNothingThatATerminalObeys(t *testing.T) {
	var b bytes.Buffer
	w := NewWriter(&b)
	require.NoError(t, w.Write([]string{"a\x1b[31mred", "b\u009b31m", "c\x00"}))
	require.NoError(t, w.Flush())
	require.False(t, strings.ContainsAny(b.String(), "\x1b\u009b\x00"))
	require.Contains(t, b.String(), "a\ufffd[31mred")
}
