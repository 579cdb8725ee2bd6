// Package workbook reads and writes .xlsx workbooks. Cells are read as a person sees
// them: numbers and dates in their formats, the stored results of formulas. The package
// owns the parts of such a file and their limits: a sheet is read as a stream, and a
// file that unpacks to more than its limits is refused. It knows nothing of what cells
// mean, and calculates nothing.
package workbook

import (
	"archive/zip"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
)

// Limits of what one file may unpack to.
const (
	mostSheets = 200
	mostPart   = 16 << 20  // bytes of a part that is read as a whole
	mostTexts  = 128 << 20 // bytes of all texts that cells share
	mostStream = 8 << 30   // bytes of a sheet, which is not held in memory
)

// Error says why a file cannot be read, and what to do about it. Its text continues a
// sentence that begins with the file.
type Error struct{ Text, Hint string }

func (e *Error) Error() string { return e.Text }

const saveAgain = "open it in a spreadsheet program and save it again as .xlsx, or as CSV UTF-8"

func broken(format string, args ...any) *Error {
	return &Error{Text: fmt.Sprintf(format, args...), Hint: saveAgain}
}

// Worksheet is a sheet of cells.
type Worksheet struct {
	Name   string
	Hidden bool

	part string
}

// Book is an open workbook. It is not safe for concurrent use.
type Book struct {
	parts   map[string]*zip.File // by name in lower case
	sheets  []Worksheet
	texts   texts
	formats *formats
}

// Open reads everything of a workbook but its sheets. The error is an *Error if the file
// is no workbook that can be read. in is read until the last use of the Book.
func Open(in io.ReaderAt, size int64) (*Book, error) {
	archive, err := zip.NewReader(in, size)
	if err != nil {
		return nil, broken("is an incomplete or damaged spreadsheet or archive")
	}
	b := &Book{parts: map[string]*zip.File{}}
	for _, file := range archive.File {
		b.parts[partName(file.Name)] = file
	}
	main, err := b.mainPart()
	if err != nil {
		return nil, err
	}
	var book struct {
		Properties struct {
			From1904 string `xml:"date1904,attr"`
		} `xml:"workbookPr"`
		Sheets []struct {
			Name  string `xml:"name,attr"`
			State string `xml:"state,attr"`
			ID    string `xml:"id,attr"`
		} `xml:"sheets>sheet"`
	}
	if err := b.unmarshal(main, &book); err != nil {
		return nil, err
	}
	links, err := b.links(main)
	if err != nil {
		return nil, err
	}
	for _, sheet := range book.Sheets[:min(len(book.Sheets), mostSheets)] {
		if link := links[sheet.ID]; strings.HasSuffix(link.Type, "/worksheet") {
			b.sheets = append(b.sheets, Worksheet{Name: sheet.Name, Hidden: sheet.State != "" && sheet.State != "visible", part: link.Target})
		}
	}
	if len(b.sheets) == 0 {
		return nil, broken("has no worksheet")
	}
	return b, b.openParts(links, book.Properties.From1904 == "1" || book.Properties.From1904 == "true")
}

// openParts reads what all sheets share.
func (b *Book) openParts(links map[string]link, from1904 bool) error {
	for _, link := range links {
		switch {
		case strings.HasSuffix(link.Type, "/sharedStrings"):
			part, err := b.stream(link.Target)
			if err != nil {
				return err
			}
			if err := errors.Join(b.texts.read(part), part.Close()); err != nil {
				return err
			}
		case strings.HasSuffix(link.Type, "/styles"):
			styles, err := b.whole(link.Target)
			if err != nil {
				return err
			}
			if b.formats, err = newFormats(styles, from1904); err != nil {
				return err
			}
		}
	}
	return nil
}

// Worksheets lists the worksheets in their order.
func (b *Book) Worksheets() []Worksheet { return b.sheets }

