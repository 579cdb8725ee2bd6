package ledger

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/mediaferry/mediaferry/internal/codec"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// toldResult is a result as it is stored: sealed, because sources, names of files and
// the texts of errors are nobody's business who only has the database. What lists are
// made of stands beside it, in columns.
type toldResult struct {
	upload.Result
	Handle upload.Handle `json:"handle,omitzero"`
}

// sealedMark begins a result that is sealed, in base64. One that an earlier version
// stored in the clear begins with a brace.
const sealedMark = "sealed:"

func (l *Ledger) sealResult(told toldResult) (string, error) {
	plain, err := json.Marshal(told)
	if err != nil {
		return "", err
	}
	sealed, err := l.seal("the result", plain)
	return sealedMark + base64.RawStdEncoding.EncodeToString(sealed), err
}

// openResult is the contrary of sealResult. Without the key, the columns tell what there
// is to tell.
func (l *Ledger) openResult(uploadID, text string, c columns) (told toldResult, err error) {
	plain := []byte(text)
	if encoded, sealed := strings.CutPrefix(text, sealedMark); sealed {
		raw, err := base64.RawStdEncoding.DecodeString(encoded)
		if err != nil {
			return told, fmt.Errorf("%w: the result of %s", ErrDamaged, uploadID)
		}
		plain, err = l.unseal("the result", raw)
		switch {
		case errors.Is(err, codec.ErrUnknownKey), errors.Is(err, codec.ErrNoKey):
			return toldResult{Result: fromColumns(uploadID, c)}, nil
		case err != nil:
			return told, err
		}
	}
	if err := json.Unmarshal(plain, &told); err != nil {
		return told, fmt.Errorf("result of item %q: %w", uploadID, err)
	}
	if clean(told.UploadID) != uploadID { // sealing does not bind a value to its row
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
		r.Error = &upload.Failure{Kind: upload.Kind(c.kind), Message: "encrypted with a key that is not here"}
	}
	return r
}
