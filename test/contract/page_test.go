package contract

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

// overviewPage compares the vendors; pageOf is the page of one of them. What stands in
// them between a line that begins with "<!-- generated:" and one that is "<!-- end -->" is
// written from the vendors' specs and from the tables of this package.
const overviewPage = "../../docs/vendors.md"

func pageOf(vendor string) string { return "../../docs/vendors/" + vendor + ".md" }

// rewrite is the variable that has the test write the pages; see: make docs.
const rewrite = "MEDIAFERRY_DOCS"

func TestThePagesOnVendorsAreCurrent(t *testing.T) {
	pages := map[string][]string{overviewPage: {"facts"}}
	for _, vendor := range vendors.Names() {
		for _, block := range []string{"fields", "limits", "settings", "calls", "facts", "failures"} {
			pages[pageOf(vendor)] = append(pages[pageOf(vendor)], vendor+" "+block)
		}
	}
	for page, blocks := range pages {
		was, err := os.ReadFile(page)
		require.NoError(t, err)
		is, written := generate(t, string(was))
		require.ElementsMatch(t, blocks, written, "each block of %s, once", page)
		if os.Getenv(rewrite) != "" {
			require.NoError(t, os.WriteFile(page, []byte(is), 0o644))
			continue
		}
		require.Equal(t, string(was), is, "%s is out of date; write it anew with: make docs", page)
	}
}

func TestEveryAssumptionStandsOnThePage(t *testing.T) {
	for _, vendor := range vendors.Names() {
		text, err := os.ReadFile(pageOf(vendor))
		require.NoError(t, err)
		block, err := os.ReadFile("../../internal/vendors/" + vendor + "/assumptions.go")
		require.NoError(t, err)
		ids := assumption.FindAllStringSubmatch(string(block), -1)
		require.NotEmpty(t, ids, vendor)
		for _, id := range ids {
			require.Contains(t, string(text), "\n| "+id[1]+" | ", "%s assumes it", vendor)
		}
	}
}

var assumption = regexp.MustCompile(`// ([A-Z]{2}-\d+[a-z]?): `)

var generated = regexp.MustCompile(`(?ms)^<!-- generated: ([a-z ]+) -->\n.*?^<!-- end -->$`)

// generate writes the page's blocks anew, and lists them.
func generate(t *testing.T, text string) (_ string, written []string) {
	t.Helper()
	text = generated.ReplaceAllStringFunc(text, func(block string) string {
		name := generated.FindStringSubmatch(block)[1]
		written = append(written, name)
		return fmt.Sprintf("<!-- generated: %s -->\n%s<!-- end -->", name, content(t, name))
	})
	return text, written
}

// content is what stands in a block.
func content(t *testing.T, name string) string {
	t.Helper()
	vendor, what, _ := strings.Cut(name, " ")
	if vendor == "facts" {
		return overview()
	}
	v, err := vendors.Find(vendor)
	require.NoError(t, err)
	switch what {
	case "fields":
		return fieldTable(v.Spec())
	case "limits":
		return limitTable(v.Spec())
	case "settings":
		return settingTable(v.Spec())
	case "calls":
		return callTable(v.Spec())
	case "facts":
		return factTable(v.Spec())
	}
	return failureTables(vendor)
}

// overview is the facts of all vendors side by side.
func overview() string {
	rows := [][]string{{""}}
	for _, v := range vendors.All() {
		s := v.Spec()
		rows[0] = append(rows[0], s.Title)
		for i, fact := range s.Facts() {
			if len(rows) == i+1 {
				rows = append(rows, []string{string(fact.Fact)})
			}
			rows[i+1] = append(rows[i+1], orDash(fact.Value))
		}
	}
	return table(rows)
}

func fieldTable(s *spec.Spec) string {
	rows := [][]string{{"field", "type", "what it is"}}
	for _, f := range s.Fields {
		about := f.Doc
		if len(f.Choices) > 0 {
			about += "; one of " + strings.Join(f.Choices, ", ")
		}
		if f.Required {
			about = "**required**: " + about
		}
		rows = append(rows, []string{code(f.Name), string(f.Type), about})
	}
	return table(rows)
}

func limitTable(s *spec.Spec) string {
	rows := [][]string{{"media types", "at most", "if"}}
	for _, r := range s.Takes {
		when := "–"
		if r.Setting != "" {
			when = "the account has " + code(r.Setting+": true")
		}
		rows = append(rows, []string{strings.Join(r.Types, ", "), bytesIn(r.MaxBytes), when})
	}
	return table(rows)
}

func settingTable(s *spec.Spec) string {
	rows := [][]string{{"setting", "what it is"}, {code("base_url"), "default " + s.BaseURL}}
	for _, one := range s.Settings {
		about := one.Doc
		if one.Default != "" {
			about += "; default " + one.Default
		}
		if need := s.Need(one.Name); need != "" {
			about += "; " + need
		}
		rows = append(rows, []string{code(one.Name), about})
	}
	return table(rows) + fmt.Sprintf("\nKeys: %s (%s).\n", s.Keys.Doc, link(s.Keys.Source))
}

