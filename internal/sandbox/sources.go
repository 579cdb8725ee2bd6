package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Source says how to reach a bucket of sources; it is asked in path style. It is
// empty where there is no such bucket.
type Source struct {
	Endpoint  string `json:"endpoint"`
	Region    string `json:"region,omitempty"`
	Bucket    string `json:"bucket"`
	AccessKey string `json:"access_key"`
	SecretKey string `json:"secret_key"`
}

// S3 is a bucket for sources on the S3 gateway. There is none with Discard.
func (s *Sandbox) S3() Source {
	if s.opts.Discard {
		return Source{}
	}
	return Source{
		Endpoint: s.storage, Region: gatewayRegion, Bucket: s.bucketName("s3"),
		AccessKey: s.identity.S3Access, SecretKey: s.identity.S3Secret,
	}
}

// OSS is a bucket for sources on the sandbox's OSS. Requests are signed with
// version 1.
func (s *Sandbox) OSS() Source {
	return Source{Endpoint: s.storage, Bucket: s.oss.bucket(), AccessKey: s.identity.OSSAccess, SecretKey: s.identity.OSSSecret}
}

// PutS3Object puts a source into the S3 bucket; see S3.
func (s *Sandbox) PutS3Object(ctx context.Context, key string, body []byte) error {
	st, ok := s.store.(*s3Store)
	if !ok {
		return errors.New("there is no S3 bucket for sources with Discard")
	}
	_, err := st.own.PutObject(ctx, &s3.PutObjectInput{
		Bucket: aws.String(s.bucketName("s3")), Key: aws.String(key), Body: bytes.NewReader(body),
		ContentType: aws.String(http.DetectContentType(body)),
	})
	if err != nil {
		return fmt.Errorf("put the source %q: %w", key, err)
	}
	return nil
}

// s3Source makes the bucket of sources known to rules and to the request log; its
// requests are found by the bucket's name.
type s3Source struct{ s *Sandbox }

func (*s3Source) name() string    { return "s3" }
func (*s3Source) routes() []route { return nil }
func (*s3Source) media() []Medium { return nil }
func (*s3Source) reset()          {}
