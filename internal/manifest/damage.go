package manifest

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

const spreadsheetHint = "format the column as text in the spreadsheet, and enter or import the numbers again"

var (
	// exponent is a number that a program has rounded to fit. 1E5 is none: a program
	// that had taken it for a number would have written 1.00E+05.
	exponent = regexp.MustCompile(`^[+-]?\d+(?:[.,]\d+[eE][+-]?\d+|[eE][+-]\d+)$`)
	// shortExponent would be taken for a number if a spreadsheet opened the manifest.
	shortExponent = regexp.MustCompile(`^\d[eE]\d+$`)
	decimals      = regexp.MustCompile(`^[+-]?\d+[.,]0+$`)
	// rounded is a number of which a spreadsheet has kept fifteen digits.
	rounded = regexp.MustCompile(`^\d{15}0+$`)
	date    = regexp.MustCompile(`(?i)^(?:` +
		`\d{1,2}[-./ ]{1,2}(?:` + months + `)\.?(?:[-./ ]{1,2}\d{2,4})?|` + // 02-Jan
		`(?:` + months + `)\.?[-./ ]{1,2}\d{2,4}|` + // Jan-02
		`\d{4}[-/]\d{1,2}[-/]\d{1,2}[ T]0?0:00(?::00)?(?:\.0+)?Z?|` + // 2024-01-02 00:00:00
		`\d{1,2}[-./]\d{1,2}[-./]\d{4} 0?0:00(?::00)?|` +
		`\d{1,2}/\d{1,2}/(?:\d{2}|\d{4})|\d{1,2}\.\d{1,2}\.\d{4})$`) // 1/2/2026
)

// months are the short names of months that spreadsheets write, in the languages of
// Western Europe.
const months = `jan|feb|mar|apr|may|jun|jul|aug|sep|sept|oct|nov|dec|mrz|mär|mai|okt|dez|janv|févr|mars|avr|juin|juil|août|déc|` +
	`ene|abr|ago|dic|giu|ott|mrt|mei|maj|fev`

// monthStarts are the first three letters of the months.
var monthStarts = func() map[string]bool {
	starts := map[string]bool{}
	for name := range strings.SplitSeq(months, "|") {
		starts[string([]rune(name)[:3])] = true
	}
	return starts
}()

// placeholders are what programs and people write where there is no value.
var placeholders = setOf(
	"nan", "<na>", "nat", "inf", "-inf", "infinity", "-infinity", "n/a", "na", "n.a.", "n.a", "n.v.", "k.a.", "s/d", "null", "(null)", "<null>",
	"nil", "none", "undefined", `\n`, "empty", "(blank)", "missing", "unknown", "tbd",
	"n/v", "n.v", "k. a.", "keine", "kein", "leer", "ohne", "entfällt", "unbekannt", // German
	"aucun", "aucune", "néant", "vide", "ninguno", "ninguna", "vacío", "nessuno", "vuoto", "geen", "leeg", "brak", "ingen", "saknas",
	"#n/a n/a", "1.#ind", "-1.#ind", "1.#qnan", "-1.#qnan", "нет", "無", "无",
)

// nothing reports whether a text stands for a missing value.
func nothing(text string) bool {
	const longest = 9
	if len(text) > longest {
		return false
	}
	if strings.Trim(text, "-–—_.?/*") == "" {
		return text != "" && utf8.RuneCountInString(text) <= 3
	}
	return placeholders[strings.ToLower(text)]
}

// The functions below look at a few characters before an expression does at all: every
// cell of a manifest passes through them.

