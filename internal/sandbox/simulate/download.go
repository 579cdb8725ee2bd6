package simulate

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// ServeContent answers a GET or HEAD with bytes, or with the one range of them
// that was asked for. It closes src.
func ServeContent(c *Call, src io.ReadSeekCloser, contentType, etag string) *Answer {
	size, err := src.Seek(0, io.SeekEnd)
	if err != nil {
		_ = src.Close()
		return NewAnswer(http.StatusInternalServerError)
	}
	from, n, partial, ok := oneRange(c.HTTP.Header.Get("Range"), size)
	if !ok {
		_ = src.Close()
		return NewAnswer(http.StatusRequestedRangeNotSatisfiable).With("Content-Range", fmt.Sprintf("bytes */%d", size))
	}
	if _, err := src.Seek(from, io.SeekStart); err != nil {
		_ = src.Close()
		return NewAnswer(http.StatusInternalServerError)
	}
	a := NewAnswer(http.StatusOK).With("Content-Type", contentType).With("Accept-Ranges", "bytes").
		With("Content-Length", strconv.FormatInt(n, 10))
	if etag != "" {
		a.With("ETag", etag)
	}
	if partial {
		a.Status = http.StatusPartialContent
		a.With("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, from+n-1, size))
	}
	a.Stream = func(w io.Writer) error {
		_, err := io.CopyN(w, src, n)
		return err
	}
	a.Done = func() { _ = src.Close() }
	return a
}

// oneRange reads a Range header with a single range of bytes; any other header
// means everything, as HTTP allows.
func oneRange(header string, size int64) (from, n int64, partial, ok bool) {
	spec, isBytes := strings.CutPrefix(header, "bytes=")
	first, last, isRange := strings.Cut(spec, "-")
	if !isBytes || !isRange || strings.Contains(spec, ",") {
		return 0, size, false, true
	}
	if first == "" { // the last so many bytes
		n, err := strconv.ParseInt(last, 10, 64)
		if err != nil || n <= 0 {
			return 0, 0, false, false
		}
		n = min(n, size)
		return size - n, n, true, true
	}
	from, err := strconv.ParseInt(first, 10, 64)
	if err != nil || from >= size {
		return 0, 0, false, false
	}
	end := size - 1
	if last != "" {
		if end, err = strconv.ParseInt(last, 10, 64); err != nil || end < from {
			return 0, size, false, true
		}
		end = min(end, size-1)
	}
	return from, end - from + 1, true, true
}
