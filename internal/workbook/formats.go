package workbook

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"math"
	"strconv"
	"strings"

	"github.com/xuri/excelize/v2"
)

// formats shows numbers as a workbook's styles want them. A small workbook that has the
// styles and one sheet without cells does that.
type formats struct {
	plain []bool // styles that show a number as it is
	book  *excelize.File
	known map[int]string // cells that have a style
}

const formatSheet = "Sheet1"

// newFormats reads the styles of a workbook.
func newFormats(styles []byte, from1904 bool) (*formats, error) {
	var sheet struct {
		Styles []struct {
			Format int `xml:"numFmtId,attr"`
		} `xml:"cellXfs>xf"`
	}
	if err := xml.Unmarshal(styles, &sheet); err != nil {
		return nil, broken("is a damaged spreadsheet: its styles: %s", err)
	}
	f := &formats{known: map[int]string{}}
	needed := false
	for _, style := range sheet.Styles {
		plain := style.Format == 0 || style.Format == 1 || style.Format == 49 // General, 0, @
		f.plain = append(f.plain, plain)
		needed = needed || !plain
	}
	if !needed {
		return f, nil
	}
	stub, err := stubBook(styles, from1904)
	if err != nil {
		return nil, err
	}
	if f.book, err = excelize.OpenReader(stub, excelize.Options{UnzipSizeLimit: 2 * mostPart, UnzipXMLSizeLimit: 2 * mostPart}); err != nil {
		return nil, broken("is a damaged spreadsheet: its styles: %s", err)
	}
	return f, nil
}

// show returns a number as its style shows it.
func (f *formats) show(raw string, style int) string {
	plain := number(raw)
	if f == nil || f.book == nil || style < 0 || style >= len(f.plain) || f.plain[style] {
		return plain
	}
	cell, known := f.known[style]
	if !known {
		cell = "A" + strconv.Itoa(len(f.known)+1)
		if err := f.book.SetCellStyle(formatSheet, cell, cell, style); err != nil {
			return plain
		}
		f.known[style] = cell
	}
	if err := f.book.SetCellDefault(formatSheet, cell, raw); err != nil {
		return plain
	}
	shown, err := f.book.GetCellValue(formatSheet, cell)
	if err != nil || shown == "" {
		return plain
	}
	return shown
}

// mostDigits is the number of digits that spreadsheets keep.
const mostDigits = 15

// number is a number without a format: as many digits as spreadsheets keep, and no
// exponent unless it is out of all proportion.
func number(raw string) string {
	value, err := strconv.ParseFloat(raw, 64)
	if err != nil || math.IsInf(value, 0) || math.IsNaN(value) {
		return raw
	}
	kept, _ := strconv.ParseFloat(strconv.FormatFloat(value, 'e', mostDigits-1, 64), 64)
	if size := math.Abs(kept); size >= 1e21 || size != 0 && size < 1e-9 {
		return strings.Replace(strconv.FormatFloat(kept, 'E', -1, 64), "E+0", "E+", 1)
	}
	return strconv.FormatFloat(kept, 'f', -1, 64)
}

// stubBook is a workbook of these styles.
func stubBook(styles []byte, from1904 bool) (*bytes.Buffer, error) {
	const (
		relation = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
		main     = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
		rels     = `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">`
	)
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	for _, part := range []struct{ name, text string }{
		{"[Content_Types].xml", `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="xml" ContentType="application/xml"/></Types>`},
		{"_rels/.rels", rels + `<Relationship Id="a" Type="` + relation + `/officeDocument" Target="xl/workbook.xml"/></Relationships>`},
		{"xl/workbook.xml", `<workbook xmlns="` + main + `" xmlns:r="` + relation + `"><workbookPr date1904="` + strconv.FormatBool(from1904) + `"/><sheets><sheet name="` + formatSheet + `" sheetId="1" r:id="a"/></sheets></workbook>`},
		{"xl/_rels/workbook.xml.rels", rels + `<Relationship Id="a" Type="` + relation + `/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="b" Type="` + relation + `/styles" Target="styles.xml"/></Relationships>`},
		{"xl/worksheets/sheet1.xml", `<worksheet xmlns="` + main + `"><sheetData/></worksheet>`},
		{"xl/styles.xml", string(styles)},
	} {
		w, err := archive.Create(part.name)
		if err == nil {
			_, err = w.Write([]byte(part.text))
		}
		if err != nil { // a buffer takes everything
			return nil, err
		}
	}
	return &out, archive.Close()
}
