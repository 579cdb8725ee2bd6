package ledger

import (
	"context"
	"encoding/base64"
	"strings"
)

// SealHeads counts the sealed values of the ledger by their first n bytes, which say
// with which key each was sealed. It reads all of them. An item counts once for its own
// key, and once more where its result was sealed with another.
func (l *Ledger) SealHeads(ctx context.Context, n int) (map[string]int64, error) {
	heads := map[string]int64{}
	for _, from := range []string{"item, 1, $1) AS head FROM items", "progress, 1, $1) AS head FROM progress", "value, 1, $1) AS head FROM tokens WHERE value IS NOT NULL", "place, 1, $1) AS head FROM moves"} {
		err := l.countHeads(ctx, "SELECT head, '', COUNT(*) FROM (SELECT substr("+from+") AS heads GROUP BY head", func(head []byte, _ string, count int64) {
			heads[string(head)] += count
		}, n)
		if err != nil {
			return nil, l.fail("count sealed values", err)
		}
	}
	text := base64.RawStdEncoding.EncodedLen(n) // of the head and a few bits more
	err := l.countHeads(ctx, `SELECT head, told, COUNT(*) FROM (SELECT substr(item, 1, $1) AS head, substr(result, 1, $2) AS told FROM items) AS heads GROUP BY head, told`,
		func(head []byte, told string, count int64) {
			if own := headOf(told, n); own != "" && own != string(head) {
				heads[own] += count
			}
		}, n, len(sealedMark)+(text+3)/4*4)
	return heads, l.fail("count sealed values", err)
}

// headOf is the first n bytes of a result that is sealed, by the beginning of its text;
// "" of one that is not.
func headOf(told string, n int) string {
	encoded, sealed := strings.CutPrefix(told, sealedMark)
	if !sealed {
		return ""
	}
	raw, err := base64.RawStdEncoding.DecodeString(encoded)
	if err != nil || len(raw) < n {
		return ""
	}
	return string(raw[:n])
}

func (l *Ledger) countHeads(ctx context.Context, query string, add func(head []byte, told string, count int64), args ...any) error {
	rows, err := l.read.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // what could go wrong with it is in rows.Err
	for rows.Next() {
		var head []byte
		var told string
		var count int64
		if err := rows.Scan(&head, &told, &count); err != nil {
			return err
		}
		add(head, told, count)
	}
	return rows.Err()
}
