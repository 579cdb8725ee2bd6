// Package suggest finds the known word that somebody probably meant who wrote an
// unknown one: a command, a flag, a key of the configuration, a column, an
// account. It owns how near two words are and how a suggestion is worded; the
// words themselves are the caller's.
package suggest

import "strings"

// longest is the length in bytes above which a word counts as something else
// rather than as a misspelling.
const longest = 100

// Nearest returns the choice that name is probably a misspelling of, or "" if no
// choice is near. Case, spaces, hyphens and underscores do not count, so that
// "SKU IDs", sku_ids and skuIds are one word; beyond that, about one letter in
// three may differ.
func Nearest(name string, choices []string) string {
	if len(name) > longest {
		return ""
	}
	best, least := "", max(1, len(name)/3)+1
	for _, choice := range choices {
		if d := distance(fold(name), fold(choice)); d < least {
			best, least = choice, d
		}
	}
	return best
}

// Hint is the nearest choice as a question, or the list of all choices.
func Hint(name string, choices []string) string {
	if near := Nearest(name, choices); near != "" {
		return "did you mean " + near + "?"
	}
	return "use one of " + strings.Join(choices, ", ")
}

func fold(name string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case ' ', '_', '-':
			return -1
		}
		return r
	}, strings.ToLower(name))
}

// distance counts the letters to add, drop, change, or swap with their
// neighbour, that lead from one word to the other.
func distance(a, b string) int {
	var last, before []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, row = last, row, make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)]
}
