package endpoint_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/endpoint"
)

func TestAnEndpointIsReachedOverTLSUnlessItSaysOtherwise(t *testing.T) {
	for given, want := range map[string]string{
		"": "", "minio.local:9000": "https://minio.local:9000", "http://minio.local": "http://minio.local", "https://s3.example": "https://s3.example",
	} {
		require.Equal(t, want, endpoint.URL(given))
	}
}

func TestOnlyNamedEndpointsMayBeAnywhere(t *testing.T) {
	require.Equal(t, egress.Policy{}, endpoint.Policy("", false))
	require.Equal(t, egress.Policy{Private: true}, endpoint.Policy("", true))
	require.Equal(t, egress.Policy{Private: true}, endpoint.Policy("https://minio.local", false))
	require.Equal(t, egress.Policy{Private: true, Insecure: true}, endpoint.Policy("http://minio.local:9000", false))
}

func TestOnlyAlibabasOwnEndpointsNameARegion(t *testing.T) {
	for given, want := range map[string]string{
		"https://oss-cn-hangzhou.aliyuncs.com":             "cn-hangzhou",
		"https://oss-cn-hangzhou-internal.aliyuncs.com":    "cn-hangzhou",
		"https://OSS-ap-southeast-1.aliyuncs.com:443":      "ap-southeast-1",
		"https://oss-us-west-1-internal.aliyuncs.com":      "us-west-1",
		"https://oss-accelerate.aliyuncs.com":              "",
		"https://oss-accelerate-overseas.aliyuncs.com":     "",
		"https://oss-cn-hangzhou.aliyuncs.com.example.com": "",
		"http://127.0.0.1:9000":                            "",
		"https://[":                                        "",
	} {
		require.Equal(t, want, endpoint.OSSRegion(given), given)
	}
}
