package media

import (
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// nameLimit is how long a name may be, in bytes. File systems and some stores
// end at 255; what vendors put in front of a name has to fit as well.
const nameLimit = 200

// nameless is what a medium is called whose source has no name.
const nameless = "medium"

// CleanName is the base name of a source as it may stand in a form, in an
// object's key and in a file system: without folders and query, in UTF-8, and
// without characters that mean something to any of these.
func CleanName(name string) string {
	name = strings.ToValidUTF8(base(name), "_")
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || strings.ContainsRune(`<>:"/\|?*#%`, r) {
			return '_'
		}
		return r
	}, name)
	// A leading dot hides a file, and Windows drops trailing dots and spaces.
	name = strings.TrimRight(strings.TrimLeft(name, ". "), ". ")
	if name == "" {
		return nameless
	}
	root, extension := split(name)
	if len(name) > nameLimit && len(extension) < nameLimit/2 {
		return cut(root, nameLimit-len(extension)) + extension
	}
	return cut(name, nameLimit)
}

// base is what follows the last separator, of a URL without its query.
func base(name string) string {
	if _, rest, found := strings.Cut(name, "://"); found {
		rest, _, _ = strings.Cut(rest, "#")
		rest, _, _ = strings.Cut(rest, "?")
		_, path, _ := strings.Cut(rest, "/")
		name = path[strings.LastIndexByte(path, '/')+1:]
		if plain, err := url.PathUnescape(name); err == nil {
			name = plain
		}
	}
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	// A bare "a.jpg?w=800" is a URL's end; "why?.jpg" is a file's own name.
	if front, _, found := strings.Cut(name, "?"); found {
		if _, known := TypeOf(front); known {
			return front
		}
	}
	return name
}

// split cuts a name before its extension, which comes in lower case and with
// its dot. A name that only begins with a dot has no extension.
func split(name string) (root, extension string) {
	dot := strings.LastIndexByte(name, '.')
	if dot <= 0 || dot == len(name)-1 {
		return name, ""
	}
	return name[:dot], strings.ToLower(name[dot:])
}

// stem is a name without an extension that the table knows.
func stem(name string) string {
	root, extension := split(name)
	if _, known := byExtension(extension); known {
		return root
	}
	return name
}

// Rename gives a clean name the extension of a type, unless it has one of them.
// An extension that the table does not know is a part of the name.
func Rename(name string, kind Type) string {
	f, known := lookup(kind)
	if !known {
		return name
	}
	root, extension := split(name)
	if slices.Contains(f.extensions, extension) {
		return root + extension
	}
	return cut(stem(name), nameLimit-len(f.extensions[0])) + f.extensions[0]
}

// cut shortens text to at most limit bytes, between characters.
func cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit]
}
