// Command mediaferry is the operator's program: it starts, watches and controls
// uploads, and starts the embedded engine and the sandbox. What its commands do is in
// package commands; the scripts in testdata are the contract of its command line.
package main

import (
	"os"

	"github.com/mediaferry/mediaferry/starter/commands"
)

// version is set when a release is built.
var version = "dev"

func main() {
	stdout := os.Stdout
	os.Stdout = os.Stderr // what libraries print is no result
	os.Exit(commands.Run(version, os.Args[1:], stdout, os.Stderr))
}
