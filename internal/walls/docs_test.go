package walls

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/vendors"
)

// pages returns the documentation for people: all files in Markdown.
func pages(t *testing.T) []string {
	t.Helper()
	skipped := []string{".git", "bin", "data"}
	var paths []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if entry.IsDir() && slices.Contains(skipped, name) {
			return filepath.SkipDir
		}
		if !entry.IsDir() && strings.HasSuffix(name, ".md") {
			paths = append(paths, name)
		}
		return nil
	})
	require.NoError(t, err)
	require.Contains(t, paths, "README.md")
	require.Contains(t, paths, "docs/design.md")
	return paths
}

// exists reports whether the repository has a file or folder.
func exists(name string) bool {
	_, err := os.Stat(filepath.Join(root, filepath.FromSlash(name)))
	return err == nil
}

// eachLine calls do with every line of a page, and its number.
func eachLine(t *testing.T, page string, do func(n int, line string)) {
	t.Helper()
	for i, line := range strings.Split(string(read(t, page)), "\n") {
		do(i+1, line)
	}
}

// TestLinksResolve makes sure that each relative link of a page leads to a file, and
// to a heading that the file has.
func TestLinksResolve(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	var findings []finding
	for _, page := range pages(t) {
		eachLine(t, page, func(n int, line string) {
			for _, found := range link.FindAllStringSubmatch(line, -1) {
				target, anchor, _ := strings.Cut(found[1], "#")
				if strings.Contains(target, ":") { // another site
					continue
				}
				name := page
				if target != "" {
					name = path.Join(path.Dir(page), target)
				}
				switch {
				case !exists(name):
					findings = append(findings, finding{page, n, "links to " + found[1] + ", which does not exist"})
				case anchor != "" && !slices.Contains(anchors(t, name), anchor):
					findings = append(findings, finding{page, n, "links to " + found[1] + ", which has no such heading"})
				}
			}
		})
	}
	check(t, "a link leads to something", findings, nil)
}

// anchors are the names under which a page's headings can be linked to.
func anchors(t *testing.T, page string) (all []string) {
	t.Helper()
	heading, dropped := regexp.MustCompile(`^#+ (.+)$`), regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	eachLine(t, page, func(_ int, line string) {
		if found := heading.FindStringSubmatch(line); found != nil {
			all = append(all, strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(found[1]), ""), " ", "-"))
		}
	})
	return all
}

// TestNamedPathsExist makes sure that each path of the repository that a page names
// exists, and that a file declares what a page says is in it. A path with <vendor>
// must exist for every vendor.
func TestNamedPathsExist(t *testing.T) {
	named := regexp.MustCompile("(?:^|[\\s`(|])((?:activities|docs|engine|examples|internal|scripts|starter|test|tools|worker|workflows|\\.ci|\\.github)/[\\w./<>-]*)")
	inFile := regexp.MustCompile("`(\\w+)` in\\s+`([\\w./-]+\\.go)`")
	var findings []finding
	for _, page := range pages(t) {
		eachLine(t, page, func(n int, line string) {
			for _, found := range named.FindAllStringSubmatch(line, -1) {
				name := strings.TrimRight(found[1], ".")
				for _, one := range forEachVendor(name) {
					if !exists(one) {
						findings = append(findings, finding{name, 0, page + " names it, and there is no " + one})
					}
				}
			}
		})
		text := string(read(t, page))
		for _, at := range inFile.FindAllStringSubmatchIndex(text, -1) {
			name, file := text[at[2]:at[3]], text[at[4]:at[5]]
			if exists(file) && !declares(t, file, name) {
				findings = append(findings, finding{page, 1 + strings.Count(text[:at[0]], "\n"), file + " does not declare " + name})
			}
		}
	}
	check(t, "documentation names what exists", findings, nil)
}

// forEachVendor are the paths that a path with <vendor> stands for.
func forEachVendor(name string) []string {
	if !strings.Contains(name, "<vendor>") {
		return []string{name}
	}
	var all []string
	for _, vendor := range vendors.Names() {
		all = append(all, strings.ReplaceAll(name, "<vendor>", vendor))
	}
	return all
}

// declares reports whether a Go file declares a function, a method, a type, a
// constant or a variable of a name.
func declares(t *testing.T, path, name string) bool {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, read(t, path), parser.SkipObjectResolution)
	require.NoError(t, err)
	for _, declaration := range file.Decls {
		switch d := declaration.(type) {
		case *ast.FuncDecl:
			if d.Name.Name == name {
				return true
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					if s.Name.Name == name {
						return true
					}
				case *ast.ValueSpec:
					if slices.ContainsFunc(s.Names, func(n *ast.Ident) bool { return n.Name == name }) {
						return true
					}
				}
			}
		}
	}
	return false
}

// TestEachDependencyHasItsReason makes sure that docs/design.md says what each
// direct dependency of a module is for, and lists none that is gone.
func TestEachDependencyHasItsReason(t *testing.T) {
	_, table, found := strings.Cut(string(read(t, "docs/design.md")), "\n## Dependencies\n")
	require.True(t, found)
	table, _, _ = strings.Cut(table, "\n## ")
	var listed []string
	for _, row := range regexp.MustCompile(`(?m)^\| ([^|]+) \| [^|]+ \|$`).FindAllStringSubmatch(table, -1) {
		if row[1] != "module" { // the table's header
			listed = append(listed, strings.Split(row[1], ", ")...)
		}
	}
	var needed []string
	requirement := regexp.MustCompile(`(?m)^(?:require )?\t?([\w./-]+\.[\w./-]+) v\S+$`) // not the indirect ones
	for _, module := range []string{"go.mod", "internal/sandbox/go.mod", "test/go.mod", "engine/go.mod"} {
		for _, found := range requirement.FindAllStringSubmatch(string(read(t, module)), -1) {
			if !strings.HasPrefix(found[1], "github.com/mediaferry/") {
				needed = append(needed, found[1])
			}
		}
	}
	slices.Sort(needed)
	require.ElementsMatch(t, slices.Compact(needed), listed)
}
