package thumbnail

import (
	"io"
	"os"
	"runtime/debug"
)

// command is the hidden command with which this program makes one thumbnail: of what it
// reads, to what it writes.
const command = "make-thumbnail"

// memoryMost is how many bytes the process may use for one picture, beside what it uses
// when it begins.
const memoryMost = 256 << 20

// Every program that imports this package has the command, before it does anything else:
// a program that forgot it would run itself once more for each picture, and a test too.
func init() {
	if len(os.Args) != 2 || os.Args[1] != command {
		return
	}
	status := 0
	if decode(os.Stdin, os.Stdout) != nil {
		status = 1
	}
	os.Exit(status) //nolint:forbidigo // this process has no main of its own
}

// decode makes a thumbnail within the limits of the process.
func decode(in io.Reader, out io.Writer) error {
	if err := limit(); err != nil {
		return err
	}
	debug.SetMemoryLimit(memoryMost * 3 / 4) // the garbage collector works harder before the system says no
	debug.SetTraceback("none")
	content, err := io.ReadAll(io.LimitReader(in, MostBytes))
	if err != nil {
		return err
	}
	return shrink(content, out)
}
