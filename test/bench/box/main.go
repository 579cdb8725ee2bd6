// Command box is the sandbox as a process of its own, with the switches that only
// measuring needs: a store that keeps nothing, no checksums for the books, and
// another host name in what it hands out, so that a test can stand between it and
// its clients. Everything else is `mediaferry sandbox`.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/mediaferry/mediaferry/internal/sandbox"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		_, _ = fmt.Fprintf(os.Stderr, "box: %s\n", err)
		os.Exit(1)
	}
}

// run serves until it is interrupted. It prints one JSON object when ready.
func run(args []string, stdout io.Writer) error {
	var o sandbox.Options
	flags := flag.NewFlagSet("box", flag.ContinueOnError)
	flags.StringVar(&o.Dir, "dir", "", "the `FOLDER` that keeps the vendors' memory, and sandbox.yaml")
	flags.StringVar(&o.Host, "host", "", "the host `NAME` in all URLs that it hands out")
	flags.BoolVar(&o.Discard, "discard", false, "keep no bytes")
	flags.BoolVar(&o.SkipSHA256, "skip-sha256", false, "leave SHA-256 out of the books")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if o.Dir == "" {
		return errors.New("--dir is missing")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	box, err := sandbox.Start(ctx, o)
	if err != nil {
		return err
	}
	defer func() { _ = box.Close() }() // the process ends
	config := filepath.Join(o.Dir, "sandbox.yaml")
	if err := os.WriteFile(config, box.Config(), 0o600); err != nil {
		return err
	}
	err = json.NewEncoder(stdout).Encode(map[string]string{"sandbox": box.URL(), "address": box.Addr(), "config": config})
	if err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}
