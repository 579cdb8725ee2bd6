package manifest

import (
	"regexp"
	"strings"
)

// errorValues are what spreadsheet programs write instead of a result, in the
// languages that translate it.
var errorValues = setOf(
	// English, which most languages of Asia use too, and the values that no language translates.
	"#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!", "#SPILL!", "#CALC!", "#FIELD!", "#BLOCKED!", "#CONNECT!",
	"#UNKNOWN!", "#BUSY!", "#EXTERNAL!", "#PYTHON!", "#TIMEOUT!", "#GETTING_DATA", "#NA", "#ERROR!", "#MACRO?", "#FMT",
	"#NV", "#BEZUG!", "#WERT!", "#ZAHL!", "#ÜBERLAUF!", "#KALK!", "#FELD!", "#BLOCKIERT!", "#VERBINDEN!", "#UNBEKANNT!", // German
	"#VALEUR!", "#NOM?", "#NUL!", "#NOMBRE!", "#EPARS!", "#PROPAGATION!", "#CHAMP!", // French
	"#N/D", "#¡REF!", "#¡VALOR!", "#¿NOMBRE?", "#¡DIV/0!", "#¡NULO!", "#¡NUM!", "#¡DESBORDAMIENTO!", "#¡CALC!", "#¡CAMPO!", // Spanish
	"#RIF!", "#VALORE!", "#NOME?", "#NULLO!", "#ESPANSIONE!", // Italian
	"#VALOR!", "#NULO!", "#NÚM!", "#DESPEJAR!", "#TRANSBORDAR!", // Portuguese
	"#N/B", "#VERW!", "#WAARDE!", "#NAAM?", "#DEEL/0!", "#LEEG!", "#GETAL!", "#OVERLOOP!", // Dutch
	"#ADR!", "#ARG!", "#NAZWA?", "#DZIEL/0!", "#ZERO!", "#LICZBA!", "#ROZLANIE!", // Polish
	"#Н/Д", "#ССЫЛКА!", "#ЗНАЧ!", "#ИМЯ?", "#ДЕЛ/0!", "#ПУСТО!", "#ЧИСЛО!", "#ПЕРЕНОС!", // Russian
	"#SAKNAS!", "#VÄRDEFEL!", "#NAMN?", "#DIVISION/0!", "#SKÄRNING!", "#OGILTIGT!", // Swedish
	"#I/T", "#REFERENCE!", "#VÆRDI!", "#NAVN?", "#VERDI!", // Danish, Norwegian
	"#PUUTTUU!", "#VIITTAUS!", "#ARVO!", "#NIMI?", "#JAKO/0!", "#TYHJÄ!", "#LUKU!", // Finnish
	"#NENÍ_K_DISPOZICI", "#ODKAZ!", "#HODNOTA!", "#NÁZEV?", "#DĚLENÍ_NULOU!", "#ČÍSLO!", // Czech
	"#HIÁNYZIK", "#HIV!", "#ÉRTÉK!", "#NÉV?", "#ZÉRÓOSZTÓ!", "#NULLA!", "#SZÁM!", // Hungarian
	"#YOK", "#BAŞV!", "#DEĞER!", "#AD?", "#SAYI/0!", "#BOŞ!", "#SAYI!", // Turkish
)

var (
	// numberedError is how LibreOffice and its relatives number their errors.
	numberedError = regexp.MustCompile(`(?i)^(?:err|fehler|erreur|errore|erro|fout|fel|błąd|ошибка|hiba):\d{3}$`)
	// tooNarrow is what is saved of a number whose column was too narrow to show it.
	tooNarrow = regexp.MustCompile(`^#{3,}$`)
	// errorForm is the form of an error value in a language that is not listed.
	errorForm = regexp.MustCompile(`^#[¡¿]?\p{Lu}[\p{Lu}_]*(?:/0)?[!?]$`)
)

func setOf(texts ...string) map[string]bool {
	set := make(map[string]bool, len(texts))
	for _, text := range texts {
		set[text] = true
	}
	return set
}

// errorValue reports whether a cell is a spreadsheet's error value. A text that only
// has the form of one may be meant, unless it is to name something.
func errorValue(text string, identifier bool) bool {
	if !strings.HasPrefix(text, "#") {
		return strings.Contains(text, ":") && numberedError.MatchString(text)
	}
	return errorValues[strings.ToUpper(text)] || tooNarrow.MatchString(text) || identifier && errorForm.MatchString(text)
}

// checkError refuses an error value in any column.
func checkError(column, text string, identifier bool) *Problem {
	if !errorValue(text, identifier) {
		return nil
	}
	return refuseError(column, text)
}

// refuseError is the problem of an error value.
func refuseError(column, text string) *Problem {
	return problem(SortDamage, clipped(column), "%s is an error value of a spreadsheet", shown(text)).
		hint("correct the formula in the spreadsheet and export it again, or clear the cell if the field is optional; if the text is meant, use --literal %s", clipped(column))
}
