package walls

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/logging"
)

// otherWords are keys that somebody might use for what logging.About has a key for.
var otherWords = []string{
	"upload", "item", "id", "row", "job", "workflow", "run", "error_kind", "account_name", "batch_id", "vendor_name", "try", "tries",
}

// TestLogsNameThingsAlike keeps all logs to one word for one thing: what an event is
// about has the keys of logging.About, whoever writes the line.
func TestLogsNameThingsAlike(t *testing.T) {
	field := regexp.MustCompile(`\bzap\.[A-Z]\w*\("([^"]*)", `)
	snake := regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	var findings []finding
	found := 0
	for _, path := range sources(t, ".go") {
		for n, line := range strings.Split(string(read(t, path)), "\n") {
			for _, key := range field.FindAllStringSubmatch(line, -1) {
				found++
				if !snake.MatchString(key[1]) || slices.Contains(otherWords, key[1]) {
					findings = append(findings, finding{path, n + 1, "logs the key " + key[1]})
				}
			}
		}
	}
	require.Greater(t, found, 20, "the keys of logs are found")
	check(t, "logs name what they are about by the keys "+strings.Join(logging.Keys(), ", "), findings, nil)
}
