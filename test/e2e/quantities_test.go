//go:build kills || bench || chaos

package e2e

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// says writes a line of what happens, for those who wait.
func says(t *testing.T, format string, args ...any) {
	t.Helper()
	_, _ = fmt.Fprintf(os.Stdout, "%s %s: %s\n", time.Now().Format(time.TimeOnly), t.Name(), fmt.Sprintf(format, args...))
}

// amount reads a number from the environment.
func amount(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, "%s=%s, want a number", name, text)
	return n
}

// span reads a time from the environment.
func span(t *testing.T, name string, otherwise time.Duration) time.Duration {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	d, err := time.ParseDuration(text)
	require.NoError(t, err, "%s=%s, want such as 60s", name, text)
	return d
}
