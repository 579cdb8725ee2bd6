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

// Texts name people, hosts, folders and what vendors answered, so each is stored sealed
// and bound to its row. A text that is empty stays empty, since that is asked for.

// sealedMark begins a text that is sealed, in base64. What has no mark is stored as it
// is: a word of our own, or a text of an earlier version.
const sealedMark = "sealed:"

// hidden stands for a text that the key at hand does not open.
const hidden = "encrypted with a key that is not here"

// sealText seals a text for the place that it is stored in: names of the row and of what
// the text is there.
func (l *Ledger) sealText(place, text string) (string, error) {
	if text = clean(text); text == "" {
		return "", nil
	}
	sealed, err := l.seal(place, []byte(clean(place)+"\x00"+text))
	return sealedMark + base64.RawStdEncoding.EncodeToString(sealed), err
}

// openSealed is the contrary of sealText; found is false where the key for it is not at
// hand.
func (l *Ledger) openSealed(place, stored string) (text string, found bool, err error) {
	encoded, sealed := strings.CutPrefix(stored, sealedMark)
	if !sealed {
		return stored, true, nil
	}
	raw, err := base64.RawStdEncoding.DecodeString(encoded)
	if err != nil {
		return "", false, fmt.Errorf("%w: %s", ErrDamaged, place)
	}
	plain, err := l.unseal(place, raw)
	switch {
	case errors.Is(err, codec.ErrUnknownKey), errors.Is(err, codec.ErrNoKey):
		return "", false, nil
	case err != nil:
		return "", false, err
	}
	text, found = strings.CutPrefix(string(plain), clean(place)+"\x00")
	if !found {
		return "", false, fmt.Errorf("%w: %s was moved there from elsewhere", ErrDamaged, place)
	}
	return text, true, nil
}

// sealTexts seals texts of one row in place, each under its name.
func (l *Ledger) sealTexts(row string, texts map[string]*string) error {
	for name, text := range texts {
		var err error
		if *text, err = l.sealText(name+" of "+row, *text); err != nil {
			return err
		}
	}
	return nil
}

// openTexts is the contrary of sealTexts. What cannot be opened without another key says
// so.
func (l *Ledger) openTexts(row string, texts map[string]*string) error {
	for name, text := range texts {
		opened, found, err := l.openSealed(name+" of "+row, *text)
		if err != nil {
			return err
		}
		if *text = opened; !found {
			*text = hidden
		}
	}
	return nil
}

// sealBy seals who did something. Our own name tells only whether a person did, which is
// no secret.
func (l *Ledger) sealBy(row, by string) (string, error) {
	if by == upload.ByItself {
		return by, nil
	}
	return l.sealText("who of "+row, by)
}

// sealJSON seals a value as JSON.
func (l *Ledger) sealJSON(place string, value any) (string, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return "", err
	}
	return l.sealText(place, string(text))
}

// openJSON is the contrary of sealJSON. Without the key it changes nothing, and found is
// false.
func (l *Ledger) openJSON(place, stored string, into any) (found bool, err error) {
	text, found, err := l.openSealed(place, stored)
	if err != nil || !found || text == "" {
		return false, err
	}
	return true, json.Unmarshal([]byte(text), into)
}
