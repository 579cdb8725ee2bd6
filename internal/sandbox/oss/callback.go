package oss

import (
	"bytes"
	"crypto"
	"crypto/md5"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
)

// callbackOf is what a form wants OSS to do after storing.
type callbackOf struct {
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

// parseCallback reads the callback of a form, or says in OSS's words what is wrong
// with it. Nothing, or no URL, means that nobody is to be called.
func parseCallback(fields map[string]string) (*callbackOf, string) {
	text := fields["callback"]
	if text == "" {
		return nil, ""
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, "The callback configuration is not base64 encoded."
	}
	var cb callbackOf
	if err := json.Unmarshal(raw, &cb); err != nil {
		return nil, "The callback configuration is not json format."
	}
	if cb.URL == "" {
		return nil, ""
	}
	if cb.Type == "" {
		cb.Type = callbackForm
	}
	urls := strings.Split(cb.URL, ";")
	if len(urls) > callbackURLs {
		return nil, "The callback configuration has more than 5 URLs."
	}
	for _, u := range urls {
		parsed, err := url.Parse(u)
		if err != nil || parsed.Host == "" || parsed.Scheme != "http" && parsed.Scheme != "https" {
			return nil, "The callback configuration has an invalid URL or port."
		}
	}
	if cb.Body == "" || cb.Type != callbackForm && cb.Type != callbackJSON {
		return nil, "The callback configuration has no body, or an unknown body type."
	}
	return &cb, ""
}

// deliver tries the URLs in turn and returns the JSON of the first that gives it,
// or OSS's words for why the last one did not.
func (o *Uploads) deliver(c *simulate.Call, form uploadForm, obj Object, dims image.Config) ([]byte, string) {
	body := o.callbackBody(c, form, obj, dims)
	why := ""
	for _, u := range strings.Split(form.callback.URL, ";") {
		var answer []byte
		if answer, why = o.deliverTo(c, u, form.callback, body); why == "" {
			return answer, ""
		}
	}
	return nil, why
}

func (o *Uploads) deliverTo(c *simulate.Call, to string, cb *callbackOf, body []byte) ([]byte, string) {
	req, err := o.callbackRequest(c, to, cb, body)
	if err != nil {
		o.w.Log.Error("cannot make a callback", zap.Error(err))
		return nil, "Callback request could not be made."
	}
	res, err := o.client.Do(req)
	if err != nil {
		return nil, "Callback address is unreachable."
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	switch {
	case err != nil || res.StatusCode != http.StatusOK:
		return nil, fmt.Sprintf("Error status : %d.", res.StatusCode)
	case res.ContentLength < 0 || !json.Valid(answer):
		return nil, "Response body is not valid json format."
	}
	return answer, ""
}

// callbackRequest signs the request with the key that the receiver can fetch.
func (o *Uploads) callbackRequest(c *simulate.Call, to string, cb *callbackOf, body []byte) (*http.Request, error) {
	req, err := http.NewRequestWithContext(c.Context(), http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	key, err := o.noticeKey()
	if err != nil {
		return nil, err
	}
	sum := md5.Sum(callbackText(req.URL, body))
	sign, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.MD5, sum[:])
	if err != nil {
		return nil, fmt.Errorf("sign the callback: %w", err)
	}
	content := md5.Sum(body)
	for name, value := range map[string]string{
		"Content-Type": cb.Type, "Authorization": base64.StdEncoding.EncodeToString(sign), "User-Agent": "aliyun-oss-callback",
		"x-oss-pub-key-url": base64.StdEncoding.EncodeToString([]byte(o.keyURL())),
		"Content-MD5":       base64.StdEncoding.EncodeToString(content[:]), "x-oss-bucket": o.bucket, "x-oss-tag": "CALLBACK",
	} {
		req.Header.Set(name, value)
	}
	req.Host = cb.Host // empty: that of the URL
	return req, nil
}

// callbackBody fills the variables in.
func (o *Uploads) callbackBody(c *simulate.Call, form uploadForm, obj Object, dims image.Config) []byte {
	values := map[string]string{
		"bucket": o.bucket, "object": obj.Key, "etag": obj.ETag, "size": strconv.FormatInt(obj.Size, 10),
		"mimeType": obj.ContentType, "crc64": obj.CRC64, "contentMd5": "", "vpcId": "", "clientIp": c.HTTP.RemoteAddr,
		"reqId": strings.ToUpper(simulate.RandomHex(12)), "operation": "PostObject",
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
		if slices.Contains([]string{"size", "imageInfo.height", "imageInfo.width"}, name) && value != "" {
			return value // numbers go without quotes
		}
		return strconv.Quote(value)
	}))
}
