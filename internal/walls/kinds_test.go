package walls

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// vocabulary is the package that has the kinds of errors.
const vocabulary = "github.com/mediaferry/mediaferry/internal/upload"

// TestKindsAreJudgedInOnePackage finds code that decides on the kind of an error
// outside package flow: comparisons with a kind, cases, and tables and lists of
// kinds.
func TestKindsAreJudgedInOnePackage(t *testing.T) {
	var findings []finding
	for _, path := range sources(t, ".go") {
		if strings.HasPrefix(path, "internal/flow/") {
			continue
		}
		findings = append(findings, decisions(t, path)...)
	}
	check(t, "what a failure means is judged in internal/flow only: obey its verdict, or show the kind without deciding on it",
		findings, decidesOnKinds)
}

// decisions finds the places in a source that decide on a kind.
func decisions(t *testing.T, path string) []finding {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, read(t, path), parser.SkipObjectResolution)
	require.NoError(t, err)
	isKind := kinds(file, strings.HasPrefix(path, "internal/upload/"))
	var found []finding
	seen := map[int]bool{}
	report := func(e ast.Expr, how string) {
		line := files.Position(e.Pos()).Line
		if name, ok := isKind(e); ok && !seen[line] {
			seen[line] = true
			found = append(found, finding{path, line, fmt.Sprintf("%s %s", how, name)})
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BinaryExpr:
			if n.Op == token.EQL || n.Op == token.NEQ {
				report(n.X, "compares with")
				report(n.Y, "compares with")
			}
		case *ast.CaseClause:
			for _, e := range n.List {
				report(e, "has a case for")
			}
		case *ast.CompositeLit:
			for _, e := range n.Elts {
				if pair, ok := e.(*ast.KeyValueExpr); ok {
					report(pair.Key, "has a table entry for")
				} else {
					report(e, "lists")
				}
			}
		}
		return true
	})
	return found
}

// kinds returns a function that tells whether an expression is one of the kinds'
// constants, and which. Inside the vocabulary they have no package before them.
func kinds(file *ast.File, inside bool) func(ast.Expr) (string, bool) {
	imported := ""
	for _, spec := range file.Imports {
		if path, _ := strconv.Unquote(spec.Path.Value); path == vocabulary {
			imported = "upload"
			if spec.Name != nil {
				imported = spec.Name.Name
			}
		}
	}
	return func(e ast.Expr) (string, bool) {
		name := ""
		switch e := e.(type) {
		case *ast.Ident:
			if inside {
				name = e.Name
			}
		case *ast.SelectorExpr:
			if from, ok := e.X.(*ast.Ident); ok && imported != "" && from.Name == imported {
				name = e.Sel.Name
			}
		}
		suffix, ok := strings.CutPrefix(name, "Kind")
		return name, ok && suffix != "" && suffix != "s" && suffix != "Of"
	}
}
