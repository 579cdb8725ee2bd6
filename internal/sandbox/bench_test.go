package sandbox_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/sandbox"
	"github.com/mediaferry/mediaferry/internal/sandbox/sandboxtest"
)

// BenchmarkTrustana is one medium of 100 KiB from prepare to its file ID, to see
// what the sandbox itself costs a measurement.
func BenchmarkTrustana(b *testing.B) {
	for name, change := range map[string]func(*sandbox.Options){
		"on S3": func(*sandbox.Options) {}, "direct": func(o *sandbox.Options) { o.DirectStorage = true }, "discarding": sandboxtest.Discarding,
		"discarding without sums": func(o *sandbox.Options) { o.Discard, o.SkipSHA256 = true, true },
	} {
		b.Run(name, func(b *testing.B) {
			settings := sandbox.DefaultSettings().Instant().Unlimited()
			opts := sandbox.Options{Settings: &settings}
			change(&opts)
			s, err := sandbox.Start(b.Context(), opts)
			require.NoError(b, err)
			defer func() { require.NoError(b, s.Close()) }()
			body := append([]byte("\xff\xd8\xff"), make([]byte, 100<<10)...)
			c := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
			b.SetBytes(int64(len(body)))
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := once(c, s, body); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

func once(c *http.Client, s *sandbox.Sandbox, body []byte) error {
	var prepared struct {
		Data struct{ UploadURL, UploadID string }
	}
	if err := exchange(c, "POST", s.URL()+"/trustana/v1/upload/prepare", "application/json", strings.NewReader(`{"fileName":"a.jpg"}`), &prepared); err != nil {
		return err
	}
	if err := exchange(c, "PUT", prepared.Data.UploadURL, "image/jpeg", bytes.NewReader(body), nil); err != nil {
		return err
	}
	return exchange(c, "GET", s.URL()+"/trustana/v1/upload/status?uploadId="+prepared.Data.UploadID, "", http.NoBody, &prepared)
}

func exchange(c *http.Client, method, url, kind string, body io.Reader, into any) error {
	req, err := http.NewRequest(method, url, body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", kind)
	if into != nil {
		req.Header.Set("X-API-Key", "sandbox-trustana-key")
	}
	res, err := c.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if into != nil {
		return json.NewDecoder(res.Body).Decode(into)
	}
	_, err = io.Copy(io.Discard, res.Body)
	return err
}
