package sandbox

import (
	"bytes"
	"crypto"
	"crypto/md5" //nolint:gosec // OSS signs its callbacks over an MD5
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// ossCallback is what a form wants OSS to do after storing.
type ossCallback struct {
	URL  string `json:"callbackUrl"`
	Host string `json:"callbackHost"`
	Body string `json:"callbackBody"`
	Type string `json:"callbackBodyType"`
}

const (
	callbackForm = "application/x-www-form-urlencoded"
	callbackJSON = "application/json"
	callbackURLs = 5
)

// parseCallback reads the callback of a form. Nothing, or no URL, means that
// nobody is to be called.
func parseCallback(fields map[string]string) (*ossCallback, error) {
	text, given := fields["callback"]
	if !given || text == "" {
		return nil, nil
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, errors.New("The callback configuration is not base64 encoded.") //nolint:staticcheck // OSS's own words
	}
	var cb ossCallback
	if err := json.Unmarshal(raw, &cb); err != nil {
		return nil, errors.New("The callback configuration is not json format.") //nolint:staticcheck // OSS's own words
	}
	if cb.URL == "" {
		return nil, nil
	}
	if cb.Type == "" {
		cb.Type = callbackForm
	}
	urls := strings.Split(cb.URL, ";")
	if len(urls) > callbackURLs {
		return nil, errors.New("The callback configuration has more than 5 URLs.") //nolint:staticcheck // OSS's own words
	}
	for _, u := range urls {
		parsed, err := url.Parse(u)
		if err != nil || parsed.Host == "" || parsed.Scheme != "http" && parsed.Scheme != "https" {
			return nil, errors.New("The callback configuration has an invalid URL or port.") //nolint:staticcheck // OSS's own words
		}
	}
	if cb.Body == "" || cb.Type != callbackForm && cb.Type != callbackJSON {
		return nil, errors.New("The callback configuration has no body, or an unknown body type.") //nolint:staticcheck // OSS's own words
	}
	return &cb, nil
}

// deliver tries the URLs in turn and returns the JSON of the first that gives it.
func (o *oss) deliver(c *call, form ossForm, obj trustooObject, dims image.Config) ([]byte, error) {
	body := o.callbackBody(c, form, obj, dims)
	var last error
	for _, u := range strings.Split(form.callback.URL, ";") {
		answer, err := o.deliverTo(c, u, form.callback, body)
		if err == nil {
			return answer, nil
		}
		last = err
	}
	return nil, last
}

func (o *oss) deliverTo(c *call, to string, cb *ossCallback, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(c.ctx(), http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	key, err := o.s.identity.noticeKey()
	if err != nil {
		return nil, err
	}
	sum := md5.Sum(callbackText(req.URL, body)) //nolint:gosec // see the import
	sign, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.MD5, sum[:])
	if err != nil {
		return nil, fmt.Errorf("sign the callback: %w", err)
	}
	content := md5.Sum(body) //nolint:gosec // see the import
	for name, value := range map[string]string{
		"Content-Type": cb.Type, "Authorization": base64.StdEncoding.EncodeToString(sign), "User-Agent": "aliyun-oss-callback",
		"x-oss-pub-key-url": base64.StdEncoding.EncodeToString([]byte(o.s.base + trustooKeyHost + "callback_pub_key.pem")),
		"Content-MD5":       base64.StdEncoding.EncodeToString(content[:]), "x-oss-bucket": o.imageBucket(), "x-oss-tag": "CALLBACK",
	} {
		req.Header.Set(name, value)
	}
	if cb.Host != "" {
		req.Host = cb.Host
	}
	res, err := o.client.Do(req)
	if err != nil {
		return nil, errors.New("Callback address is unreachable.") //nolint:staticcheck // OSS's own words
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	switch {
	case err != nil || res.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("Error status : %d.", res.StatusCode) //nolint:staticcheck // OSS's own words
	case res.ContentLength < 0 || !json.Valid(answer):
		return nil, errors.New("Response body is not valid json format.") //nolint:staticcheck // OSS's own words
	}
	return answer, nil
}

// callbackBody fills the variables in.
func (o *oss) callbackBody(c *call, form ossForm, obj trustooObject, dims image.Config) []byte {
	values := map[string]string{
		"bucket": o.imageBucket(), "object": obj.Key, "etag": obj.ETag, "size": strconv.FormatInt(obj.Size, 10),
		"mimeType": obj.ContentType, "crc64": obj.CRC64, "contentMd5": "", "vpcId": "", "clientIp": c.r.RemoteAddr,
		"reqId": strings.ToUpper(randomHex(12)), "operation": "PostObject",
		"imageInfo.height": "", "imageInfo.width": "", "imageInfo.format": "",
	}
	if dims.Width > 0 {
		values["imageInfo.height"], values["imageInfo.width"] = strconv.Itoa(dims.Height), strconv.Itoa(dims.Width)
		_, values["imageInfo.format"], _ = strings.Cut(obj.ContentType, "/")
	}
	for name, value := range form.fields {
		if strings.HasPrefix(name, "x:") {
			values[name] = value
		}
	}
	variable := regexp.MustCompile(`\$\{([^}]*)\}`)
	return []byte(variable.ReplaceAllStringFunc(form.callback.Body, func(v string) string {
		name := v[2 : len(v)-1]
		value := values[name]
		if form.callback.Type == callbackForm {
			return url.QueryEscape(value)
		}
		if contains([]string{"size", "imageInfo.height", "imageInfo.width"}, name) && value != "" {
			return value // numbers go without quotes
		}
		return strconv.Quote(value)
	}))
}
