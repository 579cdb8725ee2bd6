//go:build bench

package e2e

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"hash/crc64"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// bareVariable names a file with what the bare loop is to send.
const bareVariable = "BENCH_BARE_ROWS"

type bareTask struct {
	Config string
	Width  int           // media of one vendor that are sent at once
	Look   time.Duration // after which the vendor is asked, and as often again
	Rows   []bareRow
}

type bareRow struct{ Vendor, ID, Path string }

// bareRows makes the requests that a batch makes, with the same checksums, and
// keeps nothing.
type bareRows struct {
	client   *http.Client
	accounts map[string]map[string]string
	look     time.Duration
	policy   map[string]string // of trustoo, good for all
}

// TestBareRows is the bare loop itself, in the process that TestBatchSpeed starts.
func TestBareRows(t *testing.T) {
	file := os.Getenv(bareVariable)
	if file == "" {
		return // only a part of another test
	}
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	var task bareTask
	require.NoError(t, json.Unmarshal(raw, &task))
	b := &bareRows{look: task.Look}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = 0, 8*task.Width
	b.client = &http.Client{Transport: transport}
	raw, err = os.ReadFile(task.Config)
	require.NoError(t, err)
	var c struct {
		Accounts map[string]map[string]string
	}
	require.NoError(t, yaml.Unmarshal(raw, &c))
	b.accounts = c.Accounts
	require.NoError(t, b.askPolicy(t.Context()))
	require.NoError(t, b.all(t.Context(), task))
}

// all sends all rows, those of each vendor so many at once, and waits for them.
func (b *bareRows) all(ctx context.Context, task bareTask) error {
	queues := map[string]chan bareRow{}
	for _, row := range task.Rows {
		if queues[row.Vendor] == nil {
			queues[row.Vendor] = make(chan bareRow, len(task.Rows))
		}
		queues[row.Vendor] <- row
	}
	failed := make(chan error, len(task.Rows))
	var all sync.WaitGroup
	one := func(row bareRow) error {
		follow, err := b.send(ctx, row)
		if err != nil || follow == nil {
			return err
		}
		all.Go(func() {
			if err := follow(); err != nil {
				failed <- err
			}
		})
		return nil
	}
	for _, queue := range queues {
		close(queue)
		for range task.Width {
			all.Go(func() {
				for row := range queue {
					if err := one(row); err != nil {
						failed <- err
						return
					}
				}
			})
		}
	}
	all.Wait()
	close(failed)
	return <-failed
}

// send prepares and sends one medium, and returns what waits for its end; nil
// where there is nothing to wait for.
func (b *bareRows) send(ctx context.Context, row bareRow) (follow func() error, err error) {
	switch row.Vendor {
	case "trustana":
		return b.trustana(ctx, row)
	case "sitoo":
		return b.sitoo(ctx, row)
	}
	return nil, b.trustoo(ctx, row)
}

func (b *bareRows) trustana(ctx context.Context, row bareRow) (func() error, error) {
	base, header := b.accounts["trustana"]["base_url"], http.Header{"X-Api-Key": {b.accounts["trustana"]["api_key"]}}
	var got struct {
		Data struct{ UploadURL, UploadID string }
	}
	if _, err := b.call(ctx, http.MethodPost, base+"/upload/prepare", header, map[string]string{"fileName": filepath.Base(row.Path)}, &got); err != nil {
		return nil, err
	}
	body, err := openSummed(row.Path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = body.Close() }()
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, got.Data.UploadURL, body)
	if err != nil {
		return nil, err
	}
	request.ContentLength = body.size
	request.Header.Set("Content-Type", "image/jpeg")
	answer, err := b.do(request, http.StatusOK)
	if err != nil {
		return nil, err
	}
	if tag := answer.header.Get("ETag"); tag != body.etag() {
		return nil, fmt.Errorf("%s has the ETag %s, want %s", row.ID, tag, body.etag())
	}
	return func() error {
		return b.until(ctx, func() (bool, error) {
			status, err := b.call(ctx, http.MethodGet, base+"/upload/status?uploadId="+got.Data.UploadID, header, nil, nil)
			return status == http.StatusOK, err
		})
	}, nil
}

func (b *bareRows) sitoo(ctx context.Context, row bareRow) (func() error, error) {
	base, header := b.accounts["sitoo"]["base_url"], http.Header{"Authorization": {"Bearer " + b.accounts["sitoo"]["token"]}}
	ask := map[string]string{"file_name": filepath.Base(row.Path), "content_type": "image/jpeg", "entity_type": "shipment_item", "entity_id": "S1|SKU|DAMAGED|" + row.ID}
	var got struct {
		FileID    string `json:"file_id"`
		UploadURL string `json:"upload_url"`
		Fields    map[string]string
	}
	if _, err := b.call(ctx, http.MethodPost, base+"/v1/media/upload-url", header, ask, &got); err != nil {
		return nil, err
	}
	if err := b.post(ctx, got.UploadURL, got.Fields, row); err != nil {
		return nil, err
	}
	return func() error {
		return b.until(ctx, func() (bool, error) {
			var now struct{ Status string }
			_, err := b.call(ctx, http.MethodGet, base+"/v1/media/"+got.FileID, header, nil, &now)
			return now.Status == "ready", err
		})
	}, nil
}

