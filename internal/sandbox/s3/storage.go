// Package s3 simulates S3 behind the vendors that have a bucket there, and as a source:
// a gateway that checks signatures, or a store that keeps sums only. It judges grants
// by the sandbox's clock, and tells the vendors what arrives.
//
// It takes only what uploads and sources need; all else of S3 is refused as not
// implemented.
package s3

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"

	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
)

// Name is the name of the store of sources.
const Name = "s3"

// Storage is S3 as clients see it: a bucket for each vendor that has one, and one
// of sources. It makes the checks that hold for every kind of store, asks the
// vendors what they know of a grant, and tells them what has arrived.
type Storage struct {
	keeper
	w       *simulate.World
	vendors map[string]*simulate.Bucket // by the vendor's name
	names   []string                    // of those with a bucket; the last is of sources
	landed  sync.Map                    // landing to checksum, until the request's log entry has it
}

// keeper is what keeps the objects, or their sums.
type keeper interface {
	simulate.Granter

	Begin(ctx context.Context, vendor, key, contentType string) (string, error)
	Finish(ctx context.Context, vendor, key, uploadID string, parts []simulate.ClaimedPart) (string, error)
	Stored(ctx context.Context, vendor, key, uploadID string) (map[int]simulate.StoredPart, error)
	Abort(ctx context.Context, vendor, key, uploadID string) error
	Open(vendor, key string) (io.ReadSeekCloser, int64, error)
	Remove(vendor, key string)
	// Serve answers a client's request to a bucket, after the checks that the
	// storage makes for every keeper.
	Serve(c *simulate.Call, b *bucketHost) *simulate.Answer
	// Hosts are the buckets that it serves.
	Hosts() map[string]*bucketHost
	// Reset forgets what no vendor asks for any more.
	Reset()
	Close()
}

// bucketHost is one bucket as clients see it: the first segment of a path.
type bucketHost struct {
	name   string
	vendor string
	*simulate.Bucket
}

// NewStorage opens the buckets of those vendors that have one, and puts itself
// into the world. Close releases it.
func NewStorage(ctx context.Context, w *simulate.World, vendors []simulate.Vendor) (*Storage, error) {
	s := &Storage{w: w, vendors: map[string]*simulate.Bucket{}}
	for _, v := range vendors {
		if b := v.Bucket(); b != nil {
			s.vendors[v.Name()] = b
			s.names = append(s.names, v.Name())
		}
	}
	s.names = append(s.names, Name)
	var err error
	if w.Discard {
		s.keeper, err = newDiscardStore(s)
	} else {
		s.keeper, err = newGatewayStore(ctx, s)
	}
	if err != nil {
		return nil, err
	}
	w.Store = s
	return s, nil
}

// BucketName is the name of a vendor's bucket.
func (s *Storage) BucketName(vendor string) string {
	if vendor == Name {
		return "sources-" + s.w.Identity.ID
	}
	return vendor + "-media-" + s.w.Identity.ID
}

func (s *Storage) host(vendor string) *bucketHost {
	return &bucketHost{name: s.BucketName(vendor), vendor: vendor, Bucket: s.vendors[vendor]}
}

// Route finds the call that a request to a bucket is.
func (s *Storage) Route(name string) (func(*http.Request) simulate.Route, bool) {
	b, ok := s.Hosts()[name]
	if !ok {
		return nil, false
	}
	return func(r *http.Request) simulate.Route {
		rt := simulate.Route{
			Vendor: b.vendor, Call: b.callOf(r), Method: r.Method, Zone: simulate.ZoneStore,
			Handle: func(c *simulate.Call) *simulate.Answer { return s.serveBucket(c, b) }, Refuse: Refuse,
			Subject: b.subjectOf,
		}
		if b.Bucket == nil {
			rt.Zone = simulate.ZoneSource
		}
		return rt
	}, true
}

// callOf names a request the way rules do.
func (b *bucketHost) callOf(r *http.Request) string {
	if b.Bucket == nil {
		return sourceCall(r)
	}
	if call, ok := b.Calls[r.Method]; ok {
		return call
	}
	return "unknown"
}

// subjectOf gives a fault's match the words that belong to a key.
func (b *bucketHost) subjectOf(c *simulate.Call) string {
	if b.Bucket == nil {
		return c.Path["key"]
	}
	return b.Subject(c)
}

// tell tells the vendor that its bucket has stored something.
func (s *Storage) tell(vendor string, a simulate.Arrival) {
	if !s.w.Direct { // nobody would take it out again
		s.landed.Store(landing{a.Bucket, a.Key, a.Part}, a.SHA256)
	}
	s.vendors[vendor].Arrived(a)
}

// landing names what a request stored.
type landing struct {
	bucket, key string
	part        int
}

// noteLanding gives the request log the checksum of what storage kept.
func (s *Storage) noteLanding(c *simulate.Call, b *bucketHost) {
	part, _ := strconv.Atoi(c.Query.Get("partNumber")) // none is 0
	if sum, ok := s.landed.LoadAndDelete(landing{b.name, c.Path["key"], part}); ok {
		c.Log.SHA256, _ = sum.(string)
	}
}

// Settle makes up for an arrival that was cut off from its bookkeeping.
func (s *Storage) Settle(vendor, key string) {
	f, _, err := s.Open(vendor, key)
	if err != nil {
		return // it never came
	}
	defer func() { _ = f.Close() }()
	m := simulate.NewMeasuredReader(f, simulate.Measure{SHA256: !s.w.SkipSHA256, MD5: true})
	if _, err := io.Copy(io.Discard, m); err != nil {
		s.w.Journal.Fail(fmt.Errorf("read %q of %s again: %w", key, vendor, err))
		return
	}
	c := m.Content()
	s.tell(vendor, simulate.Arrival{Content: c, Bucket: s.BucketName(vendor), Key: key, ETag: c.MD5})
}
