package s3

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
)

// gatewayStore is the store on the process's S3 gateway.
type gatewayStore struct {
	*signer
	s       *Storage
	gateway *gateway
	own     *s3.Client // the vendors' access, past the front
	buckets map[string]*bucketHost
}

func newGatewayStore(ctx context.Context, s *Storage) (*gatewayStore, error) {
	g, err := process.acquire(ctx)
	if err != nil {
		return nil, err
	}
	endpoint, id := s.w.StorageURL, s.w.Identity
	if s.w.Direct {
		endpoint = "http://" + g.address
	}
	st := &gatewayStore{
		signer: newSigner(endpoint, id.S3Access, id.S3Secret, s.BucketName),
		s:      s, gateway: g, buckets: map[string]*bucketHost{},
	}
	over := &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return g.dial(ctx) },
	}}
	st.own = newClient("http://storage.internal", id.S3Access, id.S3Secret, over)
	g.keys.add(id.S3Access, id.S3Secret)
	for _, vendor := range s.names {
		if err := st.serveBucketOf(vendor); err != nil {
			st.Close()
			return nil, err
		}
	}
	return st, nil
}

func (st *gatewayStore) serveBucketOf(vendor string) error {
	b := st.s.host(vendor)
	r := registered{
		name: b.name, folder: filepath.Join(st.s.w.Dir, "s3", b.name), account: st.s.w.Identity.S3Access,
		hash: !st.s.w.SkipSHA256,
	}
	if b.Bucket != nil {
		r.forms = b.Form
		r.arrived = func(a simulate.Arrival) { st.s.tell(vendor, a) }
	}
	if err := st.gateway.backend.register(r); err != nil {
		return err
	}
	st.buckets[b.name] = b
	return nil
}

func (st *gatewayStore) Hosts() map[string]*bucketHost { return st.buckets }

// Reset has nothing to forget: the vendors remove their objects themselves.
func (st *gatewayStore) Reset() {}

func (st *gatewayStore) Close() {
	for name := range st.buckets {
		st.gateway.backend.unregister(name)
	}
	st.gateway.keys.remove(st.s.w.Identity.S3Access)
	if t, ok := st.own.Options().HTTPClient.(*http.Client); ok {
		t.CloseIdleConnections()
	}
	process.release()
}

func (st *gatewayStore) Begin(ctx context.Context, vendor, key, contentType string) (string, error) {
	out, err := st.own.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
		Bucket: aws.String(st.bucket(vendor)), Key: aws.String(key), ContentType: aws.String(contentType),
	})
	if err != nil {
		return "", asStoreError(err)
	}
	return aws.ToString(out.UploadId), nil
}

func (st *gatewayStore) Finish(ctx context.Context, vendor, key, uploadID string, parts []simulate.ClaimedPart) (string, error) {
	list := make([]types.CompletedPart, 0, len(parts))
	for _, p := range parts {
		list = append(list, types.CompletedPart{PartNumber: aws.Int32(int32(p.Number)), ETag: aws.String(p.ETag)})
	}
	out, err := st.own.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: aws.String(st.bucket(vendor)), Key: aws.String(key), UploadId: aws.String(uploadID),
		MultipartUpload: &types.CompletedMultipartUpload{Parts: list},
	})
	if err != nil {
		return "", asStoreError(err)
	}
	return strings.Trim(aws.ToString(out.ETag), `"`), nil
}

func (st *gatewayStore) Stored(ctx context.Context, vendor, key, uploadID string) (map[int]simulate.StoredPart, error) {
	found := map[int]simulate.StoredPart{}
	pages := s3.NewListPartsPaginator(st.own, &s3.ListPartsInput{
		Bucket: aws.String(st.bucket(vendor)), Key: aws.String(key), UploadId: aws.String(uploadID),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, asStoreError(err)
		}
		for _, p := range page.Parts {
			found[int(aws.ToInt32(p.PartNumber))] = simulate.StoredPart{ETag: strings.Trim(aws.ToString(p.ETag), `"`), Size: aws.ToInt64(p.Size)}
		}
	}
	return found, nil
}

func (st *gatewayStore) Abort(ctx context.Context, vendor, key, uploadID string) error {
	_, err := st.own.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
		Bucket: aws.String(st.bucket(vendor)), Key: aws.String(key), UploadId: aws.String(uploadID),
	})
	return asStoreError(err)
}

// asStoreError keeps S3's code and words, and nothing of the SDK's.
func asStoreError(err error) error {
	var api smithy.APIError
	if errors.As(err, &api) {
		return &simulate.StoreError{Code: api.ErrorCode(), Message: api.ErrorMessage()}
	}
	return err
}

