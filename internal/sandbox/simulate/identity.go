package simulate

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
)

// Identity is what makes a sandbox the same one after a restart.
type Identity struct {
	ID        string `json:"id"`
	S3Access  string `json:"s3_access"`
	S3Secret  string `json:"s3_secret"`
	OSSAccess string `json:"oss_access"`
	OSSSecret string `json:"oss_secret"`
	TokenKey  string `json:"token_key"`  // signs JWTs
	LinkKey   string `json:"link_key"`   // signs download links
	NoticeKey string `json:"notice_key"` // RSA, DER in base64: signs OSS callbacks
}

const kindIdentity = "identity"

// noticeBits is short for a key, but the signature is over an MD5 anyway, and a
// longer one would cost every start.
const noticeBits = 1024

func loadIdentity(j *Journal, mem *Memory) (Identity, error) {
	var id Identity
	if raw, ok := mem.values[kindIdentity][kindIdentity]; ok {
		if err := json.Unmarshal(raw, &id); err != nil {
			return id, fmt.Errorf("read the identity: %w", err)
		}
		return id, nil
	}
	key, err := rsa.GenerateKey(rand.Reader, noticeBits)
	if err != nil {
		return id, fmt.Errorf("make a key for callbacks: %w", err)
	}
	id = Identity{
		ID: RandomHex(4), S3Access: "AKIASANDBOX" + strings.ToUpper(RandomHex(5)), S3Secret: RandomHex(20),
		OSSAccess: "LTAISANDBOX" + RandomHex(6), OSSSecret: RandomHex(15),
		TokenKey: RandomHex(32), LinkKey: RandomHex(32),
		NoticeKey: base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PrivateKey(key)),
	}
	j.put(kindIdentity, kindIdentity, id)
	return id, nil
}

// HMAC is the code of a text by a key.
func HMAC(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	_, _ = h.Write([]byte(text)) // a hash never fails
	return h.Sum(nil)
}

// RandomHex returns n random bytes in hex. The system's source never fails.
func RandomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}

// NewUUID is a random UUID, version 4.
func NewUUID() string {
	h := []byte(RandomHex(16))
	h[12] = '4'
	h[16] = "89ab"[h[16]&3]
	return strings.Join([]string{string(h[:8]), string(h[8:12]), string(h[12:16]), string(h[16:20]), string(h[20:])}, "-")
}
