package config

import "strings"

// Nearest returns the choice that somebody who wrote name probably meant, or "".
func Nearest(name string, choices []string) string {
	best, least := "", max(1, len(name)/3)+1
	for _, choice := range choices {
		if d := distance(strings.ToLower(name), strings.ToLower(choice)); d < least {
			best, least = choice, d
		}
	}
	return best
}

// didYouMean is a hint for an unknown word.
func didYouMean(name string, choices []string) string {
	if near := Nearest(name, choices); near != "" {
		return "did you mean " + near + "?"
	}
	return "want one of " + strings.Join(choices, ", ")
}

// distance counts the letters to add, drop, change, or swap with their
// neighbour, that lead from one word to another.
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
