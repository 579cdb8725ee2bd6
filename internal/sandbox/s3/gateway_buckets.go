package s3

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/backend"
	"github.com/versity/versitygw/s3api/middlewares"
	"github.com/versity/versitygw/s3err"
	"github.com/versity/versitygw/s3response"

	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
)

// registered is one bucket of one sandbox.
type registered struct {
	name    string
	folder  string // absolute
	account string // the access key that owns it
	hash    bool   // whether arriving bytes are hashed
	forms   bool   // bodies are files in forms, whose length the gateway only estimates
	arrived func(simulate.Arrival)
}

// bucketRouter is the gateway's backend: it sends each bucket to the folder of
// the sandbox that registered it, and tells that sandbox of every object and
// part that has been stored, before the sender gets its answer.
//
// Only what vendors and sources need is passed on; everything else of S3 is
// refused as not implemented.
type bucketRouter struct {
	backend.BackendUnsupported
	disk backend.Backend

	mu      sync.RWMutex
	buckets map[string]*registered
}

func newBucketRouter(disk backend.Backend) *bucketRouter {
	return &bucketRouter{disk: disk, buckets: map[string]*registered{}}
}

// register makes the bucket's folder where it is missing and serves it from now
// on. A name that is served already belongs to another sandbox.
func (b *bucketRouter) register(r registered) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, taken := b.buckets[r.name]; taken {
		return fmt.Errorf("bucket %q is already served in this process: is the folder in use by another sandbox?", r.name)
	}
	acl, err := json.Marshal(auth.ACL{Owner: r.account, Grantees: []auth.Grantee{
		{Permission: auth.PermissionFullControl, Access: r.account, Type: types.TypeCanonicalUser},
	}})
	if err != nil {
		return fmt.Errorf("describe the owner of bucket %q: %w", r.name, err)
	}
	// The backend takes the owner from the context, where the gateway puts it.
	ctx := context.WithValue(context.Background(), "bucket-owner", auth.Account{Access: r.account}) //nolint:staticcheck // the backend's own key
	err = b.disk.CreateBucket(ctx, &s3.CreateBucketInput{
		Bucket: &r.folder, CreateBucketConfiguration: &types.CreateBucketConfiguration{},
		ObjectOwnership: types.ObjectOwnershipBucketOwnerEnforced,
	}, acl)
	var known s3err.S3Error
	if err != nil && (!errors.As(err, &known) || known.BaseError().Code != "BucketAlreadyOwnedByYou") {
		return fmt.Errorf("create bucket %q in %q (the file system must support extended attributes): %w", r.name, filepath.Dir(r.folder), err)
	}
	b.buckets[r.name] = &r
	return nil
}

func (b *bucketRouter) unregister(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.buckets, name)
}

// find returns the bucket, or S3's answer for one that is not there.
func (b *bucketRouter) find(name *string) (*registered, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if name != nil {
		if r, ok := b.buckets[*name]; ok {
			return r, nil
		}
	}
	return nil, s3err.GetBucketErr(s3err.ErrNoSuchBucket, aws.ToString(name))
}

// String names the backend in the gateway's messages.
func (b *bucketRouter) String() string { return "sandbox" }

// Shutdown closes the folder behind the router.
func (b *bucketRouter) Shutdown() { b.disk.Shutdown() }

// PutObject stores one object and reports its arrival.
func (b *bucketRouter) PutObject(ctx context.Context, in s3response.PutObjectInput) (s3response.PutObjectOutput, error) {
	r, err := b.find(in.Bucket)
	if err != nil {
		return s3response.PutObjectOutput{}, err
	}
	in.Bucket = &r.folder
	m := r.measure(in.Body, in.ContentLength)
	if m != nil {
		in.Body = m
	}
	out, err := b.disk.PutObject(ctx, in)
	if err != nil {
		return out, brokenOff(err, m)
	}
	r.report(m, simulate.Arrival{Bucket: r.name, Key: aws.ToString(in.Key), ETag: strings.Trim(out.ETag, `"`)})
	return out, nil
}

