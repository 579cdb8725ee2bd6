package sources_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/sources"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// What stands for credentials where nobody checks them.
const (
	awsKey    = "AKIDTEST"
	awsSecret = "s3cr3tk3y"
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
		t.Setenv("AWS_SECRET_ACCESS_KEY", awsSecret)
	}
}

func TestS3RefusalsSayWhatToDo(t *testing.T) {
	for name, c := range map[string]struct {
		key, source, region string
		text, hint          string
	}{
		"no credentials": {"", "s3://bucket/a.jpg", "eu-north-1", "AWS credentials are missing", "AWS_ACCESS_KEY_ID"},
		"no region":      {awsKey, "s3://bucket/a.jpg", "", "the AWS region is not set", "sources.s3.region"},
		"a user name":    {awsKey, "s3://AKIA:s3cr3t@bucket/a.jpg", "", "contains a user name", "configuration"},
		"a query":        {awsKey, "s3://bucket/a.jpg?X-Amz-Signature=s3cr3t", "", "a query other than versionId", "%3F"},
	} {
		t.Run(name, func(t *testing.T) {
			awsEnvironment(t, c.key)
			_, err := look(t, sources.Options{S3: sources.S3Options{Region: c.region, PathStyle: true}}, c.source)
			requireInvalid(t, err, c.text)
			e := upload.AsError(err, "")
			require.Contains(t, e.Hint, c.hint)
			require.NotContains(t, e.Error()+e.Hint, "s3cr3t")
		})
	}
}

// AWS itself cannot be asked by a test: a fake plays two of its regions.
func TestABucketInAnotherRegionIsFound(t *testing.T) {
	awsEnvironment(t, awsKey)
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
	awsEnvironment(t, awsKey)
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