// Worksheet returns the sheet of a name, or of an empty name the first one that is not
// hidden.
func (b *Book) Worksheet(name string) (Worksheet, bool) {
	i := slices.IndexFunc(b.sheets, func(s Worksheet) bool { return s.Name == name || name == "" && !s.Hidden })
	if i < 0 && name != "" {
		i = slices.IndexFunc(b.sheets, func(s Worksheet) bool { return strings.EqualFold(s.Name, name) })
	}
	if i < 0 {
		return Worksheet{}, false
	}
	return b.sheets[i], true
}

// link is a relation from one part to another.
type link struct {
	ID     string `xml:"Id,attr"`
	Type   string `xml:"Type,attr"`
	Target string `xml:"Target,attr"`
}

// links are the relations of a part, by their IDs.
func (b *Book) links(part string) (map[string]link, error) {
	var all struct {
		Links []link `xml:"Relationship"`
	}
	dir, base := path.Split(part)
	if err := b.unmarshal(dir+"_rels/"+base+".rels", &all); err != nil {
		return nil, err
	}
	links := map[string]link{}
	for _, one := range all.Links {
		if !strings.HasPrefix(one.Target, "/") {
			one.Target = path.Join("/", dir, one.Target)
		}
		one.Target = partName(one.Target)
		links[one.ID] = one
	}
	return links, nil
}

// mainPart finds the part that names the sheets.
func (b *Book) mainPart() (string, error) {
	if _, is := b.parts["_rels/.rels"]; !is {
		return "", b.foreign()
	}
	links, err := b.links("")
	if err != nil {
		return "", err
	}
	for _, one := range links {
		if strings.HasSuffix(one.Type, "/officeDocument") && path.Ext(one.Target) == ".xml" && b.has(one.Target) && b.has(path.Dir(one.Target)+"/_rels/"+path.Base(one.Target)+".rels") && strings.HasPrefix(path.Base(one.Target), "workbook") {
			return one.Target, nil
		}
	}
	return "", b.foreign()
}

func (b *Book) has(part string) bool { return b.parts[partName(part)] != nil }

// foreign is the error of another archive, and says which.
func (b *Book) foreign() *Error {
	switch {
	case b.has("xl/workbook.bin"):
		return &Error{Text: "is an .xlsb workbook", Hint: "save it as .xlsx, or as CSV UTF-8"}
	case b.has("word/document.xml"), b.has("ppt/presentation.xml"):
		return &Error{Text: "is a text document or a presentation", Hint: "use a spreadsheet (.xlsx), CSV or JSON Lines"}
	case b.has("content.xml"), b.has("index/document.iwa"):
		return &Error{Text: "is a spreadsheet in another format", Hint: "save it as .xlsx, or as CSV UTF-8"}
	}
	return &Error{Text: "is an archive", Hint: "unpack it first; a manifest is CSV, JSON Lines or .xlsx"}
}

// partName is the name of a part as a key.
func partName(name string) string {
	return strings.ToLower(strings.TrimPrefix(path.Clean("/"+strings.ReplaceAll(name, `\`, "/")), "/"))
}

// stream opens a part that is read bit by bit.
func (b *Book) stream(name string) (io.ReadCloser, error) {
	file := b.parts[partName(name)]
	if file == nil {
		return nil, broken("is an incomplete spreadsheet: it lacks the part %s", name)
	}
	part, err := file.Open()
	if err != nil {
		return nil, broken("is a damaged spreadsheet: %s", err)
	}
	return part, nil
}

// whole reads a small part.
func (b *Book) whole(name string) ([]byte, error) {
	part, err := b.stream(name)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(part, mostPart+1))
	if err := errors.Join(err, part.Close()); err != nil {
		return nil, broken("is a damaged spreadsheet: %s", err)
	}
	if len(text) > mostPart {
		return nil, broken("is a spreadsheet whose part %s has more than %d MiB", name, mostPart>>20)
	}
	return text, nil
}

func (b *Book) unmarshal(name string, to any) error {
	text, err := b.whole(name)
	if err != nil {
		return err
	}
	if err := xml.Unmarshal(text, to); err != nil {
		return broken("is a damaged spreadsheet: %s: %s", name, err)
	}
	return nil
}
