package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"

	"github.com/mediaferry/mediaferry/internal/suggest"
	"github.com/mediaferry/mediaferry/internal/trust"
)

// fileMost is the size limit of a configuration in bytes: thousands of accounts.
const fileMost = 1 << 20

// reader turns the YAML tree into values, and collects problems.
type reader struct {
	resolver
	config   *Config
	problems Problems
}

// entry is a key of a mapping, with the function that reads its value.
type entry struct {
	name string
	read func(where string, node *yaml.Node)
}

// load always returns a Config, for the stamps of the files that it tried to read.
func load(path string, lookup func(string) (string, bool)) (*Config, error) {
	c := &Config{Path: path, values: map[string]value{}, stamps: map[string]stamp{path: stampOf(path)}}
	full, err := filepath.Abs(path)
	if err != nil {
		return c, err
	}
	c.dir = filepath.Dir(full)
	raw, open, err := readFile(path)
	if err != nil {
		return c, err
	}
	c.open = open
	r := &reader{config: c, resolver: resolver{dir: c.dir, lookup: lookup, files: map[string]secretFile{}, stamps: c.stamps}}
	if root := r.parse(raw); root != nil {
		r.document(root)
	}
	c.secrets = r.files
	if len(r.problems) > 0 {
		slices.SortStableFunc(r.problems, func(a, b Problem) int { return a.Line - b.Line })
		return c, r.problems
	}
	return c, nil
}

// readFile reads a configuration that nobody else can have written: it says where the
// credentials go. open says that other users can read it.
func readFile(path string) (raw []byte, open bool, err error) {
	f, err := trust.Open(path)
	var refusal *trust.Refusal
	switch {
	case errors.As(err, &refusal):
		return nil, false, Problems{{Message: fmt.Sprintf("configuration %s is not used: %s", path, refusal.About(path)), Hint: refusal.Hint}}
	case err != nil:
		return nil, false, fmt.Errorf("configuration %s: %w", path, bare(err))
	}
	defer func() { _ = f.Close() }() // only read
	if err := trust.CheckSecret(f, path); errors.As(err, &refusal) {
		open = true
	}
	raw, err = io.ReadAll(io.LimitReader(f, fileMost+1))
	if err != nil {
		return nil, false, fmt.Errorf("configuration %s: %w", path, bare(err))
	}
	if len(raw) > fileMost {
		return nil, false, fmt.Errorf("configuration %s is larger than %d bytes", path, fileMost)
	}
	return raw, open, nil
}

// syntax matches an error of package yaml, which has the line only in its text.
var syntax = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

func (r *reader) parse(raw []byte) *yaml.Node {
	decoder := yaml.NewDecoder(bytes.NewReader(raw))
	var document, second yaml.Node
	err := decoder.Decode(&document)
	if errors.Is(err, io.EOF) {
		return nil // empty, or comments only
	}
	if err == nil {
		if err = decoder.Decode(&second); errors.Is(err, io.EOF) {
			return document.Content[0]
		}
		if err == nil {
			r.problem(&second, "keep only one document", "the file contains a second YAML document, which begins here")
			return nil
		}
	}
	parts := syntax.FindStringSubmatch(err.Error())
	if parts == nil {
		parts = []string{"", "", err.Error()}
	}
	line, _ := strconv.Atoi(parts[1]) // not every error has a line
	if tab := tabbed(raw, line); tab > 0 {
		r.problem(&yaml.Node{Line: tab}, "replace the tab by spaces, two for each level", "the line is indented with a tab, and YAML allows spaces only")
		return nil
	}
	r.problem(&yaml.Node{Line: line}, "", "invalid YAML: %s", parts[2])
	return nil
}

// tabbed finds the line that begins with a tab and that a parser meant: the named one, or
// a neighbour, since parsers count from where a block begins; 0 if there is none.
func tabbed(raw []byte, near int) int {
	lines := bytes.Split(raw, []byte("\n"))
	for _, line := range []int{near, near + 1, near - 1} {
		if line < 1 || line > len(lines) {
			continue
		}
		text := lines[line-1]
		blanks := text[:len(text)-len(bytes.TrimLeft(text, " \t"))]
		if bytes.ContainsRune(blanks, '\t') && len(bytes.TrimSpace(text)) > 0 {
			return line
		}
	}
	return 0
}

