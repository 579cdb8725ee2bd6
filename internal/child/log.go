package child

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// maxLog is how large a child's log may grow; one of that size is kept beside it.
const maxLog = 8 << 20

func oldLog(path string) string { return path + ".1" }

// openLog opens a child's log for appending, which is what lets TrimLog cut it
// under the child's hands. A log that has grown large is put aside first.
func openLog(path string) (*os.File, error) {
	if info, err := os.Stat(path); err == nil && info.Size() > maxLog {
		if err := os.Rename(path, oldLog(path)); err != nil {
			return nil, err
		}
	}
	return os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
}

// TrimLog puts a large log aside while a child writes to it. What is written
// between the copy and the cut is lost.
func TrimLog(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || info.Size() <= maxLog {
		return err
	}
	if err := copyLog(path, oldLog(path)); err != nil {
		return errors.Join(err, os.Truncate(path, 0)) // a full disk needs the room more
	}
	return os.Truncate(path, 0)
}

func copyLog(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// lastWords finds what a child that has ended said of the reason, in its log
// from the given position: the line of a crash, or the last error. It returns ""
// where there is neither.
func lastWords(path string, from int64) string {
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer func() { _ = file.Close() }()
	if info, err := file.Stat(); err != nil || info.Size() < from {
		from = 0 // the log was trimmed meanwhile
	}
	if _, err := file.Seek(from, io.SeekStart); err != nil {
		return ""
	}
	var words string
	lines := bufio.NewScanner(io.LimitReader(file, 2*maxLog))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") {
			return line // what follows are stacks
		}
		if text := errorLine(line); text != "" {
			words = text
		}
	}
	return words
}

// errorLine returns message and error of a JSON line of level error or above.
func errorLine(line string) string {
	var entry struct {
		Level   string `json:"level"`
		Message string `json:"msg"`
		Error   string `json:"error"`
	}
	if json.Unmarshal([]byte(line), &entry) != nil {
		return ""
	}
	switch entry.Level {
	case "error", "dpanic", "panic", "fatal":
	default:
		return ""
	}
	if entry.Error == "" {
		return entry.Message
	}
	return fmt.Sprintf("%s: %s", entry.Message, entry.Error)
}