// askPolicy gets the one policy that all of trustoo's media are sent with.
func (b *bareRows) askPolicy(ctx context.Context) error {
	a := b.accounts["trustoo"]
	stamp := fmt.Sprint(time.Now().Unix())
	sign := hmac.New(sha256.New, []byte(a["private_token"]))
	sign.Write([]byte("timestamp=" + stamp))
	header := http.Header{"Public-Token": {a["public_token"]}, "Timestamp": {stamp}, "Sign": {hex.EncodeToString(sign.Sum(nil))}}
	var got struct{ Data map[string]string }
	_, err := b.call(ctx, http.MethodGet, a["base_url"]+trustooPolicy, header, nil, &got)
	b.policy = got.Data
	return err
}

const trustooPolicy = "/api/v1/openapi/get_image_upload_policy_token"

// trustoo reads the medium twice, as the key is made of its checksum.
func (b *bareRows) trustoo(ctx context.Context, row bareRow) error {
	whole, err := openSummed(row.Path)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, whole)
	_ = whole.Close()
	if err != nil {
		return err
	}
	p := b.policy
	return b.post(ctx, p["host"], map[string]string{
		"key":    p["dir"] + hex.EncodeToString(whole.sha.Sum(nil))[:32] + "-" + filepath.Base(row.Path),
		"policy": p["policy"], "OSSAccessKeyId": p["access_id"], "Signature": p["signature"], "callback": p["callback"],
	}, row)
}

// post sends a form whose last field is the file.
func (b *bareRows) post(ctx context.Context, url string, fields map[string]string, row bareRow) error {
	var head bytes.Buffer
	form := multipart.NewWriter(&head)
	for name, value := range fields {
		if err := form.WriteField(name, value); err != nil {
			return err
		}
	}
	part := textproto.MIMEHeader{"Content-Type": {"image/jpeg"}}
	part.Set("Content-Disposition", fmt.Sprintf(`form-data; name="file"; filename=%q`, filepath.Base(row.Path)))
	if _, err := form.CreatePart(part); err != nil {
		return err
	}
	before := head.Len()
	if err := form.Close(); err != nil {
		return err
	}
	body, err := openSummed(row.Path)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	raw := head.Bytes()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, io.MultiReader(bytes.NewReader(raw[:before]), body, bytes.NewReader(raw[before:])))
	if err != nil {
		return err
	}
	request.ContentLength = int64(len(raw)) + body.size
	request.Header.Set("Content-Type", form.FormDataContentType())
	_, err = b.do(request, http.StatusOK, http.StatusNoContent)
	return err
}

// until asks at the pace that a batch has.
func (b *bareRows) until(ctx context.Context, done func() (bool, error)) error {
	for {
		select {
		case <-time.After(b.look):
		case <-ctx.Done():
			return ctx.Err()
		}
		if ok, err := done(); ok || err != nil {
			return err
		}
	}
}

// call makes a control call. A 404 is an answer, too.
func (b *bareRows) call(ctx context.Context, method, url string, header http.Header, ask, into any) (int, error) {
	var body io.Reader
	if ask != nil {
		raw, err := json.Marshal(ask)
		if err != nil {
			return 0, err
		}
		body = bytes.NewReader(raw)
	}
	request, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return 0, err
	}
	request.Header = header.Clone()
	if ask != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	answer, err := b.do(request, http.StatusOK, http.StatusNotFound)
	if err == nil && into != nil {
		err = json.Unmarshal(answer.body, into)
	}
	return answer.status, err
}

type bareAnswer struct {
	status int
	header http.Header
	body   []byte
}

func (b *bareRows) do(request *http.Request, want ...int) (bareAnswer, error) {
	response, err := b.client.Do(request)
	if err != nil {
		return bareAnswer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		return bareAnswer{}, err
	}
	for _, status := range want {
		if response.StatusCode == status {
			return bareAnswer{status, response.Header, raw}, nil
		}
	}
	return bareAnswer{}, fmt.Errorf("%s %s answered %d: %s", request.Method, strings.SplitN(request.URL.String(), "?", 2)[0], response.StatusCode, raw)
}

// summed is a file whose checksums are made as it is read. It is not the file
// itself, which would be sent past them.
type summed struct {
	file          *os.File
	size          int64
	sha, md5, crc hash.Hash
}

func openSummed(path string) (*summed, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	return &summed{file, info.Size(), sha256.New(), md5.New(), crc64.New(crc64.MakeTable(crc64.ECMA))}, nil
}

// Read makes all checksums in the same pass.
func (s *summed) Read(p []byte) (int, error) {
	n, err := s.file.Read(p)
	for _, h := range []hash.Hash{s.sha, s.md5, s.crc} {
		_, _ = h.Write(p[:n])
	}
	return n, err
}

// Close closes the file.
func (s *summed) Close() error { return s.file.Close() }

func (s *summed) etag() string { return `"` + hex.EncodeToString(s.md5.Sum(nil)) + `"` }
