package manifest

import (
	"regexp"
	"strings"
)

// leastGTIN is the length of the shortest GTIN.
const leastGTIN = 8

const spreadsheetHint = "format the column as text in the spreadsheet, and write or import the numbers anew"

var (
	scientific = regexp.MustCompile(`^\d(?:[.,]\d+)?[eE]\+?\d+$`)
	digits     = regexp.MustCompile(`^\d+$`)
	// Marks of the programs that a number came through: decimals of a number, an
	// apostrophe or a formula that made it a text, spaces and hyphens that group
	// it.
	dressed = regexp.MustCompile(`^(?:(\d+)[.,]0+|'(\d+)|="(\d+)"|(\d[\d \x{a0}-]*\d))$`)
)

// checkGTIN finds what spreadsheets do to a product's number. What else it may
// be is checked with the vendor's other fields.
func checkGTIN(column, text string) *Problem {
	bad := func(format string, args ...any) *Problem { return problem(SortGTIN, column, format, args...) }
	n := len(text)
	switch {
	case scientific.MatchString(text):
		return bad("%s is a number that a spreadsheet shortened: its last digits are lost", shown(text)).hint("%s", spreadsheetHint)
	case !digits.MatchString(text):
		if bare := undress(text); bare != "" {
			return bad("%s holds more than digits", shown(text)).hint("write %s; %s", bare, spreadsheetHint)
		}
		return nil
	case n < leastGTIN:
		return bad("%s has %d digits: a spreadsheet probably dropped leading zeros", text, n).
			hint("if so, write %s; %s", strings.Repeat("0", leastGTIN-n)+text, spreadsheetHint)
	case n > 14:
		return nil
	case n > leastGTIN && n < 12:
		return bad("%s has %d digits, as no GTIN has: a spreadsheet probably dropped leading zeros", text, n).
			hint("if so, write %s; %s", strings.Repeat("0", 12-n)+text, spreadsheetHint)
	case !sound(text):
		return bad("%s has a wrong check digit", text).hint("look whether it was mistyped; it is sent as it is").warn()
	}
	return nil
}

// undress is the number in a text that is a number in disguise, or "".
func undress(text string) string {
	found := dressed.FindStringSubmatch(text)
	if found == nil {
		return ""
	}
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, strings.Join(found[1:], ""))
}

// sound reports whether the last digit agrees with those before it, which count
// three times and once in turn, from the right.
func sound(gtin string) bool {
	sum := 0
	for i := range len(gtin) {
		digit := int(gtin[len(gtin)-1-i] - '0')
		if i%2 == 1 {
			digit *= 3
		}
		sum += digit
	}
	return sum%10 == 0
}
