package ledger

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// Notice is something that the operator's webhook is to be told. It is put down in the
// transaction of the change that it tells of, so that there is one for each change that
// the ledger has, and none for others.
type Notice struct {
	ID    string // as the receiver knows it, the same in each attempt
	Event upload.Event
	At    time.Time // when it happened
	Data  upload.Notice
	Tries int64     // with the one that is about to be made
	First time.Time // when it was tried for the first time; now, where it is
}

// States of a notice.
const (
	noticePending = "pending"
	noticeSent    = "sent"
	noticeGivenUp = "given_up"
)

// wants reports whether the webhook is to be told of an event.
func (l *Ledger) wants(event upload.Event) bool { return l.notify != nil && l.notify(event) }

// put puts a notice down. An ID makes it one that may be put down again; otherwise each
// is another one.
func (l *Ledger) put(ctx context.Context, tx *sql.Tx, event upload.Event, id string, data upload.Notice) error {
	if !l.wants(event) {
		return nil
	}
	if id == "" {
		id = "msg_" + rand.Text()
	}
	sealed, err := l.sealJSON(noticeOf(id), data)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, l.text(`
INSERT INTO outbox (id, event, state, at, data, tries, first_at, next_at, lease_owner, lease_until, ended_at, last_error)
VALUES ($2, $3, '`+noticePending+`', {now}, $4, 0, 0, {now}, '', 0, 0, '') ON CONFLICT (id) DO NOTHING`),
		l.clock(), id, string(event), sealed)
	return err
}

func noticeOf(id string) string { return "notice " + id }

func noticeErrorOf(id string) string { return "the last error of notice " + id }

// noteItems puts down what a transaction made of items.
func (w *writer) noteItems(ctx context.Context, tx *sql.Tx, before, after map[string]standing) error {
	for id, is := range after {
		if is.state == before[id].state {
			continue
		}
		event := upload.Event("")
		switch {
		case is.state == upload.StateUnconfirmed:
			event = upload.EventUploadUnconfirmed
		case is.state.Ended() && is.batch == "":
			event = upload.EventUploadEnded
		default:
			continue
		}
		data := upload.Notice{UploadID: id, Batch: is.batch, Account: is.account, State: string(is.state), Kind: upload.Kind(is.kind)}
		if err := w.ledger.put(ctx, tx, event, "", data); err != nil {
			return err
		}
	}
	return nil
}

// noteBatch puts down what a transaction made of a batch.
func (l *Ledger) noteBatch(ctx context.Context, tx *sql.Tx, was, is batchRow) error {
	event := upload.EventBatchHeld
	switch {
	case is.State == was.State:
		return nil
	case is.State.Ended() && !was.State.Ended():
		event = upload.EventBatchEnded
	case is.State != upload.BatchHeld:
		return nil
	}
	if !l.wants(event) {
		return nil
	}
	counts, err := stateCounts(ctx, tx, is.ID)
	if err != nil {
		return err
	}
	data := upload.Notice{Batch: is.ID, State: string(is.State), Counts: counts}
	if event == upload.EventBatchHeld {
		data.Reason = is.Because
	}
	return l.put(ctx, tx, event, "", data)
}

// stateCounts counts the rows of a batch by state.
func stateCounts(ctx context.Context, from querier, batch string) (map[upload.State]int64, error) {
	rows, err := from.QueryContext(ctx, `
SELECT state, CAST(SUM(items) AS BIGINT) FROM tallies WHERE batch = $1 GROUP BY state HAVING SUM(items) > 0`, clean(batch))
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // what could go wrong with it is in rows.Err
	counts := map[upload.State]int64{}
	for rows.Next() {
		var state upload.State
		var n int64
		if err := rows.Scan(&state, &n); err != nil {
			return nil, err
		}
		counts[state] = n
	}
	return counts, rows.Err()
}

// noteSwitch puts down that an account was denied, or that one that was can be used
// again. The event is not sealed.
func (l *Ledger) noteSwitch(ctx context.Context, tx *sql.Tx, name string, event AccountEvent, wasDenied bool) error {
	switch {
	case event.Paused && event.By == upload.ByItself:
		return l.put(ctx, tx, upload.EventAccountDenied, "", upload.Notice{Account: name, State: "denied", Reason: event.Because})
	case wasDenied:
		return l.noteActive(ctx, tx, name)
	}
	return nil
}

