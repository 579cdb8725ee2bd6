package commands

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mediaferry/mediaferry/internal/codec"
)

// keys tells where the ledger is, which encryption keys there are, and which ones the
// ledger needs.
func (d *doctor) keys(ctx context.Context) {
	used, err := d.keysUsed(ctx)
	if err != nil {
		d.say("ledger", problem, err.Error(), "")
		return
	}
	if d.Locked != nil {
		d.say("ledger", problem, d.Locked.Error(), "")
	} else {
		d.say("ledger", fine, d.Ledger.Where()+"; encryption keys: "+knownKeys(d.Keys.IDs(), used), "")
	}
	var lost []string
	for _, id := range slices.Sorted(maps.Keys(used)) {
		if !slices.Contains(d.Keys.IDs(), id) {
			lost = append(lost, fmt.Sprintf("%s (values: %d)", id, used[id]))
		}
	}
	if len(lost) > 0 {
		d.say("encryption key", problem, "the ledger needs keys that are not known: "+strings.Join(lost, ", "),
			"restore them from a backup: append them to encryption.key, after a comma, or to the file `key` in the data folder, a line each. "+
				"Without them, list, show and batch report still show states and media IDs, but uploads cannot continue. If there is no backup, "+
				"save the results (mediaferry list --json, mediaferry batch report ID), start again with a new data folder or database, "+
				"and do not send again what was ready")
	}
}

// knownKeys says what each key does, and how many values in the ledger need it.
func knownKeys(ids []string, used map[string]int64) string {
	var known []string
	for i, id := range ids {
		does := "decrypts only"
		if i == 0 {
			does = "encrypts"
		}
		known = append(known, fmt.Sprintf("%s %s (values: %d)", id, does, used[id]))
	}
	return strings.Join(known, ", ")
}

// keysUsed counts the values in the ledger by the ID of their key.
func (d *doctor) keysUsed(ctx context.Context) (map[string]int64, error) {
	heads, err := d.Ledger.SealHeads(ctx, codec.SealHead)
	if err != nil {
		return nil, err
	}
	used := map[string]int64{}
	for head, n := range heads {
		id, ok := codec.KeyIDOf([]byte(head))
		if !ok {
			id = "unknown"
		}
		used[id] += n
	}
	return used, nil
}
