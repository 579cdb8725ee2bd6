package sources

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aliyun/aliyun-oss-go-sdk/oss"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/endpoint"
)

// OSSOptions configure the store of oss: sources and its access key. They have no
// defaults.
type OSSOptions struct {
	Endpoint        string // https://oss-REGION.aliyuncs.com
	AccessKeyID     string
	AccessKeySecret string
}

// ossStore reads oss: sources.
type ossStore struct {
	options OSSOptions
	http    *http.Client

	mu     sync.Mutex
	client *oss.Client
}

func newOSS(o OSSOptions, e *egress.Egress, private bool) *ossStore {
	if o.Endpoint != "" {
		o.Endpoint = endpoint.URL(o.Endpoint) // the SDK would use http:
	}
	client := *e.Objects(endpoint.Policy(o.Endpoint, private))
	client.Transport = noting{client.Transport}
	return &ossStore{options: o, http: &client}
}

func (s *ossStore) place(u *url.URL) (place, error) {
	bucket, key, version, err := objectPlace(u)
	if err != nil {
		return nil, err
	}
	client, err := s.connect()
	if err != nil {
		return nil, err
	}
	in, err := client.Bucket(bucket)
	if err != nil {
		return nil, unfit("has an invalid bucket name: %s", err.Error())
	}
	return remotePlace{&ossObject{bucket: in, key: key, version: version}}, nil
}

func (s *ossStore) connect() (*oss.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client != nil {
		return s.client, nil
	}
	o := s.options
	switch u, err := url.Parse(o.Endpoint); {
	case o.Endpoint == "":
		return nil, unready("cannot be read: the OSS endpoint is not set").
			hint("set sources.oss.endpoint to the endpoint of the bucket's region, for example https://oss-cn-hangzhou.aliyuncs.com")
	case err != nil || u.Host == "":
		return nil, unready("cannot be read: sources.oss.endpoint must be a URL, got %q", egress.Redact(o.Endpoint))
	case o.AccessKeyID == "" || o.AccessKeySecret == "":
		return nil, unready("cannot be read: OSS credentials are missing").
			hint("set sources.oss.access_key_id and sources.oss.access_key_secret")
	}
	options := []oss.ClientOption{oss.HTTPClient(s.http), oss.EnableCRC(false)} // checksums are computed by the transfer
	if region := endpoint.OSSRegion(o.Endpoint); region != "" {
		// Accounts created since 2025 cannot use version 1 of the signature
		// (Alibaba's notice on its discontinuation). Version 4 needs a region.
		options = append(options, oss.AuthVersion(oss.AuthV4), oss.Region(region))
	}
	client, err := oss.New(o.Endpoint, o.AccessKeyID, o.AccessKeySecret, options...)
	if err != nil {
		return nil, unready("cannot be read: %s", egress.Redact(err.Error()))
	}
	s.client = client
	return client, nil
}

// ossObject is one object.
type ossObject struct {
	bucket       *oss.Bucket
	key, version string
}

func (o *ossObject) name() string { return path.Base(o.key) }

func (o *ossObject) head(ctx context.Context) (object, error) {
	ctx, note := withNote(ctx)
	h, err := o.bucket.GetObjectDetailedMeta(o.key, o.options(ctx)...)
	if err != nil {
		return object{}, ossTrouble(err, note)
	}
	size, err := strconv.ParseInt(h.Get("Content-Length"), 10, 64)
	if err != nil {
		return object{}, lost("has no known size")
	}
	return ossDescribe(h, size), nil
}

func (o *ossObject) get(ctx context.Context, want span, pin object) (object, io.ReadCloser, error) {
	ctx, note := withNote(ctx)
	options := o.options(ctx)
	if !want.whole {
		// Without the second option, OSS returns the whole object for a range beyond
		// its end.
		options = append(options, oss.Range(want.offset, want.offset+want.size-1), oss.RangeBehavior("standard"))
	}
	if pin.etag != "" {
		options = append(options, oss.IfMatch(pin.etag))
	}
	result, err := o.bucket.DoGetObject(&oss.GetObjectRequest{ObjectKey: o.key}, options)
	if err != nil {
		return object{}, nil, ossTrouble(err, note)
	}
	h, length := result.Response.Headers, int64(-1)
	if told, err := strconv.ParseInt(h.Get("Content-Length"), 10, 64); err == nil {
		length = told
	}
	size, partial, err := answer{contentRange: h.Get("Content-Range"), length: length}.measure(want)
	if err != nil {
		_ = result.Response.Close() // it is of no use
		return object{}, nil, err
	}
	is := ossDescribe(h, size)
	is.partial = partial
	return is, result.Response, nil
}

func (o *ossObject) options(ctx context.Context) []oss.Option {
	options := []oss.Option{oss.WithContext(ctx), oss.AcceptEncoding("identity")}
	if o.version != "" {
		options = append(options, oss.VersionId(o.version))
	}
	return options
}

func ossDescribe(h http.Header, size int64) object {
	return object{
		size: size, etag: h.Get("ETag"), modified: h.Get("Last-Modified"), kind: h.Get("Content-Type"),
	}
}

// ossTrouble converts an error of the SDK, which drops the status of responses
// without an XML body.
func ossTrouble(err error, note *note) error {
	header := http.Header{}
	r := refusal{cause: err}
	if response := note.response; response != nil {
		header, r.status = response.Header, response.StatusCode
	}
	var said oss.ServiceError
	if errors.As(err, &said) {
		r.status, r.code, r.message, r.requestID = said.StatusCode, said.Code, strings.TrimSuffix(said.Message, "."), said.RequestID
	}
	if r.status < 300 {
		return network(err)
	}
	if r.requestID == "" {
		r.requestID = header.Get("X-Oss-Request-Id")
	}
	r.retryAfter = egress.RetryAfter(header, time.Now())
	return r.trouble()
}

// note keeps the response to a request that is made with its context.
type note struct{ response *http.Response }

type noteKey struct{}

func withNote(ctx context.Context) (context.Context, *note) {
	n := &note{}
	return context.WithValue(ctx, noteKey{}, n), n
}

// noting records responses in the notes of their requests' contexts.
type noting struct{ next http.RoundTripper }

func (n noting) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := n.next.RoundTrip(r)
	if note, ok := r.Context().Value(noteKey{}).(*note); ok && err == nil {
		note.response = response
	}
	return response, err
}
