package walls

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/vendors"
)

// TestVendorsAreNamedInTheirFoldersOnly finds vendors' names in identifiers,
// texts and comments outside the vendors' own folders. The help of a command may
// name one: it is documentation.
func TestVendorsAreNamedInTheirFoldersOnly(t *testing.T) {
	names := vendors.Names()
	require.NotEmpty(t, names)
	var findings []finding
	for _, path := range sources(t, ".go", ".sql", ".html", ".sh") {
		if ownFolder(path, names) {
			continue
		}
		text := read(t, path)
		if strings.HasSuffix(path, ".go") {
			text = withoutHelp(t, path, text)
		}
		findings = append(findings, mentions(path, text, names)...)
	}
	check(t, "a vendor is named in its own folders, the registry, documentation, samples and tests only: "+
		"describe what varies in the vendor's policy", findings, namesVendors)
}

// ownFolder tells whether a file lies in a folder that a vendor's client or
// simulator has to itself.
func ownFolder(path string, names []string) bool {
	for _, name := range names {
		if strings.HasPrefix(path, "internal/vendors/"+name+"/") || strings.HasPrefix(path, "internal/sandbox/"+name+"/") {
			return true
		}
	}
	return false
}

// mentions finds the lines of a text that have one of the names in them, in any
// case.
func mentions(path string, text []byte, names []string) []finding {
	var found []finding
	for i, line := range bytes.Split(bytes.ToLower(text), []byte("\n")) {
		for _, name := range names {
			if bytes.Contains(line, []byte(name)) {
				found = append(found, finding{path, i + 1, "names the vendor " + name})
			}
		}
	}
	return found
}

// withoutHelp blanks the help texts of cobra's commands in a Go source, and keeps
// its lines.
func withoutHelp(t *testing.T, path string, text []byte) []byte {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, text, parser.SkipObjectResolution)
	require.NoError(t, err)
	text = bytes.Clone(text)
	blank := func(n ast.Node) {
		for i := files.Position(n.Pos()).Offset; i < files.Position(n.End()).Offset; i++ {
			if text[i] != '\n' {
				text[i] = ' '
			}
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		literal, ok := n.(*ast.CompositeLit)
		if !ok || !selects(literal.Type, "cobra", "Command") {
			return true
		}
		for _, element := range literal.Elts {
			if pair, ok := element.(*ast.KeyValueExpr); ok {
				if key, ok := pair.Key.(*ast.Ident); ok && slices.Contains([]string{"Use", "Short", "Long", "Example"}, key.Name) {
					blank(pair.Value)
				}
			}
		}
		return true
	})
	return text
}

// selects tells whether an expression is pkg.name.
func selects(e ast.Expr, pkg, name string) bool {
	selector, ok := e.(*ast.SelectorExpr)
	if !ok || selector.Sel.Name != name {
		return false
	}
	from, ok := selector.X.(*ast.Ident)
	return ok && from.Name == pkg
}
