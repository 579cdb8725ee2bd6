package sources_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/sources"
	"github.com/mediaferry/mediaferry/internal/sources/sourcetest"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// awsEnvironment hides the machine's own AWS configuration. Without a key there
// are no credentials at all.
func awsEnvironment(t *testing.T, key string) {
	t.Helper()
	for _, name := range []string{"AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"} {
		t.Setenv(name, "")
		require.NoError(t, os.Unsetenv(name)) // put back by Setenv
	}
	none := filepath.Join(t.TempDir(), "none")
	t.Setenv("AWS_CONFIG_FILE", none)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", none)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_ACCESS_KEY_ID", key)
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	if key != "" {
		t.Setenv("AWS_SECRET_ACCESS_KEY", gatewaySecret)
	}
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
	awsEnvironment(t, gatewayKey)
	sourcetest.Run(t, s3Subject)
}

func TestAnEndpointFromTheEnvironmentIsTheOperatorsOwn(t *testing.T) {
	awsEnvironment(t, gatewayKey)
	s := s3Subject(t)
	s.Put(t, []byte("content"))
	t.Setenv("AWS_ENDPOINT_URL_S3", gatewayURL(t))
	t.Setenv("AWS_REGION", gatewayRegion)
	seen, err := look(t, sources.Options{S3: sources.S3Options{PathStyle: true}}, s.Source)
	require.NoError(t, err)
	require.Equal(t, "image/jpeg", seen.Type)
}

func TestS3RefusalsSayWhatToDo(t *testing.T) {
	for name, c := range map[string]struct {
		key, source, region string
		endpoint            func(t *testing.T) string
		text, hint          string
	}{
		"no credentials":        {"", "s3://bucket/a.jpg", "eu-north-1", nil, "AWS credentials are missing", "AWS_ACCESS_KEY_ID"},
		"no region":             {gatewayKey, "s3://bucket/a.jpg", "", nil, "the AWS region is not set", "sources.s3.region"},
		"a user name":           {gatewayKey, "s3://AKIA:s3cr3t@bucket/a.jpg", "", nil, "contains a user name", "configuration"},
		"a query":               {gatewayKey, "s3://bucket/a.jpg?X-Amz-Signature=s3cr3t", "", nil, "a query other than versionId", "%3F"},
		"no such bucket":        {gatewayKey, "s3://no-such-bucket/a.jpg", "eu-north-1", gatewayURL, "404 NoSuchBucket", ""},
		"a wrong region":        {gatewayKey, "s3://bucket-1/a.jpg", "us-east-1", gatewayURL, "400 AuthorizationHeaderMalformed", "sources.s3.region"},
		"a name that cannot be": {gatewayKey, "s3://b/a.jpg", "eu-north-1", gatewayURL, "400 InvalidBucketName", ""},
	} {
		t.Run(name, func(t *testing.T) {
			awsEnvironment(t, c.key)
			o := sources.Options{S3: sources.S3Options{Region: c.region, PathStyle: true}}
			if c.endpoint != nil {
				o.S3.Endpoint = c.endpoint(t)
			}
			_, err := look(t, o, c.source)
			requireInvalid(t, err, c.text)
			e := upload.AsError(err, "")
			require.Contains(t, e.Hint, c.hint)
			require.NotContains(t, e.Error()+e.Hint, "s3cr3t")
		})
	}
}

func TestAWrongKeyAndAWrongSecretAreToldApart(t *testing.T) {
	awsEnvironment(t, gatewayKey)
	s := s3Subject(t)
	s.Put(t, []byte("content"))
	_, err := s.Sources.Look(t.Context(), strings.Replace(s.Source, ".jpg", ".png", 1))
	requireInvalid(t, err, "404 NoSuchKey")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "another")
	_, err = look(t, sources.Options{S3: sources.S3Options{Endpoint: gatewayURL(t), Region: gatewayRegion, PathStyle: true}}, s.Source)
	requireInvalid(t, err, "403 SignatureDoesNotMatch")
	e := upload.AsError(err, "")
	require.Equal(t, http.StatusForbidden, e.Status)
	require.Equal(t, "SignatureDoesNotMatch", e.Code)
	require.NotEmpty(t, e.RequestID)
	require.Contains(t, e.Hint, "credentials")
}

// AWS itself cannot be asked by a test: a fake plays two of its regions.
func TestABucketInAnotherRegionIsFound(t *testing.T) {
	awsEnvironment(t, gatewayKey)
	var mu sync.Mutex
	var regions []string
	fake := served(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		signed := strings.Split(r.Header.Get("Authorization"), "/")
		require.Greater(t, len(signed), 2)
		mu.Lock()
		regions = append(regions, signed[2])
		mu.Unlock()
		w.Header().Set("X-Amz-Bucket-Region", "ap-south-1")
		if signed[2] != "ap-south-1" {
			w.WriteHeader(http.StatusMovedPermanently)
			return
		}
		w.Header().Set("ETag", `"1"`)
		w.Header().Set("Content-Range", "bytes 0-6/7")
		w.WriteHeader(http.StatusPartialContent)
		_, _ = w.Write([]byte("content"))
	}), "")
	reader := sources.New(sources.Options{S3: sources.S3Options{Region: "eu-north-1", PathStyle: true}})
	reader.PlayAWS(t.Context(), t, fake)
	for range 2 {
		_, err := reader.Look(t.Context(), "s3://bucket/a.jpg")
		require.NoError(t, err)
	}
	mu.Lock()
	defer mu.Unlock()
	require.Equal(t, []string{"eu-north-1", "ap-south-1", "ap-south-1"}, regions, "what was learnt is kept")
}

func TestS3TroubleOnTheWayIsUnavailable(t *testing.T) {
	awsEnvironment(t, gatewayKey)
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		text   string
	}{
		"overload": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "3")
			w.WriteHeader(http.StatusServiceUnavailable)
		}, "503"},
		"a broken line": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "cannot be reached: EOF"},
		"another range": {ranged("bytes 5-9/10", "abcde"), "instead of"},
	} {
		t.Run(name, func(t *testing.T) {
			var requests atomic.Int64
			endpoint := served(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				requests.Add(1)
				c.answer(w, r)
			}), "")
			_, err := look(t, sources.Options{S3: sources.S3Options{Endpoint: endpoint, PathStyle: true}}, "s3://bucket/a.jpg")
			require.ErrorContains(t, err, c.text)
			e := upload.AsError(err, "")
			require.Equal(t, upload.KindUnavailable, e.Kind)
			require.EqualValues(t, 1, requests.Load(), "whoever asked tries again")
			if e.Status == http.StatusServiceUnavailable {
				require.Equal(t, 3*time.Second, e.RetryAfter)
			}
		})
	}
}
