package manifest

import (
	"errors"
	"io"
	"slices"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/workbook"
)

// openBook reads the header of a workbook's sheet.
func (r *Reader) openBook(in io.Reader, place Place, known *columns) error {
	book, file, err := openBook(r.ctx, in, place)
	if err != nil {
		return err
	}
	rows, err := openSheet(r.ctx, book, file, place)
	if err != nil {
		return err
	}
	r.rows = rows
	sheet, _ := book.Worksheet(place.Sheet)
	others := likeManifests(book, sheet.Name, known)
	r.header, err = rows.readHeader(known)
	var refused *upload.Error
	if errors.As(err, &refused) && len(others) > 0 {
		return refused.WithHint("sheet %s looks like a manifest; to use it: %s", shown(others[0]), shown(place.withSheet(others[0])))
	}
	if err != nil {
		return err
	}
	if place.Sheet == "" && len(others) > 0 {
		p := problem(SortSheet, "", "sheet %s looks like a manifest too; only %s is read", shown(others[0]), shown(sheet.Name)).
			hint("to use it: %s", place.withSheet(others[0])).warn()
		p.Line = 1
		r.header = append(r.header, *p)
	}
	layout := Layout{Place: place, Format: XLSX, Columns: rows.columns, Size: r.content.Size(), Fingerprint: r.content.Fingerprint()}
	r.start(layout, known)
	return nil
}

// mostSheetsSeen is how many other sheets are looked at.
const mostSheetsSeen = 50

// likeManifests names the other sheets that look like manifests.
func likeManifests(book *workbook.Book, than string, known *columns) []string {
	var names []string
	for _, sheet := range book.Worksheets()[:min(len(book.Worksheets()), mostSheetsSeen)] {
		if sheet.Name == than {
			continue
		}
		rows, err := book.Rows(sheet)
		if err != nil {
			continue // it is not asked for
		}
		row, err := rows.Next()
		if closed := rows.Close(); err == nil && closed == nil {
			header := headerNames(cellTexts(row))
			if slices.Contains(header, columnSource) && slices.ContainsFunc(header, func(name string) bool { return name != columnSource && known.known(name) }) {
				names = append(names, sheet.Name)
			}
		}
	}
	return names
}
