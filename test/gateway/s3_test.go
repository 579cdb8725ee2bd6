package gateway

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/sources"
	"github.com/mediaferry/mediaferry/internal/sources/sourcetest"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// awsEnvironment hides the machine's own AWS configuration, and has the gateway's
// credentials instead.
func awsEnvironment(t *testing.T) {
	t.Helper()
	for _, name := range []string{"AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"} {
		t.Setenv(name, "")
		require.NoError(t, os.Unsetenv(name)) // put back by Setenv
	}
	none := filepath.Join(t.TempDir(), "none")
	t.Setenv("AWS_CONFIG_FILE", none)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", none)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_ACCESS_KEY_ID", gatewayKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", gatewaySecret)
}

var buckets atomic.Int64

func s3Subject(t *testing.T) sourcetest.Subject {
	t.Helper()
	endpoint := gatewayURL(t)
	bucket := fmt.Sprintf("bucket-%d", buckets.Add(1))
	client := s3.New(s3.Options{
		Region: gatewayRegion, BaseEndpoint: &endpoint, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(gatewayKey, gatewaySecret, ""),
	})
	_, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket})
	require.NoError(t, err)
	const key = "pictures/a ü+b.jpg"
	return sourcetest.Subject{
		Sources: sources.New(sources.Options{S3: sources.S3Options{Endpoint: endpoint, Region: gatewayRegion, PathStyle: true}}),
		Source:  "s3://" + bucket + "/pictures/a%20%C3%BC+b.jpg", Name: "a ü+b.jpg",
		Secrets: []string{gatewayKey, gatewaySecret},
		Put: func(t *testing.T, content []byte) {
			_, err := client.PutObject(t.Context(), &s3.PutObjectInput{
				Bucket: &bucket, Key: aws.String(key), Body: bytes.NewReader(content), ContentType: aws.String("image/jpeg"),
			})
			require.NoError(t, err)
		},
		Remove: func(t *testing.T) {
			_, err := client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &bucket, Key: aws.String(key)})
			require.NoError(t, err)
		},
	}
}

func TestS3SourcesKeepTheContract(t *testing.T) {
	awsEnvironment(t)
	sourcetest.Run(t, s3Subject)
}

func TestAnEndpointFromTheEnvironmentIsTheOperatorsOwn(t *testing.T) {
	awsEnvironment(t)
	s := s3Subject(t)
	s.Put(t, []byte("content"))
	t.Setenv("AWS_ENDPOINT_URL_S3", gatewayURL(t))
	t.Setenv("AWS_REGION", gatewayRegion)
	seen, err := look(t, sources.S3Options{PathStyle: true}, s.Source)
	require.NoError(t, err)
	require.Equal(t, "image/jpeg", seen.Type)
}

func TestRefusalsOfTheGatewaySayWhatToDo(t *testing.T) {
	awsEnvironment(t)
	existing := s3Subject(t)
	for name, c := range map[string]struct{ source, region, text, hint string }{
		"no such bucket":        {"s3://no-such-bucket/a.jpg", "eu-north-1", "404 NoSuchBucket", ""},
		"a wrong region":        {existing.Source, "us-east-1", "400 AuthorizationHeaderMalformed", "sources.s3.region"},
		"a name that cannot be": {"s3://b/a.jpg", "eu-north-1", "400 InvalidBucketName", ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := look(t, sources.S3Options{Endpoint: gatewayURL(t), Region: c.region, PathStyle: true}, c.source)
			requireInvalid(t, err, c.text)
			e := upload.AsError(err, "")
			require.Contains(t, e.Hint, c.hint)
			require.NotContains(t, e.Error()+e.Hint, "s3cr3t")
		})
	}
}

func TestAWrongKeyAndAWrongSecretAreToldApart(t *testing.T) {
	awsEnvironment(t)
	s := s3Subject(t)
	s.Put(t, []byte("content"))
	_, err := s.Sources.Look(t.Context(), strings.Replace(s.Source, ".jpg", ".png", 1))
	requireInvalid(t, err, "404 NoSuchKey")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "another")
	_, err = look(t, sources.S3Options{Endpoint: gatewayURL(t), Region: gatewayRegion, PathStyle: true}, s.Source)
	requireInvalid(t, err, "403 SignatureDoesNotMatch")
	e := upload.AsError(err, "")
	require.Equal(t, http.StatusForbidden, e.Status)
	require.Equal(t, "SignatureDoesNotMatch", e.Code)
	require.NotEmpty(t, e.RequestID)
	require.Contains(t, e.Hint, "credentials")
}

func look(t *testing.T, o sources.S3Options, source string) (sources.Look, error) {
	t.Helper()
	return sources.New(sources.Options{S3: o}).Look(t.Context(), source)
}

func requireInvalid(t *testing.T, err error, text string) {
	t.Helper()
	require.ErrorContains(t, err, text)
	require.Equal(t, upload.KindInvalid, upload.KindOf(err), "%v", err)
}
