// Package modules holds what must be true of the Go modules of this repository
// together. It has tests alone.
package modules
