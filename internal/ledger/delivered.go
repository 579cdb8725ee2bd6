package ledger

import (
	"context"
	"database/sql"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// Lookup asks whether the content of an item was delivered before.
type Lookup struct {
	Item        upload.Item
	Fingerprint string // of the content that the source has now; empty: not known
}

// lookupRows is how many lookups one statement has.
const lookupRows = 64

// declaration is a digest of what an item is to deliver to whom, by the checksum
// that was declared for it and not by its source; empty where none was.
func declaration(item upload.Item) string {
	if item.SHA256 == "" {
		return ""
	}
	return upload.DeriveID(item.Account, item.SHA256, item.Fields)
}

// Delivered finds for each item another one that is ready, for the same account
// with the same content: of the same definition and fingerprint, or of the same
// declared checksum and fields. Those of the item's own batch do not count: rows
// with ids of their own are meant to be sent each. The answer is by upload ID;
// items of which there is none are not in it.
func (l *Ledger) Delivered(ctx context.Context, lookups []Lookup) (map[string]Entry, error) {
	found := map[string]Entry{}
	for len(lookups) > 0 {
		n := chunk(len(lookups), lookupRows)
		if err := l.deliveredSome(ctx, lookups[:n], found); err != nil {
			return nil, l.fail("look for what was delivered before", err)
		}
		lookups = lookups[n:]
	}
	return found, nil
}

func (l *Ledger) deliveredSome(ctx context.Context, lookups []Lookup, found map[string]Entry) error {
	d, err := l.digests(ctx)
	if err != nil {
		return err
	}
	args := make([]any, 0, 5*len(lookups))
	for _, lookup := range lookups {
		args = append(args, clean(lookup.Item.UploadID), d.of(ofDefinition, lookup.Item.Definition()), d.of(ofFingerprint, lookup.Fingerprint),
			d.of(ofDeclaration, declaration(lookup.Item)), clean(lookup.Item.Batch))
	}
	before, err := l.deliveries(ctx, deliveredBefore(len(lookups)), args)
	if err != nil || len(before) == 0 {
		return err
	}
	var ids []string
	for _, id := range before {
		ids = append(ids, id)
	}
	list, err := l.dialect.list(ids)
	if err != nil {
		return err
	}
	entries, err := l.scanEntries(l.read.QueryContext(ctx, `SELECT `+entryColumns+` FROM items WHERE `+l.dialect.among, list))
	if err != nil {
		return err
	}
	byID := map[string]Entry{}
	for _, e := range entries {
		if e.Result.State == upload.StateReady { // and not begun again meanwhile
			byID[e.Result.UploadID] = e
		}
	}
	for _, lookup := range lookups {
		if e, ok := byID[before[clean(lookup.Item.UploadID)]]; ok {
			found[lookup.Item.UploadID] = e
		}
	}
	return nil
}

// deliveries reads which item was delivered before which.
func (l *Ledger) deliveries(ctx context.Context, statement string, args []any) (map[string]string, error) {
	rows, err := l.read.QueryContext(ctx, statement, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // what could go wrong with it is in rows.Err
	before := map[string]string{}
	for rows.Next() {
		var id string
		var delivered sql.NullString
		if err := rows.Scan(&id, &delivered); err != nil {
			return nil, err
		}
		if delivered.Valid {
			before[id] = delivered.String
		}
	}
	return before, rows.Err()
}

// deliveredBefore looks n items up: arguments are upload ID, definition,
// fingerprint, declaration and batch. Of a source that is delivered every night there
// are many; the first one that fits will do.
func deliveredBefore(n int) string {
	types := []string{"TEXT", "TEXT", "TEXT", "TEXT", "TEXT"}
	const another = `upload_id <> v.column1 AND (batch = '' OR batch <> v.column5)`
	return `SELECT v.column1, COALESCE(
	(SELECT upload_id FROM items WHERE definition = v.column2 AND phase = 'ready'
		AND fingerprint = v.column3 AND v.column3 <> '' AND ` + another + ` LIMIT 1),
	(SELECT upload_id FROM items WHERE declared = v.column4 AND phase = 'ready' AND declared <> ''
		AND ` + another + ` LIMIT 1))
FROM (VALUES ` + tuples(n, len(types), types) + `) AS v`
}
