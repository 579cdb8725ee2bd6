package ledger

import (
	"context"
	"time"
)

// What people do with single items, beside what they do with batches.
const (
	EventDecide = "decide"
	EventMove   = "move"
)

// ItemEvent is what a person did with an item.
type ItemEvent struct {
	At          time.Time
	What        string // one of the Event constants
	By, Because string
	Detail      string // what exactly
}

// texts are what is sealed of it.
func (e *ItemEvent) texts() map[string]*string {
	return map[string]*string{"who": &e.By, "reason": &e.Because, "detail": &e.Detail}
}

func itemEventOf(uploadID string) string { return "an event of item " + uploadID }

// NoteItemEvent puts down what a person did with an item. A zero At is the present.
func (l *Ledger) NoteItemEvent(ctx context.Context, uploadID string, event ItemEvent) error {
	id := clean(uploadID)
	if event.At.IsZero() {
		event.At = l.now()
	}
	err := l.sealTexts(itemEventOf(id), event.texts())
	if err == nil {
		_, err = l.write.ExecContext(ctx, `
INSERT INTO item_events (upload_id, n, at, what, who, because, detail)
SELECT CAST($1 AS TEXT), COALESCE(MAX(n), 0) + 1, CAST($2 AS BIGINT), CAST($3 AS TEXT), CAST($4 AS TEXT), CAST($5 AS TEXT), CAST($6 AS TEXT)
FROM item_events WHERE upload_id = $1`, id, micros(event.At), clean(event.What), event.By, event.Because, event.Detail)
	}
	return l.fail("note what was done with "+uploadID, err)
}

// ItemEvents lists what people did with an item, the first first.
func (l *Ledger) ItemEvents(ctx context.Context, uploadID string) ([]ItemEvent, error) {
	id := clean(uploadID)
	rows, err := l.read.QueryContext(ctx, `SELECT at, what, who, because, detail FROM item_events WHERE upload_id = $1 ORDER BY n`, id)
	if err != nil {
		return nil, l.fail("read what was done with "+uploadID, err)
	}
	defer func() { _ = rows.Close() }() // what could go wrong with it is in rows.Err
	var events []ItemEvent
	for rows.Next() {
		var event ItemEvent
		var at int64
		if err := rows.Scan(&at, &event.What, &event.By, &event.Because, &event.Detail); err != nil {
			return nil, l.fail("read what was done with "+uploadID, err)
		}
		if err := l.openTexts(itemEventOf(id), event.texts()); err != nil {
			return nil, l.fail("read what was done with "+uploadID, err)
		}
		event.At = moment(at)
		events = append(events, event)
	}
	return events, l.fail("read what was done with "+uploadID, rows.Err())
}
