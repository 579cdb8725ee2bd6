package ledger

import "context"

// SealHeads counts the sealed values of the ledger by their first n bytes, which say
// with which key each was sealed. It reads all of them.
func (l *Ledger) SealHeads(ctx context.Context, n int) (map[string]int64, error) {
	heads := map[string]int64{}
	for _, from := range []string{"item, 1, $1) AS head FROM items", "progress, 1, $1) AS head FROM progress", "value, 1, $1) AS head FROM tokens WHERE value IS NOT NULL", "place, 1, $1) AS head FROM moves"} {
		if err := l.countHeads(ctx, "SELECT head, COUNT(*) FROM (SELECT substr("+from+") AS heads GROUP BY head", n, heads); err != nil {
			return nil, l.fail("count sealed values", err)
		}
	}
	return heads, nil
}

func (l *Ledger) countHeads(ctx context.Context, query string, n int, into map[string]int64) error {
	rows, err := l.read.QueryContext(ctx, query, n)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // what could go wrong with it is in rows.Err
	for rows.Next() {
		var head []byte
		var count int64
		if err := rows.Scan(&head, &count); err != nil {
			return err
		}
		into[string(head)] += count
	}
	return rows.Err()
}