// Open reads the file behind an object: the sandbox owns the disk.
func (st *gatewayStore) Open(vendor, key string) (io.ReadSeekCloser, int64, error) {
	path := filepath.Join(st.s.w.Dir, "s3", st.bucket(vendor), filepath.FromSlash(key))
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil || info.IsDir() {
		return nil, 0, errors.Join(os.ErrNotExist, f.Close())
	}
	return f, info.Size(), nil
}

func (st *gatewayStore) Remove(vendor, key string) {
	_ = os.Remove(filepath.Join(st.s.w.Dir, "s3", st.bucket(vendor), filepath.FromSlash(key)))
}

// smallBody is what is read before it goes on to the gateway, which reads the
// beginning of a body before it looks at the request and calls it an error of its
// own, on standard error, where that breaks off.
const smallBody = 64 << 10

// Serve sends a client's request on to the gateway as it came, and the gateway's
// answer back.
func (st *gatewayStore) Serve(c *simulate.Call, b *bucketHost) *simulate.Answer {
	body := io.Reader(c.Body)
	if c.HTTP.Method == http.MethodPost && b.Bucket != nil && b.Form {
		if h, err := simulate.HeadOf(c); err == nil {
			names := followParts(h.Boundary)
			body = io.TeeReader(c.Body, names)
			defer func() { c.CheckFileLast(names.end()) }()
		}
	}
	if n := c.HTTP.ContentLength; n > 0 && n <= smallBody {
		whole, err := io.ReadAll(body)
		if err != nil {
			return Refuse(c, simulate.Refusal{Status: http.StatusBadRequest, Code: "IncompleteBody"})
		}
		body = bytes.NewReader(whole)
	}
	a, err := st.forward(c, body)
	if err != nil {
		if c.Context().Err() == nil {
			st.s.w.Log.Sugar().Warnw("storage gave no answer", "error", err)
		}
		return Refuse(c, simulate.Refusal{Status: http.StatusInternalServerError})
	}
	return a
}

// forwardBuffer is how much of a body is on its way between front and gateway.
const forwardBuffer = 64 << 10

// forward is an HTTP client of one request. It reads the answer even where the
// gateway has stopped reading the request: net/http gives up then, and the
// client would see a cut connection instead of the reason.
func (st *gatewayStore) forward(c *simulate.Call, body io.Reader) (*simulate.Answer, error) {
	conn, err := st.gateway.dial(c.Context())
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(c.Context(), func() { _ = conn.Close() })
	out := c.HTTP.Clone(c.Context())
	out.Body, out.Close = io.NopCloser(body), true
	out.Header.Del("Expect") // the front has asked for the body already
	if out.ContentLength == 0 {
		out.Body = http.NoBody
	}
	if _, named := out.Header["User-Agent"]; !named {
		out.Header["User-Agent"] = []string{""} // net/http would put itself there
	}
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		w := bufio.NewWriterSize(conn, forwardBuffer)
		if err := errors.Join(out.Write(w), w.Flush()); err != nil && c.BodyBroke() {
			_ = conn.Close() // the client broke off: so must the gateway see it
		}
	}()
	res, err := readAnswer(conn, out) //nolint:bodyclose // whoever gets the answer closes it
	if err != nil {
		stop()
		_ = conn.Close()
		<-sent
		return nil, fmt.Errorf("ask the S3 gateway: %w", err)
	}
	a := &simulate.Answer{Status: res.StatusCode, Header: res.Header}
	a.Header.Del("Connection")
	a.Header.Del("Date")
	a.Header.Set("Server", "AmazonS3")
	a.Stream = func(w io.Writer) error {
		_, err := io.Copy(w, res.Body)
		return err
	}
	a.Done = func() {
		stop()
		_ = conn.Close()
		<-sent
	}
	return st.buffered(c, a, res)
}

// buffered takes a small answer into memory, so that it can be looked at and the
// connection is free before the client has it. What is left of a refused body is
// read, so that the client gets to the answer.
func (st *gatewayStore) buffered(c *simulate.Call, a *simulate.Answer, res *http.Response) (*simulate.Answer, error) {
	if c.HTTP.Method == http.MethodGet || c.HTTP.Method == http.MethodHead {
		if res.ContentLength >= 0 {
			a.Header.Set("Content-Length", fmt.Sprint(res.ContentLength))
		}
		return a, nil
	}
	body, err := io.ReadAll(res.Body)
	a.Done()
	c.Drain()
	if err != nil {
		return nil, fmt.Errorf("read the S3 gateway's answer: %w", err)
	}
	return &simulate.Answer{Status: a.Status, Header: a.Header, Body: body}, nil
}

// readAnswer skips what is said before the answer proper.
func readAnswer(conn net.Conn, req *http.Request) (*http.Response, error) {
	r := bufio.NewReader(conn)
	for {
		res, err := http.ReadResponse(r, req)
		if err != nil || res.StatusCode >= 200 {
			return res, err
		}
	}
}
