// Package endpoint says how an object store is reached whose endpoint the operator
// has configured: by which URL, in which region, and at which addresses. Sources are
// read from such stores, and reports are written to them.
//
// It refuses to make calls and to know credentials.
package endpoint

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/mediaferry/mediaferry/internal/egress"
)

// Region is what requests to a store of the S3 protocol are signed for that is not
// AWS's, where none is configured. Such stores take any.
const Region = "us-east-1"

// URL is an endpoint as it is configured with the scheme https: where it has none;
// "" stays "".
func URL(endpoint string) string {
	if endpoint == "" || strings.Contains(endpoint, "://") {
		return endpoint
	}
	return "https://" + endpoint
}

// Policy allows an endpoint that the operator has configured, whatever its address,
// and otherwise public addresses, or all where private says so. endpoint is a URL, or
// "" for the store's own.
func Policy(endpoint string, private bool) egress.Policy {
	return egress.Policy{Private: private || endpoint != "", Insecure: strings.HasPrefix(endpoint, "http://")}
}

var ossHost = regexp.MustCompile(`^oss-((?:[a-z]+-)+[a-z]+(?:-\d+)?)\.aliyuncs\.com$`)

// OSSRegion is the region in the name of an Alibaba endpoint, or "" for other
// endpoints and for those of all regions.
func OSSRegion(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil {
		return ""
	}
	host := strings.Replace(strings.ToLower(u.Hostname()), "-internal.", ".", 1)
	match := ossHost.FindStringSubmatch(host)
	if match == nil || strings.HasPrefix(match[1], "accelerate") {
		return ""
	}
	return match[1]
}
