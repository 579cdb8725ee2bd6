package manifest

import (
	"regexp"
	"strings"
)

// leastGTIN is the length of the shortest GTIN.
const leastGTIN = 8

var (
	scientific = regexp.MustCompile(`^\d(?:[.,]\d+)?[eE]\+?\d+$`)
	digits     = regexp.MustCompile(`^\d+$`)
	// Traces of the programs that handled a number: decimals, spaces and hyphens that
	// group its digits.
	dressed = regexp.MustCompile(`^(?:(\d+)[.,]0+|(\d[\d \x{a0}-]*\d))$`)
)

// checkGTIN finds damage that spreadsheets do to a product's number. Its form is
// checked with the vendor's other fields.
func checkGTIN(column, text string) *Problem {
	bad := func(format string, args ...any) *Problem { return problem(SortGTIN, column, format, args...) }
	n := len(text)
	switch {
	case scientific.MatchString(text):
		return bad("%s is a number that a spreadsheet has shortened; its last digits are lost", shown(text)).hint("%s", spreadsheetHint)
	case !digits.MatchString(text):
		if bare := undress(text); bare != "" {
			return bad("%s contains characters other than digits", shown(text)).hint("write %s; %s", bare, spreadsheetHint)
		}
		return nil
	case n < leastGTIN:
		return bad("%s has only %d digits; a spreadsheet has probably dropped leading zeros", text, n).
			hint("if so, write %s; %s", strings.Repeat("0", leastGTIN-n)+text, spreadsheetHint)
	case n > 14:
		return nil
	case n > leastGTIN && n < 12:
		return bad("%s has %d digits, which no GTIN has; a spreadsheet has probably dropped leading zeros", text, n).
			hint("if so, write %s; %s", strings.Repeat("0", 12-n)+text, spreadsheetHint)
	case !sound(text):
		return bad("%s has a wrong check digit", text).hint("check it for typing mistakes; it will be sent as it is").warn()
	}
	return nil
}

// undress returns the digits of a number that a program has decorated, or "".
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

// sound reports whether the last digit is the check digit of the others, whose
// weights are 3 and 1 in turn, from the right.
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
