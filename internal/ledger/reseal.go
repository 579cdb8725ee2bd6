package ledger

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"

	"github.com/mediaferry/mediaferry/internal/codec"
)

// reseal seals with the key that seals now what outlives uploads and was sealed with
// another key that is at hand, so that this one can be dropped when the uploads of its
// time are forgotten. It may be repeated, while others use the ledger.
func (l *Ledger) reseal(ctx context.Context) error {
	for _, in := range sealedColumns {
		if !in.lasting {
			continue
		}
		if in.raw != "" {
			if err := l.resealRaw(ctx, in.table, in.raw); err != nil {
				return err
			}
		}
		for _, column := range in.texts {
			if err := l.resealText(ctx, in.table, column); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *Ledger) resealRaw(ctx context.Context, table, column string) error {
	rows, err := l.read.QueryContext(ctx, `SELECT `+column+` FROM `+table+` WHERE `+column+` IS NOT NULL`)
	if err != nil {
		return err
	}
	stored, err := scanTexts(rows)
	for _, old := range stored {
		if err == nil {
			err = l.replaceSeal(ctx, table, column, []byte(old), []byte(old))
		}
	}
	return err
}

func (l *Ledger) resealText(ctx context.Context, table, column string) error {
	rows, err := l.read.QueryContext(ctx, `SELECT DISTINCT `+column+` FROM `+table+` WHERE `+column+` LIKE '`+sealedMark+`%'`)
	if err != nil {
		return err
	}
	stored, err := scanTexts(rows)
	for _, old := range stored {
		sealed, broken := base64.RawStdEncoding.DecodeString(strings.TrimPrefix(old, sealedMark))
		if err == nil && broken == nil { // who reads it says what is wrong with it
			err = l.replaceSeal(ctx, table, column, sealed, old)
		}
	}
	return err
}

// replaceSeal seals one value anew, unless its key is the present one or is not at hand,
// or the value was replaced meanwhile. stored is how the column has it.
func (l *Ledger) replaceSeal(ctx context.Context, table, column string, sealed []byte, stored any) error {
	plain, err := l.sealer.Open(sealed)
	switch {
	case errors.Is(err, codec.ErrUnknownKey), errors.Is(err, codec.ErrNoKey), errors.Is(err, codec.ErrAltered):
		return nil // who reads it says what is wrong with it
	case err != nil:
		return err
	}
	now, err := l.seal(table, plain)
	if err != nil {
		return err
	}
	was, _ := codec.KeyIDOf(sealed)
	if is, _ := codec.KeyIDOf(now); is == was {
		return nil
	}
	replacement := any(now)
	if _, text := stored.(string); text {
		replacement = sealedMark + base64.RawStdEncoding.EncodeToString(now)
	}
	_, err = l.write.ExecContext(ctx, `UPDATE `+table+` SET `+column+` = $1 WHERE `+column+` = $2`, replacement, stored)
	return err
}
