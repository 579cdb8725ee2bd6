// Command rclone is rclone itself, cut down to copying between a disk and S3: what
// `make bench` holds the speed of mediaferry against. It is a module of its own,
// so that nothing of it becomes part of mediaferry.
package main

import (
	_ "github.com/rclone/rclone/backend/local" // the disk
	_ "github.com/rclone/rclone/backend/s3"    // the gateway
	"github.com/rclone/rclone/cmd"
	_ "github.com/rclone/rclone/cmd/copyto" // the one command that is used
)

func main() { cmd.Main() }
