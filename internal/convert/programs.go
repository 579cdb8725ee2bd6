package convert

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/mediaferry/mediaferry/internal/confined"
	"github.com/mediaferry/mediaferry/internal/media"
	"github.com/mediaferry/mediaferry/internal/nameless"
)

// program decodes pictures to PNG: as they are to be seen, turned and cut as their
// container says, with their colour profile.
type program struct {
	name string
	args func(in, out string) []string
}

func inOut(in, out string) []string { return []string{in, out} }

var programs = []program{
	{"heif-dec", inOut}, // as libheif calls it since 1.18
	{"heif-convert", inOut},
	{"vips", func(in, out string) []string { return []string{"copy", in, out} }},
}

// Programs are the names of the programs of which one is needed for formats that this
// program does not decode itself, the preferred first.
func Programs() []string {
	var names []string
	for _, p := range programs {
		names = append(names, p.name)
	}
	return names
}

// found is a program that is installed.
type found struct {
	program
	path string
}

// installed are the programs that there are. They are looked for again after a moment:
// somebody may have just done what a hint says.
func installed() []found {
	seen.Lock()
	defer seen.Unlock()
	if path := os.Getenv("PATH"); path != seen.path || time.Since(seen.at) > time.Second {
		seen.all, seen.path, seen.at = search(), path, time.Now()
	}
	return seen.all
}

// seen is what was installed a moment ago.
var seen struct {
	sync.Mutex
	path string
	at   time.Time
	all  []found
}

func search() []found {
	var all []found
	for _, p := range programs {
		if path, err := exec.LookPath(p.name); err == nil && filepath.IsAbs(path) {
			all = append(all, found{p, path})
		}
	}
	return all
}

// Installed is the path of the program that decodes what this one does not; "" if there
// is none.
func Installed() string {
	if all := installed(); len(all) > 0 {
		return all[0].path
	}
	return ""
}

const (
	// pngMost is how large a decoded picture may be, as PNG.
	pngMost = 512 << 20
	outName = "out.png" // programs take the format from the name
)

// decode has a picture decoded by an installed program, and returns a file that has no
// name.
func decode(ctx context.Context, kind media.Type, source *os.File, dir string) (*os.File, error) {
	all := installed()
	if len(all) == 0 {
		return nil, invalid("the picture is %s, which only an installed program can decode, and there is none", kind).WithHint("%s", Lacks(kind))
	}
	var failed error
	var name string
	for _, by := range all {
		out, err := by.decode(ctx, source, dir)
		var refused *confined.Error
		if err == nil || !errors.As(err, &refused) {
			return out, err
		}
		if failed == nil { // another one may know more formats, but has the same words for a bad file
			name, failed = by.name+": ", err
		}
	}
	return nil, died(ctx, name, failed)
}

// decode runs the program. It reads and writes files that have no name: of its folder, all
// that is left of a process that was killed is a link to nowhere.
func (f found) decode(ctx context.Context, source *os.File, dir string) (_ *os.File, err error) {
	if _, err := source.Seek(0, io.SeekStart); err != nil {
		return nil, full(err)
	}
	out, err := nameless.Create(dir)
	if err != nil {
		return nil, full(err)
	}
	defer func() {
		if err != nil {
			_ = out.Close() // it has no name
		}
	}()
	folder, err := os.MkdirTemp(dir, ".mediaferry-convert-*")
	if err != nil {
		return nil, full(err)
	}
	defer func() { _ = os.RemoveAll(folder) }() // it holds a link
	named := filepath.Join(folder, outName)
	if err := os.Symlink("/dev/fd/4", named); err != nil {
		return nil, full(err)
	}
	err = confined.Run(ctx, confined.Call{
		Program: f.path, Arguments: f.args("/dev/fd/3", named), Time: timeMost, Dir: folder,
		Limits: confined.Limits{Memory: memoryMost, CPU: cpuMost, File: pngMost},
		Files:  []*os.File{source, out},
	})
	if err != nil {
		return nil, err
	}
	info, err := out.Stat()
	switch entries, _ := os.ReadDir(folder); {
	case err != nil:
		return nil, full(err)
	case info.Size() == 0 && len(entries) > 1:
		return nil, invalid("the picture cannot be converted: the file contains %d pictures", len(entries)-1).
			WithHint("export the one that is meant as a file of its own")
	case info.Size() == 0:
		return nil, invalid("the picture cannot be converted: %s made nothing of it", f.name).WithHint(hintOther)
	}
	return out, nil
}
