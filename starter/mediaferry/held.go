package main

import (
	"fmt"
	"strings"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// onHold is the result of an upload that waits for its account. Where the vendor
// denied it, that is the upload's error, with what the vendor answered if the
// result knows that. Where a person paused it, nothing went wrong.
func onHold(result upload.Result, account ledger.AccountState) upload.Result {
	met := result.Error
	result.Paused, result.Error = true, nil
	if account.By != upload.ByItself {
		why := fmt.Sprintf("account %s is paused: %s (by %s); to go on: mediaferry account resume %s", account.Name, account.Because, account.By, account.Name)
		result.Note = strings.TrimPrefix(result.Note+"; "+why, "; ")
		return result
	}
	failure := upload.Failure{Kind: upload.KindDenied, Step: upload.StepPrepare}
	if met != nil && met.Kind == upload.KindDenied && met.Step != "" {
		failure.Step, failure.Status, failure.RequestID = met.Step, met.Status, met.RequestID
	}
	failure.Message = fmt.Sprintf("account %s is paused: %s", account.Name, account.Because)
	failure.Hint = upload.Text(fmt.Sprintf("put it right, then: mediaferry account resume %s; the upload goes on by itself while mediaferry up runs, else with the same command", account.Name))
	result.Error = &failure
	return result
}
