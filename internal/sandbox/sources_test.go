package sandbox_test

import (
	"bytes"
	"fmt"
	"hash/crc64"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	alioss "github.com/aliyun/aliyun-oss-go-sdk/oss"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	awscredentials "github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/logging"
	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/sandbox"
	"github.com/mediaferry/mediaferry/internal/sandbox/sandboxtest"
	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
)

func TestSourcesAreReadThroughTheOSSSDK(t *testing.T) {
	s := sandboxtest.Start(t)
	b := sandboxtest.OSSBucket(t, s)
	body := sandboxtest.Noise(10_000, 1)
	require.NoError(t, b.PutObject("fotos/ä b+c.jpg", bytes.NewReader(body)))
	require.NoError(t, s.PutOSSObject("fotos/two.txt", []byte("two")))
	require.NoError(t, s.PutOSSObject("other/three.txt", []byte("three")))

	r, err := b.GetObject("fotos/ä b+c.jpg") // the SDK compares the CRC-64
	require.NoError(t, err)
	got, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.Equal(t, body, got)

	meta, err := b.GetObjectDetailedMeta("fotos/ä b+c.jpg")
	require.NoError(t, err)
	require.Equal(t, "10000", meta.Get("Content-Length"))
	require.NotEmpty(t, meta.Get("X-Oss-Hash-Crc64ecma"))
	etag := meta.Get("ETag")

	part, err := b.GetObject("fotos/ä b+c.jpg", alioss.Range(100, 199), alioss.IfMatch(etag))
	require.NoError(t, err)
	got, err = io.ReadAll(part)
	require.NoError(t, err)
	require.Equal(t, body[100:200], got)

	_, err = b.GetObject("fotos/ä b+c.jpg", alioss.IfMatch(`"other"`))
	require.ErrorContains(t, err, "PreconditionFailed")
	_, err = b.GetObject("nothing")
	require.ErrorContains(t, err, "NoSuchKey")

	list, err := b.ListObjects(alioss.Prefix("fotos/"))
	require.NoError(t, err)
	require.Equal(t, []string{"fotos/two.txt", "fotos/ä b+c.jpg"}, []string{list.Objects[0].Key, list.Objects[1].Key})
	require.EqualValues(t, 3, list.Objects[0].Size)
	folders, err := b.ListObjectsV2(alioss.Delimiter("/"))
	require.NoError(t, err)
	require.Equal(t, []string{"fotos/", "other/"}, folders.CommonPrefixes)
	sandboxtest.NoViolations(t, s)
}

func TestOSSListsInPages(t *testing.T) {
	s := sandboxtest.Start(t)
	b := sandboxtest.OSSBucket(t, s)
	var want []string
	for i := range 7 {
		key := fmt.Sprintf("k%d", i)
		want = append(want, key)
		require.NoError(t, s.PutOSSObject(key, []byte("x")))
	}
	var v1, v2 []string
	for marker := ""; ; {
		l, err := b.ListObjects(alioss.MaxKeys(3), alioss.Marker(marker))
		require.NoError(t, err)
		for _, o := range l.Objects {
			v1 = append(v1, o.Key)
		}
		if marker = l.NextMarker; !l.IsTruncated {
			break
		}
	}
	for token := ""; ; {
		l, err := b.ListObjectsV2(alioss.MaxKeys(3), alioss.ContinuationToken(token))
		require.NoError(t, err)
		for _, o := range l.Objects {
			v2 = append(v2, o.Key)
		}
		if token = l.NextContinuationToken; !l.IsTruncated {
			break
		}
	}
	require.Equal(t, want, v1)
	require.Equal(t, want, v2)
}

func TestOSSSourcesNeedASignature(t *testing.T) {
	s := sandboxtest.Start(t)
	require.NoError(t, s.PutOSSObject("a", []byte("a")))
	src := s.OSS()
	require.Equal(t, 403, sandboxtest.Send(t, "GET", src.Endpoint+"/"+src.Bucket+"/a", nil, nil).Status)
	c, err := alioss.New(src.Endpoint, src.AccessKey, "wrong")
	require.NoError(t, err)
	b, err := c.Bucket(src.Bucket)
	require.NoError(t, err)
	_, err = b.GetObject("a")
	require.ErrorContains(t, err, "SignatureDoesNotMatch")
	signed, err := sandboxtest.OSSBucket(t, s).SignURL("a", alioss.HTTPGet, 60)
	require.NoError(t, err)
	require.Equal(t, "a", string(sandboxtest.Send(t, "GET", signed, nil, nil).Body))
	s.Advance(2 * time.Minute)
	require.Equal(t, 403, sandboxtest.Send(t, "GET", signed, nil, nil).Status)
}

