package oss

import (
	"crypto"
	"crypto/md5"
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

	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
)

// Verify says what is wrong with a callback that the owner got: it has to be signed
// with the key that the request names, and that is ours.
func (o *Uploads) Verify(c *simulate.Call, body []byte) error {
	where, err := base64.StdEncoding.DecodeString(c.HTTP.Header.Get("x-oss-pub-key-url"))
	if err != nil || !strings.HasPrefix(string(where), o.w.Base+o.keys) {
		return errors.New("the public key comes from a host that is not OSS")
	}
	sign, err := base64.StdEncoding.DecodeString(c.HTTP.Header.Get("Authorization"))
	if err != nil {
		return errors.New("the signature is not in base64")
	}
	key, err := o.fetchKey(c, string(where))
	if err != nil {
		return err
	}
	sum := md5.Sum(callbackText(c.HTTP.URL, body))
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

func (o *Uploads) fetchKey(c *simulate.Call, where string) (*rsa.PublicKey, error) {
	req, err := http.NewRequestWithContext(c.Context(), http.MethodGet, where, nil)
	if err != nil {
		return nil, err
	}
	res, err := o.client.Do(req)
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
