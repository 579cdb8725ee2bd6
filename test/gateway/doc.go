// Package gateway holds the reader of s3: sources against a real S3 server, which
// checks signatures, regions and names as AWS does. It has tests alone; they are
// outside the main module, which links no server.
package gateway
