package sandbox

import (
	"crypto/hmac"
	"encoding/base64"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// link makes a download URL in CloudFront's shape: good until expires, and for
// life by the sandbox's own clock, which the signature holds as well.
func (s *Sandbox) link(path string, expires int64, life time.Duration) string {
	q := url.Values{"Expires": {strconv.FormatInt(expires, 10)}, "Key-Pair-Id": {"KSANDBOX"}}
	until := strconv.FormatInt(s.clock.age()+life.Milliseconds(), 36)
	q.Set("Signature", until+"~"+s.linkMark(path, q.Get("Expires"), until))
	return s.storage + path + "?" + q.Encode()
}

func (s *Sandbox) linkMark(parts ...string) string {
	return base64.RawURLEncoding.EncodeToString(hmacSHA256([]byte(s.identity.LinkKey), strings.Join(parts, "\n")))
}

// linkWrong says why a download URL is no good, or "".
func (s *Sandbox) linkWrong(u *url.URL) string {
	q := u.Query()
	until, mark, ok := strings.Cut(q.Get("Signature"), "~")
	if !ok {
		return "Missing Key"
	}
	if !hmac.Equal([]byte(mark), []byte(s.linkMark(u.Path, q.Get("Expires"), until))) {
		return "Access denied"
	}
	at, err := strconv.ParseInt(until, 36, 64)
	if err != nil || s.clock.age() > at {
		return "Access denied: the link has expired"
	}
	return ""
}

// newUUID is a random UUID, version 4.
func newUUID() string {
	h := []byte(randomHex(16))
	h[12] = '4'
	h[16] = "89ab"[h[16]&3]
	return strings.Join([]string{string(h[:8]), string(h[8:12]), string(h[12:16]), string(h[16:20]), string(h[20:])}, "-")
}
