package codec

import (
	"encoding/hex"
	"fmt"
)

// sealVersion is the first byte of what a Sealer made. The key's ID and the
// ciphertext follow.
const sealVersion = 1

// useLedger binds a sealed value to the ledger, so that no payload can be passed
// off as one, nor the other way round.
const useLedger = "mediaferry ledger 1"

// Sealer encrypts single values for the ledger. It is safe for concurrent use.
type Sealer struct {
	keys Keys
}

// NewSealer returns a Sealer with the keys of the payloads.
func NewSealer(keys Keys) *Sealer { return &Sealer{keys: keys} }

// Seal encrypts a value with the first key. The result is longer than the value
// by a few dozen bytes, and another one each time.
func (s *Sealer) Seal(plain []byte) ([]byte, error) {
	id, sealed, err := s.keys.seal(useLedger, plain)
	if err != nil {
		return nil, err
	}
	raw, err := hex.DecodeString(id)
	if err != nil {
		return nil, err
	}
	return append(append([]byte{sealVersion}, raw...), sealed...), nil
}

// Open returns what was sealed with any of the keys. It fails with ErrUnknownKey
// or ErrAltered for anything else.
func (s *Sealer) Open(sealed []byte) ([]byte, error) {
	id, ok := KeyIDOf(sealed)
	if !ok {
		return nil, fmt.Errorf("%w: it does not begin like a sealed value", ErrAltered)
	}
	return s.keys.open(useLedger, id, sealed[SealHead:])
}

// SealHead is how many bytes of a sealed value say with which key it was sealed.
const SealHead = 1 + keyIDBytes

// KeyIDOf is the ID of the key with which a value was sealed, by its first SealHead
// bytes; not ok where they are not those of a sealed value.
func KeyIDOf(sealed []byte) (id string, ok bool) {
	if len(sealed) < SealHead || sealed[0] != sealVersion {
		return "", false
	}
	return hex.EncodeToString(sealed[1:SealHead]), true
}
