package ledger

import (
	"fmt"
	"strings"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// toldResult is a result as it is stored, sealed. What lists are made of stands beside
// it, in columns.
type toldResult struct {
	upload.Result
	Handle upload.Handle `json:"handle,omitzero"`
}

func (l *Ledger) sealResult(told toldResult) (string, error) {
	return l.sealJSON("the result of "+told.UploadID, told)
}

// openResult is the contrary of sealResult. Without the key, the columns tell what there
// is to tell.
func (l *Ledger) openResult(uploadID, text string, c columns) (told toldResult, err error) {
	found, err := l.openJSON("the result of "+uploadID, text, &told)
	switch {
	case err != nil:
		return told, err
	case !found:
		return toldResult{Result: fromColumns(uploadID, c)}, nil
	case clean(told.UploadID) != uploadID: // one that was not sealed is not bound to its row
		return told, fmt.Errorf("%w: the result of %s is that of %q", ErrDamaged, uploadID, told.UploadID)
	}
	return told, nil
}

// columns are those that a result is made of where it cannot be opened.
type columns struct {
	batch, account, vendor, mediaID, kind string
	line                                  int64
}

func fromColumns(uploadID string, c columns) upload.Result {
	r := upload.Result{
		UploadID: uploadID, Item: uploadID[strings.LastIndex(uploadID, "/")+1:], Batch: upload.Text(c.batch), Line: upload.Number(c.line),
		To: c.account, Vendor: upload.Text(c.vendor), MediaID: upload.Text(c.mediaID), Way: upload.WayOwn,
	}
	if c.kind != "" {
		r.Error = &upload.Failure{Kind: upload.Kind(c.kind), Message: hidden}
	}
	return r
}
