package dashboard

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/starter/exit"
)

const (
	droppedMost = 20 << 30 // bytes at a time
	filesMost   = 5000
	nameMost    = 200 // characters of a file's name
)

// manifests are the extensions of manifests among the files that are dropped.
var manifests = []string{".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".xlsx"}

// newBody is where files are dropped.
type newBody struct {
	Place    string   `json:"place"` // the folder in which they are kept
	Problem  string   `json:"problem,omitempty"`
	Accounts []string `json:"accounts"`
}

func newView(v *visit) (view, error) {
	body := newBody{Accounts: v.Config.AccountNames()}
	var err error
	if body.Place, err = v.page.o.Inbox(); err != nil {
		body.Problem = err.Error()
	}
	return view{Title: "New batch", Menu: "new", Template: "new", Body: body}, nil
}

// drop takes a manifest and files, keeps them in a folder of their own, and leads to their
// plan.
func (p *Page) drop(w http.ResponseWriter, r *http.Request) {
	v, ok := p.visit(w, r)
	if !ok {
		return
	}
	if v.caller.Viewer {
		p.fail(w, v, mayOnlyLook)
		return
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // it takes as long as the line needs
	r.Body = http.MaxBytesReader(w, r.Body, droppedMost)
	inbox, err := p.o.Inbox()
	if err == nil {
		var name, to string
		if name, to, err = p.keep(v, inbox); err == nil {
			target := "/new/" + url.PathEscape(name)
			if to != "" {
				target += "?to=" + url.QueryEscape(to)
			}
			http.Redirect(w, r, target, http.StatusSeeOther)
			return
		}
	}
	p.fail(w, v, err)
}

var mayOnlyLook = &problem{http.StatusForbidden, "you may look, but not change anything", "log in with the operator's token (dashboard.token, or the file token of the data folder)"}

// keep writes what was dropped into a new folder, and returns its name and the account that
// was chosen. Of what was begun and is not complete nothing is left.
func (p *Page) keep(v *visit, inbox string) (name, to string, err error) {
	form, err := v.r.MultipartReader()
	if err != nil {
		return "", "", &problem{http.StatusBadRequest, "the form cannot be read: " + err.Error(), "send it as multipart/form-data"}
	}
	if err := os.MkdirAll(inbox, 0o750); err != nil {
		return "", "", fmt.Errorf("folder for what is dropped: %w", err)
	}
	folder, err := os.MkdirTemp(inbox, v.now.Format("2006-01-02-150405-"))
	if err != nil {
		return "", "", fmt.Errorf("folder for what is dropped: %w", err)
	}
	kept, to, err := keepParts(v, form, folder)
	if err == nil && kept == 0 {
		err = &problem{http.StatusBadRequest, "no file was dropped", "choose a manifest, media, or both"}
	}
	if err != nil {
		return "", "", errors.Join(err, os.RemoveAll(folder)) //nolint:gosec // it was made above
	}
	return filepath.Base(folder), to, nil
}

func keepParts(v *visit, form *multipart.Reader, folder string) (kept int, to string, err error) {
	trusted := v.caller.Accepts("")
	for {
		part, err := form.NextPart()
		switch {
		case errors.Is(err, io.EOF):
			return kept, to, nil
		case err != nil:
			return kept, to, &problem{http.StatusBadRequest, "what was dropped did not arrive as a whole: " + err.Error(), "try again; up to 20 GB are taken at a time"}
		}
		switch {
		case part.FileName() == "" && part.FormName() == "csrf":
			trusted = v.caller.Accepts(textOf(part))
		case part.FileName() == "" && part.FormName() == "to":
			to = textOf(part)
		case part.FileName() == "": // a field that was left empty
		case !trusted:
			return kept, to, &problem{http.StatusForbidden, "the form is from another session", "load the page again, then send it once more"}
		case kept == filesMost:
			return kept, to, &problem{http.StatusRequestEntityTooLarge, fmt.Sprintf("more than %d files were dropped", filesMost), "put them where a worker reads them, and start the batch with: mediaferry batch start"}
		default:
			if err := keepFile(part, folder); err != nil {
				return kept, to, err
			}
			kept++
		}
	}
}

// textOf is a short field of a form.
func textOf(part *multipart.Part) string {
	const most = 4 << 10
	text, err := io.ReadAll(io.LimitReader(part, most))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// keepFile writes a file under the last part of the name that the browser gives it.
func keepFile(part *multipart.Part, folder string) error {
	name, ok := upload.PlainName(filepath.Base(filepath.ToSlash(part.FileName())), nameMost)
	if !ok || strings.HasPrefix(name, ".") || strings.ContainsAny(name, `/\`) {
		return &problem{http.StatusBadRequest, fmt.Sprintf("the name %q cannot be kept", upload.Visible(part.FileName())), "rename the file"}
	}
	file, err := os.OpenFile(filepath.Join(folder, name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o640) //nolint:gosec // a worker of the same group reads it
	if errors.Is(err, os.ErrExist) {
		return &problem{http.StatusBadRequest, fmt.Sprintf("two files are called %q", name), "rename one of them"}
	}
	if err != nil {
		return fmt.Errorf("keep %s: %w", name, err)
	}
	_, err = io.Copy(file, part)
	return errors.Join(err, file.Close())
}

// planBody is what was dropped, and what `batch plan` says of it.
type planBody struct {
	Name     string          `json:"name"`
	Manifest string          `json:"manifest"`
	Files    int             `json:"files"`
	To       string          `json:"to,omitempty"`
	Accounts []string        `json:"-"`
	Groups   []planGroup     `json:"problems"`
	Plan     json.RawMessage `json:"plan"`
	Totals   planTotals      `json:"-"`
	Said     []string        `json:"said"`
	Command  string          `json:"command"`
	Batch    string          `json:"-"`
	Good     bool            `json:"good"` // nothing is refused
}

// planGroup are problems of one cause, as `batch plan --json` prints them.
type planGroup struct {
	Severity string  `json:"severity"`
	Column   string  `json:"column"`
	Problem  string  `json:"problem"`
	Hint     string  `json:"hint"`
	Count    int64   `json:"count"`
	Lines    []int64 `json:"lines"`
	More     int64   `json:"more"`
}

// planTotals are the numbers of a plan that the page shows.
type planTotals struct {
	Batch    string  `json:"batch"`
	Rows     int64   `json:"rows"`
	Refused  int64   `json:"refused"`
	Known    int64   `json:"known"`
	ToSend   int64   `json:"to_send"`
	Bytes    int64   `json:"bytes"`
	Floor    float64 `json:"floor_seconds"`
	Accounts []struct {
		Account string `json:"account"`
		Rows    int64  `json:"rows"`
		Pace    string `json:"pace"`
	} `json:"accounts"`
}

// droppedManifest is the manifest among what was dropped, or the folder itself.
func (p *Page) droppedManifest(name string) (path string, files int, err error) {
	inbox, err := p.o.Inbox()
	if err != nil {
		return "", 0, err
	}
	if !filepath.IsLocal(name) || strings.ContainsRune(name, filepath.Separator) {
		return "", 0, notFound("nothing was dropped under this name", "drop the files again at /new")
	}
	folder := filepath.Join(inbox, name)
	entries, err := os.ReadDir(folder)
	if err != nil {
		return "", 0, notFound("nothing was dropped under this name", "drop the files again at /new")
	}
	var found []string
	for _, e := range entries {
		if slices.Contains(manifests, strings.ToLower(filepath.Ext(e.Name()))) {
			found = append(found, e.Name())
		}
	}
	switch len(found) {
	case 0:
		return folder, len(entries), nil
	case 1:
		return filepath.Join(folder, found[0]), len(entries), nil
	}
	return "", 0, &problem{http.StatusBadRequest, "there are several manifests: " + strings.Join(found, ", "), "drop one manifest at a time"}
}

func planView(v *visit) (view, error) {
	body := planBody{Name: v.r.PathValue("name"), To: v.query("to"), Accounts: v.Config.AccountNames(), Groups: []planGroup{}, Plan: json.RawMessage("null")}
	if v.caller.Viewer {
		return view{}, mayOnlyLook
	}
	var err error
	if body.Manifest, body.Files, err = v.page.droppedManifest(body.Name); err != nil {
		return view{}, err
	}
	args := []string{"batch", "plan", "--json"}
	if body.To != "" {
		args = append(args, "--to="+body.To)
	}
	args = append(args, "--", body.Manifest)
	outcome := v.page.o.Run(v.ctx(), v.page.who(v.caller), args)
	body.Command = commandLine(slices.DeleteFunc(slices.Clone(args), func(a string) bool { return a == "--json" }))
	body.read(outcome)
	return view{Title: "Plan", Menu: "new", Template: "plan", Body: body}, nil
}

// read takes the plan apart: objects of problems, the totals, and what was said beside them.
func (b *planBody) read(outcome Outcome) {
	for _, line := range strings.Split(outcome.Text, "\n") {
		var group planGroup
		switch {
		case line == "":
		case !strings.HasPrefix(line, "{"):
			b.Said = append(b.Said, strings.TrimPrefix(line, "mediaferry: "))
		case json.Unmarshal([]byte(line), &group) == nil && group.Severity != "":
			b.Groups = append(b.Groups, group)
		case json.Unmarshal([]byte(line), &b.Totals) == nil:
			b.Plan = json.RawMessage(line)
			b.Batch = b.Totals.Batch
		}
	}
	b.Good = outcome.Status == exit.OK
}

// startAction starts the batch of what was dropped.
func (p *Page) startAction(r *http.Request) ([]string, error) {
	manifest, _, err := p.droppedManifest(r.PathValue("name"))
	if err != nil {
		return nil, err
	}
	f := r.PostForm
	args := []string{"batch", "start"}
	for _, name := range []string{"id", "to", "failures", "canary"} {
		text := strings.TrimSpace(f.Get(name))
		if text == "" {
			continue
		}
		if _, err := strconv.Atoi(text); name == "canary" && err != nil {
			return nil, &problem{http.StatusBadRequest, fmt.Sprintf("the canary must be a number of rows, got %q", text), "use for example 5, or nothing"}
		}
		args = append(args, "--"+name+"="+text)
	}
	if f.Get("skip-invalid") != "" {
		args = append(args, "--skip-invalid")
	}
	return append(args, "--", manifest), nil
}
