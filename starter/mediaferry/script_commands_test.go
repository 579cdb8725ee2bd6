package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// world is what a script has started.
type world struct {
	env       *testscript.Env
	processes map[string]*process
}

type worldKey struct{}

type process struct {
	cmd    *exec.Cmd
	stdout *bufio.Reader
	log    *os.File
}

type scriptCommand = func(ts *testscript.TestScript, neg bool, args []string)

// scriptCommands are what scripts can do besides testscript's own commands.
func scriptCommands() map[string]scriptCommand {
	return map[string]scriptCommand{
		"exits":    exits,
		"serve":    serve,
		"halt":     halt,
		"json":     jsonField,
		"lines":    lines,
		"keep":     keep,
		"fault":    fault,
		"options":  options,
		"media":    media,
		"requests": requests,
		"reaches":  reaches,
		"touch":    touch,
		"edit":     edit,
		"envfile":  envfile,
	}
}

// exits STATUS PROGRAM ARGS...: the program ends with exactly this status.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg || len(args) < 2, "exits STATUS PROGRAM ARGS...")
	err := ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit status %d, want %s", got, args[0])
	}
}

// serve NAME PROGRAM ARGS...: the program runs until the script ends, or halts
// it. Its first line is a JSON object, whose fields become NAME_FIELD in the
// environment; what it writes to standard error is in the file NAME.err. Where it is
// a sandbox, SANDBOX is its address, and ORG an organization that its account at
// Closient belongs to.
func serve(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg || len(args) < 2, "serve NAME PROGRAM ARGS...")
	w := ts.Value(worldKey{}).(*world)
	log, err := os.Create(ts.MkAbs(args[0] + ".err"))
	ts.Check(err)
	cmd := exec.Command(args[1], args[2:]...)
	cmd.Env, cmd.Dir, cmd.Stderr = w.env.Vars, ts.MkAbs("."), log
	stdout, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	p := &process{cmd: cmd, stdout: bufio.NewReader(stdout), log: log}
	w.processes[args[0]] = p
	ts.Defer(func() { p.end(os.Kill) })
	line, err := p.stdout.ReadBytes('\n')
	if err != nil {
		p.end(os.Kill)
		ts.Fatalf("%s said nothing: %s", args[0], ts.ReadFile(args[0]+".err"))
	}
	var fields map[string]string
	if err := json.Unmarshal(line, &fields); err != nil {
		ts.Fatalf("%s said %q, want a JSON object: %v", args[0], line, err)
	}
	for name, value := range fields {
		ts.Setenv(strings.ToUpper(args[0]+"_"+name), value)
	}
	if fields["sandbox"] != "" {
		ts.Setenv("SANDBOX", fields["sandbox"])
		token, err := os.ReadFile(fields["token_file"])
		ts.Check(err)
		ts.Setenv("TOKEN", strings.TrimSpace(string(token)))
		var settings struct {
			Closient struct{ Organizations []string }
		}
		ask(ts, http.MethodGet, "options", nil, &settings)
		ts.Setenv("ORG", settings.Closient.Organizations[0])
	}
}

// end ends the process and returns what else it wrote to standard output.
func (p *process) end(signal os.Signal) (rest string) {
	_ = p.cmd.Process.Signal(signal) // it may have ended
	left, _ := io.ReadAll(p.stdout)  // until it ends
	_ = p.cmd.Wait()                 // the state says it all
	_ = p.log.Close()
	return string(left)
}

// halt STATUS NAME: what was served is interrupted, writes no more to standard
// output and ends with this status.
func halt(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg || len(args) != 2, "halt STATUS NAME")
	p := ts.Value(worldKey{}).(*world).processes[args[1]]
	need(ts, p == nil, args[1]+" is not served")
	if rest := p.end(syscall.SIGINT); rest != "" {
		ts.Fatalf("%s also wrote %q", args[1], rest)
	}
	if got := p.cmd.ProcessState.ExitCode(); strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit status %d, want %s; standard error: %s", got, args[0], ts.ReadFile(args[1]+".err"))
	}
}

// jsonField LINE NAME VALUE: the object in this line of standard output has this
// value under this dotted name; the lines count from 1.
func jsonField(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) != 3, "json LINE NAME VALUE")
	if got := field(ts, args[0], args[1]); (got == args[2]) == neg {
		ts.Fatalf("%s is %q", args[1], got)
	}
}

func field(ts *testscript.TestScript, line, name string) string {
	n, err := strconv.Atoi(line)
	ts.Check(err)
	all := outputLines(ts)
	need(ts, n < 1 || n > len(all), fmt.Sprintf("a line %d of standard output, which has %d", n, len(all)))
	var at any
	if err := json.Unmarshal([]byte(all[n-1]), &at); err != nil {
		ts.Fatalf("line %d is %q, want a JSON object: %v", n, all[n-1], err)
	}
	for step := range strings.SplitSeq(name, ".") {
		object, ok := at.(map[string]any)
		if _, has := object[step]; !ok || !has {
			ts.Fatalf("there is no %s in %s", name, all[n-1])
		}
		at = object[step]
	}
	switch value := at.(type) {
	case nil:
		return "null"
	case string:
		return value
	}
	text, err := json.Marshal(at)
	ts.Check(err)
	return string(text)
}

