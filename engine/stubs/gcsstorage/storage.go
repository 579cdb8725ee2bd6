// Package storage refuses to archive in Google Cloud Storage. It stands in for
// the package of the same path and declares what the Temporal server's archiver
// compiles against: that archiver is not part of the embedded engine, which
// archives nothing.
package storage

import (
	"context"
	"errors"
)

// ScopeFullControl would be the scope of the credentials.
const ScopeFullControl = ""

var errNotPart = errors.New("archiving in Google Cloud Storage is not part of the embedded engine")

// Client cannot be made, so nothing below is ever called.
type Client struct{}

// NewClient fails.
func NewClient(context.Context, ...any) (*Client, error) { return nil, errNotPart }

// Bucket returns a bucket that fails.
func (*Client) Bucket(string) *BucketHandle { return nil }

type (
	// BucketHandle stands for a bucket.
	BucketHandle struct{}
	// BucketAttrs would describe a bucket.
	BucketAttrs struct{}
	// Query would select objects.
	Query struct{ Prefix string }
	// ObjectIterator would list objects.
	ObjectIterator struct{}
	// ObjectHandle stands for an object.
	ObjectHandle struct{}
	// ObjectAttrs would describe an object.
	ObjectAttrs struct{ Name string }
	// Reader would read an object.
	Reader struct{}
	// Writer would write an object.
	Writer struct{}
)

// Object returns an object that fails.
func (*BucketHandle) Object(string) *ObjectHandle { return nil }

// Objects returns a list that fails.
func (*BucketHandle) Objects(context.Context, *Query) *ObjectIterator { return nil }

// Attrs fails.
func (*BucketHandle) Attrs(context.Context) (*BucketAttrs, error) { return nil, errNotPart }

// Next fails.
func (*ObjectIterator) Next() (*ObjectAttrs, error) { return nil, errNotPart }

// NewWriter returns a writer that fails.
func (*ObjectHandle) NewWriter(context.Context) *Writer { return nil }

// NewReader fails.
func (*ObjectHandle) NewReader(context.Context) (*Reader, error) { return nil, errNotPart }

// Attrs fails.
func (*ObjectHandle) Attrs(context.Context) (*ObjectAttrs, error) { return nil, errNotPart }

// Read fails.
func (*Reader) Read([]byte) (int, error) { return 0, errNotPart }

// Close fails.
func (*Reader) Close() error { return errNotPart }

// Write fails.
func (*Writer) Write([]byte) (int, error) { return 0, errNotPart }

// Close fails.
func (*Writer) Close() error { return errNotPart }

// CloseWithError fails.
func (*Writer) CloseWithError(error) error { return errNotPart }
