// Package trust decides, by owner and mode, whether a file or a folder may be relied
// on: who could have written what is read, and who else can read a secret. It owns
// this decision for the configuration, for secrets, for the encryption key and for the
// data folder, and the commands that put a refused file right.
//
// The user and root are trusted, and nobody else. A folder counts as well as the file
// in it, because who may write a folder can replace its files. In a folder with the
// sticky bit, such as /tmp, only a file's owner can replace it. What lies on a mount
// that is read-only can be changed by nobody here, whatever its mode says: the folders
// of secrets and configurations that Kubernetes mounts have mode 0777.
//
// A file is judged after it was opened, so that it cannot be exchanged in between. A
// symbolic link is judged together with the folder that it lies in, its target, and
// the folder of that. Package trust reads no file and knows nothing of their contents.
// Where the system has no owners and modes, it trusts everything.
package trust

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
)

// Refusal says why a file or a folder is not relied on, and what puts that right.
type Refusal struct {
	Path string // of the file or folder at fault
	Why  string // "can be changed by other users (mode 0666)"
	Hint string // a command
	// Changeable says that others can change the file itself.
	Changeable bool
}

// Error is one line.
func (r *Refusal) Error() string { return r.Path + " " + r.Why + "; " + r.Hint }

// About is why a file that was asked for is refused: because of itself, or of the
// folder or the link that the refusal names.
func (r *Refusal) About(path string) string {
	if r.Path == path {
		return "it " + r.Why
	}
	return r.Path + " " + r.Why
}

// Open opens a file on which only the user and root decide: it belongs to one of them,
// and nobody else can change it or replace it. The error is a *Refusal otherwise. The
// caller must close the file.
func Open(path string) (*os.File, error) { return open(path, Check) }

// OpenSecret is Open for a file that nobody else can read either.
func OpenSecret(path string) (*os.File, error) { return open(path, CheckSecret) }

func open(path string, check func(*os.File, string) error) (*os.File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if err := check(file, path); err != nil {
		_ = file.Close() // only opened
		return nil, err
	}
	return file, nil
}

// Check judges an open file that was opened as path. The error is a *Refusal, or that
// of the system.
func Check(file *os.File, path string) error { return me().check(file, path) }

// reader is the user on whose behalf files are judged.
type reader struct{ uid int }

func me() reader { return reader{os.Geteuid()} }

func (r reader) check(file *os.File, path string) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if err := r.owned(path, info); err != nil {
		return err
	}
	if changeable(info) && !readOnly(path) {
		return &Refusal{
			Path: path, Why: "can be changed by other users" + modeOf(info), Hint: r.closing(path, info), Changeable: true,
		}
	}
	return r.names(path)
}

// CheckSecret is Check, and refuses a file of the user's that others can read. Who may
// read a file of root's is root's decision: a secret that is mounted into a container
// belongs to root and is readable there by everyone.
func CheckSecret(file *os.File, path string) error { return me().checkSecret(file, path) }

func (r reader) checkSecret(file *os.File, path string) error {
	if err := r.check(file, path); err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if uid, known := ownerOf(info); !known || uid != r.uid || !readable(info) || readOnly(path) {
		return nil
	}
	return &Refusal{
		Path: path, Why: "can be read by other users" + modeOf(info), Hint: "to prevent that: chmod 600 " + quote(path),
	}
}

// Folder makes a folder that is for the user alone, with its parents. One that others
// may only look into is closed to them, and closed says so: it is ours, and a folder
// that was made by hand usually is open. So is one with the sticky bit, such as a new
// file system has, as long as all that is in it is the user's. One that belongs to
// another user, or in which others may write, is refused, because it may hold files of
// theirs. What lies on a mount that is read-only is left as it is.
func Folder(path string) (closed bool, err error) { return me().folder(path) }

func (r reader) folder(path string) (closed bool, err error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return false, err
	}
	folder, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer func() { _ = folder.Close() }() // only opened
	info, err := folder.Stat()
	if err != nil {
		return false, err
	}
	uid, known := ownerOf(info)
	switch {
	case !info.IsDir():
		return false, &fs.PathError{Op: "open", Path: path, Err: errors.New("is not a folder")}
	case !known:
		return false, nil
	case uid != r.uid:
		return false, &Refusal{
			Path: path, Why: "belongs to " + userName(uid), Hint: "to make it yours: sudo chown -R " + userID(r.uid) + " " + quote(path),
		}
	case info.Mode().Perm()&0o077 == 0 || readOnly(path):
		return false, nil
	case changeable(info) && (info.Mode()&fs.ModeSticky == 0 || !r.alone(folder)):
		return false, &Refusal{
			Path: path, Why: "can be written by other users" + modeOf(info),
			Hint: "check what is in it, then run: chmod 700 " + quote(path),
		}
	}
	return true, folder.Chmod(info.Mode() &^ 0o077)
}

