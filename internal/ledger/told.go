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

// sealedMark begins a text that is sealed. One that an earlier version stored in the
// clear begins with a brace.
const sealedMark = "sealed:"

// sealText seals a text for a column of an item: nobody can read it who only has the
// database, and in another item's row it is damaged. "" stays "".
func (l *Ledger) sealText(what, uploadID, text string) (string, error) {
	if text == "" {
		return "", nil
	}
	sealed, err := l.seal(what, []byte(clean(uploadID)+"\n"+text))
	return sealedMark + base64.RawStdEncoding.EncodeToString(sealed), err
}

// openText is the contrary of sealText.
func (l *Ledger) openText(what, uploadID, text string) (string, error) {
	encoded, sealed := strings.CutPrefix(text, sealedMark)
	if !sealed {
		return text, nil
	}
	raw, err := base64.RawStdEncoding.DecodeString(encoded)
	if err != nil {
		return "", fmt.Errorf("%w: %s of %s", ErrDamaged, what, uploadID)
	}
	plain, err := l.unseal(what, raw)
	if err != nil {
		return "", err
	}
	whose, opened, _ := strings.Cut(string(plain), "\n")
	if whose != uploadID {
		return "", fmt.Errorf("%w: %s of %s is that of %q", ErrDamaged, what, uploadID, whose)
	}
	return opened, nil
}

// toldResult is a result as it is stored: sealed, because sources, names of files and
// the texts of errors are nobody's business who only has the database. What lists are
// made of stands beside it, in columns.
type toldResult struct {
	upload.Result
	Handle upload.Handle `json:"handle,omitzero"`
}

func (l *Ledger) sealResult(uploadID string, told toldResult) (string, error) {
	plain, err := json.Marshal(told)
	if err != nil {
		return "", err
	}
	return l.sealText("the result", uploadID, string(plain))
}

// openResult is the contrary of sealResult. Without the key, the columns tell what there
// is to tell.
func (l *Ledger) openResult(uploadID, text string, c columns) (told toldResult, err error) {
	opened, err := l.openText("the result", uploadID, text)
	switch {
	case errors.Is(err, codec.ErrUnknownKey), errors.Is(err, codec.ErrNoKey):
		return toldResult{Result: fromColumns(uploadID, c)}, nil
	case err != nil:
		return told, err
	}
	if err := json.Unmarshal([]byte(opened), &told); err != nil {
		return told, fmt.Errorf("result of item %q: %w", uploadID, err)
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
