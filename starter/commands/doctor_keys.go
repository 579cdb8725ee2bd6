package commands

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mediaferry/mediaferry/internal/codec"
)

// keys checks which encryption keys there are, and which ones the ledger needs.
func (d *doctor) keys(ctx context.Context) {
	const check = "encryption key"
	used, err := d.keysUsed(ctx)
	if err != nil {
		d.say(check, problem, err.Error(), "")
		return
	}
	ids := d.Keys.IDs()
	var known, lost []string
	for i, id := range ids {
		does := "decrypts only"
		if i == 0 {
			does = "encrypts"
		}
		known = append(known, fmt.Sprintf("%s %s, %d values in the ledger", id, does, used[id]))
	}
	for _, id := range slices.Sorted(maps.Keys(used)) {
		if !slices.Contains(ids, id) {
			lost = append(lost, fmt.Sprintf("%s (%d values)", id, used[id]))
		}
	}
	if len(known) > 0 {
		d.say(check, fine, strings.Join(known, "; "), "")
	}
	if len(lost) > 0 {
		d.say(check, problem, "the ledger needs keys that are not known: "+strings.Join(lost, ", "),
			"restore them: append them to encryption.key, after a comma, or to the file `key` in the data folder, a line each. "+
				"Without them, list, show and batch report still show results; those uploads cannot continue")
	}
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
