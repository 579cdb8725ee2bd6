package sandbox

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
)

// s3Store is the store on the process's S3 gateway.
type s3Store struct {
	*signer
	s       *Sandbox
	gateway *gateway
	own     *s3.Client // the vendors' access, past the front
	buckets map[string]*bucketHost
}

func newS3Store(ctx context.Context, s *Sandbox) (*s3Store, error) {
	g, err := process.acquire(ctx)
	if err != nil {
		return nil, err
	}
	endpoint := s.storage
	if s.opts.DirectStorage {
		endpoint = "http://" + g.address
	}
	st := &s3Store{
		signer: newSigner(endpoint, s.identity.S3Access, s.identity.S3Secret, s.bucketName),
		s:      s, gateway: g, buckets: map[string]*bucketHost{},
	}
	over := &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return g.dial(ctx) },
	}}
	st.own = newS3Client("http://storage.internal", s.identity.S3Access, s.identity.S3Secret, over)
	g.keys.add(s.identity.S3Access, s.identity.S3Secret)
	for _, vendor := range bucketVendors() {
		if err := st.serveBucketOf(vendor); err != nil {
			st.close()
			return nil, err
		}
	}
	return st, nil
}

func (st *s3Store) serveBucketOf(vendor string) error {
	name := st.s.bucketName(vendor)
	r := registered{
		name: name, folder: filepath.Join(st.s.dir, "s3", name), account: st.s.identity.S3Access,
		hash: !st.s.opts.SkipSHA256, forms: vendor == "sitoo",
	}
	if vendor != "s3" {
		r.arrived = func(a arrival) { st.s.arrived(vendor, a) }
	}
	if err := st.gateway.backend.register(r); err != nil {
		return err
	}
	st.buckets[name] = &bucketHost{name: name, vendor: vendor}
	return nil
}

func (st *s3Store) hosts() map[string]*bucketHost { return st.buckets }

// reset has nothing to forget: the vendors remove their objects themselves.
func (st *s3Store) reset() {}

func (st *s3Store) close() {
	for name := range st.buckets {
		st.gateway.backend.unregister(name)
	}
	st.gateway.keys.remove(st.s.identity.S3Access)
	if t, ok := st.own.Options().HTTPClient.(*http.Client); ok {
		t.CloseIdleConnections()
	}
	process.release()
}

func (st *s3Store) begin(ctx context.Context, vendor, key, contentType string) (string, error) {
	out, err := st.own.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
		Bucket: aws.String(st.bucket(vendor)), Key: aws.String(key), ContentType: aws.String(contentType),
	})
	if err != nil {
		return "", asStoreError(err)
	}
	return aws.ToString(out.UploadId), nil
}

func (st *s3Store) finish(ctx context.Context, vendor, key, uploadID string, parts []claimedPart) (string, error) {
	list := make([]types.CompletedPart, 0, len(parts))
	for _, p := range parts {
		list = append(list, types.CompletedPart{PartNumber: aws.Int32(int32(p.number)), ETag: aws.String(p.etag)})
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

func (st *s3Store) stored(ctx context.Context, vendor, key, uploadID string) (map[int]storedPart, error) {
	found := map[int]storedPart{}
	pages := s3.NewListPartsPaginator(st.own, &s3.ListPartsInput{
		Bucket: aws.String(st.bucket(vendor)), Key: aws.String(key), UploadId: aws.String(uploadID),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, asStoreError(err)
		}
		for _, p := range page.Parts {
			found[int(aws.ToInt32(p.PartNumber))] = storedPart{etag: strings.Trim(aws.ToString(p.ETag), `"`), size: aws.ToInt64(p.Size)}
		}
	}
	return found, nil
}

func (st *s3Store) abort(ctx context.Context, vendor, key, uploadID string) error {
	_, err := st.own.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
		Bucket: aws.String(st.bucket(vendor)), Key: aws.String(key), UploadId: aws.String(uploadID),
	})
	return asStoreError(err)
}

