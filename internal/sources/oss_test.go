package sources_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/sources"
	"github.com/mediaferry/mediaferry/internal/sources/sourcetest"
	"github.com/mediaferry/mediaferry/internal/upload"
)

const (
	ossKey    = "LTAIkey"
	ossSecret = "s3cr3toss"
)

// ossBucket is one bucket of OSS with one object, as its documentation describes
// it: requests are signed with version 1, refusals are XML, and a range beyond
// the end is an error only for those who ask for the standard behaviour.
type ossBucket struct {
	mu       sync.Mutex
	object   string
	content  []byte
	tag      string
	there    bool
	versions []string // that were asked for
}

func (b *ossBucket) put(content []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.content, b.tag, b.there = content, `"`+strings.ToUpper(digest(content))+`"`, true
}

func (b *ossBucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	content, tag, there := b.content, b.tag, b.there && r.URL.Path == b.object
	if v := r.URL.Query().Get("versionId"); v != "" {
		b.versions = append(b.versions, v)
	}
	b.mu.Unlock()
	w.Header().Set("X-Oss-Request-Id", "5C06A3B67B8B5A3DA422299D")
	switch {
	case !signedV1(r):
		ossRefuse(w, r, http.StatusForbidden, "SignatureDoesNotMatch")
	case !there:
		ossRefuse(w, r, http.StatusNotFound, "NoSuchKey")
	case r.Header.Get("If-Match") != "" && r.Header.Get("If-Match") != tag:
		ossRefuse(w, r, http.StatusPreconditionFailed, "PreconditionFailed")
	case r.Header.Get("Range") != "" && r.Header.Get("X-Oss-Range-Behavior") == "standard" && len(content) == 0:
		ossRefuse(w, r, http.StatusRequestedRangeNotSatisfiable, "InvalidRange")
	default:
		w.Header().Set("ETag", tag)
		w.Header().Set("Content-Type", "image/jpeg")
		http.ServeContent(w, r, "", time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC), bytes.NewReader(content))
	}
}

