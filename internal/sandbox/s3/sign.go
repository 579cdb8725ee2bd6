package s3

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/logging"

	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
)

// stampFormat is how S3 writes the time of a signature.
const stampFormat = "20060102T150405Z"

// signer makes presigned URLs and POST policies for one address of the buckets.
type signer struct {
	presign        *s3.PresignClient
	bucket         func(vendor string) string
	endpoint       string
	access, secret string
}

func newSigner(endpoint, access, secret string, bucket func(string) string) *signer {
	return &signer{
		presign: s3.NewPresignClient(newClient(endpoint, access, secret, nil)),
		bucket:  bucket, endpoint: endpoint, access: access, secret: secret,
	}
}

// newClient reads nothing of the environment: the sandbox's keys are its own.
func newClient(endpoint, access, secret string, over *http.Client) *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: aws.String(endpoint), UsePathStyle: true, Region: gatewayRegion,
		Credentials:                credentials.NewStaticCredentialsProvider(access, secret, ""),
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		HTTPClient:                 httpClientOr(over),
		Logger:                     logging.Nop{}, // the process's standard error is not ours
	})
}

func httpClientOr(c *http.Client) s3.HTTPClient {
	if c == nil {
		return http.DefaultClient
	}
	return c
}

// PresignPut signs one PUT. With a content type, that header is signed as well and
// has to come along as it is.
func (s *signer) PresignPut(ctx context.Context, vendor, key, contentType string, life simulate.Duration) (simulate.Grant, error) {
	in := &s3.PutObjectInput{Bucket: aws.String(s.bucket(vendor)), Key: aws.String(key)}
	if contentType != "" {
		in.ContentType = aws.String(contentType)
	}
	req, err := s.presign.PresignPutObject(ctx, in, s3.WithPresignExpires(time.Duration(life)))
	return signed(req, err)
}

// PresignPart signs the PUT of one part.
func (s *signer) PresignPart(ctx context.Context, vendor string, p simulate.PartOf, life simulate.Duration) (simulate.Grant, error) {
	req, err := s.presign.PresignUploadPart(ctx, &s3.UploadPartInput{
		Bucket: aws.String(s.bucket(vendor)), Key: aws.String(p.Key), UploadId: aws.String(p.UploadID), PartNumber: aws.Int32(int32(p.Number)),
	}, s3.WithPresignExpires(time.Duration(life)))
	return signed(req, err)
}

func signed(req *v4.PresignedHTTPRequest, err error) (simulate.Grant, error) {
	if err != nil {
		return simulate.Grant{}, fmt.Errorf("sign a URL: %w", err)
	}
	u, err := url.Parse(req.URL)
	if err != nil {
		return simulate.Grant{}, fmt.Errorf("sign a URL: %w", err)
	}
	return simulate.Grant{URL: req.URL, Stamp: u.Query().Get("X-Amz-Date")}, nil
}

// PostForm signs a policy that pins every field it hands out, and the size.
func (s *signer) PostForm(vendor, key, contentType string, maxBytes int64, life simulate.Duration) (simulate.PostForm, error) {
	now := time.Now().UTC()
	stamp := now.Format(stampFormat)
	bucket := s.bucket(vendor)
	fields := map[string]string{
		"key": key, "Content-Type": contentType, "x-amz-algorithm": "AWS4-HMAC-SHA256", "x-amz-date": stamp,
		"x-amz-credential": strings.Join([]string{s.access, stamp[:8], gatewayRegion, "s3", "aws4_request"}, "/"),
	}
	conditions := []any{map[string]string{"bucket": bucket}}
	for _, name := range []string{"key", "Content-Type", "x-amz-algorithm", "x-amz-credential", "x-amz-date"} {
		conditions = append(conditions, []string{"eq", "$" + name, fields[name]})
	}
	conditions = append(conditions, []any{"content-length-range", 1, maxBytes})
	policy, err := json.Marshal(map[string]any{
		"expiration": now.Add(time.Duration(life)).Format("2006-01-02T15:04:05.000Z"), "conditions": conditions,
	})
	if err != nil {
		return simulate.PostForm{}, fmt.Errorf("sign a form: %w", err)
	}
	fields["policy"] = base64.StdEncoding.EncodeToString(policy)
	fields["x-amz-signature"] = signPolicy(s.secret, stamp[:8], gatewayRegion, fields["policy"])
	return simulate.PostForm{URL: s.endpoint + "/" + bucket + "/", Fields: fields, Stamp: stamp}, nil
}

// signPolicy is SigV4 over a policy in base64.
func signPolicy(secret, date, region, policy string) string {
	key := []byte("AWS4" + secret)
	for _, step := range []string{date, region, "s3", "aws4_request"} {
		key = simulate.HMAC(key, step)
	}
	return hex.EncodeToString(simulate.HMAC(key, policy))
}
