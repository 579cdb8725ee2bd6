package sandbox

import (
	"crypto"
	"crypto/md5" // OSS signs its callbacks over an MD5
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// takeCallback is the vendor's backend: it hears from OSS what was stored.
func (t *trustoo) takeCallback(c *call) *answer {
	body, err := io.ReadAll(io.LimitReader(c.body, 1<<20))
	if err != nil {
		return t.refuse(c, refusal{status: http.StatusBadRequest})
	}
	if err := t.checkCallback(c, body); err != nil {
		return t.refuse(c, refusal{status: http.StatusForbidden, message: err.Error()})
	}
	form, err := url.ParseQuery(string(body))
	key := form.Get("filename")
	if err != nil || key == "" {
		return t.refuse(c, refusal{status: http.StatusBadRequest, message: "filename is required"})
	}
	c.log.Subject = key
	_, ok := t.objects.update(key, func(o *trustooObject) bool {
		o.Callbacks++
		o.Confirmed = true
		return true
	})
	if !ok {
		return t.refuse(c, refusal{status: http.StatusNotFound, message: "no such object"})
	}
	return jsonAnswer(http.StatusOK, map[string]any{
		"code": 0, "message": "success", "data": map[string]string{"url": t.s.storage + "/" + key},
	})
}

// checkCallback verifies that it was our OSS that called, with the key from the
// host that the request names and we allow.
func (t *trustoo) checkCallback(c *call, body []byte) error {
	where, err := base64.StdEncoding.DecodeString(c.r.Header.Get("x-oss-pub-key-url"))
	if err != nil || !strings.HasPrefix(string(where), t.s.base+trustooKeyHost) {
		return errors.New("the public key comes from a host that is not OSS")
	}
	sign, err := base64.StdEncoding.DecodeString(c.r.Header.Get("Authorization"))
	if err != nil {
		return errors.New("the signature is not in base64")
	}
	key, err := t.fetchKey(c, string(where))
	if err != nil {
		return err
	}
	sum := md5.Sum(callbackText(c.r.URL, body))
	if err := rsa.VerifyPKCS1v15(key, crypto.MD5, sum[:], sign); err != nil {
		return errors.New("the signature is wrong")
	}
	return nil
}

// callbackText is what OSS signs of a callback.
func callbackText(u *url.URL, body []byte) []byte {
	text := u.Path // decoded
	if u.RawQuery != "" {
		text += "?" + u.RawQuery
	}
	return append([]byte(text+"\n"), body...)
}

func (t *trustoo) fetchKey(c *call, where string) (*rsa.PublicKey, error) {
	req, err := http.NewRequestWithContext(c.ctx(), http.MethodGet, where, nil)
	if err != nil {
		return nil, err
	}
	res, err := t.s.oss.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("fetch the public key: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	block, _ := pem.Decode(raw)
	if err != nil || block == nil {
		return nil, errors.New("what is at the public key's URL is no PEM")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read the public key: %w", err)
	}
	public, ok := key.(*rsa.PublicKey)
	if !ok {
		return nil, errors.New("the public key is not for RSA")
	}
	return public, nil
}

// publicKey is the key host.
func (t *trustoo) publicKey(c *call) *answer {
	key, err := t.s.identity.noticeKey()
	if err != nil {
		return refusePlain(c, refusal{status: http.StatusInternalServerError, message: err.Error()})
	}
	raw, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return refusePlain(c, refusal{status: http.StatusInternalServerError, message: err.Error()})
	}
	a := newAnswer(http.StatusOK).with("Content-Type", "application/x-pem-file")
	a.body = pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: raw})
	return a
}

// noticeKey is the key that OSS signs callbacks with.
func (i identity) noticeKey() (*rsa.PrivateKey, error) {
	raw, err := base64.StdEncoding.DecodeString(i.NoticeKey)
	if err != nil {
		return nil, fmt.Errorf("read the key for callbacks: %w", err)
	}
	return x509.ParsePKCS1PrivateKey(raw)
}

// object serves an image, as the bucket's public domain does.
func (t *trustoo) object(c *call) *answer {
	o, ok := t.objects.get(c.path["key"])
	if !ok {
		return refuseOSS(c, refusal{status: http.StatusNotFound, code: "NoSuchKey"})
	}
	c.log.Subject = o.Key
	f, err := t.s.files.open(trustooFile(o.Key))
	if err != nil {
		return refuseOSS(c, refusal{status: http.StatusNotFound, code: "NoSuchKey"})
	}
	return serveContent(c, f, o.ContentType, `"`+o.ETag+`"`).with("x-oss-hash-crc64ecma", o.CRC64)
}
