// Package nearby finds what a person probably meant by the path of a file that does
// not exist: the same name in another letter case or Unicode form, with other blanks,
// with another extension, behind quotation marks or escapes, or an address of the web.
//
// It only words hints. Nothing is read in place of what was named: a source is what
// its path says, or it does not exist.
package nearby

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Finder looks for files near a path. It is safe for concurrent use. It reads each
// folder once, as long as the folder does not change, and at most mostNames names of
// it: a manifest may have a million wrong paths.
type Finder struct {
	// Lists reports whether the names in a folder may be told.
	Lists func(folder string) bool
	// Reads reports whether a path is a file that may be a source.
	Reads func(path string) bool

	folders folders
}

// Hint is what to try instead of a path that does not exist, or "" if nothing is near.
// The path must be absolute.
func (f *Finder) Hint(path string) string {
	folder, rest := existing(path)
	if rest == "" {
		return ""
	}
	for _, r := range readings {
		if hint := f.meant(r, folder, rest); hint != "" {
			return hint
		}
	}
	switch names, all := f.several(folder, rest); {
	case len(names) > 1 && all:
		return fmt.Sprintf("it names %d files, %q and so on; use one row for each file", len(names), names[0])
	case len(names) > 0:
		return fmt.Sprintf("did you mean %q? If the source names several files, use one row for each", names[0])
	}
	if hint := foreign(folder, rest); hint != "" {
		return hint
	}
	if twoFiles.MatchString(rest) {
		return "the source seems to name several files; use one row for each"
	}
	if hint := f.meant(withoutFolder, folder, rest); hint != "" {
		return hint
	}
	if strings.ContainsAny(rest, wildcards) {
		return f.pattern(path)
	}
	if elsewhere := f.elsewhere(folder, rest); elsewhere != "" {
		return fmt.Sprintf("did you mean %q? The file is in another folder", elsewhere)
	}
	return unusual(rest)
}

// meant is the hint for what one reading of a text leads to, or "".
func (f *Finder) meant(r reading, folder, rest string) string {
	path, ok := r.read(rest)
	if !ok {
		return ""
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(folder, path)
	}
	found, how := f.find(path)
	if found == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %q? %s", found, sentence(r.why, how))
}

// existing is the deepest folder of a path that exists, and the rest of the path.
func existing(path string) (folder, rest string) {
	folder = filepath.Clean(path)
	for {
		above := filepath.Dir(folder)
		rest = filepath.Join(filepath.Base(folder), rest)
		if above == folder {
			return folder, ""
		}
		folder = above
		if info, err := os.Stat(folder); err == nil && info.IsDir() {
			return folder, rest
		}
	}
}

// find looks for a path whose names may be spelled differently. how says in what the
// file that was found differs; it is "" where the path is that of a file.
func (f *Finder) find(path string) (found string, how []string) {
	folder, rest := existing(path)
	names := strings.Split(rest, string(filepath.Separator))
	for i, name := range names {
		last := i == len(names)-1
		if !f.Lists(folder) {
			return "", nil
		}
		match, differs := f.folders.match(folder, name, last)
		if match == "" {
			return "", nil
		}
		folder = filepath.Join(folder, match)
		how = append(how, differs...)
	}
	if !f.Reads(folder) {
		return "", nil
	}
	return folder, how
}

// several are the existing files of a text that seems to name more than one, and whether
// all that it names exist.
func (f *Finder) several(folder, rest string) (found []string, all bool) {
	for _, separator := range strings.Split(separators, "") {
		parts := strings.Split(rest, separator)
		if len(parts) < 2 || len(parts) > mostParts {
			continue
		}
		all = true
		for _, part := range parts {
			if part = bare(part); part == "" {
				continue
			}
			if !filepath.IsAbs(part) {
				part = filepath.Join(folder, part)
			}
			one, _ := f.find(part)
			if one == "" {
				all = false
				continue
			}
			found = append(found, one)
		}
		if len(found) > 0 {
			return found, all
		}
	}
	return nil, false
}

// mostSubfolders is in how many folders a file is looked for whose folder is wrong, and
// mostBeside how many names may lie beside them.
const (
	mostSubfolders = 50
	mostBeside     = 1000
)

// elsewhere is the one file of a name that lies in another subfolder of a folder than it
// should; "" where there is none, or more than one.
func (f *Finder) elsewhere(folder, rest string) (found string) {
	if !f.Lists(folder) {
		return ""
	}
	_, name, nested := strings.Cut(rest, string(filepath.Separator))
	if !nested {
		name = rest
	}
	looked := 0
	for _, sub := range f.folders.few(folder, mostBeside) {
		path := filepath.Join(folder, sub)
		if info, err := os.Lstat(path); err != nil || !info.IsDir() || strings.HasPrefix(sub, ".") {
			continue
		}
		if looked++; looked > mostSubfolders {
			return ""
		}
		one := filepath.Join(path, name) // as it is spelled: to read all these folders would take long
		switch {
		case !f.Lists(path) || !f.Reads(one):
		case found != "":
			return ""
		default:
			found = one
		}
	}
	return found
}

// wildcards make a pattern for a shell, which passes it on as it is where nothing matches
// and within quotation marks.
const wildcards = "*?["

// pattern is the hint for a path with wildcards.
func (f *Finder) pattern(path string) string {
	if strings.ContainsAny(filepath.Dir(path), wildcards) { // to look into all folders may take long
		return "it is a pattern that the shell did not expand; a source names one file"
	}
	matches, err := filepath.Glob(path)
	if err != nil {
		return "a source names one file, without wildcards"
	}
	found := 0
	for _, match := range matches {
		if f.Lists(filepath.Dir(match)) && f.Reads(match) {
			found++
		}
	}
	switch found {
	case 0:
		return "it is a pattern, and no file matches it; a shell that finds none passes it on as it is"
	case 1:
		return "it is a pattern that the shell did not expand, although a file matches it; remove the quotation marks around it"
	}
	return fmt.Sprintf("it is a pattern that the shell did not expand, although %d files match it; remove the quotation marks around it, or use the folder as the manifest of a batch", found)
}

// mostParts is how many files one text may name, and separators is what may be between
// them.
const (
	mostParts  = 20
	separators = "|;,\n"
)

// InFolder is what to try instead of the path of a folder: a file beside it with the
// same name and an extension, or the first file in it.
func (f *Finder) InFolder(folder string) string {
	if above := filepath.Dir(folder); f.Lists(above) {
		match := f.folders.extended(above, filepath.Base(folder))
		if beside := filepath.Join(above, match); match != "" && f.Reads(beside) {
			return fmt.Sprintf("did you mean %q? The extension is missing", beside)
		}
	}
	if f.Lists(folder) {
		first := f.folders.firstMedium(folder)
		if inside := filepath.Join(folder, first); first != "" && f.Reads(inside) {
			return fmt.Sprintf("use the path of one file in it, for example %q; to send all of them, use the folder as the manifest of a batch", inside)
		}
	}
	return "use the path of a media file in it"
}

// sentence says why what was found is not what was written.
func sentence(why string, how []string) string {
	var all []string
	if why != "" {
		all = append(all, why)
	}
	if len(how) > 0 {
		all = append(all, "The names differ in "+list(how))
	}
	return strings.Join(all, ". ")
}

func list(words []string) string {
	var once []string
	for _, word := range words {
		if !strings.Contains(strings.Join(once, "|")+"|", word+"|") {
			once = append(once, word)
		}
	}
	if len(once) == 1 {
		return once[0]
	}
	return strings.Join(once[:len(once)-1], ", ") + " and " + once[len(once)-1]
}
