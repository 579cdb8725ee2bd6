package simulate

import (
	"context"
	"io"
)

// Store is the object storage behind the vendors that have a bucket in S3: grants
// for clients, and the vendors' own access. Objects are named by their vendor and
// key.
type Store interface {
	Granter

	// Begin opens an upload in parts and returns its ID.
	Begin(ctx context.Context, vendor, key, contentType string) (string, error)
	// Finish joins the parts in the order given and returns the object's ETag.
	Finish(ctx context.Context, vendor, key, uploadID string, parts []ClaimedPart) (string, error)
	// Stored lists the parts that have arrived, by number.
	Stored(ctx context.Context, vendor, key, uploadID string) (map[int]StoredPart, error)
	// Abort throws the parts away.
	Abort(ctx context.Context, vendor, key, uploadID string) error
	// Open gives an object's bytes, and ErrNotExist where there are none.
	Open(vendor, key string) (io.ReadSeekCloser, int64, error)
	// Remove takes an object away.
	Remove(vendor, key string)
	// Settle makes up for an arrival that was cut off from its bookkeeping by the
	// end of the process: the object is read as if it came in now.
	Settle(vendor, key string)
	// BucketName is the name of a vendor's bucket, the first segment of its paths.
	BucketName(vendor string) string
}

// Granter makes what clients are given to send bytes with.
type Granter interface {
	PresignPut(ctx context.Context, vendor, key, contentType string, life Duration) (Grant, error)
	PresignPart(ctx context.Context, vendor string, p PartOf, life Duration) (Grant, error)
	PostForm(vendor, key, contentType string, maxBytes int64, life Duration) (form PostForm, err error)
}

// PartOf names a part of an upload in parts.
type PartOf struct {
	Key, UploadID string
	Number        int
}

// Grant is a presigned URL; stamp is the X-Amz-Date in it, by which the front
// finds out how old it is.
type Grant struct{ URL, Stamp string }

// PostForm is what a client sends an S3 form with.
type PostForm struct {
	URL    string
	Fields map[string]string
	Stamp  string
}

// ClaimedPart is a part as the client lists it when it completes an upload.
type ClaimedPart struct {
	Number int
	ETag   string
}

// StoredPart is a part as storage has it.
type StoredPart struct {
	ETag string
	Size int64
}

// StoreError is what storage answered to a vendor.
type StoreError struct{ Code, Message string }

// Error gives the code and the words.
func (e *StoreError) Error() string { return e.Code + ": " + e.Message }
