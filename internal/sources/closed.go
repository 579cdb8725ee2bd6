package sources

import (
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// isOurs is the trouble of a file that belongs to mediaferry itself; nil where the file
// does not. A name can be spelled in many ways, also by links and mounts, so folders
// are compared by what they are. path has no links.
func isOurs(path string, closed []string) *trouble {
	if len(closed) == 0 {
		return nil
	}
	var ours []fs.FileInfo
	for _, one := range closed {
		if info, err := os.Stat(one); err == nil { // what does not exist holds no source
			ours = append(ours, info)
		}
	}
	for {
		info, err := os.Stat(path)
		if err == nil && slices.ContainsFunc(ours, func(one fs.FileInfo) bool { return os.SameFile(one, info) }) {
			return unfit("belongs to mediaferry's own data, configuration or secrets, which are never sent").
				hint("if it is a medium, copy it to another folder first")
		}
		above := filepath.Dir(path)
		if above == path {
			return nil
		}
		path = above
	}
}

// systemFolders hold the system and its secrets, and usually no media of the user's.
// Some of them have folders that may: these are openFolders.
var (
	systemFolders = []string{
		"/boot", "/dev", "/etc", "/lost+found", "/proc", "/root", "/run", "/sys",
		"/var/backups", "/var/cache", "/var/db", "/var/lib", "/var/lock", "/var/log", "/var/mail", "/var/run", "/var/spool",
		"/Library", "/System", "/private/etc", "/private/var",
	}
	openFolders = []string{"/run/media", "/private/var/folders", "/private/var/tmp"}
	// homes are the folders in which users have their homes, and sharedHomes those
	// there that are nobody's.
	homes       = []string{"/home", "/Users", "/var/home"}
	sharedHomes = []string{"/Users/Shared"}
)

// personal decides which files are a user's media where the configuration does not say
// in which folders these are.
type personal struct {
	homes []string // of this user
	open  []string // other folders that are always allowed
}

// newPersonal looks up the user's home by the environment and by the system: the two
// differ for those who change one of them on purpose. The folders in named are always
// allowed.
func newPersonal(named []string) *personal {
	p := &personal{open: slices.Clone(openFolders)}
	for _, folder := range named {
		p.open = append(p.open, filepath.Clean(folder), resolved(folder))
	}
	home, err := os.UserHomeDir()
	if err == nil {
		p.addHome(home)
	}
	if known, err := user.Current(); err == nil {
		p.addHome(known.HomeDir)
	}
	p.open = append(p.open, resolved(os.TempDir()))
	return p
}

func (p *personal) addHome(home string) {
	if home = resolved(home); filepath.IsAbs(home) && home != "/" && !slices.Contains(p.homes, home) {
		p.homes = append(p.homes, home)
	}
}

// refuses is the trouble of a path that is not read by default; nil where it is. The
// path has no links.
func (p *personal) refuses(path string) *trouble {
	if belowAny(p.open, path) || belowAny(sharedHomes, path) {
		return nil
	}
	for _, home := range p.homes {
		name, below := within(home, path)
		switch {
		case !below:
		case strings.HasPrefix(name, "."):
			return closedByDefault("is in a hidden folder of your home")
		case runtime.GOOS == "darwin" && (name == "Library" || strings.HasPrefix(name, "Library/")):
			return closedByDefault("is in the Library folder of your home")
		default:
			return nil
		}
	}
	if belowAny(systemFolders, path) {
		return closedByDefault("is in a folder of the system")
	}
	if belowAny(homes, path) {
		return closedByDefault("is in the home of another user")
	}
	return nil
}

func closedByDefault(text string) *trouble {
	return unfit("%s, which is not read unless the configuration allows it", text).
		hint("copy the file to another folder, or list its folder in sources.local_roots")
}

func belowAny(folders []string, path string) bool {
	return slices.ContainsFunc(folders, func(folder string) bool {
		name, below := within(folder, path)
		return below && name != "."
	})
}

// within is the name of a path as seen from a folder, and whether it is in it.
func within(folder, path string) (name string, below bool) {
	name, err := filepath.Rel(folder, path)
	return name, err == nil && filepath.IsLocal(name)
}

// resolved is a path without links, or as it was where it does not exist.
func resolved(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return filepath.Clean(path)
}

// nameOf is where an open file is: by the kernel's word, where it gives one, because
// the path may mean another file by now. path has no links.
func nameOf(file *os.File, path string) string {
	if runtime.GOOS != "linux" {
		return resolved(path)
	}
	real, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", file.Fd()))
	if err != nil || !filepath.IsAbs(real) {
		return resolved(path)
	}
	return strings.TrimSuffix(real, " (deleted)")
}