// noteActive puts down that an account can be used again, unless an outage lasts that the
// webhook was told of.
func (l *Ledger) noteActive(ctx context.Context, tx *sql.Tx, name string) error {
	var others int64
	err := tx.QueryRowContext(ctx, `
SELECT (SELECT COUNT(*) FROM outages WHERE account = $1 AND ended_at = 0 AND told_at > 0)
	+ (SELECT COUNT(*) FROM accounts WHERE name = $1 AND paused)`, clean(name)).Scan(&others)
	if err != nil || others > 0 {
		return err
	}
	return l.put(ctx, tx, upload.EventAccountActive, "", upload.Notice{Account: name, State: "active"})
}

// TellOutages puts down which accounts have been unavailable for longer than a while.
// Each outage is told once; one of an account that is known to be unavailable is none
// of its own.
func (l *Ledger) TellOutages(ctx context.Context, longer time.Duration) error {
	const untold = `ended_at = 0 AND told_at = 0 AND since <= {now} - $2`
	var waiting int64
	err := l.read.QueryRowContext(ctx, l.text(`SELECT COUNT(*) FROM outages WHERE `+untold), l.clock(), longer.Microseconds()).Scan(&waiting)
	if err != nil || waiting == 0 {
		return l.fail("look for outages", err)
	}
	err = l.persist(ctx, func(tx *sql.Tx) error {
		known, err := l.toldOutages(ctx, tx)
		if err != nil {
			return err
		}
		rows, err := tx.QueryContext(ctx, l.text(`UPDATE outages SET told_at = {now} WHERE `+untold+` RETURNING account, last_error`), l.clock(), longer.Microseconds())
		if err != nil {
			return err
		}
		found, err := scanPairs(rows)
		for _, pair := range found {
			account, stored := pair[0], pair[1]
			if err != nil || known[account] {
				continue
			}
			known[account] = true
			var last upload.Error
			if _, err = l.openJSON(lastErrorOf(account), stored, &last); err != nil {
				continue
			}
			err = l.put(ctx, tx, upload.EventAccountUnavailable, "", upload.Notice{Account: account, State: "unavailable", Kind: last.Kind, Reason: last.Message})
		}
		return err
	})
	return l.fail("tell of outages", err)
}

// toldOutages are the accounts that the webhook knows to be unavailable.
func (l *Ledger) toldOutages(ctx context.Context, tx *sql.Tx) (map[string]bool, error) {
	rows, err := tx.QueryContext(ctx, `SELECT DISTINCT account FROM outages WHERE ended_at = 0 AND told_at > 0`)
	if err != nil {
		return nil, err
	}
	names, err := scanTexts(rows)
	known := map[string]bool{}
	for _, name := range names {
		known[name] = true
	}
	return known, err
}

// scanPairs reads rows of two texts and closes them.
func scanPairs(rows *sql.Rows) (pairs [][2]string, err error) {
	defer func() { _ = rows.Close() }() // what could go wrong with it is in rows.Err
	for rows.Next() {
		var pair [2]string
		if err := rows.Scan(&pair[0], &pair[1]); err != nil {
			return nil, err
		}
		pairs = append(pairs, pair)
	}
	return pairs, rows.Err()
}

// LeaseNotices gives one owner at a time the right to send notices that are due, for as
// long as lease. One whose owner died is given to another.
func (l *Ledger) LeaseNotices(ctx context.Context, owner string, lease time.Duration, most int) ([]Notice, error) {
	const due = `state = '` + noticePending + `' AND next_at <= {now} AND lease_until <= {now}`
	var waiting int64
	err := l.read.QueryRowContext(ctx, l.text(`SELECT COUNT(*) FROM (SELECT 1 FROM outbox WHERE `+due+` LIMIT 1) AS one`), l.clock()).Scan(&waiting)
	if err != nil || waiting == 0 {
		return nil, l.fail("look for notices", err)
	}
	var notices []Notice
	err = l.persist(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, l.text(`
UPDATE outbox SET lease_owner = $2, lease_until = {now} + $3, tries = tries + 1,
	first_at = CASE WHEN first_at = 0 THEN {now} ELSE first_at END
WHERE id IN (SELECT id FROM outbox WHERE `+due+` ORDER BY next_at, id LIMIT $4`+l.dialect.skip+`)
RETURNING id, event, at, data, tries, first_at`), l.clock(), clean(owner), lease.Microseconds(), int64(most))
		if err != nil {
			return err
		}
		notices, err = l.scanNotices(rows)
		return err
	})
	return notices, l.fail("lease notices", err)
}