func ossRefuse(w http.ResponseWriter, r *http.Request, code int, word string) {
	text := fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>It is so.</Message>`+
		`<RequestId>5C06A3B67B8B5A3DA422299D</RequestId><OSSAccessKeyId>%s</OSSAccessKeyId></Error>`, word, ossKey)
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(code)
	if r.Method != http.MethodHead {
		_, _ = w.Write([]byte(text))
	}
}

// signedV1 checks a request's signature.
func signedV1(r *http.Request) bool {
	var own []string
	for name, values := range r.Header {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-oss-") {
			own = append(own, lower+":"+values[0]+"\n")
		}
	}
	slices.Sort(own)
	resource := r.URL.Path
	if v := r.URL.Query().Get("versionId"); v != "" {
		resource += "?versionId=" + v
	}
	mac := hmac.New(sha1.New, []byte(ossSecret))
	_, _ = fmt.Fprintf(mac, "%s\n%s\n%s\n%s\n%s%s", r.Method, r.Header.Get("Content-Md5"), r.Header.Get("Content-Type"),
		r.Header.Get("Date"), strings.Join(own, ""), resource) // a hash never fails
	return r.Header.Get("Authorization") == "OSS "+ossKey+":"+base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func ossOptions(endpoint string) sources.Options {
	return sources.Options{OSS: sources.OSSOptions{Endpoint: endpoint, AccessKeyID: ossKey, AccessKeySecret: ossSecret}}
}

func TestOSSSourcesKeepTheContract(t *testing.T) {
	sourcetest.Run(t, func(t *testing.T) sourcetest.Subject {
		b := &ossBucket{object: "/bucket/pictures/a ü+b.jpg"}
		return sourcetest.Subject{
			Sources: sources.New(ossOptions(served(t, b, ""))),
			Source:  "oss://bucket/pictures/a%20%C3%BC+b.jpg", Name: "a ü+b.jpg",
			Secrets: []string{ossKey, ossSecret},
			Put:     func(_ *testing.T, content []byte) { b.put(content) },
			Remove: func(*testing.T) {
				b.mu.Lock()
				defer b.mu.Unlock()
				b.there = false
			},
		}
	})
}

func TestAVersionThatIsNamedIsRead(t *testing.T) {
	b := &ossBucket{object: "/bucket/a.jpg"}
	b.put([]byte("content"))
	file, seen := open(t, sources.New(ossOptions(served(t, b, ""))), "oss://bucket/a.jpg?versionId=v7")
	require.Equal(t, "a.jpg", seen.Name)
	require.Equal(t, "image/jpeg", seen.Type)
	_, err := readAll(t, file, 0, 7)
	require.NoError(t, err)
	b.mu.Lock()
	defer b.mu.Unlock()
	require.Equal(t, []string{"v7", "v7", "v7"}, b.versions)
}

func TestOSSRefusalsSayWhatToDo(t *testing.T) {
	whole := ossOptions("https://oss-cn-hangzhou.aliyuncs.com").OSS
	for name, c := range map[string]struct {
		change     func(*sources.OSSOptions)
		source     string
		text, hint string
	}{
		"no endpoint":    {func(o *sources.OSSOptions) { o.Endpoint = "" }, "oss://bucket/a.jpg", "the OSS endpoint is not set", "sources.oss.endpoint"},
		"no URL":         {func(o *sources.OSSOptions) { o.Endpoint = "https://" }, "oss://bucket/a.jpg", "must be a URL", ""},
		"no key":         {func(o *sources.OSSOptions) { o.AccessKeyID = "" }, "oss://bucket/a.jpg", "OSS credentials are missing", "sources.oss.access_key_id"},
		"no secret":      {func(o *sources.OSSOptions) { o.AccessKeySecret = "" }, "oss://bucket/a.jpg", "OSS credentials are missing", "sources.oss.access_key_secret"},
		"a wrong bucket": {func(*sources.OSSOptions) {}, "oss://B/a.jpg", "has an invalid bucket name", ""},
		"a user name":    {func(*sources.OSSOptions) {}, "oss://me:s3cr3toss@bucket/a.jpg", "contains a user name", ""},
	} {
		t.Run(name, func(t *testing.T) {
			o := whole
			c.change(&o)
			_, err := look(t, sources.Options{OSS: o}, c.source)
			requireInvalid(t, err, c.text)
			e := upload.AsError(err, "")
			require.Contains(t, e.Hint, c.hint)
			require.NotContains(t, e.Error()+e.Hint, ossSecret)
		})
	}
}

func TestAWrongOSSSecretIsForbidden(t *testing.T) {
	b := &ossBucket{object: "/bucket/a.jpg"}
	b.put([]byte("content"))
	o := ossOptions(served(t, b, ""))
	o.OSS.AccessKeySecret = "another"
	_, err := look(t, o, "oss://bucket/a.jpg")
	requireInvalid(t, err, "403 SignatureDoesNotMatch: It is so")
	e := upload.AsError(err, "")
	require.Equal(t, http.StatusForbidden, e.Status)
	require.Equal(t, "5C06A3B67B8B5A3DA422299D", e.RequestID)
}

func TestOSSTroubleOnTheWayIsUnavailable(t *testing.T) {
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		text   string
	}{
		"a proxy's page": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "3")
			w.WriteHeader(http.StatusBadGateway)
			_, _ = w.Write([]byte("<html><body>sorry"))
		}, "502 Bad Gateway"},
		"no words at all": {status(http.StatusServiceUnavailable), "503 Service Unavailable"},
		"a broken line":   {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "cannot be reached: EOF"},
		"another range":   {ranged("bytes 5-9/10", "abcde"), "instead of"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := look(t, ossOptions(served(t, c.answer, "")), "oss://bucket/a.jpg")
			require.ErrorContains(t, err, c.text)
			e := upload.AsError(err, "")
			require.Equal(t, upload.KindUnavailable, e.Kind)
			if e.Status == http.StatusBadGateway {
				require.Equal(t, 3*time.Second, e.RetryAfter)
			}
		})
	}
}

func TestAnOSSRedirectIsNotFollowed(t *testing.T) {
	_, err := look(t, ossOptions(served(t, http.RedirectHandler("http://127.0.0.1:1/", http.StatusTemporaryRedirect), "")), "oss://bucket/a.jpg")
	requireInvalid(t, err, "307 Temporary Redirect")
}