func s3Client(t *testing.T, s *sandbox.Sandbox, secret string) *s3.Client {
	t.Helper()
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	src := s.S3()
	cfg, err := config.LoadDefaultConfig(t.Context(), config.WithRegion(src.Region),
		config.WithCredentialsProvider(awscredentials.NewStaticCredentialsProvider(src.AccessKey, secret, "")))
	require.NoError(t, err)
	return s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.BaseEndpoint, o.UsePathStyle, o.Logger = aws.String(src.Endpoint), true, logging.Nop{}
	})
}

func s3Get(src simulate.Source, key string) *s3.GetObjectInput {
	return &s3.GetObjectInput{Bucket: aws.String(src.Bucket), Key: aws.String(key)}
}

func TestSourcesAreReadThroughTheS3SDK(t *testing.T) {
	s := sandboxtest.Start(t)
	src := s.S3()
	c := s3Client(t, s, src.SecretKey)
	body := sandboxtest.Noise(100_000, 2)
	_, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &src.Bucket, Key: aws.String("in/ä b.bin"), Body: bytes.NewReader(body)})
	require.NoError(t, err)
	require.NoError(t, s.PutS3Object(t.Context(), "in/two.txt", []byte("two")))

	out, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &src.Bucket, Key: aws.String("in/ä b.bin")})
	require.NoError(t, err)
	got, err := io.ReadAll(out.Body)
	require.NoError(t, err)
	require.Equal(t, body, got)
	part, err := c.GetObject(t.Context(), &s3.GetObjectInput{
		Bucket: &src.Bucket, Key: aws.String("in/ä b.bin"), Range: aws.String("bytes=10-19"), IfMatch: out.ETag,
	})
	require.NoError(t, err)
	got, err = io.ReadAll(part.Body)
	require.NoError(t, err)
	require.Equal(t, body[10:20], got)
	head, err := c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &src.Bucket, Key: aws.String("in/two.txt")})
	require.NoError(t, err)
	require.EqualValues(t, 3, *head.ContentLength)
	list, err := c.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &src.Bucket, Prefix: aws.String("in/")})
	require.NoError(t, err)
	require.Len(t, list.Contents, 2)
	require.Equal(t, src.Bucket, *list.Name)
	_, err = c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &src.Bucket, Key: aws.String("nothing")})
	require.ErrorContains(t, err, "NoSuchKey")
	_, err = s3Client(t, s, "wrong").GetObject(t.Context(), &s3.GetObjectInput{Bucket: &src.Bucket, Key: aws.String("in/two.txt")})
	require.ErrorContains(t, err, "SignatureDoesNotMatch")
	sandboxtest.NoViolations(t, s)
}

func TestSourcesHaveFaultsOfTheirOwn(t *testing.T) {
	s := sandboxtest.Faulty(t, "s3.get#1=status=503,code=SlowDown", "oss.get#1=status=503", "oss.get#2=wrong-crc")
	require.NoError(t, s.PutOSSObject("a", []byte("abc")))
	b := sandboxtest.OSSBucket(t, s)
	_, err := b.GetObject("a")
	require.ErrorContains(t, err, "ServiceUnavailable")
	r, err := b.GetObject("a")
	require.NoError(t, err)
	require.NotEqual(t, strconv.FormatUint(crc64.Checksum([]byte("abc"), crc64.MakeTable(crc64.ECMA)), 10), fmt.Sprint(r.(*alioss.Response).ServerCRC))
	require.NoError(t, r.Close())

	require.NoError(t, s.PutS3Object(t.Context(), "a", []byte("abc")))
	src := s.S3()
	out, err := s3Client(t, s, src.SecretKey).GetObject(t.Context(), s3Get(src, "a"))
	require.NoError(t, err, "the SDK tries again by itself")
	require.NoError(t, out.Body.Close())
	var statuses []int
	for _, r := range s.Requests("s3") {
		statuses = append(statuses, r.Status)
	}
	require.Equal(t, []int{503, 200}, statuses)
}

func TestBucketsOfSeveralSandboxesAreApart(t *testing.T) {
	one, two := sandboxtest.Start(t), sandboxtest.Start(t)
	require.NotEqual(t, one.S3().Bucket, two.S3().Bucket)
	d := sandboxtest.TrustanaPrepared(t, one, "a.jpg")
	require.Equal(t, 200, sandboxtest.PutJPEG(t, d["uploadUrl"], sandboxtest.JPEG(t, 3, 3)).Status)
	require.Equal(t, 1, one.Ledger().Of("trustana")[0].Received)
	require.Empty(t, two.Ledger().Media)
	elsewhere := strings.Replace(d["uploadUrl"].(string), one.Addr(), two.Addr(), 1)
	require.NotEqual(t, 200, sandboxtest.PutJPEG(t, elsewhere, sandboxtest.JPEG(t, 3, 3)).Status)
}
