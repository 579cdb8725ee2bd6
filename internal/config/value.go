package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/mediaferry/mediaferry/internal/trust"
)

// value is one scalar of the file, with its references resolved.
type value struct {
	where        string // accounts.NAME.api_key
	line, column int
	text         string           // the resolved text; "" if a reference has no target
	given        bool             // the file has a value, perhaps only a reference
	late         bool             // the value contains references
	missing      []lack           // the targets that references lack
	doubts       []*trust.Refusal // secret files that others may have written or can read
}

// lack is the missing target of a reference.
type lack struct {
	text string
	file bool // a file, not a variable
}

// secretMost is the size limit of a secret file in bytes. Keys and tokens are far
// smaller, but a wrong path may name a file of any size.
const secretMost = 64 << 10

var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

var errReference = errors.New(`contains "${" without a valid reference`)

const referenceHint = `use ${NAME} or ${file:/path}; for a literal ${ write $${`

// resolver looks up the targets of references, and reads each file once.
type resolver struct {
	dir    string
	lookup func(string) (string, bool)
	files  map[string]secretFile
	stamps map[string]stamp
}

type secretFile struct {
	text  string
	err   error
	doubt *trust.Refusal // who else can read it, or may have written it
}

// resolve replaces the references in raw. The error is about their syntax only,
// and does not quote the text, which may be a secret.
func (r *resolver) resolve(raw string) (value, error) {
	var (
		v    = value{given: raw != ""}
		text strings.Builder
	)
	for rest := raw; rest != ""; {
		plain, after, found := strings.Cut(rest, "${")
		if escaped := strings.HasSuffix(plain, "$"); found && escaped {
			text.WriteString(plain[:len(plain)-1] + "${")
			rest = after
			continue
		}
		text.WriteString(plain)
		if !found {
			break
		}
		name, after, closed := strings.Cut(after, "}")
		if !closed {
			return v, errReference
		}
		stands, err := r.reference(name)
		if err != nil {
			return v, err
		}
		if stands.lack != nil {
			v.missing = append(v.missing, *stands.lack)
		}
		if stands.doubt != nil {
			v.doubts = append(v.doubts, stands.doubt)
		}
		v.late, rest = true, after
		text.WriteString(stands.text)
	}
	if len(v.missing) == 0 {
		v.text = text.String()
	}
	return v, nil
}

// target is what a reference stands for.
type target struct {
	text  string
	lack  *lack // nil if there is a text
	doubt *trust.Refusal
}

// reference looks up the target of a reference.
func (r *resolver) reference(name string) (target, error) {
	if path, is := strings.CutPrefix(name, "file:"); is && path != "" {
		return r.file(path), nil
	}
	if !variable.MatchString(name) {
		return target{}, errReference
	}
	text, set := r.lookup(name)
	switch {
	case !set:
		return target{lack: &lack{text: "the environment variable " + name + ", which is not set"}}, nil
	case text == "":
		return target{lack: &lack{text: "the environment variable " + name + ", which is empty"}}, nil
	}
	return target{text: text}, nil
}

func (r *resolver) file(path string) target {
	path = absolute(r.dir, path)
	read, seen := r.files[path]
	if !seen {
		version := stampOf(path) // taken before reading, so that no later change is missed
		read = readSecret(path)
		if read.err != nil {
			version.fault = fmt.Sprintf("the file %s %s", path, read.err)
		}
		r.files[path], r.stamps[path] = read, version
	}
	if read.err != nil {
		return target{lack: &lack{fmt.Sprintf("the file %s, which %s", path, read.err), true}}
	}
	return target{text: read.text, doubt: read.doubt}
}

// readSecret reads a secret file. One that others can change is not read: they could
// make media go to an account of theirs. What else is wrong with its owner, its mode
// or its folder is a doubt: programs that fetch secrets often run as another user.
func readSecret(path string) (read secretFile) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		read.err = errors.New("does not exist")
		return read
	case err != nil:
		read.err = fmt.Errorf("cannot be accessed: %w", bare(err))
		return read
	case !info.Mode().IsRegular(): // a pipe would block, and be empty the next time
		read.err = errors.New("is not a regular file")
		return read
	}
	f, err := os.Open(path)
	if err != nil {
		read.err = fmt.Errorf("cannot be read: %w", bare(err))
		return read
	}
	defer func() { _ = f.Close() }() // only read
	if errors.As(trust.CheckSecret(f, path), &read.doubt) && read.doubt.Changeable {
		read.err = fmt.Errorf("%s; %s", read.doubt.Why, read.doubt.Hint)
		return read
	}
	read.text, read.err = secretText(f)
	return read
}

func secretText(f io.Reader) (string, error) {
	raw, err := io.ReadAll(io.LimitReader(f, secretMost+1))
	switch text := strings.TrimRight(string(raw), "\r\n"); {
	case err != nil:
		return "", fmt.Errorf("cannot be read: %w", bare(err))
	case len(raw) > secretMost:
		return "", fmt.Errorf("is larger than %d bytes", secretMost)
	case text == "":
		return "", errors.New("is empty")
	default:
		return text, nil
	}
}

// bare drops the path that package os puts in front of an error.
func bare(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// absolute resolves a path that is written in a file in folder dir.
func absolute(dir, path string) string {
	if rest, is := strings.CutPrefix(path, "~/"); is {
		if home, err := os.UserHomeDir(); err == nil {
			return filepath.Join(home, rest)
		}
	}
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, path)
}

// lacksFile reports whether a secret file is missing.
func (v value) lacksFile() bool {
	for _, lack := range v.missing {
		if lack.file {
			return true
		}
	}
	return false
}