// bytesIn is a limit in the largest unit that leaves no fraction.
func bytesIn(n int64) string {
	for _, unit := range []struct {
		size int64
		name string
	}{{1e9, "GB"}, {1 << 20, "MiB"}, {1e6, "MB"}} {
		if n%unit.size == 0 {
			return fmt.Sprintf("%d %s", n/unit.size, unit.name)
		}
	}
	return fmt.Sprintf("%d bytes", n)
}

func factTable(s *spec.Spec) string {
	rows := [][]string{{"fact", "value", "source"}}
	for _, fact := range s.Facts() {
		if fact.Value != "" {
			rows = append(rows, []string{string(fact.Fact), fact.Value, link(fact.Source)})
		}
	}
	return table(rows)
}

func callTable(s *spec.Spec) string {
	rows := [][]string{{"call", "request", "a repetition leaves", "source"}}
	calls := s.Calls
	if s.Probe != nil && !slices.Contains(calls, s.Probe.Call) {
		calls = append(slices.Clone(calls), s.Probe.Call)
	}
	for _, call := range calls {
		name := code(call.Name)
		if s.Probe != nil && call == s.Probe.Call {
			name += " (also `doctor --live`)"
		}
		rows = append(rows, []string{name, call.Method + " " + call.Path, string(call.Repeat), link(call.Source)})
	}
	return table(rows)
}

// failureTables are a vendor's answers, call by call, those together that lead to
// the same.
func failureTables(vendor string) string {
	var b strings.Builder
	for _, c := range suites[vendor].calls {
		var ends []string
		answers := map[string][]string{}
		for _, a := range c.answers {
			leads := outcome(place{suites[vendor], c}, a)
			if len(answers[leads]) == 0 {
				ends = append(ends, leads)
			}
			answers[leads] = append(answers[leads], a.name)
		}
		rows := [][]string{{"`" + c.name + "` answers", "what becomes of the upload"}}
		for _, leads := range ends {
			rows = append(rows, []string{strings.Join(answers[leads], "; "), leads})
		}
		b.WriteString("\n" + table(rows))
	}
	return b.String() + "\n"
}

// outcome says in words what a row of a failure table wants.
func outcome(p place, a answer) string {
	examples := a.means(p)
	said := make([]string, len(examples))
	for i, x := range examples {
		said[i] = p.inWords(x.want)
	}
	if last := len(examples) - 1; examples[last].times == 0 && !slices.ContainsFunc(said, func(s string) bool { return s != said[last] }) {
		return said[last] + ", however often it comes"
	}
	if len(examples) == 1 && examples[0].times == 1 && examples[0].want.state == upload.StateFailed {
		return said[0]
	}
	for i, x := range examples {
		said[i] = often(x.times) + ": " + said[i]
	}
	return strings.Join(said, "<br>")
}

func often(times int) string {
	switch times {
	case 0:
		return "always"
	case 1:
		return "once"
	}
	return fmt.Sprintf("%d times", times)
}

// inWords says what is to become of an upload, and what is asked for that beyond
// what is usual.
func (p place) inWords(w want) string {
	if w.state == upload.StateFailed {
		text := fmt.Sprintf("failed (%s) after %s", w.kind, p.counts(w.requests, p.until(), "%d"))
		if w.media > 0 {
			text += "; the vendor has the file"
		}
		return text
	}
	text := "ready"
	if more := p.counts(w.requests, p.usual(), "%d more"); more != "" {
		text += " after " + more
	}
	switch {
	case w.pauses == 1:
		text += "; the account is paused until it is resumed"
	case w.pauses > 1:
		text += fmt.Sprintf("; the account is paused %d times", w.pauses)
	}
	return text
}

// counts lists requests that are not among others, in the order of the calls.
func (p place) counts(requests, others requests, format string) string {
	var list []string
	for _, c := range p.suite.calls {
		n, usual := requests[c.name], others[c.name]
		switch {
		case n == usual:
		case n == some:
			list = append(list, "several "+code(c.name))
		case n == perhaps:
			list = append(list, "perhaps "+code(c.name))
		case usual < 0 || n < usual:
		default:
			list = append(list, fmt.Sprintf(format, n-usual)+" "+code(c.name))
		}
	}
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	return strings.Join(list[:len(list)-1], ", ") + " and " + list[len(list)-1]
}

func code(text string) string { return "`" + text + "`" }

func orDash(text string) string {
	if text == "" {
		return "–"
	}
	return text
}

// link makes a source's URLs links, named by their hosts.
func link(source string) string {
	return address.ReplaceAllString(source, "[$1]($0)")
}

var address = regexp.MustCompile(`https://([^/]+)[^ ;]*`)

// table writes rows, the first of them the head, as Markdown.
func table(rows [][]string) string {
	var b strings.Builder
	for i, row := range rows {
		cells := make([]string, len(row))
		for j, cell := range row {
			cells[j] = strings.ReplaceAll(cell, "|", `\|`)
		}
		b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
		if i == 0 {
			b.WriteString("|" + strings.Repeat("---|", len(row)) + "\n")
		}
	}
	return b.String()
}