func outputLines(ts *testscript.TestScript) []string {
	text := strings.TrimSuffix(ts.ReadFile("stdout"), "\n")
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// lines N: standard output has as many lines.
func lines(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg || len(args) != 1, "lines N")
	if got := len(outputLines(ts)); strconv.Itoa(got) != args[0] {
		ts.Fatalf("%d lines, want %s", got, args[0])
	}
}

// keep VARIABLE LINE NAME: a value of standard output's becomes a variable.
func keep(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg || len(args) != 3, "keep VARIABLE LINE NAME")
	ts.Setenv(args[0], field(ts, args[1], args[2]))
}

// fault RULE...: the sandbox has these faults and no others.
func fault(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, "fault RULE...")
	ask(ts, http.MethodDelete, "faults", nil, nil)
	if len(args) > 0 {
		ask(ts, http.MethodPost, "faults", args, nil)
	}
}

// options JSON: the sandbox's vendors have these switches from now on.
func options(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg || len(args) != 1, "options JSON")
	ask(ts, http.MethodPost, "options", json.RawMessage(args[0]), nil)
}

// media VENDOR N: a person would see as many media at the vendor.
func media(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg || len(args) != 2, "media VENDOR N")
	var books struct {
		Media []struct {
			Vendor  string
			Visible bool
		}
		Violations []any
	}
	ask(ts, http.MethodGet, "ledger", nil, &books)
	n := 0
	for _, m := range books.Media {
		if m.Visible && m.Vendor == args[0] {
			n++
		}
	}
	if strconv.Itoa(n) != args[1] {
		ts.Fatalf("%s has %d media, want %s", args[0], n, args[1])
	}
	if len(books.Violations) > 0 {
		ts.Fatalf("a vendor reports a protocol violation: %v", books.Violations)
	}
}

// requests VENDOR.CALL N: the vendor has had as many requests of this call.
func requests(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg || len(args) != 2, "requests VENDOR.CALL N")
	if got := strconv.Itoa(countRequests(ts, args[0])); got != args[1] {
		ts.Fatalf("%s requests of %s, want %s", got, args[0], args[1])
	}
}

func countRequests(ts *testscript.TestScript, name string) int {
	vendor, call, _ := strings.Cut(name, ".")
	var all []struct{ Call string }
	ask(ts, http.MethodGet, "requests?vendor="+vendor, nil, &all)
	n := 0
	for _, r := range all {
		if r.Call == call {
			n++
		}
	}
	return n
}

// reaches STATE UPLOAD_ID: the ledger says so, sooner or later.
func reaches(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg || len(args) != 2, "reaches STATE UPLOAD_ID")
	last := "not known"
	for tooLate := time.Now().Add(time.Minute); time.Now().Before(tooLate); <-time.After(100 * time.Millisecond) {
		if ts.Exec("mediaferry", "show", "--json", args[1]) != nil {
			continue // not claimed yet
		}
		state := field(ts, "1", "state")
		if state == args[0] {
			return
		}
		last = state
	}
	ts.Fatalf("%s is %s after a minute, want %s", args[1], last, args[0])
}

// touch FILE: it looks as if it had been written to.
func touch(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg || len(args) != 1, "touch FILE")
	path := ts.MkAbs(args[0])
	info, err := os.Stat(path)
	ts.Check(err)
	later := info.ModTime().Add(time.Minute)
	ts.Check(os.Chtimes(path, later, later))
}

// envfile VARIABLE FILE: a file's only line becomes a variable.
func envfile(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg || len(args) != 2, "envfile VARIABLE FILE")
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile(args[1])))
}

// edit FILE OLD NEW: a text in the file is replaced.
func edit(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg || len(args) != 3, "edit FILE OLD NEW")
	text := ts.ReadFile(args[0])
	need(ts, !strings.Contains(text, args[1]), args[0]+" holding "+args[1])
	path := ts.MkAbs(args[0])
	// Replaced as a whole, as editors do: who reads it meanwhile sees one or the
	// other.
	ts.Check(os.WriteFile(path+".new", []byte(strings.ReplaceAll(text, args[1], args[2])), 0o600))
	ts.Check(os.Rename(path+".new", path))
}

// ask calls the sandbox's control API.
func ask(ts *testscript.TestScript, method, path string, body, into any) {
	var content io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		ts.Check(err)
		content = bytes.NewReader(raw)
	}
	request, err := http.NewRequest(method, ts.Getenv("SANDBOX")+"/_sandbox/"+path, content)
	ts.Check(err)
	request.Header.Set("Authorization", "Bearer "+ts.Getenv("TOKEN"))
	response, err := http.DefaultClient.Do(request)
	ts.Check(err)
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	ts.Check(err)
	if response.StatusCode != http.StatusOK {
		ts.Fatalf("%s %s: %s: %s", method, filepath.Clean(path), response.Status, raw)
	}
	if into != nil {
		ts.Check(json.Unmarshal(raw, into))
	}
}

func need(ts *testscript.TestScript, wrong bool, want string) {
	if wrong {
		ts.Fatalf("want %s", want)
	}
}
