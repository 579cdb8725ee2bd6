// Package iterator stands in for the package of the same path. The Temporal
// server's archiver for Google Cloud Storage compiles against it; that archiver is
// not part of the embedded engine.
package iterator

import "errors"

// Done would end a list.
var Done = errors.New("archiving in Google Cloud Storage is not part of the embedded engine")
