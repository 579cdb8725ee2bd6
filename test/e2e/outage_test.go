//go:build kills

package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/sandbox"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// everyCall is what the vendors and their stores are asked for.
var everyCall = map[string][]string{
	"trustana": {"prepare", "put", "status", "search"},
	"trustoo":  {"token", "policy", "post", "object"},
	"sitoo":    {"upload-url", "post", "get", "search"},
	"closient": {"list", "post"},
	"truvideo": {"login", "start", "part", "parts", "status", "complete"},
}

// refuse closes the wire's door for a time: who connects is refused.
func (w *wire) refuse(r *rig, wait time.Duration) {
	at := w.address()
	_ = w.listener.Close()
	w.cut()
	r.pause(wait)
	listener, err := net.Listen("tcp", at)
	require.NoError(r.t, err)
	w.listener = listener
	go w.serve()
}

// TestOutage lets everybody answer 503 for a while, and then nobody answer at all, during a
// batch over five vendors, single uploads that must not be repeated blindly, and a film.
func TestOutage(t *testing.T) {
	v := &verdict{t: t}
	defer v.print()
	r := newRig(t)
	r.box.unlimited("300ms")
	c := r.catalogue("spring", 2000, share{"trustana", 120}, share{"trustoo", 90}, share{"sitoo", 80}, share{"closient", 8})
	film := r.film("film.mp4", 200<<20)
	r.startWorker("--bwlimit", "5M")
	r.do("batch", "start", "--id", "spring", "--in-flight", "8", "--rps", "trustoo=2", "--rps", "sitoo=4", "--rps", "closient=1", c.manifest) // none ends before
	id := r.begin("film", film)
	singles := map[string]string{}
	for i := range 5 {
		path := r.another("closient", i)
		singles[r.beginSingle(path, i)] = path
	}
	r.wait("a part is stored, and rows are ready", func() bool { return r.stored() > 0 && r.numbers("spring").Ready > 20 })

	var rules []string
	for vendor, calls := range everyCall {
		for _, call := range calls {
			rules = append(rules, vendor+"."+call+"=status=503")
		}
	}
	r.box.faults(rules...)
	began, before := time.Now(), len(r.box.all())
	r.pause(100 * time.Second)
	asked := r.box.all()[before:]
	v.holds(len(asked) <= 300, "requests during 100 s of 503", fmt.Sprint(len(asked), perVendor(asked)), "at most 300")
	for _, view := range [][]string{{"batch", "status", "spring", "--json"}, {"show", "--json", id}, {"account", "list", "--json"}} {
		text := r.do(view...)
		v.holds(strings.Contains(text, "503"), strings.Join(view[:2], " ")+" tells why", clipped(text), "503")
	}
	r.box.faults()
	r.vendor.refuse(r, 40*time.Second)
	says(t, "the outage is over after %s", time.Since(began).Round(time.Second))

	result := r.finish(id)
	r.judge(v, film, result)
	again := r.twice()
	v.holds(again == 0, "parts stored twice", fmt.Sprint(again), "0")
	r.do("batch", "watch", "spring")
	n := r.numbers("spring")
	v.holds(n.Ready == int64(len(c.rows)), "rows ready", fmt.Sprint(n), fmt.Sprint(len(c.rows)))
	for single, path := range singles {
		end := r.finish(single)
		v.holds(end.State == upload.StateReady, single, describeEnd(end), "ready")
		r.box.medium("closient", path)
	}
	v.holds(len(r.box.ledger().Duplicates()) == 0, "duplicates", fmt.Sprint(r.box.ledger().Duplicates()), "[]")
}

func perVendor(all []sandbox.Request) map[string]int {
	n := map[string]int{}
	for _, one := range all {
		n[one.Vendor]++
	}
	return n
}

// clipped is what of a view fits a table: its waits.
func clipped(text string) string {
	var view struct {
		Waits   []json.RawMessage
		Waiting json.RawMessage
	}
	line, _, _ := strings.Cut(text, "\n")
	if json.Unmarshal([]byte(line), &view) == nil {
		line = fmt.Sprintf("%s %s", view.Waiting, view.Waits)
	}
	return line[:min(len(line), 160)]
}

// beginSingle starts a single upload to Closient and leaves it to the worker.
func (r *rig) beginSingle(path string, i int) string {
	r.t.Helper()
	name := fmt.Sprintf("single-%d", i)
	r.do(sending("closient", name, path, "--detach")...)
	return "upload/closient/" + name
}