// UploadPart stores one part and reports its arrival.
func (b *bucketRouter) UploadPart(ctx context.Context, in *s3.UploadPartInput) (*s3.UploadPartOutput, error) {
	r, err := b.find(in.Bucket)
	if err != nil {
		return nil, err
	}
	in.Bucket = &r.folder
	m := r.measure(in.Body, in.ContentLength)
	if m != nil {
		in.Body = m
	}
	out, err := b.disk.UploadPart(ctx, in)
	if err != nil {
		return out, brokenOff(err, m)
	}
	part := 0
	if in.PartNumber != nil {
		part = int(*in.PartNumber)
	}
	r.report(m, simulate.Arrival{
		Bucket: r.name, Key: aws.ToString(in.Key), UploadID: aws.ToString(in.UploadId), Part: part, ETag: strings.Trim(aws.ToString(out.ETag), `"`),
	})
	return out, nil
}

// measure wraps a body that is hashed on its way, or returns nil: bodies that
// carry their checksum behind them must reach the backend as they are.
func (r *registered) measure(body io.Reader, length *int64) *simulate.MeasuredReader {
	if r.arrived == nil || body == nil {
		return nil
	}
	if _, trailing := body.(middlewares.ChecksumReader); trailing {
		return nil
	}
	o := simulate.Measure{SHA256: r.hash}
	if length != nil && !r.forms {
		o.Want = *length // the backend would take a body that breaks off for a whole one
	}
	return simulate.NewMeasuredReader(body, o)
}

func (r *registered) report(m *simulate.MeasuredReader, a simulate.Arrival) {
	if m == nil {
		return
	}
	a.Content = m.Content()
	// The gateway's strings lie in a buffer that the next request overwrites, and what
	// hears of an arrival keeps them.
	a.Key, a.UploadID = strings.Clone(a.Key), strings.Clone(a.UploadID)
	r.arrived(a)
}

// brokenOff turns a body that broke off into S3's own answer; the gateway would
// call it an internal error and print it.
func brokenOff(err error, m *simulate.MeasuredReader) error {
	var known s3err.S3Error
	if errors.As(err, &known) || m == nil || m.Failed() == nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return s3err.GetAPIError(s3err.ErrIncompleteBody)
}

// GetBucketAcl tells the gateway who owns the bucket.
func (b *bucketRouter) GetBucketAcl(ctx context.Context, in *s3.GetBucketAclInput) ([]byte, error) { //nolint:revive // the backend's interface names it
	r, err := b.find(in.Bucket)
	if err != nil {
		return nil, err
	}
	return b.disk.GetBucketAcl(ctx, &s3.GetBucketAclInput{Bucket: &r.folder})
}

// HeadBucket says whether the bucket is there.
func (b *bucketRouter) HeadBucket(_ context.Context, in *s3.HeadBucketInput) (*s3.HeadBucketOutput, error) {
	if _, err := b.find(in.Bucket); err != nil {
		return nil, err
	}
	return &s3.HeadBucketOutput{}, nil
}

// GetBucketPolicy answers that no bucket has a policy.
func (b *bucketRouter) GetBucketPolicy(_ context.Context, bucket string) ([]byte, error) {
	return nil, s3err.GetBucketErr(s3err.ErrNoSuchBucketPolicy, bucket)
}

// GetBucketCors answers that no bucket has rules for browsers.
func (b *bucketRouter) GetBucketCors(_ context.Context, bucket string) ([]byte, error) {
	return nil, s3err.GetBucketErr(s3err.ErrNoSuchCORSConfiguration, bucket)
}

// GetObjectLockConfiguration answers that no bucket locks its objects.
func (b *bucketRouter) GetObjectLockConfiguration(_ context.Context, bucket string) ([]byte, error) {
	return nil, s3err.GetBucketErr(s3err.ErrObjectLockConfigurationNotFound, bucket)
}
