package ledger

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"unicode"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// Cause are the failed rows of a batch that failed alike: at one account, in one way,
// with messages that differ in numbers and names at most.
type Cause struct {
	Kind    upload.Kind
	Account string
	Count   int64
	Example upload.Result // the first of them in the manifest's order
	ID      string        // for Filter.Cause
}

const (
	// causesMost is how many causes are told apart, the most frequent first.
	causesMost = 50
	// causesRows is among how many failed rows causes are counted; with more, that costs
	// more than a person wants to wait.
	causesRows = 200_000
)

// Causes lists why rows of a batch failed, the most frequent cause first. It is empty for
// a batch with more failures than are counted in a moment: Summarize has those by kind.
func (l *Ledger) Causes(ctx context.Context, batch string) ([]Cause, error) {
	causes, err := l.countCauses(ctx, clean(batch))
	for i := range causes {
		if err != nil {
			break
		}
		err = l.exampleOf(ctx, clean(batch), &causes[i])
	}
	return causes, l.fail("count the causes of failures of batch "+batch, err)
}

func (l *Ledger) countCauses(ctx context.Context, batch string) (causes []Cause, err error) {
	var failed int64
	if err := l.read.QueryRowContext(ctx, `SELECT COALESCE(CAST(SUM(items) AS BIGINT), 0) FROM tallies WHERE batch = $1 AND state = 'failed'`, batch).Scan(&failed); err != nil || failed == 0 || failed > causesRows {
		return nil, err
	}
	err = l.each(ctx, `SELECT account, kind, cause, COUNT(*) AS n FROM items WHERE batch = $1 AND phase = 'failed'
GROUP BY account, kind, cause ORDER BY n DESC, account, kind, cause LIMIT $2`, []any{batch, causesMost}, func(rows *sql.Rows) error {
		var one Cause
		err := rows.Scan(&one.Account, &one.Kind, &one.ID, &one.Count)
		causes = append(causes, one)
		return err
	})
	return causes, err
}

func (l *Ledger) exampleOf(ctx context.Context, batch string, c *Cause) error {
	entry, err := l.scanEntry(l.read.QueryRowContext(ctx, `SELECT `+entryColumns+` FROM items
WHERE batch = $1 AND account = $2 AND kind = $3 AND cause = $4 AND phase = 'failed' ORDER BY line LIMIT 1`, batch, c.Account, string(c.Kind), c.ID))
	if errors.Is(err, sql.ErrNoRows) { // gone since: it runs again
		return nil
	}
	c.Example = entry.Result
	return err
}

// Because is the example as a person reads it.
func (c Cause) Because() string {
	return FailureGroup{Example: c.Example}.Because()
}

// CauseOf is the ID of the cause of which a failure's message tells.
func (l *Ledger) CauseOf(ctx context.Context, message string) (string, error) {
	id, err := l.digest(ctx, ofCause, alike(message))
	return id, l.fail("find a cause", err)
}

// alike is a message without what differs among failures of one cause: numbers, but for
// the statuses of answers, and all that has a digit or a slash in it, or is quoted.
func alike(message string) string {
	words := strings.Fields(message)
	kept := words[:0]
	quoted := false
	for _, word := range words {
		opens, closes := strings.HasPrefix(word, `"`), strings.HasSuffix(strings.TrimRight(word, ".,;:)"), `"`) && len(word) > 1
		switch {
		case quoted || opens:
			if !quoted {
				kept = append(kept, "#")
			}
			quoted = !closes
		case differs(word):
			kept = append(kept, "#")
		default:
			kept = append(kept, word)
		}
	}
	return strings.Join(kept, " ")
}

func differs(word string) bool {
	bare := strings.Trim(word, ".,;:()")
	const status = 3 // digits
	if len(bare) == status && strings.Trim(bare, "0123456789") == "" {
		return false
	}
	return strings.ContainsFunc(bare, unicode.IsDigit) || strings.Contains(bare, "/")
}
