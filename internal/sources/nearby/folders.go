package nearby

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/mediaferry/mediaferry/internal/media"
)

// Limits of what is kept of folders. With names of 50 bytes, a hundred thousand take
// about 15 MB.
const (
	mostNames   = 100_000 // of one folder, and of all together
	mostFolders = 16
)

// folders keeps the names of the folders that were last looked at.
type folders struct {
	mu   sync.Mutex
	kept []*folder // the oldest first
}

// folder is what a folder has, by keys: names that look or sound alike have one key.
type folder struct {
	path    string
	changed time.Time
	names   []named // by stem, then by key and name
}

// named is a name with its key, and with the key of what precedes its extension.
type named struct{ stem, key, name string }

func nameOf(name string) named {
	key := key(name)
	return named{stemOf(key), key, name}
}

// stemOf is a name without an extension of a medium.
func stemOf(name string) string {
	if _, known := media.TypeOf(name); known {
		return strings.TrimSuffix(name, filepath.Ext(name))
	}
	return name
}

// match is the name in a folder that is meant by another one, and in what they differ.
// Of a file, the extension may differ, too. It is "" if there is none.
func (f *folders) match(path, name string, file bool) (match string, differs []string) {
	if _, err := os.Lstat(filepath.Join(path, name)); err == nil {
		return name, nil
	}
	here, wanted := f.open(path), nameOf(name)
	for _, one := range here.stemmed(wanted.stem) {
		if one.key == wanted.key {
			return one.name, differences(name, one.name)
		}
	}
	if !file {
		return "", nil
	}
	for _, stem := range []string{wanted.key, wanted.stem, stemOf(wanted.stem)} { // a.jpg.jpg, a.png, a for a.jpg
		if match = nearest(here.stemmed(stem), wanted.key); match != "" {
			return match, []string{"the extension"}
		}
	}
	return "", nil
}

// extended finds the name of a medium that has an extension in addition.
func (f *folders) extended(path, name string) string {
	return nearest(f.open(path).stemmed(key(name)), key(name))
}

// nearest is the name whose type is nearest to what another name says: the same type,
// else the same class, such as images. A name that says nothing may be any medium's.
func nearest(names []named, name string) string {
	wanted, known := media.TypeOf(name)
	best, rank := "", 0
	for _, one := range names {
		is, medium := media.TypeOf(one.name)
		now := 0
		switch {
		case medium && !is.Medium():
		case medium && is == wanted:
			now = 3
		case medium && (!known || is.Class() == wanted.Class()):
			now = 2
		case !medium && known: // the file has no extension
			now = 1
		}
		if now > rank {
			best, rank = one.name, now
		}
	}
	return best
}

// stemmed are the names with a stem.
func (f *folder) stemmed(stem string) []named {
	if stem == "" {
		return nil
	}
	from, _ := slices.BinarySearchFunc(f.names, stem, func(one named, stem string) int { return cmp.Compare(one.stem, stem) })
	to := from
	for to < len(f.names) && f.names[to].stem == stem {
		to++
	}
	return f.names[from:to]
}

// firstMedium is the first name that ends as a medium does.
func (f *folders) firstMedium(path string) string {
	first := ""
	for _, one := range f.open(path).names {
		kind, known := media.TypeOf(one.name)
		if known && kind.Medium() && !strings.HasPrefix(one.name, ".") && (first == "" || one.name < first) {
			first = one.name
		}
	}
	return first
}

// few are the names in a folder; none where there are more than most.
func (f *folders) few(path string, most int) []string {
	here := f.open(path).names
	if len(here) > most {
		return nil
	}
	names := make([]string, len(here))
	for i, one := range here {
		names[i] = one.name
	}
	return names
}

// open returns the names of a folder; none if it cannot be listed.
func (f *folders) open(path string) *folder {
	f.mu.Lock()
	defer f.mu.Unlock()
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return &folder{}
	}
	at := slices.IndexFunc(f.kept, func(one *folder) bool { return one.path == path })
	if at >= 0 {
		one := f.kept[at]
		f.kept = slices.Delete(f.kept, at, at+1)
		if one.changed.Equal(info.ModTime()) {
			f.kept = append(f.kept, one)
			return one
		}
	}
	one := &folder{path: path, changed: info.ModTime(), names: namesOf(path)}
	f.keep(one)
	return one
}

// keep adds a folder, and forgets the oldest ones that there is no room for.
func (f *folders) keep(one *folder) {
	f.kept = append(f.kept, one)
	total := 0
	for _, k := range f.kept {
		total += len(k.names)
	}
	for len(f.kept) > 1 && (total > mostNames || len(f.kept) > mostFolders) {
		total -= len(f.kept[0].names)
		f.kept = slices.Delete(f.kept, 0, 1)
	}
}

func namesOf(path string) []named {
	dir, err := os.OpenFile(path, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NONBLOCK, 0) // opening a pipe waits for its writer
	if err != nil {
		return nil
	}
	defer func() { _ = dir.Close() }() // only read from
	var all []named
	for len(all) < mostNames {
		const chunk = 1024
		names, err := dir.Readdirnames(chunk)
		for _, name := range names {
			all = append(all, nameOf(name))
		}
		if err != nil { // the end, or no more than these
			break
		}
	}
	slices.SortFunc(all, func(a, b named) int {
		return cmp.Or(cmp.Compare(a.stem, b.stem), cmp.Compare(a.key, b.key), cmp.Compare(a.name, b.name))
	})
	return all
}

// aspect is one way in which two names can differ and still be meant to be one.
type aspect struct {
	noun string
	even func(name string) string // the same for names that differ in nothing else
}

var aspects = []aspect{
	{"the Unicode form of their letters (NFC or NFD)", norm.NFC.String},
	{"invisible characters", func(name string) string { return strings.Map(seen, name) }},
	{"spaces", func(name string) string {
		return strings.ReplaceAll(strings.Join(strings.FieldsFunc(name, blank), " "), " .", ".")
	}},
	{"quotation marks or dashes", func(name string) string { return strings.Map(typed, name) }},
	{"letter case", func(name string) string { return strings.ToLower(strings.ToUpper(name)) }},
}

// key is the same for all names that may be meant for each other.
func key(name string) string {
	if !strings.ContainsFunc(name, func(r rune) bool { return r >= utf8.RuneSelf || r <= ' ' || r == '`' || r == 0x7f }) {
		return strings.ToLower(name) // as most names are
	}
	return without(name, -1)
}

// without evens out all aspects but one.
func without(name string, one int) string {
	for i, a := range aspects {
		if i != one {
			name = a.even(name)
		}
	}
	return name
}

// differences are the aspects in which two names of one key differ.
func differences(a, b string) []string {
	var all []string
	for i, one := range aspects {
		if without(a, i) != without(b, i) {
			all = append(all, one.noun)
		}
	}
	return all
}

// seen drops characters without a shape.
func seen(r rune) rune {
	if unicode.In(r, unicode.Cf, unicode.Cc, unicode.Zl, unicode.Zp) && !blank(r) {
		return -1
	}
	return r
}

func blank(r rune) bool { return unicode.IsSpace(r) || r == '\u00a0' || r == '\u202f' }

// typed turns what word processors make of quotation marks and dashes back.
func typed(r rune) rune {
	switch r {
	case '‘', '’', '‛', '´', '`', 'ʼ':
		return '\''
	case '“', '”', '„', '‟', '«', '»':
		return '"'
	case '‐', '‑', '‒', '–', '—', '―', '−':
		return '-'
	}
	return r
}
