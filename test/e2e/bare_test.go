//go:build bench

package e2e

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/crc64"
	"io"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// bare is a client of TruVideo that does nothing but send: a loop over parts, with
// the checksums that mediaferry makes and none of what makes it durable.
type bare struct {
	t           *testing.T
	client      *http.Client
	base, token string
}

// newBare logs in with the account of a configuration.
func newBare(t *testing.T, config string, width int) bare {
	t.Helper()
	raw, err := os.ReadFile(config)
	require.NoError(t, err)
	var c struct {
		Accounts map[string]map[string]string
	}
	require.NoError(t, yaml.Unmarshal(raw, &c))
	a := c.Accounts["truvideo"]
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = width
	b := bare{t: t, client: &http.Client{Transport: transport}, base: a["base_url"]}
	body := fmt.Appendf(nil, `{"timestamp":%q}`, time.Now().UTC().Format("2006-01-02T15:04:05.000Z"))
	sign := hmac.New(sha256.New, []byte(a["secret"]))
	sign.Write(body)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a["login_url"]+"/api/login", bytes.NewReader(body))
	require.NoError(t, err)
	request.Header = http.Header{
		"Content-Type": {"application/json"}, "X-Authentication-Api-Key": {a["api_key"]},
		"X-Authentication-Signature": {hex.EncodeToString(sign.Sum(nil))}, "X-Multitenant-External-Id": {a["external_id"]},
	}
	var got struct{ AccessToken string }
	b.do(request, http.StatusOK, &got)
	b.token = got.AccessToken
	return b
}

func (b bare) do(request *http.Request, want int, into any) http.Header {
	b.t.Helper()
	response, err := b.client.Do(request)
	require.NoError(b.t, err)
	raw, err := io.ReadAll(response.Body)
	require.NoError(b.t, err)
	require.NoError(b.t, response.Body.Close())
	require.Equal(b.t, want, response.StatusCode, string(raw))
	if into != nil {
		require.NoError(b.t, json.Unmarshal(raw, into))
	}
	return response.Header
}

func (b bare) call(method, path string, body any, want int, into any) {
	b.t.Helper()
	raw, err := json.Marshal(body)
	require.NoError(b.t, err)
	request, err := http.NewRequestWithContext(b.t.Context(), method, b.base+path, bytes.NewReader(raw))
	require.NoError(b.t, err)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+b.token)
	b.do(request, want, into)
}

// send sends a file in parts, a few at once, and completes it.
func (b bare) send(film string, size, partSize int64, width int) {
	b.t.Helper()
	count := int((size + partSize - 1) / partSize)
	var session struct {
		UploadID string
		Parts    []struct {
			PartNumber   int
			PresignedURL string
		}
	}
	b.call(http.MethodPost, "/upload/start", map[string]any{"amountOfParts": count, "media": map[string]any{"fileType": "MP4", "title": "bare"}}, http.StatusCreated, &session)
	require.Len(b.t, session.Parts, count)
	file, err := os.Open(film)
	require.NoError(b.t, err)
	defer func() { _ = file.Close() }()
	next := make(chan int, count)
	for i := range count {
		next <- i
	}
	close(next)
	tags := make([]map[string]any, count)
	var all sync.WaitGroup
	for range width {
		all.Go(func() {
			for i := range next {
				offset := int64(i) * partSize
				tag := b.part(session.Parts[i].PresignedURL, io.NewSectionReader(file, offset, min(partSize, size-offset)))
				tags[i] = map[string]any{"partNumber": i + 1, "eTag": tag}
			}
		})
	}
	all.Wait()
	b.call(http.MethodPost, "/upload/"+session.UploadID+"/complete", map[string]any{"parts": tags}, http.StatusAccepted, nil)
	b.completed(session.UploadID)
}

// part sends one part, with its checksums made in the same pass.
func (b bare) part(url string, section *io.SectionReader) string {
	sum, crc := md5.New(), crc64.New(crc64.MakeTable(crc64.ECMA))
	request, err := http.NewRequestWithContext(b.t.Context(), http.MethodPut, url, io.TeeReader(section, io.MultiWriter(sum, crc)))
	if err != nil {
		b.t.Error(err)
		return ""
	}
	request.ContentLength = section.Size()
	request.Header.Set("Content-Type", "video/mp4")
	response, err := b.client.Do(request)
	if err != nil {
		b.t.Error(err)
		return ""
	}
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	tag := response.Header.Get("ETag")
	if want := hex.EncodeToString(sum.Sum(nil)); tag != `"`+want+`"` {
		b.t.Errorf("part got %d with ETag %s, want %s", response.StatusCode, tag, want)
	}
	return tag[1 : len(tag)-1]
}

// completed waits until the vendor has joined the parts, so that it is quiet when
// the next one begins.
func (b bare) completed(id string) {
	b.t.Helper()
	for {
		var seen struct{ Status string }
		b.call(http.MethodGet, "/upload/"+id, nil, http.StatusOK, &seen)
		if seen.Status == "COMPLETED" {
			return
		}
		require.NotEqual(b.t, "FAILED", seen.Status)
		<-time.After(200 * time.Millisecond)
	}
}
