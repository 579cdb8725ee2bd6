// Package workbooktest writes workbooks for tests, part by part, so that they can be as
// any program writes them, or wrong.
package workbooktest

import (
	"archive/zip"
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Sheet is a worksheet: its rows, as XML, and what else its part has.
type Sheet struct {
	Name, State string
	Rows        string
	Before      string // the rows, such as <cols>
	After       string // the rows, such as <mergeCells>
}

// Book is a workbook.
type Book struct {
	Sheets []Sheet
	// Texts are what cells of type s share, as XML, or as plain text.
	Texts []string
	// Formats are number formats: style 1 is the first one.
	Formats []string
	// From1904 counts dates as old Macs did.
	From1904 bool
	// Parts replace or add parts; an empty one leaves the part out.
	Parts map[string]string
}

const (
	main     = `xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"`
	relation = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
	rels     = `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">`
)

// Bytes returns the workbook as a file.
func (b Book) Bytes(t testing.TB) []byte {
	t.Helper()
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	parts := b.parts()
	for name, text := range b.Parts {
		parts[name] = text
	}
	for name, text := range parts {
		if text == "" {
			continue
		}
		w, err := archive.Create(name)
		require.NoError(t, err)
		_, err = w.Write([]byte(text))
		require.NoError(t, err)
	}
	require.NoError(t, archive.Close())
	return out.Bytes()
}

func (b Book) parts() map[string]string {
	parts := map[string]string{
		"_rels/.rels":          rels + `<Relationship Id="m" Type="` + relation + `/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
		"xl/sharedStrings.xml": `<sst ` + main + `>` + b.texts() + `</sst>`,
		"xl/styles.xml":        b.styles(),
	}
	links, sheets := `<Relationship Id="t" Type="`+relation+`/sharedStrings" Target="/xl/sharedStrings.xml"/><Relationship Id="s" Type="`+relation+`/styles" Target="styles.xml"/>`, ""
	for i, sheet := range b.Sheets {
		links += fmt.Sprintf(`<Relationship Id="r%d" Type="%s/worksheet" Target="worksheets/sheet%d.xml"/>`, i, relation, i+1)
		sheets += fmt.Sprintf(`<sheet name="%s" sheetId="%d" state="%s" r:id="r%d"/>`, sheet.Name, i+1, sheet.State, i)
		parts[fmt.Sprintf("xl/worksheets/sheet%d.xml", i+1)] = `<worksheet ` + main + `>` + sheet.Before + `<sheetData>` + sheet.Rows + `</sheetData>` + sheet.After + `</worksheet>`
	}
	parts["xl/_rels/workbook.xml.rels"] = rels + links + `</Relationships>`
	parts["xl/workbook.xml"] = fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?><workbook %s xmlns:r="%s"><workbookPr date1904="%t"/><sheets>%s</sheets></workbook>`, main, relation, b.From1904, sheets)
	return parts
}

func (b Book) texts() string {
	all := ""
	for _, text := range b.Texts {
		if !strings.HasPrefix(text, "<") {
			text = "<t>" + text + "</t>"
		}
		all += "<si>" + text + "</si>"
	}
	return all
}

func (b Book) styles() string {
	formats, styles := "", `<xf numFmtId="0"/>`
	for i, format := range b.Formats {
		formats += fmt.Sprintf(`<numFmt numFmtId="%d" formatCode="%s"/>`, 164+i, format)
		styles += fmt.Sprintf(`<xf numFmtId="%d" applyNumberFormat="1"/>`, 164+i)
	}
	return `<styleSheet ` + main + `><numFmts>` + formats + `</numFmts><fonts><font/></fonts><fills><fill/></fills><borders><border/></borders><cellStyleXfs><xf/></cellStyleXfs><cellXfs>` + styles + `</cellXfs></styleSheet>`
}

// Row is a row of texts.
func Row(texts ...string) string {
	row := "<row>"
	for _, text := range texts {
		if text == "" {
			row += "<c/>"
			continue
		}
		row += `<c t="inlineStr"><is><t>` + text + `</t></is></c>`
	}
	return row + "</row>"
}