// asStoreError keeps S3's code and words, and nothing of the SDK's.
func asStoreError(err error) error {
	var api smithy.APIError
	if errors.As(err, &api) {
		return &storeError{code: api.ErrorCode(), message: api.ErrorMessage()}
	}
	return err
}

// open reads the file behind an object: the sandbox owns the disk.
func (st *s3Store) open(vendor, key string) (io.ReadSeekCloser, int64, error) {
	path := filepath.Join(st.s.dir, "s3", st.bucket(vendor), filepath.FromSlash(key))
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

func (st *s3Store) remove(vendor, key string) {
	_ = os.Remove(filepath.Join(st.s.dir, "s3", st.bucket(vendor), filepath.FromSlash(key)))
}

// smallBody is what is read before it goes on to the gateway, which reads the
// beginning of a body before it looks at the request and calls it an error of its
// own, on standard error, where that breaks off.
const smallBody = 64 << 10

// serve sends a client's request on to the gateway as it came, and the gateway's
// answer back.
func (st *s3Store) serve(c *call, b *bucketHost) *answer {
	body := io.Reader(c.body)
	if c.r.Method == http.MethodPost && b.vendor == "sitoo" {
		if h, err := headOf(c); err == nil {
			names := followParts(h.boundary)
			body = io.TeeReader(c.body, names)
			defer func() { c.checkFileLast(names.end()) }()
		}
	}
	if n := c.r.ContentLength; n > 0 && n <= smallBody {
		whole, err := io.ReadAll(body)
		if err != nil {
			return refuseS3(c, refusal{status: http.StatusBadRequest, code: "IncompleteBody"})
		}
		body = bytes.NewReader(whole)
	}
	a, err := st.forward(c, body)
	if err != nil {
		if c.ctx().Err() == nil {
			st.s.log.Sugar().Warnw("storage gave no answer", "error", err)
		}
		return refuseS3(c, refusal{status: http.StatusInternalServerError})
	}
	return a
}

// forwardBuffer is how much of a body is on its way between front and gateway.
const forwardBuffer = 64 << 10

// forward is an HTTP client of one request. It reads the answer even where the
// gateway has stopped reading the request: net/http gives up then, and the
// client would see a cut connection instead of the reason.
func (st *s3Store) forward(c *call, body io.Reader) (*answer, error) {
	conn, err := st.gateway.dial(c.ctx())
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(c.ctx(), func() { _ = conn.Close() })
	out := c.r.Clone(c.ctx())
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
		if err := errors.Join(out.Write(w), w.Flush()); err != nil && c.bodyBroke() {
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
	a := &answer{status: res.StatusCode, header: res.Header}
	a.header.Del("Connection")
	a.header.Del("Date")
	a.header.Set("Server", "AmazonS3")
	a.stream = func(w io.Writer) error {
		_, err := io.Copy(w, res.Body)
		return err
	}
	a.done = func() {
		stop()
		_ = conn.Close()
		<-sent
	}
	return st.buffered(c, a, res)
}

// buffered takes a small answer into memory, so that it can be looked at and the
// connection is free before the client has it. What is left of a refused body is
// read, so that the client gets to the answer.
func (st *s3Store) buffered(c *call, a *answer, res *http.Response) (*answer, error) {
	if c.r.Method == http.MethodGet || c.r.Method == http.MethodHead {
		if res.ContentLength >= 0 {
			a.header.Set("Content-Length", fmt.Sprint(res.ContentLength))
		}
		return a, nil
	}
	body, err := io.ReadAll(res.Body)
	a.done()
	c.drain()
	if err != nil {
		return nil, fmt.Errorf("read the S3 gateway's answer: %w", err)
	}
	return &answer{status: a.status, header: a.header, body: body}, nil
}

// bodyBroke says that the client's body ended in an error.
func (c *call) bodyBroke() bool { return c.r.ContentLength >= 0 && c.body.n < c.r.ContentLength }

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
