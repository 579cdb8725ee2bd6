package sources

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/endpoint"
)

// S3Options configure the store of s3: sources. Credentials come from AWS's default
// chain: environment, profile, web identity, the machine's role.
type S3Options struct {
	Endpoint  string // of a store other than AWS; "": AWS_ENDPOINT_URL_S3, or AWS
	Region    string // "": from the environment or the profile
	PathStyle bool   // the bucket is in the path instead of the host name
}

// s3Store reads s3: sources. It always uses credentials: public objects can be read
// by their https: URL instead.
type s3Store struct {
	options S3Options
	egress  *egress.Egress
	private bool

	mu      sync.Mutex
	client  *s3.Client
	custom  bool              // the endpoint is not AWS
	regions map[string]string // of buckets that are in another region
}

func newS3(o S3Options, e *egress.Egress, private bool) *s3Store {
	return &s3Store{options: o, egress: e, private: private, regions: map[string]string{}}
}

func (s *s3Store) place(u *url.URL) (place, error) {
	bucket, key, version, err := objectPlace(u)
	if err != nil {
		return nil, err
	}
	return remotePlace{&s3Object{store: s, bucket: bucket, key: key, version: version}}, nil
}

// connect returns the client, and checks that there are credentials: the SDK reports
// missing credentials as a failed request.
func (s *s3Store) connect(ctx context.Context) (*s3.Client, error) {
	client, err := s.configured(ctx)
	if err != nil {
		return nil, err
	}
	keys := client.Options().Credentials
	if keys == nil {
		return nil, keyless(nil)
	}
	if _, err := keys.Retrieve(ctx); err != nil { // cached until they expire
		if ctx.Err() != nil {
			return nil, network(ctx.Err())
		}
		return nil, keyless(err)
	}
	return client, nil
}

// configured makes the client once. After a failure the configuration is read again
// the next time, because it may have been corrected.
func (s *s3Store) configured(ctx context.Context) (*s3.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client == nil {
		if err := s.configure(ctx); err != nil {
			return nil, err
		}
	}
	return s.client, nil
}

func keyless(cause error) *trouble {
	t := unready("cannot be read: AWS credentials are missing").
		hint("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; for a public object, use its https: URL")
	t.cause = cause
	return t
}

func (s *s3Store) configure(ctx context.Context) error {
	options := []func(*config.LoadOptions) error{
		config.WithLogger(logging.Nop{}),
		config.WithRetryer(func() aws.Retryer { return aws.NopRetryer{} }), // the caller decides about retries
	}
	if s.options.Region != "" {
		options = append(options, config.WithRegion(s.options.Region))
	}
	// Requests for credentials go where the environment says, such as the machine's
	// metadata address; the policy is about sources only.
	c, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return unready("cannot be read: the AWS configuration is invalid: %s", egress.Cause(err)).hint("check AWS_PROFILE and the files in ~/.aws")
	}
	custom := false
	client := s3.NewFromConfig(c, func(o *s3.Options) {
		if s.options.Endpoint != "" {
			o.BaseEndpoint = aws.String(endpoint.URL(s.options.Endpoint))
		}
		custom = aws.ToString(o.BaseEndpoint) != ""
		if custom && o.Region == "" {
			o.Region = endpoint.Region
		}
		o.UsePathStyle = o.UsePathStyle || s.options.PathStyle
		o.HTTPClient = s.egress.Objects(endpoint.Policy(aws.ToString(o.BaseEndpoint), s.private))
		// Ranges have no checksums to validate; the checksum of the whole is
		// compared later.
		o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
	})
	if client.Options().Region == "" {
		return unready("cannot be read: the AWS region is not set").hint("set sources.s3.region or AWS_REGION")
	}
	s.client, s.custom = client, custom
	return nil
}

// s3Object is one object.
type s3Object struct {
	store                *s3Store
	bucket, key, version string
}

func (o *s3Object) name() string { return path.Base(o.key) }

