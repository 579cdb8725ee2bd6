package sandboxtest

import (
	"testing"

	alioss "github.com/aliyun/aliyun-oss-go-sdk/oss"
	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/sandbox"
)

// OSSBucket is the bucket of sources, by the SDK of OSS.
func OSSBucket(t *testing.T, s *sandbox.Sandbox) *alioss.Bucket {
	t.Helper()
	src := s.OSS()
	c, err := alioss.New(src.Endpoint, src.AccessKey, src.SecretKey)
	require.NoError(t, err)
	b, err := c.Bucket(src.Bucket)
	require.NoError(t, err)
	return b
}

// OSSPost sends a form to OSS.
func OSSPost(t *testing.T, host any, fields []Field, body []byte) Answered {
	t.Helper()
	contentType, r := FormOf(t, fields, File{Part: "file", Name: "x.png", Type: "image/png", Body: body})
	return Send(t, "POST", host.(string), Headers{"Content-Type": contentType}, r)
}
