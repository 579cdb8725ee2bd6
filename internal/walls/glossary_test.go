package walls

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// TestTheGlossaryIsComplete makes sure that docs/glossary.md lists all states and
// kinds, as they are printed, in order and once each.
func TestTheGlossaryIsComplete(t *testing.T) {
	kinds, states := upload.Kinds(), upload.States()
	entries := map[string]string{}
	for _, section := range strings.Split(string(read(t, "docs/glossary.md")), "\n## ") {
		var words []string
		for _, found := range regexp.MustCompile(`(?m)^\| ([^|]+) \| (.+) \|$`).FindAllStringSubmatch(section, -1) {
			word := strings.Trim(found[1], "`")
			if word == "word" { // the table's header
				continue
			}
			require.False(t, entries[word] != "", "%q is explained twice", word)
			entries[word] = found[2]
			words = append(words, strings.ToLower(word))
		}
		require.True(t, slices.IsSorted(words), "want the words in order: %v", words)
	}
	code := regexp.MustCompile("`([a-z]+)`")
	listed := func(word string) (names []string) {
		for _, found := range code.FindAllStringSubmatch(entries[word], -1) {
			names = append(names, found[1])
		}
		return names
	}
	require.ElementsMatch(t, texts(kinds), listed("kind"))
	require.ElementsMatch(t, texts(states), listed("state"))
}

func texts[T ~string](values []T) []string {
	var all []string
	for _, value := range values {
		all = append(all, string(value))
	}
	return all
}
