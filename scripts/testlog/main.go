// Command testlog reads what `go test -json` wrote and prints what a person needs
// of it: the result of each package, all that a failed test said, and every test
// that was skipped with its reason. It runs nothing and decides nothing: the exit
// status is go test's own.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sort"
	"strings"
)

// event is a line of go test -json.
type event struct {
	Action      string
	Package     string
	ImportPath  string
	Test        string
	Output      string
	Elapsed     float64
	FailedBuild string
}

// log is what was said, by package and test.
type log struct {
	out     io.Writer
	said    map[[2]string]*strings.Builder
	builds  map[string]*strings.Builder
	passed  int
	failed  []string
	skipped []string
}

func main() {
	l := log{out: os.Stdout, said: map[[2]string]*strings.Builder{}, builds: map[string]*strings.Builder{}}
	if err := l.read(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "testlog:", err)
		os.Exit(1)
	}
	sort.Strings(l.failed)
	for _, name := range l.failed {
		l.print("FAIL %s\n", name)
	}
	l.print("%d tests passed, %d failed, %d were skipped\n", l.passed, len(l.failed), len(l.skipped))
}

// print writes to whoever reads along; there is nobody else to tell that it failed.
func (l *log) print(format string, args ...any) { _, _ = fmt.Fprintf(l.out, format, args...) }

func (l *log) read(in io.Reader) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil { // what the toolchain said beside it
			l.print("%s\n", lines.Text())
			continue
		}
		l.take(e)
	}
	return lines.Err()
}

func (l *log) take(e event) {
	key := [2]string{e.Package, e.Test}
	switch e.Action {
	case "build-output":
		said(l.builds, e.ImportPath).WriteString(e.Output)
	case "output":
		said(l.said, key).WriteString(e.Output)
	case "pass", "fail", "skip":
		l.end(e, said(l.said, key).String())
		delete(l.said, key)
	}
}

// end prints what is worth it of a test, or of a package, that has ended.
func (l *log) end(e event, text string) {
	name := strings.TrimSuffix(e.Package+" "+e.Test, " ")
	switch {
	case e.Action == "fail" && e.FailedBuild != "":
		l.print("%s", said(l.builds, e.FailedBuild))
		l.failed = append(l.failed, name+" (does not build)")
	case e.Action == "fail":
		l.print("%s", strings.ToValidUTF8(text, "?"))
		if e.Test != "" || len(l.failed) == 0 {
			l.failed = append(l.failed, name)
		}
	case e.Test != "" && e.Action == "skip":
		l.print("%s", text)
		l.skipped = append(l.skipped, name)
	case e.Test != "":
		l.passed++
	case e.Action == "skip":
		l.print("?   \t%s\t[no test files]\n", e.Package)
	default:
		l.print("ok  \t%s\t%.3fs\n", e.Package, e.Elapsed)
	}
}

func said[K comparable](all map[K]*strings.Builder, key K) *strings.Builder {
	if all[key] == nil {
		all[key] = &strings.Builder{}
	}
	return all[key]
}
