package sitoo

import (
	"crypto/hmac"
	"encoding/base64"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
)

// link makes a download URL in CloudFront's shape: good until expires, and for
// life by the sandbox's own clock, which the signature holds as well.
func (t *Vendor) link(path string, expires int64, life time.Duration) string {
	q := url.Values{"Expires": {strconv.FormatInt(expires, 10)}, "Key-Pair-Id": {"KSANDBOX"}}
	until := strconv.FormatInt(t.w.Clock.Age()+life.Milliseconds(), 36)
	q.Set("Signature", until+"~"+t.linkMark(path, q.Get("Expires"), until))
	return t.w.StorageURL + path + "?" + q.Encode()
}

func (t *Vendor) linkMark(parts ...string) string {
	return base64.RawURLEncoding.EncodeToString(simulate.HMAC([]byte(t.w.Identity.LinkKey), strings.Join(parts, "\n")))
}

// linkWrong says why a download URL is no good, or "".
func (t *Vendor) linkWrong(u *url.URL) string {
	q := u.Query()
	until, mark, ok := strings.Cut(q.Get("Signature"), "~")
	if !ok {
		return "Missing Key"
	}
	if !hmac.Equal([]byte(mark), []byte(t.linkMark(u.Path, q.Get("Expires"), until))) {
		return "Access denied"
	}
	at, err := strconv.ParseInt(until, 36, 64)
	if err != nil || t.w.Clock.Age() > at {
		return "Access denied: the link has expired"
	}
	return ""
}
