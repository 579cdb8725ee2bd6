package commands

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/mediaferry/mediaferry/internal/convert"
	"github.com/mediaferry/mediaferry/internal/enginehost"
	"github.com/mediaferry/mediaferry/internal/media"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/wiring"
	"github.com/mediaferry/mediaferry/starter/exit"
	"github.com/mediaferry/mediaferry/starter/output"
)

// disk checks the data folder.
func (d *doctor) disk() {
	err := d.OpenData()
	var refused *exit.UsageError
	switch {
	case errors.As(err, &refused):
		d.say("data folder", problem, refused.Text, refused.Hint)
		return
	case err != nil:
		d.say("data folder", problem, err.Error(), "")
		return
	}
	probe, err := os.CreateTemp(d.Data, ".probe-*")
	if err != nil {
		d.say("data folder", problem, err.Error(), "choose another folder with --data")
		return
	}
	_ = probe.Close() // nothing was written
	_ = os.Remove(probe.Name())
	var total int64
	_ = filepath.WalkDir(d.Data, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil {
			return nil // gone meanwhile
		}
		if info, err := entry.Info(); err == nil && info.Mode().IsRegular() {
			total += info.Size()
		}
		return nil
	})
	detail := fmt.Sprintf("%s, %s; each upload takes about %s until it is pruned", d.Data, output.Size(total), output.Size(perUpload))
	var volume syscall.Statfs_t
	if err := syscall.Statfs(d.Data, &volume); err == nil {
		free := int64(volume.Bavail) * volume.Bsize
		detail += ", " + output.Size(free) + " free"
		if free < leastDisk {
			d.say("data folder", doubt, detail, "free some space: the engine stops when the disk is full")
			return
		}
	}
	d.say("data folder", fine, detail, "")
}

// conversion checks whether pictures can be converted, if an account wants that.
func (d *doctor) conversion(ctx context.Context) {
	var names []string
	for _, name := range d.Config.AccountNames() {
		if account, err := d.Config.Profile(name); err == nil && account.Convert {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return
	}
	if err := convert.Try(ctx, d.Data); err != nil {
		said := upload.AsError(err, "")
		d.say("conversion", problem, said.Message, said.Hint)
		return
	}
	if lacks := convert.Lacks(media.HEIC); lacks != "" {
		d.say("conversion", doubt, fmt.Sprintf("accounts with convert: true (%s): HEIC and AVIF cannot be decoded here, because none of these programs is installed: %s",
			strings.Join(names, ", "), strings.Join(convert.Programs(), ", ")), lacks)
		return
	}
	d.say("conversion", fine, fmt.Sprintf("accounts with convert: true: %s; %s decodes HEIC and AVIF", strings.Join(names, ", "), convert.Installed()), "")
}

// prune removes what is old.
func (d *doctor) prune(ctx context.Context) {
	removed, err := d.Ledger.Prune(ctx, time.Now().AddDate(0, 0, -keepDays))
	if err == nil {
		err = d.Ledger.Compact(ctx)
	}
	if err != nil {
		d.say("prune", problem, err.Error(), "")
		return
	}
	d.say("prune", fine, fmt.Sprintf("removed %d items from the ledger that ended more than %d days ago", removed, keepDays), "")
	if wiring.ServiceConfigured() {
		return
	}
	if d.EngineRuns(ctx) {
		d.say("prune", doubt, "the engine is running, so its files were not compacted", "stop mediaferry up, then run `mediaferry doctor --prune` again")
		return
	}
	freed, err := enginehost.Compact(ctx, enginehost.Options{Data: d.Data})
	if err != nil {
		d.say("prune", problem, err.Error(), "")
		return
	}
	d.say("prune", fine, fmt.Sprintf("compacted the engine's files from %s to %s", output.Size(freed.Before), output.Size(freed.After)), "")
}
