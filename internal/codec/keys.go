package codec

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
)

// KeySize is the length of a key in bytes.
const KeySize = 32

// keyIDBytes is how much of a key's digest names it: enough to tell a few keys
// apart, and no help in finding one.
const keyIDBytes = 4

var (
	// ErrNoKey means that Keys is empty.
	ErrNoKey = errors.New("no encryption key")
	// ErrUnknownKey means that something was encrypted with a key that is not
	// among those given.
	ErrUnknownKey = errors.New("unknown encryption key")
	// ErrAltered means that something does not authenticate: it was altered, or
	// made for another use.
	ErrAltered = errors.New("encrypted data failed authentication")
)

// Keys are the keys of one installation. The first encrypts, all decrypt, so a
// key is replaced by putting a new one in front and keeping the old one until
// nothing needs it any more. The zero value has no key: it encrypts nothing and
// opens nothing. Keys are safe for concurrent use and show their IDs only when
// printed.
//
// Nonces are random. One key should encrypt no more than 2³² values.
type Keys struct {
	list []key
}

type key struct {
	id   string
	aead cipher.AEAD
	sign []byte // derived from the key, for Digest
}

// NewKeys makes Keys of raw keys of KeySize bytes each, the encrypting one
// first. It refuses a key that stands twice.
func NewKeys(raw ...[]byte) (Keys, error) {
	if len(raw) == 0 {
		return Keys{}, fmt.Errorf("%w: %s", ErrNoKey, howToMake)
	}
	var keys Keys
	for i, one := range raw {
		k, err := newKey(one)
		if err != nil {
			return Keys{}, fmt.Errorf("encryption key %d of %d %w", i+1, len(raw), err)
		}
		if keys.find(k.id) != nil {
			return Keys{}, fmt.Errorf("encryption key %d of %d has the same ID %s as an earlier one; list each key once", i+1, len(raw), k.id)
		}
		keys.list = append(keys.list, k)
	}
	return keys, nil
}

const howToMake = "to create a key: openssl rand -base64 32"

func newKey(raw []byte) (key, error) {
	if len(raw) != KeySize {
		return key{}, fmt.Errorf("has %d bytes but must have %d; %s", len(raw), KeySize, howToMake)
	}
	block, err := aes.NewCipher(raw)
	if err != nil {
		return key{}, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return key{}, err
	}
	digest := sha256.Sum256(raw)
	derived := hmac.New(sha256.New, raw)
	_, _ = derived.Write([]byte(useDigest)) // a hash never fails
	return key{id: hex.EncodeToString(digest[:keyIDBytes]), aead: aead, sign: derived.Sum(nil)}, nil
}

// useDigest binds the key that Digest uses to its use.
const useDigest = "mediaferry digest 1"

// Digest tells one value from another without revealing either to whoever lacks the
// key, in 32 hexadecimal digits: HMAC-SHA-256 with a key that is derived from the first
// of these. It changes when another key takes the first place.
func (k Keys) Digest(value []byte) string {
	if len(k.list) == 0 {
		return key{}.digest(value)
	}
	return k.list[0].digest(value)
}

// Digests are what Digest is and would be with each of the keys in the first place, the
// present one first; none without keys.
func (k Keys) Digests(value []byte) []string {
	digests := make([]string, 0, len(k.list))
	for _, one := range k.list {
		digests = append(digests, one.digest(value))
	}
	return digests
}

func (k key) digest(value []byte) string {
	h := hmac.New(sha256.New, k.sign)
	_, _ = h.Write(value) // a hash never fails
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// ParseKeys reads keys as people write them: base64 or hex of KeySize bytes,
// several separated by commas or line ends. Its errors never show a key.
func ParseKeys(text string) (Keys, error) {
	words := strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == '\n' || r == '\r' })
	var raw [][]byte
	for i, word := range words {
		word = strings.TrimSpace(word)
		if word == "" {
			continue
		}
		one, err := decodeKey(word)
		if err != nil {
			return Keys{}, fmt.Errorf("encryption key %d of %d %w", i+1, len(words), err)
		}
		raw = append(raw, one)
	}
	return NewKeys(raw...)
}

// decodeKey looks at the length first: 64 hex digits are base64 as well.
func decodeKey(word string) ([]byte, error) {
	if len(word) == hex.EncodedLen(KeySize) {
		if raw, err := hex.DecodeString(word); err == nil {
			return raw, nil
		}
	}
	bare := strings.TrimRight(word, "=")
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		if raw, err := encoding.DecodeString(bare); err == nil {
			return raw, nil
		}
	}
	return nil, fmt.Errorf("must be base64 or hex; %s", howToMake)
}

// GenerateKey makes the text of a new key, as ParseKeys reads it.
func GenerateKey() (string, error) {
	raw := make([]byte, KeySize)
	if _, err := io.ReadFull(rand.Reader, raw); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(raw), nil
}

// With returns these keys followed by those of more that are not among them.
func (k Keys) With(more Keys) Keys {
	all := Keys{list: append([]key(nil), k.list...)}
	for _, one := range more.list {
		if all.find(one.id) == nil {
			all.list = append(all.list, one)
		}
	}
	return all
}

// IDs lists the keys' IDs, the encrypting one's first: the first 8 hex digits of
// a key's SHA-256.
func (k Keys) IDs() []string {
	ids := make([]string, 0, len(k.list))
	for _, one := range k.list {
		ids = append(ids, one.id)
	}
	return ids
}

// String shows the IDs, never a key.
func (k Keys) String() string { return "keys " + strings.Join(k.IDs(), ", ") }

// GoString is String, so that no way of printing shows more.
func (k Keys) GoString() string { return k.String() }

func (k Keys) find(id string) *key {
	for i := range k.list {
		if k.list[i].id == id {
			return &k.list[i]
		}
	}
	return nil
}

// seal encrypts with the first key. What use says, and the key's ID, must be the
// same when the result is opened.
func (k Keys) seal(use string, plain []byte) (id string, sealed []byte, err error) {
	if len(k.list) == 0 {
		return "", nil, ErrNoKey
	}
	first := k.list[0]
	return first.id, first.aead.Seal(nil, nil, plain, bound(use, first.id)), nil //nolint:gosec // this AEAD makes its own random nonce
}

func (k Keys) open(use, id string, sealed []byte) ([]byte, error) {
	found := k.find(id)
	switch {
	case len(id) != hex.EncodedLen(keyIDBytes):
		return nil, fmt.Errorf("%w: it does not name a key", ErrAltered)
	case len(k.list) == 0:
		return nil, fmt.Errorf("%w to decrypt data that was encrypted with key %q", ErrNoKey, id)
	case found == nil:
		return nil, fmt.Errorf("%w %q; known keys: %s. Append the key with that ID to encryption.key, after a comma",
			ErrUnknownKey, id, strings.Join(k.IDs(), ", "))
	}
	plain, err := found.aead.Open(nil, nil, sealed, bound(use, id))
	if err != nil {
		return nil, fmt.Errorf("%w with key %s: it was altered, truncated, or encrypted for another purpose", ErrAltered, id)
	}
	return plain, nil
}

// bound is the additional data of a sealed value. Without it, a value could be
// moved to where another kind of value is expected.
func bound(use, id string) []byte { return []byte(use + "\x00" + id) }
