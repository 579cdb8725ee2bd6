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
)

// value is one scalar of the file, its references resolved.
type value struct {
	where        string // accounts.NAME.api_key
	line, column int
	text         string // what it stands for; "" where something is missing
	given        bool   // there is something in the file, perhaps only a reference
	late         bool   // it holds references
	missing      []lack // what its references lack
}

// lack is something that a reference names and that is not there.
type lack struct {
	text string
	file bool // it is a file, and not a variable
}

// secretMost is the largest secret file. Keys and tokens are far smaller; a
// wrong path may name anything.
const secretMost = 64 << 10

var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

var errReference = errors.New(`holds "${" that begins no reference`)

const referenceHint = `want ${NAME} or ${file:/path}, or $${ for the characters themselves`

// resolver looks up what values refer to, each file once.
type resolver struct {
	dir    string
	lookup func(string) (string, bool)
	files  map[string]secretFile
	stamps map[string]stamp
}

type secretFile struct {
	text string
	err  error
}

// resolve replaces the references in raw. Its error is about the spelling only;
// it does not repeat it, for the text may be a secret.
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
		stands, missing, err := r.reference(name)
		if err != nil {
			return v, err
		}
		if missing != nil {
			v.missing = append(v.missing, *missing)
		}
		v.late, rest = true, after
		text.WriteString(stands)
	}
	if len(v.missing) == 0 {
		v.text = text.String()
	}
	return v, nil
}

// reference returns what a reference stands for, or what is missing.
func (r *resolver) reference(name string) (string, *lack, error) {
	if path, is := strings.CutPrefix(name, "file:"); is && path != "" {
		return r.file(path)
	}
	if !variable.MatchString(name) {
		return "", nil, errReference
	}
	text, set := r.lookup(name)
	switch {
	case !set:
		return "", &lack{text: "the environment variable " + name + ", which is not set"}, nil
	case text == "":
		return "", &lack{text: "the environment variable " + name + ", which is empty"}, nil
	}
	return text, nil, nil
}

func (r *resolver) file(path string) (string, *lack, error) {
	path = absolute(r.dir, path)
	read, seen := r.files[path]
	if !seen {
		version := stampOf(path) // before it is read, so that no later change is missed
		read.text, read.err = readSecret(path)
		if read.err != nil {
			version.fault = fmt.Sprintf("the file %s %s", path, read.err)
		}
		r.files[path], r.stamps[path] = read, version
	}
	if read.err != nil {
		return "", &lack{fmt.Sprintf("the file %s, which %s", path, read.err), true}, nil
	}
	return read.text, nil, nil
}

func readSecret(path string) (string, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", errors.New("does not exist")
	case err != nil:
		return "", fmt.Errorf("cannot be looked at: %w", bare(err))
	case !info.Mode().IsRegular(): // a pipe would block, and be empty the next time
		return "", errors.New("is no regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("cannot be read: %w", bare(err))
	}
	defer func() { _ = f.Close() }() // only read
	raw, err := io.ReadAll(io.LimitReader(f, secretMost+1))
	switch text := strings.TrimRight(string(raw), "\r\n"); {
	case err != nil:
		return "", fmt.Errorf("cannot be read: %w", bare(err))
	case len(raw) > secretMost:
		return "", fmt.Errorf("has more than %d bytes", secretMost)
	case text == "":
		return "", errors.New("is empty")
	default:
		return text, nil
	}
}

// bare drops the path that os puts in front.
func bare(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// absolute is a path as written in a file of a folder.
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
