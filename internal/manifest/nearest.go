package manifest

import "strings"

// nearest returns the choice that somebody who wrote name probably meant, or "".
func nearest(name string, choices []string) string {
	const longest = 100 // what is longer was not mistyped
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

// fold forgets how words are written together: SKU IDs, sku_ids and skuIds.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case ' ', '_', '-':
			return -1
		}
		return r
	}, strings.ToLower(name))
}

// distance counts the letters to add, drop or change that lead from a to b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(diagonal+cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
