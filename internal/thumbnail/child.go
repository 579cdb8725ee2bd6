package thumbnail

import (
	"io"
	"os"

	"github.com/mediaferry/mediaferry/internal/confined"
)

// command is the hidden command with which this program makes one thumbnail: of what it
// reads, to what it writes.
const command = "make-thumbnail"

// memoryMost is how many bytes the process may use for one picture, beside what it uses
// when it begins.
const memoryMost = 256 << 20

func init() {
	confined.Command(command, confined.Limits{Memory: memoryMost, CPU: cpuTime}, func() error { return decode(os.Stdin, os.Stdout) })
}

// decode makes a thumbnail within the limits of the process.
func decode(in io.Reader, out io.Writer) error {
	content, err := io.ReadAll(io.LimitReader(in, MostBytes))
	if err != nil {
		return err
	}
	return shrink(content, out)
}
