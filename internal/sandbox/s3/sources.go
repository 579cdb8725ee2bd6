package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
)

// Sources makes the bucket of sources known to rules and to the request log; its
// requests are found by the bucket's name.
type Sources struct{ Storage *Storage }

// Name is the name of the store.
func (*Sources) Name() string { return Name }

// Routes are the calls to the bucket.
func (*Sources) Routes() []simulate.Route { return nil }

// Targets are the calls that fault rules can name.
func (*Sources) Targets() []simulate.Target {
	return []simulate.Target{
		{Call: "get", Storage: true},
		{Call: "head", Storage: true},
		{Call: "put", Storage: true, Body: true},
		{Call: "list", Storage: true},
		{Call: "other", Storage: true},
	}
}

// sourceCall names a request to the bucket of sources.
func sourceCall(r *http.Request) string {
	switch r.Method {
	case http.MethodPut:
		return "put"
	case http.MethodHead:
		return "head"
	case http.MethodGet:
		if _, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/"); key == "" {
			return "list"
		}
		return "get"
	}
	return "other"
}

// Puts shows the bodies that Put takes.
func (*Sources) Puts() []string { return []string{`{"vendor":"s3","key":…,"body":base64}`} }

// Put puts a source into the bucket.
func (s *Sources) Put(ctx context.Context, body []byte) (any, error) {
	var in simulate.SourceBody
	if err := simulate.ReadBody(body, &in); err != nil {
		return nil, err
	}
	if in.Key == "" {
		return nil, simulate.ErrNotPut
	}
	return simulate.Done(), s.PutObject(ctx, in.Key, in.Body)
}

// Source is how to reach the bucket.
func (s *Sources) Source() simulate.Source {
	w := s.Storage.w
	if w.Discard {
		return simulate.Source{}
	}
	return simulate.Source{
		Endpoint: w.StorageURL, Region: gatewayRegion, Bucket: s.Storage.BucketName(Name),
		AccessKey: w.Identity.S3Access, SecretKey: w.Identity.S3Secret,
	}
}

// PutObject puts a source there.
func (s *Sources) PutObject(ctx context.Context, key string, body []byte) error {
	st, ok := s.Storage.keeper.(*gatewayStore)
	if !ok {
		return errors.New("there is no S3 bucket for sources with Discard")
	}
	_, err := st.own.PutObject(ctx, &s3.PutObjectInput{
		Bucket: aws.String(s.Storage.BucketName(Name)), Key: aws.String(key), Body: bytes.NewReader(body),
		ContentType: aws.String(http.DetectContentType(body)),
	})
	if err != nil {
		return fmt.Errorf("put the source %q: %w", key, err)
	}
	return nil
}
