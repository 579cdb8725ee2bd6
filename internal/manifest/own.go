package manifest

import (
	"cmp"
	"mime"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// take assigns a cell to the item, or to the vendor's fields.
func (c *checker) take(row *Row, cell Cell) *Problem {
	literal := c.literal(cell.Column)
	if literal && cell.kind == kindError {
		cell.kind = kindText
	}
	broken := c.damaged(cell, literal)
	switch {
	case c.layout.Format == Folder:
		return c.takeName(row, cell, broken)
	case broken != nil:
		return broken
	case cell.kind == kindUncalculated, cell.kind == kindError:
		return c.unusable(cell)
	case !literal && cell.kind == kindText && empty(cell.Text):
		return nil
	case !own(cell.Column):
		c.doubtText(row, cell, literal)
		return c.field(cell)
	case cell.kind.json():
		return untyped(cell)
	case literal:
		return c.assign(row, cell)
	}
	c.doubtText(row, cell, literal)
	cell.Text = c.tidied(cell, true, row.At.Line)
	if p := checkIdentifier(cell.Column, cell.Text); p != nil {
		return p
	}
	p := c.assign(row, cell)
	if doubt := doubtIdentifier(cell.Column, cell.Text); p == nil && doubt != nil && cell.Column != columnTo { // an account is known, or refused
		row.add(doubt)
	}
	return p
}

// doubtText warns of a text whose characters were lost before it came into the manifest.
func (c *checker) doubtText(row *Row, cell Cell, meant bool) {
	if meant || cell.kind != kindText || plain(cell.Text) {
		return
	}
	if was := misread(cell.Text); was != "" {
		then := "; it will be sent as it is"
		if cell.Column == columnSource {
			then = ", which may be the file's name"
		}
		row.add(problem(SortEncoding, clipped(cell.Column), "%s looks like %s, read in a wrong encoding%s", shown(cell.Text), shown(was), then).
			hint("export the text again as UTF-8; if it is meant, use --literal %s", clipped(cell.Column)).warn())
	}
}

// takeName assigns the name of a folder's file.
func (c *checker) takeName(row *Row, cell Cell, broken *Problem) *Problem {
	if broken != nil {
		return badSource("the name %s is not valid UTF-8 or contains a replacement character", shown(cell.Text)).hint("rename the file, or a folder above it")
	}
	if strings.ContainsFunc(cell.Text, invisible) {
		return badSource("%s contains an invisible character", shown(cell.Text)).hint("rename the file")
	}
	return c.assign(row, cell)
}

// unusable refuses a cell of a workbook that has no value.
func (c *checker) unusable(cell Cell) *Problem {
	if cell.kind == kindError {
		return refuseError(cell.Column, cell.Text)
	}
	return problem(SortDamage, clipped(cell.Column), "the formula %s has no result: the program that wrote the file did not calculate it", shown(cell.Text)).
		hint("open the file in a spreadsheet program and save it again")
}

// tidied is the text of a cell without what programs put around it.
func (c *checker) tidied(cell Cell, identifier bool, line int) string {
	text, taken := tidy(cell.Text, identifier)
	if taken {
		c.signs.add(cell.Column, trimmed(cell.Text), text, line)
	}
	return text
}

// assign gives the item the text of one of our own columns.
func (c *checker) assign(row *Row, cell Cell) *Problem {
	switch cell.Column {
	case columnSource:
		row.Item.Source = cell.Text
	case columnTo:
		row.Item.Account = cell.Text
	case columnID:
		return c.id(row, cell.Text)
	case columnContentType:
		return contentType(row, cell.Text)
	case columnSHA256:
		return sha256Of(row, cell.Text)
	case columnBase:
		var p *Problem
		c.base, p = c.layout.Place.baseOf(cell.Text)
		return p
	}
	return nil
}

// damaged finds cells whose text is broken, or was once. What is broken can be neither
// stored nor sent, even if it is meant.
func (c *checker) damaged(cell Cell, meant bool) *Problem {
	text := cell.Text
	if !utf8.ValidString(text) || !utf8.ValidString(cell.Column) {
		return problem(SortEncoding, clipped(cell.Column), "contains bytes that are not valid UTF-8%s", readings(text, c.layout.Legacy)).
			hint("%s", cmp.Or(c.layout.LegacyHint, saveHint))
	}
	if !meant && strings.ContainsRune(text, utf8.RuneError) {
		return problem(SortEncoding, clipped(cell.Column), "contains U+FFFD, which replaces a character that was lost in a conversion").hint("type the cell again, or export the manifest again as UTF-8")
	}
	if strings.IndexByte(text, 0) >= 0 {
		return problem(SortEncoding, clipped(cell.Column), "contains a NUL byte").hint("type the cell again by hand")
	}
	return nil
}

// invisible reports characters that a key and the name of a file must not contain,
// because nobody can see them. Names of files may have marks of direction.
func invisible(r rune) bool {
	return unicode.IsControl(r) || r == '\ufeff' || r == '\u200b' || r == '\u2028' || r == '\u2029'
}

func sortOf(column string) Sort {
	switch column {
	case columnTo:
		return SortAccount
	case columnID:
		return SortID
	case columnContentType:
		return SortContentType
	case columnSHA256:
		return SortSHA256
	}
	return SortSource
}

// untyped rejects a JSON value that should be a string.
func untyped(cell Cell) *Problem {
	p := problem(sortOf(cell.Column), clipped(cell.Column), "%s is not a string", shown(cell.Text))
	if cell.kind == kindNumber {
		return p.hint("put it in quotes, because a number loses its leading zeros")
	}
	return p.hint("put it in quotes")
}

func (c *checker) id(row *Row, id string) *Problem {
	if err := upload.CheckID(id); err != nil {
		return problem(SortID, columnID, "%s", err).hint("use up to 200 bytes of printable text, or leave the cell empty")
	}
	row.Item.ID = id
	return nil
}

func contentType(row *Row, text string) *Problem {
	parsed, _, err := mime.ParseMediaType(text)
	if class, name, found := strings.Cut(parsed, "/"); err != nil || !found || class == "" || name == "" {
		return problem(SortContentType, columnContentType, "%s is not a media type", shown(text)).hint("use a media type such as image/jpeg, or leave the cell empty to detect the type from the bytes")
	}
	row.Item.ContentType = text
	return nil
}

var sha256Form = regexp.MustCompile(`^[0-9a-f]{64}$`)

func sha256Of(row *Row, text string) *Problem {
	sum := strings.ToLower(text)
	if !sha256Form.MatchString(sum) {
		return problem(SortSHA256, columnSHA256, "%s is not a SHA-256 checksum", shown(text)).hint("use 64 hexadecimal digits, as printed by sha256sum, or leave the cell empty")
	}
	row.Item.SHA256 = sum
	return nil
}
