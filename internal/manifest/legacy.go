package manifest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
)

// legacy is an encoding that programs still write, and how its texts are told from
// those of the others: by the letters that occur together in one language.
type legacy struct {
	name  string // for people
	iconv string // for iconv
	codec encoding.Encoding
	// alphabets are the letters besides a to z, in lower case, each of one language.
	alphabets []string
	// common reports the characters of two bytes that are in everyday use; nil for an
	// encoding whose characters have one byte.
	common func(lead, trail byte) bool
}

// Alphabets of more than one encoding.
var (
	western = []string{"äöüß", "àâçéèêëîïôûùüÿœæ", "áéíóúñüªº", "ãõáéíóúâêôàçªº", "àèéìíîòóùú", "åäöé", "æøåéäö", "áðéíóúýþæö", "ëïéèöüê", "àçéèíïóòúü"}
	central = []string{"äöüß", "ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "čćđšž", "ăâîşţ"}
	cyrill  = []string{"абвгдежзийклмнопрстуфхцчшщъыьэюяё", "абвгдежзийклмнопрстуфхцчшщьюяєіїґ", "абвгдђежзијклљмнњопрстћуфхцчџш", "абвгдежзійклмнопрстуўфхцчшыьэюяё"}
)

// legacies come in the order in which they are named.
var legacies = []legacy{
	{name: "Windows-1252", iconv: "WINDOWS-1252", codec: charmap.Windows1252, alphabets: western},
	{name: "Windows-1250", iconv: "WINDOWS-1250", codec: charmap.Windows1250, alphabets: central},
	{name: "Windows-1251", iconv: "WINDOWS-1251", codec: charmap.Windows1251, alphabets: cyrill},
	{name: "Mac Roman", iconv: "MACINTOSH", codec: charmap.Macintosh, alphabets: western},
	{name: "Windows-1253", iconv: "WINDOWS-1253", codec: charmap.Windows1253, alphabets: []string{"αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ"}},
	{name: "Windows-1254", iconv: "WINDOWS-1254", codec: charmap.Windows1254, alphabets: []string{"çğıöşüâîû"}},
	{name: "Windows-1257", iconv: "WINDOWS-1257", codec: charmap.Windows1257, alphabets: []string{"ąčęėįšųūž", "āčēģīķļņšūž", "äõöüšž"}},
	{name: "code page 850", iconv: "CP850", codec: charmap.CodePage850, alphabets: western},
	{name: "code page 852", iconv: "CP852", codec: charmap.CodePage852, alphabets: central},
	{name: "code page 866", iconv: "CP866", codec: charmap.CodePage866, alphabets: cyrill},
	{name: "KOI8-R", iconv: "KOI8-R", codec: charmap.KOI8R, alphabets: cyrill[:1]},
	{name: "Mac Cyrillic", iconv: "MAC-CYRILLIC", codec: charmap.MacintoshCyrillic, alphabets: cyrill},
	{name: "Shift JIS", iconv: "CP932", codec: japanese.ShiftJIS, common: func(lead, _ byte) bool { return lead >= 0x81 && lead <= 0x97 }},
	{name: "GBK", iconv: "GBK", codec: simplifiedchinese.GBK, common: func(lead, trail byte) bool {
		return (lead >= 0xb0 && lead <= 0xd7 || lead == 0xa1 || lead == 0xa3) && trail >= 0xa1
	}},
	{name: "Big5", iconv: "BIG5", codec: traditionalchinese.Big5, common: func(lead, _ byte) bool { return lead >= 0xa1 && lead <= 0xc6 }},
	{name: "EUC-KR", iconv: "EUC-KR", codec: korean.EUCKR, common: func(lead, trail byte) bool {
		return (lead >= 0xb0 && lead <= 0xc8 || lead == 0xa1 || lead == 0xa3) && trail >= 0xa1
	}},
	{name: "EUC-JP", iconv: "EUC-JP", codec: japanese.EUCJP, common: func(lead, trail byte) bool {
		return (lead >= 0xa1 && lead <= 0xa5 || lead >= 0xb0 && lead <= 0xcf) && trail >= 0xa1
	}},
}

// plausible reports whether a text makes sense in the encoding: whether each of its
// words can be written in one language, and all of them in two.
func (l legacy) plausible(text []byte) bool {
	decoded, err := l.codec.NewDecoder().Bytes(text)
	if err != nil || bytes.ContainsRune(decoded, utf8.RuneError) {
		return false
	}
	if l.common != nil {
		return l.everyday(text)
	}
	runes := []rune(string(decoded))
	var all []rune
	for i := 0; i < len(runes); i++ {
		if !unicode.IsLetter(runes[i]) {
			if runes[i] >= utf8.RuneSelf && !fits(neighbor(runes, i-1), runes[i], neighbor(runes, i+1)) {
				return false
			}
			continue
		}
		start := i
		for unicode.IsLetter(neighbor(runes, i+1)) {
			i++
		}
		letters, spelled := spelling(runes[start : i+1])
		if !spelled || !l.writes(letters, 1) {
			return false
		}
		for _, r := range letters {
			if !slices.Contains(all, r) {
				all = append(all, r)
			}
		}
	}
	return l.writes(all, 2)
}

func neighbor(runes []rune, i int) rune {
	if i < 0 || i >= len(runes) {
		return ' '
	}
	return runes[i]
}

// spelling returns the letters of a word besides a to z, in lower case, and whether
// they may stand where they do: in one script, and none in upper case behind one in
// lower case.
func spelling(word []rune) (letters []rune, ok bool) {
	for i, r := range word {
		if before := neighbor(word, i-1); i > 0 && (r >= utf8.RuneSelf || before >= utf8.RuneSelf) {
			if unicode.Is(unicode.Latin, r) != unicode.Is(unicode.Latin, before) || unicode.IsUpper(r) && unicode.IsLower(before) {
				return nil, false
			}
		}
		if r >= utf8.RuneSelf {
			letters = append(letters, unicode.ToLower(r))
		}
	}
	return letters, true
}

// writes reports whether so many of the encoding's languages have all these letters.
func (l legacy) writes(letters []rune, languages int) bool {
	if len(letters) == 0 {
		return true
	}
	if languages == 0 {
		return false
	}
	return slices.ContainsFunc(l.alphabets, func(alphabet string) bool {
		foreign := slices.DeleteFunc(slices.Clone(letters), func(r rune) bool { return strings.ContainsRune(alphabet, r) })
		return len(foreign) < len(letters) && l.writes(foreign, languages-1)
	})
}

// fits reports whether a sign may stand between two characters: opening quotes may not
// stand behind a word, other quotes and dashes may stand anywhere, marks behind a word, and other usual signs beside none.
func fits(before, sign, after rune) bool {
	switch {
	case strings.ContainsRune("„“«‚¿¡", sign):
		return !unicode.IsLetter(before)
	case strings.ContainsRune("’‘”»–—…·\u00a0•", sign):
		return true
	case strings.ContainsRune("™®©°²³ªº¼½¾", sign):
		return !unicode.IsLetter(after)
	case strings.ContainsRune("€£¥§×±µ№", sign):
		return !unicode.IsLetter(before) && !unicode.IsLetter(after)
	}
	return false
}

// everyday reports whether most characters of two bytes are in everyday use, and none
// stands beside a small Latin letter.
func (l legacy) everyday(text []byte) bool {
	common, all := 0, 0
	var before byte // the character before, if it has one byte
	for i := 0; i < len(text); i++ {
		if text[i] < utf8.RuneSelf {
			before = text[i]
			continue
		}
		if i+1 == len(text) || l.name == "Shift JIS" && text[i] >= 0xa0 && text[i] < 0xe0 { // katakana of one byte
			return false
		}
		if small(before) || i+2 < len(text) && small(text[i+2]) {
			return false
		}
		all++
		if l.common(text[i], text[i+1]) {
			common++
		}
		before = 0
		i++
	}
	return common*10 >= all*9
}

func small(b byte) bool { return b >= 'a' && b <= 'z' }

// guess returns the encodings in which a text makes sense. It returns none for a text
// that is UTF-8.
func guess(text []byte) []string {
	if utf8.Valid(text) {
		return nil
	}
	var names []string
	for _, l := range legacies {
		if l.plausible(text) {
			names = append(names, l.name)
		}
	}
	return names
}

// misread returns what a text probably was before a program took its UTF-8 for another
// encoding; "" for a text that is as it was.
func misread(text string) string {
	for _, l := range []struct {
		signs string // with which such a text cannot do without
		codec encoding.Encoding
	}{{"ÂÃÄÅÎÏÐÑØÙâãäåæçèéðï", charmap.Windows1252}, {"РСВГДТУФХЦЧ", charmap.Windows1251}} {
		if !strings.ContainsAny(text, l.signs) {
			continue
		}
		bytes, err := l.codec.NewEncoder().String(text)
		if err == nil && bytes != text && utf8.ValidString(bytes) {
			return bytes
		}
	}
	return ""
}

// wholeLines is a head of a file without what may be cut off at its end.
func wholeLines(head []byte, whole bool) []byte {
	if whole {
		return head
	}
	return head[:max(bytes.LastIndexAny(head, "\r\n"), 0)]
}

// saveHint is what to do about a file in an encoding that is not sure.
const saveHint = `save the file again as "CSV UTF-8" with the program that wrote it`

// encodingHint is what to do about a file whose head makes sense in these encodings. A
// command is named only if they are one, or agree on every character.
func encodingHint(head []byte, names []string) string {
	first, command := "", ""
	for _, l := range legacies {
		if !slices.Contains(names, l.name) {
			continue
		}
		decoded, err := l.codec.NewDecoder().Bytes(head)
		if err != nil || command != "" && first != string(decoded) {
			return saveHint
		}
		if command == "" {
			first, command = string(decoded), l.iconv
		}
	}
	if command == "" {
		return saveHint
	}
	return fmt.Sprintf("%s, or convert it with: iconv -f %s -t UTF-8 IN > OUT", saveHint, command)
}

// mostReadings is how many readings of a cell a message shows.
const mostReadings = 3

// readings is how a text reads in the encodings in which it makes sense, of those in
// which the head of its file does, if any does.
func readings(text string, head []string) string {
	var known, all []string
	for _, l := range legacies {
		if len(head) > 0 && !slices.Contains(head, l.name) || !l.plausible([]byte(text)) {
			continue
		}
		decoded, err := l.codec.NewDecoder().String(text)
		if err != nil || slices.Contains(known, decoded) || len(all) == mostReadings {
			continue
		}
		known = append(known, decoded)
		all = append(all, fmt.Sprintf("%s in %s", shown(decoded), l.name))
	}
	if len(all) == 0 {
		return ""
	}
	return "; it would be " + strings.Join(all, ", ")
}
