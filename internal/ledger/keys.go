package ledger

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
)

// sealedIn are the columns of a table that hold sealed values.
type sealedIn struct {
	table string
	raw   string   // of bytes; possibly none
	texts []string // as sealText makes them
	// lasting: the rows are few, and outlive uploads.
	lasting bool
}

var sealedColumns = []sealedIn{
	{"items", "item", []string{"result", "content", "waiting", "detached_because"}, false},
	{"progress", "progress", nil, false},
	{"moves", "place", nil, false},
	{"parts", "", []string{"part"}, false},
	{"detach_requests", "", []string{"who"}, false},
	{"workers", "", []string{"info"}, false},
	{"digest_key", "value", nil, true},
	{"tokens", "value", nil, true},
	{"queues", "", []string{"queue"}, true},
	{"batches", "", []string{"manifest", "digest", "definition", "because", "who"}, true},
	{"failed_reports", "", []string{"because"}, true},
	{"batch_events", "", []string{"who", "because", "detail"}, true},
	{"item_events", "", []string{"who", "because", "detail"}, false},
	{"accounts", "", []string{"because", "who"}, true},
	{"account_events", "", []string{"because", "who"}, true},
	{"permits", "", []string{"slow_because"}, true},
	{"outages", "", []string{"last_error"}, true},
	{"outbox", "", []string{"data", "last_error"}, true},
}

// SealHeads counts the rows of the ledger that hold sealed values by the first n bytes of
// these, which say with which key each was sealed. It reads all of them. A row counts
// once for each key that it needs.
func (l *Ledger) SealHeads(ctx context.Context, n int) (map[string]int64, error) {
	heads := map[string]int64{}
	for _, columns := range sealedColumns {
		if err := l.countHeads(ctx, columns, n, heads); err != nil {
			return nil, l.fail("count sealed values", err)
		}
	}
	return heads, nil
}

func (l *Ledger) countHeads(ctx context.Context, in sealedIn, n int, into map[string]int64) error {
	var columns []string
	if in.raw != "" {
		columns = append(columns, fmt.Sprintf("substr(%s, 1, %d)", in.raw, n))
	}
	for _, text := range in.texts {
		columns = append(columns, fmt.Sprintf("substr(%s, 1, %d)", text, len(sealedMark)+base64.RawStdEncoding.EncodedLen(n)))
	}
	list := strings.Join(columns, ", ")
	rows, err := l.read.QueryContext(ctx, `SELECT COUNT(*), `+list+` FROM `+in.table+` GROUP BY `+list)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // what could go wrong with it is in rows.Err
	for rows.Next() {
		var count int64
		values := make([][]byte, len(columns))
		targets := []any{&count}
		for i := range values {
			targets = append(targets, &values[i])
		}
		if err := rows.Scan(targets...); err != nil {
			return err
		}
		for head := range in.heads(values, n) {
			into[head] += count
		}
	}
	return rows.Err()
}

// heads are those of the values of one row that are sealed.
func (in sealedIn) heads(values [][]byte, n int) map[string]bool {
	heads := map[string]bool{}
	if in.raw != "" {
		if len(values[0]) > 0 {
			heads[string(values[0])] = true
		}
		values = values[1:]
	}
	for _, text := range values {
		if head := headOf(string(text), n); head != "" {
			heads[head] = true
		}
	}
	return heads
}

// headOf is the first n bytes of a text that is sealed, by the beginning of the text; ""
// of one that is not.
func headOf(text string, n int) string {
	encoded, sealed := strings.CutPrefix(text, sealedMark)
	if !sealed {
		return ""
	}
	raw, err := base64.RawStdEncoding.DecodeString(encoded)
	if err != nil || len(raw) < n {
		return ""
	}
	return string(raw[:n])
}
