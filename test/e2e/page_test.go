package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// TestThePageInABrowser operates what runs by the page alone: with its scripts, and
// without any.
func TestThePageInABrowser(t *testing.T) {
	for name, scripts := range map[string]bool{"with scripts": true, "without scripts": false} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			b := newBrowser(t, scripts)
			_, at := p.up("--sandbox")
			s := &seen{browser: b, place: p, box: control{t, at.Sandbox, at.token(t)}, at: at}
			b.open(at.Dashboard)
			s.origin = b.origin()
			require.NotContains(t, s.origin, "127.0.0.1", "the session belongs to a name that nobody guesses")
			require.NotContains(t, b.location(), "login=")
			s.logIn()
			s.retryByCause()
			s.search()
			s.pauseAndResume()
			s.decide()
			s.dropAndStart()
			s.everyViewFits()
			s.everybodyCanRead(views())
			b.noErrors()
		})
	}
}

// seen is a person before the page.
type seen struct {
	*browser
	*place
	box    control
	at     upLine
	origin string
}

// logIn types the token, after a wrong one, as a person does whose link has expired.
func (s *seen) logIn() {
	s.steps(chromedp.Navigate(s.at.Dashboard), chromedp.WaitVisible("#token"))
	s.reads("body", "This login link was used already")
	s.fill("#token", "wrong")
	s.click(`//form//button`)
	s.reads("body", "This is not the token")
	s.fill("#token", s.at.token(s.place.t))
	s.click(`//form//button`)
	s.reads("body", "What runs?")
	s.forgive("401") // Chromium tells of the answers to what was wrong
}

// search finds uploads by what a person has at hand.
func (s *seen) search() {
	for text, found := range map[string]string{"shoe-1": "spring", "MUG.png": "spring", "nothing like that": "No upload is like that"} {
		s.open(s.origin + "/")
		s.fill(`.find input`, text+"\r")
		s.reads("#main", "found by “"+text+"”")
		s.reads("#main", found)
	}
}

// retryByCause finds out on the page why rows failed, and runs those of one cause again,
// then the others.
func (s *seen) retryByCause() {
	t := s.place.t
	s.box.faults("sitoo.upload-url@shoe-0=status=422,message=OddShape", "sitoo.upload-url=status=422,message=NotToday")
	manifest := filepath.Join(s.dir, "spring.csv")
	var rows strings.Builder
	rows.WriteString("source,to,entity_id\n")
	for i := range 4 {
		fmt.Fprintf(&rows, "%s,sitoo,shoe-%d\n", s.file("mug.png"), i)
	}
	require.NoError(t, os.WriteFile(manifest, []byte(rows.String()), 0o600))
	s.do("batch", "start", manifest)
	s.open(s.origin + "/batches/spring")
	s.reads("#failures", "rejected")
	s.reads("#failures", "NotToday")
	s.reads("#failures", "OddShape")
	s.box.faults()
	s.click(`//form[input[@name="message"][contains(@value,"NotToday")]]//button`)
	s.reads("#main", "mediaferry batch retry --kind rejected --to sitoo --message 'upload-url answered 422: NotToday' -- spring")
	s.reads("dl.figures", "Ready 3 Failed 1")
	s.click(`//form[input[@name="message"][contains(@value,"OddShape")]]//button`)
	s.reads("#main", "OddShape' -- spring")
	s.reads("#main", "completed")
	s.reads("dl.figures", "Ready 4 Failed 0")
}

// pauseAndResume pauses an account for a reason, which everybody sees, and resumes it.
func (s *seen) pauseAndResume() {
	s.open(s.origin + "/accounts/trustana")
	s.click(`//details[@id="act-pause"]/summary`)
	s.fill(`#act-pause input[name="because"]`, "a sale")
	s.click(`//details[@id="act-pause"]//button`)
	s.reads("#main", "paused")
	s.open(s.origin + "/")
	s.reads("#needs", "trustana paused a sale")
	s.click(`//section[@id="needs"]//button`)
	s.reads("#needs", "No")
	s.open(s.origin + "/accounts/trustana")
	s.reads("#main", "resume")
	s.reads("#main", "(page, session ")
}

// decide settles an upload whose answer was lost.
func (s *seen) decide() {
	s.box.faults("closient.post=reset-after", "closient.list#2+=status=422")
	s.open(s.origin + "/decisions")
	s.reads("#main", "Nothing waits for a decision")
	status, _, _ := s.run("upload", "--to", "closient", "--set", "organization_id="+sandboxOrganization(), "--set", "gtin=4006381333931", "--id", "front", s.file("mug.png"))
	require.Equal(s.place.t, 3, status)
	s.reads("nav", "Decisions 1") // by itself where there are scripts
	s.open(s.origin + "/decisions")
	s.reads("#main", "4006381333931")
	s.box.faults()
	s.click(`//article//a[contains(@href, "/listed/")]`)
	s.reads("figure.new", "new since then")
	require.Positive(s.place.t, s.number(`document.querySelectorAll("figure.new img").length`), "with its picture")
	s.reads("#main", "4006381333931")
	s.fill(`.decision input[name="because"]`, "seen in the gallery")
	s.click(`//article//button[@value="ready"]`)
	s.reads("#main", "Nothing waits for a decision")
	s.open(s.origin + "/items/upload/closient/front")
	s.reads("#main", "seen in the gallery")
	s.reads("h1", "ready")
}