func (o *s3Object) head(ctx context.Context) (object, error) {
	in := &s3.HeadObjectInput{Bucket: &o.bucket, Key: &o.key, VersionId: optional(o.version)}
	var out *s3.HeadObjectOutput
	err := o.call(ctx, func(client *s3.Client, region func(*s3.Options)) (err error) {
		out, err = client.HeadObject(ctx, in, region)
		return err
	})
	if err != nil {
		return object{}, err
	}
	return object{
		size: aws.ToInt64(out.ContentLength), etag: aws.ToString(out.ETag), modified: httpTime(out.LastModified),
		kind: aws.ToString(out.ContentType),
	}, nil
}

func (o *s3Object) get(ctx context.Context, want span, pin object) (object, io.ReadCloser, error) {
	// A version is requested only if the source names it: reading by version needs a
	// permission of its own.
	in := &s3.GetObjectInput{
		Bucket: &o.bucket, Key: &o.key, VersionId: optional(o.version),
		Range: optional(want.header()), IfMatch: optional(pin.etag),
	}
	var out *s3.GetObjectOutput
	err := o.call(ctx, func(client *s3.Client, region func(*s3.Options)) (err error) {
		out, err = client.GetObject(ctx, in, region)
		return err
	})
	if err != nil {
		return object{}, nil, err
	}
	length := int64(-1)
	if out.ContentLength != nil {
		length = *out.ContentLength
	}
	size, partial, err := answer{contentRange: aws.ToString(out.ContentRange), length: length}.measure(want)
	if err != nil {
		_ = out.Body.Close() // it is of no use
		return object{}, nil, err
	}
	return object{
		size: size, partial: partial, etag: aws.ToString(out.ETag), modified: httpTime(out.LastModified),
		kind: aws.ToString(out.ContentType),
	}, out.Body, nil
}

// call makes one request, and a second one if AWS says that the bucket is in another
// region.
func (o *s3Object) call(ctx context.Context, do func(*s3.Client, func(*s3.Options)) error) error {
	client, err := o.store.connect(ctx)
	if err != nil {
		return err
	}
	err = do(client, o.store.region(o.bucket))
	if o.store.moved(o.bucket, err) {
		err = do(client, o.store.region(o.bucket))
	}
	if err != nil {
		return s3Trouble(err)
	}
	return nil
}

// region is an option for calls about a bucket.
func (s *s3Store) region(bucket string) func(*s3.Options) {
	s.mu.Lock()
	defer s.mu.Unlock()
	region := s.regions[bucket]
	return func(o *s3.Options) {
		if region != "" {
			o.Region = region
		}
	}
}

// moved records the region that a refusal names, and reports whether it is new.
func (s *s3Store) moved(bucket string, err error) bool {
	var answered *awshttp.ResponseError
	if !errors.As(err, &answered) || answered.Response == nil {
		return false
	}
	switch answered.HTTPStatusCode() {
	case http.StatusMovedPermanently, http.StatusTemporaryRedirect, http.StatusBadRequest:
	default:
		return false
	}
	region := answered.Response.Header.Get("X-Amz-Bucket-Region")
	s.mu.Lock()
	defer s.mu.Unlock()
	if region == "" || s.custom || region == s.regions[bucket] {
		return false
	}
	s.regions[bucket] = region
	return true
}

// s3Trouble converts an error of the SDK, whose own text contains whole URLs.
func s3Trouble(err error) error {
	var answered *awshttp.ResponseError
	if !errors.As(err, &answered) || answered.Response == nil || answered.HTTPStatusCode() == 0 {
		var unsent *smithyhttp.RequestSendError
		if errors.As(err, &unsent) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			return network(err)
		}
		return unready("cannot be requested: %s", egress.Cause(err))
	}
	r := refusal{
		status: answered.HTTPStatusCode(), requestID: answered.ServiceRequestID(), cause: err,
		retryAfter: egress.RetryAfter(answered.Response.Header, time.Now()),
	}
	var said smithy.APIError
	if errors.As(err, &said) && said.ErrorCode() != http.StatusText(r.status) {
		r.code, r.message = said.ErrorCode(), strings.TrimSuffix(said.ErrorMessage(), ".")
	}
	return r.trouble()
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// httpTime formats a time for an HTTP header.
func httpTime(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(http.TimeFormat)
}
