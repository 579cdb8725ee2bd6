package workflows

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// allowed is all that workflow code may import. workflowcheck follows calls, but
// lets random identifiers and others pass; this list does not.
var allowed = []string{
	"errors", "fmt", "maps", "slices", "strings", "time",
	"go.temporal.io/api/enums/v1",
	"go.temporal.io/sdk/temporal", "go.temporal.io/sdk/workflow",
	"github.com/mediaferry/mediaferry/internal/flow",
	"github.com/mediaferry/mediaferry/internal/upload",
	"github.com/mediaferry/mediaferry/internal/visibility",
}

// vocabulary is all that the vocabulary may import, since workflows use it.
var vocabulary = []string{
	"crypto/sha256", "encoding/hex", "encoding/json", "errors", "fmt", "hash/crc64", "hash/fnv",
	"net/url", "path/filepath", "regexp", "slices", "strconv", "strings", "time", "unicode",
}

// pure is all that the flow may import, since workflows use it: the vocabulary, and
// what has neither a clock nor chance.
var pure = []string{"errors", "fmt", "slices", "strings", "time", "github.com/mediaferry/mediaferry/internal/upload"}

// names is all that the names of search attributes may import, since workflows use them.
var names = []string{
	"unicode/utf8", "go.temporal.io/api/enums/v1", "go.temporal.io/sdk/temporal", "github.com/mediaferry/mediaferry/internal/upload",
}

// clocks are what reads a clock, or waits, behind the workflow's back.
var clocks = []string{"Now", "Sleep", "After", "AfterFunc", "Since", "Until", "Tick", "NewTimer", "NewTicker"}

func TestWorkflowsImportNothingThatIsNotDeterministic(t *testing.T) {
	for dir, list := range map[string][]string{".": allowed, "../internal/flow": pure, "../internal/upload": vocabulary, "../internal/visibility": names} {
		for name, file := range parse(t, dir) {
			for _, imported := range file.Imports {
				path, err := strconv.Unquote(imported.Path.Value)
				require.NoError(t, err)
				require.True(t, slices.Contains(list, path), "%s imports %s, which is not on the list: make the value in an activity, or in the command", name, path)
			}
			sorted := map[ast.Expr]bool{}
			ast.Inspect(file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.GoStmt:
					t.Errorf("%s starts a goroutine: use workflow.Go", name)
				case *ast.CallExpr:
					if isOf(n.Fun, "slices", "Sorted") && len(n.Args) == 1 {
						if inner, ok := n.Args[0].(*ast.CallExpr); ok && isOf(inner.Fun, "maps", "Keys") {
							sorted[inner.Fun] = true
						}
					}
				case *ast.SelectorExpr:
					if isOf(n, "time", clocks...) {
						t.Errorf("%s uses time.%s: use the workflow's clock", name, n.Sel.Name)
					}
					if isOf(n, "maps", "All", "Keys", "Values") && !sorted[n] {
						t.Errorf("%s uses maps.%s, whose order is random: sort what it gives", name, n.Sel.Name)
					}
				}
				return true
			})
		}
	}
}

// isOf reports whether an expression names something of a package.
func isOf(e ast.Expr, of string, names ...string) bool {
	selector, ok := e.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	x, ok := selector.X.(*ast.Ident)
	return ok && x.Name == of && slices.Contains(names, selector.Sel.Name)
}

func parse(t *testing.T, dir string) map[string]*ast.File {
	t.Helper()
	files := map[string]*ast.File{}
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err)
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		require.NoError(t, err)
		files[name] = file
	}
	require.NotEmpty(t, files)
	return files
}