// numeric reports whether a text may be a number that a program has written.
func numeric(text string) bool {
	return text != "" && (isDigit(text[0]) || len(text) > 1 && (text[0] == '+' || text[0] == '-') && isDigit(text[1]))
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

// dated reports whether a text is a date that a spreadsheet has written.
func dated(text string) bool {
	const longest = 32
	if len(text) < 5 || len(text) > longest {
		return false
	}
	if !isDigit(text[0]) {
		letters := []rune(text[:min(len(text), 6)])
		if !monthStarts[strings.ToLower(string(letters[:min(len(letters), 3)]))] {
			return false
		}
	}
	return date.MatchString(text)
}

// plain reports whether a text consists of printable ASCII characters.
func plain(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

// checkIdentifier finds what programs have done to a text that names something, or
// what nobody could see in it.
func checkIdentifier(column, text string) *Problem {
	if p := checkError(column, text, true); p != nil {
		return p
	}
	column = clipped(column)
	if numeric(text) && exponent.MatchString(text) {
		return problem(SortDamage, column, "%s is a number that a spreadsheet has shortened; its last digits are lost", shown(text)).hint("%s", spreadsheetHint)
	}
	if r, found := hidden(text); found {
		return problem(SortDamage, column, "%s contains an invisible character, %U", shown(text), r).
			hint("type the cell again by hand; if the character is meant, use --literal %s", column)
	}
	return nil
}

// doubtIdentifier finds what may be damage. It has at most one warning.
func doubtIdentifier(column, text string) *Problem {
	column = clipped(column)
	doubt := func(format string, args ...any) *Problem {
		return problem(SortDamage, column, format, args...).warn()
	}
	switch {
	case nothing(text):
		return doubt("%s looks like a placeholder for a missing value; it will be sent as it is", shown(text)).hint("clear the cell if there is no value")
	case decimal(text):
		return doubt("%s looks like a number to which a program has added decimals", shown(text)).hint("write %s if that is meant; read and write the column as text", whole(text))
	case numeric(text) && rounded.MatchString(text):
		return doubt("%s ends in zeros after 15 digits; a spreadsheet may have rounded it", shown(text)).hint("%s", spreadsheetHint)
	case dated(text):
		return doubt("%s looks like a date that a spreadsheet has made of another text", shown(text)).hint("%s", strings.Replace(spreadsheetHint, "numbers", "values", 1))
	case numeric(text) && shortExponent.MatchString(text):
		return doubt("%s looks like a number in exponent form; a spreadsheet would change it", shown(text)).hint("%s", spreadsheetHint)
	case plain(text):
	case strings.ContainsFunc(text, wide) && !strings.ContainsFunc(text, ideographic):
		return doubt("%s contains full-width characters", shown(text)).hint("type the cell again with a Latin keyboard, if they are not meant")
	case strings.ContainsFunc(text, func(r rune) bool { return r != ' ' && unicode.Is(unicode.Zs, r) }):
		return doubt("%s contains a blank that is not the usual one, such as a no-break space", shown(text)).hint("type the blank again by hand, if it is not meant")
	}
	return nil
}

// doubtMember finds in a member of a list what suggests that it is several.
func doubtMember(column, text string) *Problem {
	if !strings.ContainsAny(text, ",;\n\r") && !strings.Contains(text, " / ") || decimal(text) {
		return doubtIdentifier(column, text)
	}
	return problem(SortDamage, clipped(column), "%s is one member of the list, although it contains a comma, a semicolon, a slash between blanks or a line break", shown(text)).
		hint("put a | between the members of a list").warn()
}

// decimal reports whether a text is a whole number with decimals that are all zero.
func decimal(text string) bool { return numeric(text) && decimals.MatchString(text) }

// whole is a number without its decimals.
func whole(text string) string { return text[:strings.IndexAny(text, ".,")] }

// wide reports the full-width forms of Latin letters, digits and signs.
func wide(r rune) bool { return r >= 0xff01 && r <= 0xff5e }

func ideographic(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul)
}

// hidden returns the first character of a text that nobody can see. Joiners between
// letters of scripts that are written with them are part of the spelling.
func hidden(text string) (rune, bool) {
	if plain(text) {
		return 0, false
	}
	runes := []rune(text)
	for i, r := range runes {
		switch {
		case !unseen(r):
		case joiner(r) && i > 0 && i+1 < len(runes) && joined(runes[i-1]) && joined(runes[i+1]):
		default:
			return r, true
		}
	}
	return 0, false
}

func joiner(r rune) bool { return r == '\u200c' || r == '\u200d' }

// joined reports a character that may stand beside a joiner: of the Arabic and Indic
// scripts, or a pictograph.
func joined(r rune) bool { return r >= 0x600 && !unseen(r) && !unicode.IsSpace(r) }

// unseen reports characters that have no shape: controls, formats such as the
// zero-width space and the marks of direction, and blank letters.
func unseen(r rune) bool {
	switch r {
	case '\u2028', '\u2029', '\u115f', '\u1160', '\u3164', '\uffa0':
		return true
	}
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r)
}
