package config

import (
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// namedValue is a value under a name of the user's choice.
type namedValue struct {
	name  string
	value value
}

// LocalRoots returns the folders that local sources may be in, as absolute paths.
// given is false if the file does not set them: the programs' defaults differ.
func (c *Config) LocalRoots() (roots []string, given bool, err error) {
	f := &findings{file: c.Path}
	roots = c.localRoots(f)
	return roots, c.hasRoots, f.err()
}

// SharedRoots returns the folders that hold the same files on every host that names them,
// in the order of the file, with absolute paths.
func (c *Config) SharedRoots() ([]upload.Root, error) {
	f := &findings{file: c.Path}
	roots := c.sharedRoots(f)
	return roots, f.err()
}

func (r *reader) localRoots(where string, node *yaml.Node) {
	r.config.roots, r.config.hasRoots = r.list(where, node, "use a list of folders, for example [/srv/media]")
}

func (r *reader) sharedRoots(where string, node *yaml.Node) {
	pairs, _ := r.pairs(where, node, "use a name and a folder for each, for example {catalogue: /mnt/catalogue}")
	for _, p := range pairs {
		if !upload.IsSharedName(p.key.Value) {
			r.problem(p.key, "use letters, digits, dots, dashes and underscores, at most 64, beginning with a letter or digit", "%s has the name %q", where, p.key.Value)
			continue
		}
		v, ok := r.value(below(where, p.key.Value), p.value)
		if !ok && isNull(follow(p.value)) {
			r.problem(p.key, "set it to a folder", "%s is empty", below(where, p.key.Value))
		}
		if ok {
			r.config.shared = append(r.config.shared, namedValue{p.key.Value, v})
		}
	}
}

func (c *Config) localRoots(f *findings) []string {
	roots := []string{}
	for _, v := range c.roots {
		if root := c.folder(v, f); root != "" {
			roots = append(roots, root)
		}
	}
	return roots
}

func (c *Config) sharedRoots(f *findings) []upload.Root {
	var roots []upload.Root
	names := map[string]string{}
	for _, one := range c.shared {
		path := c.folder(one.value, f)
		if other := names[path]; other != "" && path != "" {
			f.add(one.value, "use one name for a folder, the same on all hosts", "is the same folder as sources.shared_roots.%s", other)
			continue
		}
		if path != "" {
			names[path] = one.name
			roots = append(roots, upload.Root{Shared: one.name, Path: path})
		}
	}
	return roots
}

// folder reads the absolute path of a folder; "" where it is none.
func (c *Config) folder(v value, f *findings) string {
	text := f.text(v)
	switch {
	case text != "" && upload.IsLocal(text):
		return absolute(c.dir, strings.TrimPrefix(text, "file://"))
	case text != "":
		f.add(v, "use a folder", "%q is a URL", egress.Redact(text))
	case len(v.missing) == 0:
		f.add(v, "use a folder", "is empty")
	}
	return ""
}
