package following

import (
	"context"
	"fmt"
	"strings"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/waits"
	"github.com/mediaferry/mediaferry/starter/views"
)

// OnHold is the result of an upload that waits for its account. Where the vendor
// denied it, that is the upload's error, with what the vendor answered if it denied
// this upload. Where a person paused the account, nothing went wrong.
func OnHold(result upload.Result, account ledger.AccountState, waiting *upload.Wait) upload.Result {
	result.Paused, result.Error = true, nil
	if account.By != upload.ByItself {
		why := fmt.Sprintf("account %s is paused: %s (by %s). To continue: mediaferry account resume %s", account.Name, account.Because, account.By, account.Name)
		result.Note = strings.TrimPrefix(result.Note+"; "+why, "; ")
		return result
	}
	failure := upload.Failure{Kind: upload.KindDenied, Step: upload.StepPrepare}
	if waiting != nil && waiting.Last.Denies() {
		failure.Step, failure.Status, failure.RequestID = waiting.Step, upload.Number(waiting.Last.Status), upload.Text(waiting.Last.RequestID)
		result.Attempts.Add(waiting.Step, waiting.Tries) // they count until the account is resumed
	}
	failure.Message = fmt.Sprintf("account %s is paused: %s", account.Name, account.Because)
	failure.Hint = upload.Text(fmt.Sprintf("correct the problem, then: mediaferry account resume %s. The upload continues if mediaferry up is running. If not, run the command again.", account.Name))
	result.Error = &failure
	return result
}

// Waiting is what an upload waits for; nil where it waits for nothing.
func (u Uploads) Waiting(ctx context.Context, entry ledger.Entry) (*waits.Wait, error) {
	known, err := views.ReadWaits(ctx, u.session.Ledger)
	if err != nil {
		return nil, err
	}
	return known.Of(ctx, entry)
}
