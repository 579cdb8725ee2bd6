package sandbox

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// store is the object storage behind Trustana, Sitoo and TruVideo: one bucket for
// each, with grants for clients and the vendors' own access.
type store interface {
	granter

	// begin opens an upload in parts and returns its ID.
	begin(ctx context.Context, vendor, key, contentType string) (string, error)
	// finish joins the parts in the order given and returns the object's ETag.
	finish(ctx context.Context, vendor, key, uploadID string, parts []claimedPart) (string, error)
	// stored lists the parts that have arrived, by number.
	stored(ctx context.Context, vendor, key, uploadID string) (map[int]storedPart, error)
	// abort throws the parts away.
	abort(ctx context.Context, vendor, key, uploadID string) error
	// open gives an object's bytes, and ErrNotExist where there are none.
	open(vendor, key string) (io.ReadSeekCloser, int64, error)
	// remove takes an object away.
	remove(vendor, key string)
	// serve answers a client's request to a bucket, after the checks that the
	// front makes for every store.
	serve(c *call, b *bucketHost) *answer
	// hosts are the buckets that the store serves.
	hosts() map[string]*bucketHost
	// reset forgets what no vendor asks for any more.
	reset()
	close()
}

// granter makes what clients are given to send bytes with.
type granter interface {
	presignPut(ctx context.Context, vendor, key, contentType string, life Duration) (grant, error)
	presignPart(ctx context.Context, vendor string, p partOf, life Duration) (grant, error)
	postForm(vendor, key, contentType string, maxBytes int64, life Duration) (form postForm, err error)
}

// partOf names a part of an upload in parts.
type partOf struct {
	key, uploadID string
	number        int
}

// grant is a presigned URL; stamp is the X-Amz-Date in it, by which the front
// finds out how old it is.
type grant struct{ url, stamp string }

// claimedPart is a part as the client lists it when it completes an upload.
type claimedPart struct {
	number int
	etag   string
}

// storedPart is a part as storage has it.
type storedPart struct {
	etag string
	size int64
}

// storeError is what storage answered to a vendor.
type storeError struct{ code, message string }

func (e *storeError) Error() string { return e.code + ": " + e.message }

// bucketHost is one bucket as clients see it: the first segment of a path.
type bucketHost struct {
	name   string
	vendor string
}

// bucketVendors are the vendors that have a bucket; the last one is of sources.
func bucketVendors() []string { return []string{"trustana", "sitoo", "truvideo", "s3"} }

func (s *Sandbox) bucketName(vendor string) string {
	if vendor == "s3" {
		return "sources-" + s.identity.ID
	}
	return vendor + "-media-" + s.identity.ID
}

// bucketRoute finds the call that a request to a bucket is.
func (s *Sandbox) bucketRoute(name string) (func(*http.Request) route, bool) {
	b, ok := s.store.hosts()[name]
	if !ok {
		return nil, false
	}
	return func(r *http.Request) route {
		rt := route{
			vendor: b.vendor, call: storageCall(b.vendor, r), method: r.Method, zone: zoneStore,
			handle: func(c *call) *answer { return s.serveBucket(c, b) }, refuse: refuseS3,
			subject: func(c *call) string { return s.storageSubject(c, b.vendor) },
		}
		if b.vendor == "s3" {
			rt.zone = zoneSource
		}
		return rt
	}, true
}

// storageCall names a request to a bucket the way rules do.
func storageCall(vendor string, r *http.Request) string {
	known := map[string]string{
		"trustana PUT": "put", "sitoo POST": "post", "truvideo PUT": "part", "truvideo GET": "file", "truvideo HEAD": "file",
		"s3 PUT": "put", "s3 HEAD": "head",
	}
	if call, ok := known[vendor+" "+r.Method]; ok {
		return call
	}
	if vendor != "s3" {
		return "unknown"
	}
	if r.Method != http.MethodGet {
		return "other"
	}
	if _, key, _ := cutPath(r.URL.Path); key == "" {
		return "list"
	}
	return "get"
}

// storageSubject gives a fault's match the words that belong to a key.
func (s *Sandbox) storageSubject(c *call, vendor string) string {
	key := c.path["key"]
	switch vendor {
	case "trustana":
		return s.trustana.subjectOf(key)
	case "truvideo":
		return s.truvideo.subjectOf(key)
	case "sitoo":
		h, err := headOf(c)
		if err != nil {
			return ""
		}
		return s.sitoo.subjectOf(h.fields["key"]) + "\n" + h.fileName
	}
	return key
}

// arrived tells the vendor that one of its buckets has stored something.
func (s *Sandbox) arrived(vendor string, a arrival) {
	if !s.opts.DirectStorage { // nobody would take it out again
		s.landed.Store(landing{a.bucket, a.key, a.part}, a.sha256)
	}
	switch vendor {
	case "trustana":
		s.trustana.arrived(a)
	case "sitoo":
		s.sitoo.arrived(a)
	case "truvideo":
		s.truvideo.arrived(a)
	}
}

// landing names what a request stored.
type landing struct {
	bucket, key string
	part        int
}

// noteLanding gives the request log the checksum of what storage kept.
func (c *call) noteLanding(b *bucketHost) {
	part, _ := strconv.Atoi(c.query.Get("partNumber")) // none is 0
	if sum, ok := c.s.landed.LoadAndDelete(landing{b.name, c.path["key"], part}); ok {
		c.log.SHA256, _ = sum.(string)
	}
}

// settleArrival makes up for an arrival that was cut off from its bookkeeping by
// the end of the process: the object is read as if it came in now.
func (s *Sandbox) settleArrival(vendor, key string) {
	f, _, err := s.store.open(vendor, key)
	if err != nil {
		return // it never came
	}
	defer func() { _ = f.Close() }()
	m := newMeasuredReader(f, measureOptions{sha256: !s.opts.SkipSHA256, md5: true})
	if _, err := io.Copy(io.Discard, m); err != nil {
		s.journal.fail(fmt.Errorf("read %q of %s again: %w", key, vendor, err))
		return
	}
	c := m.content()
	s.arrived(vendor, arrival{content: c, bucket: s.bucketName(vendor), key: key, etag: c.md5})
}
