package following

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
	"github.com/mediaferry/mediaferry/starter/output"
)

const (
	// measuredFrom is the least size of an upload that shows how fast its account
	// takes bytes: smaller ones spend their time on other things.
	measuredFrom = 64 << 20
	// measuredOver is how many of an account's latest uploads are searched
	// for such a one.
	measuredOver = 50
)

// Estimate says, before anything is started, in how many parts files will be
// sent, and how long that takes where the account's speed is known. What is sent
// in one piece, what is ready already, and what cannot be looked at from here are
// skipped: the claim decides about all of them.
func (u Uploads) Estimate(ctx context.Context, items []upload.Item) error {
	for _, item := range items {
		plan, ok := planned(item)
		if !ok {
			continue
		}
		entry, err := u.session.Ledger.Get(ctx, item.UploadID)
		var unknown *ledger.NotFoundError
		switch {
		case err != nil && !errors.As(err, &unknown):
			return err
		case err == nil && (entry.Result.State == upload.StateReady && !item.Again || entry.Result.State == upload.StateUnconfirmed):
			continue
		}
		rate, err := u.rateOf(ctx, item.Account)
		if err != nil {
			return err
		}
		u.session.Say("%s", estimateOf(filepath.Base(item.Source), plan, rate))
	}
	return nil
}

// planned is how a local file will be cut, if it will be.
func planned(item upload.Item) (plan upload.Plan, ok bool) {
	vendor, err := vendors.Find(item.Vendor)
	if err != nil || vendor.Spec().Parts == nil || !item.Local() {
		return plan, false
	}
	info, err := os.Stat(item.Source)
	if err != nil || !info.Mode().IsRegular() {
		return plan, false
	}
	plan, err = upload.PlanParts(info.Size(), *vendor.Spec().Parts)
	return plan, err == nil && plan.Parts > 1
}

func estimateOf(name string, plan upload.Plan, rate float64) string {
	text := fmt.Sprintf("%s: %s in %d parts of %s", name, output.Size(plan.Size), plan.Parts, output.Size(plan.PartSize))
	if rate > 0 {
		text += fmt.Sprintf(", about %s at this account's last rate of %s/s", output.TimeLeft(float64(plan.Size)/rate), output.Size(int64(rate)))
	}
	return text
}

// rateOf is how many bytes per second an account took of its latest large upload,
// from start to end; 0 where there was none.
func (u Uploads) rateOf(ctx context.Context, account string) (float64, error) {
	for entry, err := range u.session.Ledger.List(ctx, ledger.Filter{State: upload.StateReady, Account: account, Limit: measuredOver}) {
		if err != nil {
			return 0, err
		}
		r := entry.Result
		if r.Size < measuredFrom || r.BytesSent < int64(r.Size) || r.FinishedAt == nil {
			continue
		}
		if took := r.FinishedAt.Sub(r.StartedAt.Time).Seconds(); took > 0 {
			return float64(r.BytesSent) / took, nil
		}
	}
	return 0, nil
}
