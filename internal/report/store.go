package report

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/sources"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// Target is where reports are put.
type Target struct {
	// Place is an absolute path of a folder, s3://BUCKET/PREFIX or
	// oss://BUCKET/PREFIX.
	Place string
	// S3 and OSS are the settings of such places, as for sources.
	S3  sources.S3Options
	OSS sources.OSSOptions
	// AllowPrivate allows a store on loopback, link-local and private addresses
	// that no endpoint names. Egress is nil for one of its own.
	AllowPrivate bool
	Egress       *egress.Egress
}

// Display is where a file of the name is, as it may be shown.
func (t Target) Display(name string) string {
	if upload.IsLocal(t.Place) {
		return filepath.Join(t.Place, filepath.FromSlash(name))
	}
	return strings.TrimRight(t.Place, "/") + "/" + name
}

// Store writes one file below the target: what write writes, by way of a
// temporary file, so that nobody sees half of it and memory stays small. name is
// a relative path with slashes. Files are for their owner alone, because a
// manifest among them may hold signed URLs; in a bucket its own rules hold. See
// StoreFile for files that are there.
func Store(ctx context.Context, target Target, name string, write func(io.Writer) error) error {
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return fmt.Errorf("report file %q must be a relative path inside the results folder or bucket", name)
	}
	if upload.IsLocal(target.Place) {
		return StoreFile(ctx, filepath.Join(target.Place, filepath.FromSlash(name)), write)
	}
	where, err := target.object(name)
	if err != nil {
		return err
	}
	file, err := os.CreateTemp("", "mediaferry-report-")
	if err != nil {
		return fmt.Errorf("temporary file for %s: %w", target.Display(name), err)
	}
	defer func() {
		_ = file.Close() // only a copy
		_ = os.Remove(file.Name())
	}()
	if err := write(&patient{ctx, file}); err != nil {
		return err
	}
	if err := where.put(ctx, file); err != nil {
		return fmt.Errorf("results at %s: %w", target.Display(name), err)
	}
	return nil
}

// patient writes until its context ends.
type patient struct {
	ctx context.Context // of the whole call
	out io.Writer
}

func (p *patient) Write(b []byte) (int, error) {
	if err := p.ctx.Err(); err != nil {
		return 0, err
	}
	return p.out.Write(b)
}

// object is where a file goes in a bucket.
type object struct {
	target Target
	bucket string
	key    string
	kind   string // its media type
	scheme string
}

// mediaTypes are those of our files, by extension.
var mediaTypes = map[string]string{
	".csv": "text/csv; charset=utf-8", ".jsonl": "application/x-ndjson", ".html": "text/html; charset=utf-8",
	".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}

func (t Target) object(name string) (object, error) {
	u, err := url.Parse(t.Place)
	if err != nil || u.Host == "" || u.Scheme != "s3" && u.Scheme != "oss" || u.RawQuery != "" || u.User != nil {
		return object{}, fmt.Errorf("results must be a folder, s3://BUCKET/PREFIX or oss://BUCKET/PREFIX, got %q", egress.Redact(t.Place))
	}
	if t.Egress == nil {
		t.Egress = egress.New()
	}
	return object{
		target: t, bucket: u.Host, key: path.Join(strings.Trim(u.Path, "/"), name), kind: mediaTypes[path.Ext(name)], scheme: u.Scheme,
	}, nil
}

// put brings the file there.
func (o object) put(ctx context.Context, file *os.File) error {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if o.scheme == "oss" {
		return o.putOSS(ctx, file)
	}
	return o.putS3(ctx, file)
}
