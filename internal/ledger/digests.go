package ledger

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"

	"github.com/mediaferry/mediaferry/internal/codec"
)

// What is hashed, so that a value of one sort says nothing of the same value of another.
const (
	ofDefinition  = "definition"
	ofDeclaration = "declaration"
	ofFingerprint = "fingerprint"
	ofQueue       = "queue"
	ofSerialKey   = "serial key"
	ofSession     = "session"
	ofEvent       = "event"
	ofNotice      = "notice"
	ofCause       = "cause"
	ofTerm        = "term"
)

// digester hashes what the database must find but not tell, with the key of the ledger:
// a key of its own, so that what was hashed is found after encryption.key was replaced.
type digester struct{ key []byte }

// digestKeyBytes is how long that key is.
const digestKeyBytes = 32

// of is the digest of a value; "" where there is none.
func (d *digester) of(sort, value string) string {
	if value = clean(value); value == "" {
		return ""
	}
	h := hmac.New(sha256.New, d.key)
	_, _ = h.Write([]byte(sort + "\x00" + value)) // a hash never fails
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// digests is what hashes for this ledger. The first one that asks makes the key. The
// error is the sealer's where it does not open that.
func (l *Ledger) digests(ctx context.Context) (*digester, error) {
	if d := l.digester.Load(); d != nil {
		return d, nil
	}
	sealed, err := l.digestKey(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		sealed, err = l.makeDigestKey(ctx)
	}
	if err != nil {
		return nil, err
	}
	d, err := l.openDigestKey(sealed)
	if err != nil {
		return nil, err
	}
	if err := l.resealDigestKey(ctx, d, sealed); err != nil {
		return nil, err
	}
	l.digester.Store(d)
	return d, nil
}

// digest is the digest of one value.
func (l *Ledger) digest(ctx context.Context, sort, value string) (string, error) {
	d, err := l.digests(ctx)
	if err != nil {
		return "", err
	}
	return d.of(sort, value), nil
}

// digestKey reads the sealed key; the error is sql.ErrNoRows where there is none.
func (l *Ledger) digestKey(ctx context.Context) (sealed []byte, err error) {
	err = l.read.QueryRowContext(ctx, `SELECT value FROM digest_key WHERE id = 1`).Scan(&sealed)
	return sealed, err
}

// makeDigestKey makes the key, unless another process was faster.
func (l *Ledger) makeDigestKey(ctx context.Context) ([]byte, error) {
	key := make([]byte, digestKeyBytes)
	_, _ = rand.Read(key) // never fails
	sealed, err := l.seal("the digest key", key)
	if err != nil {
		return nil, err
	}
	if _, err := l.write.ExecContext(ctx, `INSERT INTO digest_key (id, value) VALUES (1, $1) ON CONFLICT (id) DO NOTHING`, sealed); err != nil {
		return nil, err
	}
	return l.digestKey(ctx)
}

func (l *Ledger) openDigestKey(sealed []byte) (*digester, error) {
	key, err := l.sealer.Open(sealed) // that it is this one does not help a reader
	if err == nil && len(key) != digestKeyBytes {
		err = ErrDamaged
	}
	return &digester{key: key}, err
}

// resealDigestKey seals the key with the key that seals now, so that the one before it
// can be dropped.
func (l *Ledger) resealDigestKey(ctx context.Context, d *digester, was []byte) error {
	now, err := l.seal("the digest key", d.key)
	if err != nil {
		return err
	}
	before, _ := codec.KeyIDOf(was)
	if after, _ := codec.KeyIDOf(now); before == after {
		return nil
	}
	_, err = l.write.ExecContext(ctx, `UPDATE digest_key SET value = $1 WHERE id = 1`, now)
	return err
}

// queueDigest is the digest of a task queue, whose name is put down with it.
func (l *Ledger) queueDigest(ctx context.Context, queue string) (string, error) {
	digest, err := l.digest(ctx, ofQueue, queue)
	if err != nil || digest == "" {
		return "", err
	}
	if _, known := l.queues.Load(digest); known {
		return digest, nil
	}
	sealed, err := l.sealText("queue "+digest, queue)
	if err == nil {
		_, err = l.write.ExecContext(ctx, `INSERT INTO queues (digest, queue) VALUES ($1, $2) ON CONFLICT (digest) DO NOTHING`, digest, sealed)
	}
	if err == nil {
		l.queues.Store(digest, clean(queue))
	}
	return digest, err
}

// openQueues ends the reading of rows, and replaces n digests of task queues that it
// found by their names; by "" those that the key at hand does not open.
func (l *Ledger) openQueues(ctx context.Context, rows *sql.Rows, n int, queue func(int) *string) error {
	err := errors.Join(rows.Err(), rows.Close())
	for i := 0; i < n && err == nil; i++ {
		*queue(i), err = l.openQueue(ctx, *queue(i))
	}
	return err
}

func (l *Ledger) openQueue(ctx context.Context, digest string) (string, error) {
	if known, ok := l.queues.Load(digest); ok || digest == "" {
		name, _ := known.(string)
		return name, nil
	}
	var stored string
	err := l.read.QueryRowContext(ctx, `SELECT queue FROM queues WHERE digest = $1`, digest).Scan(&stored)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	name, found, err := l.openSealed("queue "+digest, stored)
	if err == nil && found {
		l.queues.Store(digest, name)
	}
	return name, err
}
