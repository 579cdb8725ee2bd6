package ledger

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/mediaferry/mediaferry/internal/codec"
	"github.com/mediaferry/mediaferry/internal/upload"
)

const (
	// bucketRows is how many items share a bucket: their terms fit into a few pages.
	bucketRows = 8192
	// longestTerm is the longest text by which an item is found, in bytes.
	longestTerm = 256
	// mostTerms limits the terms of one item.
	mostTerms = 32
	// candidates is how many items are looked at that have a term, for each one wanted:
	// others may have it, too.
	candidates = 5
)

// bucket is where the writer puts the terms of new items.
type bucket struct {
	id   int64
	left int
}

// termsOf are the texts by which an item is found: its source, the name of that without
// its ending, and what its fields name.
func (l *Ledger) termsOf(item upload.Item) []string {
	source := upload.DisplaySource(item.Source)
	texts := []string{plainTerm(source), stem(source)}
	if l.names != nil {
		for _, name := range l.names(item) {
			texts = append(texts, plainTerm(name))
		}
	}
	slices.Sort(texts)
	texts = slices.DeleteFunc(slices.Compact(texts), func(text string) bool { return text == "" || len(text) > longestTerm })
	return texts[:min(len(texts), mostTerms)]
}

// plainTerm is a text as it is compared: in lower case, and a number without the zeros
// before it, since a GTIN is written with 12, 13 or 14 digits.
func plainTerm(text string) string {
	text = strings.ToLower(strings.TrimSpace(clean(text)))
	if number := strings.TrimLeft(text, "0"); number != "" && strings.Trim(text, "0123456789") == "" {
		return number
	}
	return text
}

// stem is the name of a file without its folder and its ending.
func stem(source string) string {
	name := path.Base(source)
	return plainTerm(strings.TrimSuffix(name, path.Ext(name)))
}

// term is the digest of a text, as a number: what an index of many wants.
func (d *digester) term(text string) int64 {
	h := hmac.New(sha256.New, d.key)
	_, _ = h.Write([]byte(ofTerm + "\x00" + text)) // a hash never fails
	return int64(binary.BigEndian.Uint64(h.Sum(nil)))
}

// noteTerms puts down by what the items of a group are found that are new, and single
// uploads that a run begins, perhaps with another source.
func (w *writer) noteTerms(ctx context.Context, tx *sql.Tx, group []*job, before map[string]standing) error {
	d, err := w.ledger.digests(ctx)
	if err != nil {
		return err
	}
	noted := map[string]bool{}
	var args []any
	for _, j := range group {
		id := clean(j.row.item.UploadID)
		_, known := before[id]
		begins := j.verb == verbClaim && (!known || j.row.item.Batch == "")
		if noted[id] || !begins && (j.verb != verbRecord || known) {
			continue
		}
		noted[id] = true
		if w.bucket.left <= 0 {
			w.bucket = bucket{id: micros(w.ledger.now()), left: bucketRows}
		}
		w.bucket.left--
		for _, text := range w.ledger.termsOf(j.row.item) {
			args = append(args, w.bucket.id, d.term(text), id)
		}
	}
	for len(args) > 0 {
		n := chunk(len(args)/termWidth, w.ledger.dialect.rows)
		if err := w.exec(ctx, tx, w.statements[n].term, args[:n*termWidth]); err != nil {
			return err
		}
		args = args[n*termWidth:]
	}
	return nil
}

// termWidth counts the columns of terms.
const termWidth = 3

func addTerms(n int) string {
	return `INSERT INTO terms (bucket, term, upload_id) VALUES ` + tuples(n, termWidth, nil)
}

// FindTerms lists items whose source, or the name of that, is a text, or whose fields name
// it: the latest first. It finds nothing where the key is not at hand.
func (l *Ledger) FindTerms(ctx context.Context, text string, limit int) ([]Entry, error) {
	found, err := l.findTerms(ctx, text, limit)
	return found, l.fail("search for items", err)
}

func (l *Ledger) findTerms(ctx context.Context, text string, limit int) ([]Entry, error) {
	d, err := l.digests(ctx)
	switch {
	case errors.Is(err, codec.ErrUnknownKey), errors.Is(err, codec.ErrNoKey):
		return nil, nil
	case err != nil:
		return nil, err
	}
	wanted := []string{plainTerm(text)}
	if name := stem(text); name != wanted[0] {
		wanted = append(wanted, name)
	}
	var found []Entry
	seen := map[string]bool{}
	for _, one := range wanted {
		if one == "" || len(found) >= limit {
			continue
		}
		ids, err := l.idsOfTerm(ctx, d.term(one), limit*candidates)
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			if seen[id] || len(found) >= limit {
				continue
			}
			seen[id] = true
			entry, err := l.scanEntry(l.read.QueryRowContext(ctx, `SELECT `+entryColumns+` FROM items WHERE upload_id = $1`, id))
			if err == nil && l.isFoundBy(entry, text) { // it may be gone, or another by now
				found = append(found, entry)
			}
		}
	}
	return found, nil
}

// idsOfTerm goes through the buckets, the latest first, and leaps from one to the next.
func (l *Ledger) idsOfTerm(ctx context.Context, term int64, limit int) ([]string, error) {
	rows, err := l.read.QueryContext(ctx, `
WITH RECURSIVE buckets (id) AS (
	SELECT MAX(bucket) FROM terms
	UNION ALL SELECT (SELECT MAX(bucket) FROM terms WHERE bucket < buckets.id) FROM buckets WHERE buckets.id IS NOT NULL
)
SELECT terms.upload_id FROM buckets JOIN terms ON terms.bucket = buckets.id AND terms.term = $1 LIMIT $2`, term, limit)
	if err != nil {
		return nil, err
	}
	return scanTexts(rows)
}

// isFoundBy reports whether a person who looks for a text means an item.
func (l *Ledger) isFoundBy(e Entry, text string) bool {
	item, err := e.Item()
	if err != nil {
		return false
	}
	plain := plainTerm(text)
	if slices.Contains(l.termsOf(item), plain) {
		return true
	}
	end := "/" + strings.TrimLeft(strings.ToLower(strings.TrimSpace(text)), "/")
	return strings.HasSuffix(strings.ToLower(upload.DisplaySource(item.Source)), end)
}

// pruneTerms drops those of items that the ledger does not have any more.
func (l *Ledger) pruneTerms(ctx context.Context) error {
	_, err := l.write.ExecContext(ctx, `DELETE FROM terms WHERE NOT EXISTS (SELECT 1 FROM items WHERE items.upload_id = terms.upload_id)`)
	if err != nil {
		return fmt.Errorf("terms: %w", err)
	}
	return nil
}