// alone reports whether all that is in a folder belongs to the user or to root.
func (r reader) alone(folder *os.File) bool {
	entries, err := folder.ReadDir(-1)
	if err != nil {
		return false
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || r.owned(entry.Name(), info) != nil {
			return false
		}
	}
	return true
}

// owned refuses what belongs to neither the user nor root.
func (r reader) owned(path string, info fs.FileInfo) error {
	uid, known := ownerOf(info)
	if !known || uid == 0 || uid == r.uid {
		return nil
	}
	return &Refusal{
		Path: path, Why: "belongs to " + userName(uid) + ", and not to you or root",
		Hint: "if you trust what is in it: sudo chown " + userID(r.uid) + " " + quote(path),
	}
}

// OwnerOtherThan names the owner of a file that is there and does not belong to the user
// uid; "" where there is none.
func OwnerOtherThan(uid int, path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return ""
	}
	if owner, known := ownerOf(info); known && owner != uid {
		return userName(owner)
	}
	return ""
}

// Same reports whether a file has the owner and the mode that it had.
func Same(was, is fs.FileInfo) bool {
	before, _ := ownerOf(was)
	now, _ := ownerOf(is)
	return was.Mode() == is.Mode() && before == now
}

// longestLink is how many symbolic links a path may consist of, as in Linux.
const longestLink = 40

// names judges the folder of a file and, where the file is a symbolic link, that of
// each target: who may write there decides which file the name means.
func (r reader) names(path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	for range longestLink {
		folder, err := filepath.EvalSymlinks(filepath.Dir(path))
		if err != nil {
			return gone(err)
		}
		name := filepath.Join(folder, filepath.Base(path))
		info, err := os.Lstat(name)
		if err != nil {
			return gone(err)
		}
		if err := r.placed(folder, name, info); err != nil {
			return err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			return nil
		}
		target, err := os.Readlink(name)
		if err != nil {
			return err
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(folder, target)
		}
		path = target
	}
	return &fs.PathError{Op: "open", Path: path, Err: errors.New("too many symbolic links")}
}

// gone is nil for a name that leads nowhere: the links of /dev/fd name files that have
// none, and the open file has been judged already.
func gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// placed judges a folder and the owner of one name in it.
func (r reader) placed(folder, name string, info fs.FileInfo) error {
	if err := r.owned(name, info); err != nil {
		return err
	}
	in, err := os.Stat(folder)
	if err != nil {
		return err
	}
	if err := r.owned(folder, in); err != nil {
		return err
	}
	if !changeable(in) || in.Mode()&fs.ModeSticky != 0 || readOnly(folder) {
		return nil
	}
	return &Refusal{
		Path: folder, Why: "can be written by other users" + modeOf(in),
		Hint: r.closing(folder, in),
	}
}

// closing is the command that keeps others from changing a file or a folder.
func (r reader) closing(path string, info fs.FileInfo) string {
	if uid, known := ownerOf(info); known && uid != r.uid {
		return "to prevent that: sudo chmod go-w " + quote(path)
	}
	return "to prevent that: chmod go-w " + quote(path)
}

func changeable(info fs.FileInfo) bool { return info.Mode().Perm()&0o022 != 0 }
func readable(info fs.FileInfo) bool   { return info.Mode().Perm()&0o077 != 0 }

func modeOf(info fs.FileInfo) string {
	return fmt.Sprintf(" (mode %#o)", info.Mode().Perm())
}

// userName names a user for people.
func userName(uid int) string {
	if found, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return "user " + found.Username
	}
	return "user ID " + strconv.Itoa(uid)
}

// userID names a user for chown.
func userID(uid int) string {
	if found, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return found.Username
	}
	return strconv.Itoa(uid)
}

// quote makes a path one word of a shell's.
func quote(path string) string {
	if path != "" && !strings.ContainsFunc(path, special) {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

// special reports whether a shell may take a character for more than itself.
func special(r rune) bool {
	letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
	return !letter && !strings.ContainsRune("/._-+:@,", r)
}
