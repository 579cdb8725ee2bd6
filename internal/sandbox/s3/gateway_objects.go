package s3

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/versity/versitygw/s3response"
)

// HeadObject describes an object.
func (b *bucketRouter) HeadObject(ctx context.Context, in *s3.HeadObjectInput) (*s3.HeadObjectOutput, error) {
	r, err := b.find(in.Bucket)
	if err != nil {
		return nil, err
	}
	in.Bucket = &r.folder
	return b.disk.HeadObject(ctx, in)
}

// GetObject opens an object.
func (b *bucketRouter) GetObject(ctx context.Context, in *s3.GetObjectInput) (*s3.GetObjectOutput, error) {
	r, err := b.find(in.Bucket)
	if err != nil {
		return nil, err
	}
	in.Bucket = &r.folder
	return b.disk.GetObject(ctx, in)
}

// DeleteObject removes an object.
func (b *bucketRouter) DeleteObject(ctx context.Context, in *s3.DeleteObjectInput) (*s3.DeleteObjectOutput, error) {
	r, err := b.find(in.Bucket)
	if err != nil {
		return nil, err
	}
	in.Bucket = &r.folder
	return b.disk.DeleteObject(ctx, in)
}

// ListObjects lists a bucket with a marker.
func (b *bucketRouter) ListObjects(ctx context.Context, in *s3.ListObjectsInput) (s3response.ListObjectsResult, error) {
	r, err := b.find(in.Bucket)
	if err != nil {
		return s3response.ListObjectsResult{}, err
	}
	in.Bucket = &r.folder
	out, err := b.disk.ListObjects(ctx, in)
	out.Name = &r.name // the folder's path is nobody's business
	return out, err
}

// ListObjectsV2 lists a bucket with a continuation token.
func (b *bucketRouter) ListObjectsV2(ctx context.Context, in *s3.ListObjectsV2Input) (s3response.ListObjectsV2Result, error) {
	r, err := b.find(in.Bucket)
	if err != nil {
		return s3response.ListObjectsV2Result{}, err
	}
	in.Bucket = &r.folder
	out, err := b.disk.ListObjectsV2(ctx, in)
	out.Name = &r.name
	return out, err
}

// CreateMultipartUpload opens an upload in parts.
func (b *bucketRouter) CreateMultipartUpload(ctx context.Context, in s3response.CreateMultipartUploadInput) (s3response.InitiateMultipartUploadResult, error) {
	r, err := b.find(in.Bucket)
	if err != nil {
		return s3response.InitiateMultipartUploadResult{}, err
	}
	in.Bucket = &r.folder
	out, err := b.disk.CreateMultipartUpload(ctx, in)
	out.Bucket = r.name
	return out, err
}

// CompleteMultipartUpload joins the parts.
func (b *bucketRouter) CompleteMultipartUpload(ctx context.Context, in *s3.CompleteMultipartUploadInput) (s3response.CompleteMultipartUploadResult, string, error) {
	r, err := b.find(in.Bucket)
	if err != nil {
		return s3response.CompleteMultipartUploadResult{}, "", err
	}
	in.Bucket = &r.folder
	out, version, err := b.disk.CompleteMultipartUpload(ctx, in)
	out.Bucket = &r.name
	return out, version, err
}

// AbortMultipartUpload throws the parts away.
func (b *bucketRouter) AbortMultipartUpload(ctx context.Context, in *s3.AbortMultipartUploadInput) error {
	r, err := b.find(in.Bucket)
	if err != nil {
		return err
	}
	in.Bucket = &r.folder
	return b.disk.AbortMultipartUpload(ctx, in)
}

// ListParts lists the parts that have arrived.
func (b *bucketRouter) ListParts(ctx context.Context, in *s3.ListPartsInput) (s3response.ListPartsResult, error) {
	r, err := b.find(in.Bucket)
	if err != nil {
		return s3response.ListPartsResult{}, err
	}
	in.Bucket = &r.folder
	out, err := b.disk.ListParts(ctx, in)
	out.Bucket = r.name
	return out, err
}