func (r *reader) document(root *yaml.Node) {
	r.mapping("", root, []entry{
		{"accounts", r.accounts},
		{"sources", func(where string, node *yaml.Node) {
			r.mapping(where, node, []entry{
				{"local_roots", r.localRoots},
				{"shared_roots", r.sharedRoots},
				{"allow_private_networks", r.scalar},
				{"s3", r.scalars("endpoint", "region", "path_style")},
				{"oss", r.scalars("endpoint", "access_key_id", "access_key_secret")},
			})
		}},
		{"ledger", r.scalar},
		{"results", r.scalar},
		{"encryption", func(where string, node *yaml.Node) {
			r.mapping(where, node, []entry{{"key", r.encryptionKey}})
		}},
		{"patience", r.scalar},
		{"notify", func(where string, node *yaml.Node) {
			r.mapping(where, node, []entry{{"webhook", r.scalar}, {"secret", r.scalar}, {"events", r.notifyEvents}})
		}},
		{"dashboard", func(where string, node *yaml.Node) {
			r.mapping(where, node, []entry{
				{"token", r.scalar},
				{"viewer_token", r.scalar},
				{"tls", r.scalars("cert", "key")},
				{"temporal_ui", r.scalar},
			})
		}},
	})
	for _, a := range r.config.accounts {
		_, found := r.config.assemble(a)
		r.problems = append(r.problems, found.early()...)
		r.warnAccount(a)
	}
	r.problems = append(r.problems, r.config.checkRest().early()...)
	r.warnRest()
}

// mapping reads the keys of a mapping, and reports unknown and duplicate keys.
func (r *reader) mapping(where string, node *yaml.Node, entries []entry) {
	pairs, _ := r.pairs(where, node, "use one or more of "+list(namesOf(entries)))
	r.entries(where, pairs, entries)
}

func (r *reader) entries(where string, pairs []pair, entries []entry) {
	names := namesOf(entries)
	for _, p := range pairs {
		if i := slices.Index(names, p.key.Value); i >= 0 {
			entries[i].read(below(where, p.key.Value), p.value)
			continue
		}
		r.problem(p.key, suggest.Hint(p.key.Value, names), "unknown key %q%s", p.key.Value, within(where))
	}
}

func namesOf(entries []entry) []string {
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.name
	}
	return names
}

type pair struct{ key, value *yaml.Node }

// pairs returns the keys and values of a mapping. If the node is not a mapping,
// that is reported and ok is false.
func (r *reader) pairs(where string, node *yaml.Node, hint string) (pairs []pair, ok bool) {
	node = follow(node)
	if isNull(node) {
		return nil, true
	}
	if node.Kind != yaml.MappingNode {
		r.problem(node, hint, "%s is %s", named(where), kindName(node))
		return nil, false
	}
	lines := map[string]int{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key := node.Content[i]
		switch {
		case key.Kind != yaml.ScalarNode:
			r.problem(key, "use plain names as keys", "%s has a key that is %s", named(where), kindName(key))
		case key.ShortTag() == "!!merge":
			r.problem(key, "write out all keys", "%s has a merge key, which is not supported", named(where))
		case lines[key.Value] > 0:
			r.problem(key, "remove one of them", "duplicate key %q%s, first set in line %d", key.Value, within(where), lines[key.Value])
		default:
			lines[key.Value] = key.Line
			pairs = append(pairs, pair{key, node.Content[i+1]})
		}
	}
	return pairs, true
}

// scalars reads a mapping of single values.
func (r *reader) scalars(names ...string) func(string, *yaml.Node) {
	entries := make([]entry, len(names))
	for i, name := range names {
		entries[i] = entry{name, r.scalar}
	}
	return func(where string, node *yaml.Node) { r.mapping(where, node, entries) }
}

func (r *reader) scalar(where string, node *yaml.Node) {
	if v, ok := r.value(where, node); ok {
		r.config.values[where] = v
	}
}

// value reads one scalar. The text is taken from the file unchanged, so that 007
// and 1e3 stay as they are.
func (r *reader) value(where string, node *yaml.Node) (value, bool) {
	node = follow(node)
	if isNull(node) {
		return value{}, false
	}
	if node.Kind != yaml.ScalarNode {
		r.problem(node, "use a single value", "%s is %s", where, kindName(node))
		return value{}, false
	}
	switch node.ShortTag() {
	case "!!str", "!!int", "!!float", "!!bool", "!!timestamp":
	default:
		r.problem(node, "use plain text", "%s has the YAML type %s", where, node.ShortTag())
		return value{}, false
	}
	v, err := r.resolve(node.Value)
	if err != nil {
		r.problem(node, referenceHint, "%s %v", where, err)
		return value{}, false
	}
	v.where, v.line, v.column = where, node.Line, node.Column
	return v, true
}

func (r *reader) notifyEvents(where string, node *yaml.Node) {
	r.config.events, _ = r.list(where, node, "use a list of events, for example [batch.ended, account.denied]")
}

// list reads a list of single values. given is false where there is none.
func (r *reader) list(where string, node *yaml.Node, hint string) (all []value, given bool) {
	node = follow(node)
	if isNull(node) {
		return nil, false
	}
	if node.Kind != yaml.SequenceNode {
		r.problem(node, hint, "%s is %s", where, kindName(node))
		return nil, false
	}
	for i, member := range node.Content {
		if v, ok := r.value(fmt.Sprintf("%s[%d]", where, i), member); ok {
			all = append(all, v)
		}
	}
	return all, true
}

func (r *reader) problem(node *yaml.Node, hint, format string, args ...any) {
	r.problems = append(r.problems, Problem{
		File: r.config.Path, Line: node.Line, Column: node.Column,
		Message: fmt.Sprintf(format, args...), Hint: hint,
	})
}
