package sandbox

import (
	"context"
)

// Ledger returns the books as they are now. Processing that is due is finished
// first.
func (s *Sandbox) Ledger() Ledger {
	l := Ledger{Media: []Medium{}, Violations: s.w.Book.Violations.All()}
	for _, v := range s.vendors {
		l.Media = append(l.Media, v.Media()...)
	}
	return l
}

// Requests returns the latest requests to a vendor, in order of arrival; "" stands
// for all vendors, "s3" and "oss" for the stores of sources.
func (s *Sandbox) Requests(vendor string) []Request { return s.w.Book.List(vendor) }

// S3 is a bucket for sources on the S3 gateway. There is none with Discard.
func (s *Sandbox) S3() Source { return s.s3.Source() }

// OSS is a bucket for sources on the sandbox's OSS. Requests are signed with
// version 1.
func (s *Sandbox) OSS() Source { return s.oss.Source() }

// PutS3Object puts a source into the S3 bucket; see S3.
func (s *Sandbox) PutS3Object(ctx context.Context, key string, body []byte) error {
	return s.s3.PutObject(ctx, key, body)
}

// PutOSSObject puts a source into the OSS bucket; see OSS.
func (s *Sandbox) PutOSSObject(key string, body []byte) error { return s.oss.PutObject(key, body) }
