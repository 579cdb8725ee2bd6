// Package uritemplates stands in for the package of the same path. The Temporal
// server's store in Elasticsearch compiles against it; that store is not part of
// the embedded engine.
package uritemplates

import "errors"

// Expand fails.
func Expand(string, map[string]string) (string, error) {
	return "", errors.New("visibility in Elasticsearch is not part of the embedded engine")
}
