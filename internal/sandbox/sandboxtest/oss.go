package sandboxtest

import (
	"testing"

	alioss "github.com/aliyun/aliyun-oss-go-sdk/oss"
	"github.com/mediaferry/mediaferry/internal/sandbox"
	"github.com/stretchr/testify/require"
)

func OSSBucket(t *testing.T, s *sandbox.Sandbox) *alioss.Bucket {
	t.Helper()
	src := s.OSS()
	c, err := alioss.New(src.Endpoint, src.AccessKey, src.SecretKey)
	require.NoError(t, err)
	b, err := c.Bucket(src.Bucket)
	require.NoError(t, err)
	return b
}

func OSSPost(t *testing.T, host any, fields []Field, body []byte) Answered {
	t.Helper()
	contentType, r := FormOf(t, fields, "file", "x.png", "image/png", body)
	return Send(t, "POST", host.(string), Headers{"Content-Type": contentType}, r)
}