// scanNotices reads notices and closes the rows. One that the keys at hand do not open is
// left to whoever has its key.
func (l *Ledger) scanNotices(rows *sql.Rows) (notices []Notice, err error) {
	defer func() { _ = rows.Close() }() // what could go wrong with it is in rows.Err
	for rows.Next() {
		var n Notice
		var stored string
		var at, first int64
		if err := rows.Scan(&n.ID, &n.Event, &at, &stored, &n.Tries, &first); err != nil {
			return nil, err
		}
		n.At, n.First = moment(at), moment(first)
		found, err := l.openJSON(noticeOf(n.ID), stored, &n.Data)
		if err != nil {
			return nil, err
		}
		if found {
			notices = append(notices, n)
		}
	}
	return notices, rows.Err()
}

// NoticeSent notes that a notice was taken.
func (l *Ledger) NoticeSent(ctx context.Context, id, owner string) error {
	return l.endNotice(ctx, id, owner, noticeSent, "")
}

// GiveNoticeUp notes that a notice is not sent any more. last must hold no secret.
func (l *Ledger) GiveNoticeUp(ctx context.Context, id, owner, last string) error {
	return l.endNotice(ctx, id, owner, noticeGivenUp, last)
}

func (l *Ledger) endNotice(ctx context.Context, id, owner, state, last string) error {
	sealed, err := l.sealText(noticeErrorOf(id), last)
	if err == nil {
		_, err = l.write.ExecContext(ctx, l.text(`
UPDATE outbox SET state = $4, ended_at = {now}, lease_owner = '', lease_until = 0, last_error = $5
WHERE id = $2 AND lease_owner = $3 AND state = '`+noticePending+`'`), l.clock(), id, clean(owner), state, sealed)
	}
	return l.fail("note what became of a notice", err)
}

// RepeatNotice notes that a notice was not taken, and that it is tried again after a
// pause. last must hold no secret.
func (l *Ledger) RepeatNotice(ctx context.Context, id, owner string, pause time.Duration, last string) error {
	sealed, err := l.sealText(noticeErrorOf(id), last)
	if err == nil {
		_, err = l.write.ExecContext(ctx, l.text(`
UPDATE outbox SET next_at = {now} + $4, lease_owner = '', lease_until = 0, last_error = $5
WHERE id = $2 AND lease_owner = $3 AND state = '`+noticePending+`'`), l.clock(), id, clean(owner), pause.Microseconds(), sealed)
	}
	return l.fail("note that a notice was not taken", err)
}

// NoticeCounts say how the notices stand that are remembered.
type NoticeCounts struct {
	Pending, Sent, GivenUp int64
	// Failing are those pending that were tried in vain. Last is how one of them, or else
	// of those given up, failed at last.
	Failing int64
	Last    string
}

// Notices counts notices.
func (l *Ledger) Notices(ctx context.Context) (c NoticeCounts, err error) {
	err = l.read.QueryRowContext(ctx, `
SELECT COUNT(CASE WHEN state = '`+noticePending+`' THEN 1 END), COUNT(CASE WHEN state = '`+noticeSent+`' THEN 1 END),
	COUNT(CASE WHEN state = '`+noticeGivenUp+`' THEN 1 END), COUNT(CASE WHEN state = '`+noticePending+`' AND last_error <> '' THEN 1 END)
FROM outbox`).Scan(&c.Pending, &c.Sent, &c.GivenUp, &c.Failing)
	if err != nil || c.Failing+c.GivenUp == 0 {
		return c, l.fail("count notices", err)
	}
	var id, last string
	err = l.read.QueryRowContext(ctx, `
SELECT id, last_error FROM outbox WHERE last_error <> '' AND state <> '`+noticeSent+`' ORDER BY CASE WHEN state = '`+noticePending+`' THEN 0 ELSE 1 END, first_at DESC LIMIT 1`).Scan(&id, &last)
	if errors.Is(err, sql.ErrNoRows) { // sent meanwhile
		return c, nil
	}
	if err == nil {
		var found bool
		if c.Last, found, err = l.openSealed(noticeErrorOf(id), last); !found {
			c.Last = hidden
		}
	}
	return c, l.fail("count notices", err)
}

// ForgetNotices forgets those that were sent before a time, and those that were given up
// before another one.
func (l *Ledger) ForgetNotices(ctx context.Context, sent, givenUp time.Time) error {
	_, err := l.write.ExecContext(ctx, `
DELETE FROM outbox WHERE state = '`+noticeSent+`' AND ended_at < $1 OR state = '`+noticeGivenUp+`' AND ended_at < $2`, micros(sent), micros(givenUp))
	return l.fail("forget notices", err)
}
