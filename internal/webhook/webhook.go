// Package webhook is the wire format of Standard Webhooks (https://www.standardwebhooks.com):
// keys, signatures and headers. It refuses to send anything, and knows no events.
package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The length of a key in bytes, as the standard says.
const (
	keyLeast = 24
	keyMost  = 64
)

const keyPrefix = "whsec_"

// ParseKey reads a key as the standard writes it, whsec_ and base64, or the base64 alone:
// the standard's libraries take both.
func ParseKey(text string) ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(text, keyPrefix))
	if err != nil || len(key) < keyLeast || len(key) > keyMost {
		return nil, errors.New("is not whsec_ followed by 24 to 64 bytes in base64")
	}
	return key, nil
}

// Sign is the signature of a body under an ID and the time of an attempt.
func Sign(key []byte, id string, at time.Time, body []byte) string {
	mac := hmac.New(sha256.New, key)
	for _, part := range [][]byte{[]byte(id), []byte("."), []byte(timestamp(at)), []byte("."), body} {
		_, _ = mac.Write(part) // a hash never fails
	}
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func timestamp(at time.Time) string { return strconv.FormatInt(at.Unix(), 10) }

// Head sets the headers of an attempt. Without a key it is not signed.
func Head(header http.Header, key []byte, id string, at time.Time, body []byte) {
	header.Set("Content-Type", "application/json")
	header.Set("Webhook-Id", id)
	header.Set("Webhook-Timestamp", timestamp(at))
	if len(key) > 0 {
		header.Set("Webhook-Signature", Sign(key, id, at, body))
	}
}