// dropAndStart drops a manifest with its files, looks at the plan, and starts with a canary.
func (s *seen) dropAndStart() {
	manifest := filepath.Join(s.dir, "dropped.csv")
	require.NoError(s.place.t, os.WriteFile(manifest, []byte("source,to,entity_id\nmug.png,sitoo,d1\nplant.png,sitoo,d2\n"), 0o600))
	s.open(s.origin + "/new")
	s.steps(chromedp.SetUploadFiles("#files", []string{manifest, s.file("mug.png"), s.file("plant.png")}))
	s.click(`//form[@enctype]//button`)
	s.reads("h1", "nothing is refused")
	s.reads("dl.figures", "To send 2")
	s.steps(chromedp.SetValue(`#start input[name="canary"]`, "1"))
	s.click(`//form[@id="start"]//button`)
	s.reads("h1", "dropped held")
	s.click(`//details[@id="act-resume"]/summary`)
	s.click(`//details[@id="act-resume"]//button`)
	s.reads("h1", "dropped completed")
	s.reads("dl.figures", "Ready 2")
}

// views are the paths of all views.
func views() []string {
	return []string{"/", "/batches", "/batches/spring", "/items", "/items/upload/closient/front", "/listed/upload/closient/front", "/accounts", "/accounts/sitoo", "/decisions", "/workers", "/actions", "/new"}
}

// everyViewFits looks at all views, as wide as a telephone and as a large screen.
func (s *seen) everyViewFits() {
	for _, width := range []int64{390, 1600} {
		s.wide(width)
		for _, path := range views() {
			s.open(s.origin + path)
			require.LessOrEqual(s.place.t, s.number("document.documentElement.scrollWidth - innerWidth"), 0.0, "%s is wider than %d", path, width)
		}
	}
	s.wide(1280)
	s.open(s.origin + "/")
	if s.scripts {
		s.reads("#live", "live")
	}
}

// browser is a headless Chromium with one tab.
type browser struct {
	t       *testing.T
	ctx     context.Context
	scripts bool

	mu     sync.Mutex
	errors []string // of scripts and policies
}

func newBrowser(t *testing.T, scripts bool) *browser {
	t.Helper()
	found := false
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if _, err := exec.LookPath(name); err == nil {
			found = true
		}
	}
	if !found {
		skip(t, "there is no Chromium; install Debian's package chromium")
	}
	// The sandbox of Chromium needs rights that containers lack. Only our own page is opened.
	ctx, cancel := chromedp.NewContext(context.Background(), chromedp.WithAllocatorOptions(chromedp.NoSandbox))
	t.Cleanup(cancel)
	b := &browser{t: t, ctx: ctx, scripts: scripts}
	require.NoError(t, chromedp.Do(ctx, chromedp.EmulateViewport(1280, 900)))
	require.NoError(t, chromedp.Listen(ctx, b.heard))
	_, err := chromedp.Call(ctx, log.Enable, cdp.Empty{})
	require.NoError(t, err)
	_, err = chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !scripts})
	require.NoError(t, err)
	return b
}

// heard keeps what went wrong in the page.
func (b *browser) heard(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError {
			b.errors = append(b.errors, e.Entry.Text+" "+e.Entry.URL)
		}
	case *runtime.EventExceptionThrown:
		b.errors = append(b.errors, e.ExceptionDetails.Text)
	}
}

// forgive forgets errors that were meant to be.
func (b *browser) forgive(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.errors = slices.DeleteFunc(b.errors, func(e string) bool { return strings.Contains(e, text) })
}

func (b *browser) noErrors() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	require.Empty(b.t, b.errors)
}

// steps runs steps within the patience of a test.
func (b *browser) steps(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	require.NoError(b.t, chromedp.Do(ctx, steps...))
}

func (b *browser) open(address string) {
	b.t.Helper()
	b.steps(chromedp.Navigate(address), chromedp.WaitVisible("#main"))
}

func (b *browser) click(xpath string) {
	b.t.Helper()
	b.steps(chromedp.Click(xpath))
}

func (b *browser) fill(selector, text string) {
	b.t.Helper()
	b.steps(chromedp.SendKeys(selector, text))
}

func (b *browser) wide(width int64) {
	b.t.Helper()
	b.steps(chromedp.EmulateViewport(width, 900))
}

func (b *browser) number(expression string) float64 {
	b.t.Helper()
	n, err := chromedp.Run(b.ctx, chromedp.Evaluate[float64](expression))
	require.NoError(b.t, err)
	return n
}

func (b *browser) location() string {
	b.t.Helper()
	at, err := chromedp.Run(b.ctx, chromedp.Location())
	require.NoError(b.t, err)
	return at
}

func (b *browser) origin() string {
	b.t.Helper()
	u, err := url.Parse(b.location())
	require.NoError(b.t, err)
	return u.Scheme + "://" + u.Host
}

// text is what a person reads of an element; "" where there is none.
func (b *browser) text(selector string) string {
	name, err := json.Marshal(selector)
	require.NoError(b.t, err)
	text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`(document.querySelector(`+string(name)+`) || {innerText: ""}).innerText`))
	if err != nil {
		return "" // it is being loaded
	}
	return strings.Join(strings.Fields(text), " ")
}

// reads waits until an element has a text: by itself with scripts, and by loading the
// page again without them.
func (b *browser) reads(selector, text string) {
	b.t.Helper()
	loads := 0
	until(b.t, fmt.Sprintf("%q in %s, which says %q", text, selector, b.text(selector)), func() bool {
		if strings.Contains(b.text(selector), text) {
			return true
		}
		if loads++; !b.scripts && loads%10 == 0 {
			_, err := chromedp.Run(b.ctx, chromedp.Evaluate[any](`location.reload()`))
			require.NoError(b.t, err)
		}
		return false
	})
}
