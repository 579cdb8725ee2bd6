package contract

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/metrics"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// The list of hostile inputs: what a vendor, a store, a source, a manifest, a
// configuration or a URL may hold that is meant to do harm, each with a name, and with
// the state and kind of error in which it must end. The tables are in hostile_*_test.go,
// one for each sort of input.

// leastHostile is how many inputs the list has at least.
const leastHostile = 100

// hostileInputs names the inputs of the list, by their sort.
func hostileInputs() map[string][]string {
	return map[string][]string{
		"vendor":        namesOf(hostileVendors, func(h hostile) string { return h.name }),
		"store":         namesOf(hostileStores, func(h hostile) string { return h.name }),
		"web source":    namesOf(hostileSources, func(h hostileSource) string { return h.name }),
		"file":          namesOf(hostileFiles, func(h hostileFile) string { return h.name }),
		"manifest":      namesOf(hostileManifests, func(h hostileManifest) string { return h.name }),
		"row":           namesOf(hostileRows, func(h hostileRow) string { return h.name }),
		"address":       namesOf(hostileAddresses, func(h hostileAddress) string { return h.name }),
		"configuration": namesOf(hostileConfigurations, func(h hostileConfiguration) string { return h.name }),
	}
}

func namesOf[T any](table []T, name func(T) string) (names []string) {
	for _, row := range table {
		names = append(names, name(row))
	}
	return names
}

func TestTheListOfHostileInputsIsLongAndNamesEachOnce(t *testing.T) {
	total, seen := 0, map[string]bool{}
	for sort, names := range hostileInputs() {
		require.NotEmpty(t, names, sort)
		t.Logf("%d of sort %s", len(names), sort)
		for _, name := range names {
			require.False(t, seen[sort+name], "%s: %s is there twice", sort, name)
			seen[sort+name] = true
			total++
		}
	}
	t.Logf("%d hostile inputs", total)
	require.GreaterOrEqual(t, total, leastHostile)
}

// hostile is what somebody who speaks for a vendor or its store answers to a call, and
// what must become of the upload.
type hostile struct {
	name   string
	vendor string
	call   string
	reply  reply
	unseen bool // the vendor says for ever that it knows of no bytes
	times  int  // that it is answered, from the first call on; 0: always
	state  upload.State
	kind   upload.Kind
	says   string // what the error's message contains
	// check looks at more than the end.
	check func(*testing.T, *world, *impostor, end)
}

// Memory that one hostile input may take, above what was there, and bytes of one
// answer that may be taken from the network, kernels' buffers included.
const (
	mostMemory = 200 << 20
	mostTaken  = 24 << 20
)

// meetHostile uploads an item to an impostor.
func meetHostile(t *testing.T, rows []hostile) {
	for _, h := range rows {
		t.Run(h.name, func(t *testing.T) {
			w := newWorld(t, h.vendor, nil)
			im := imposture(t, h)
			w.origin = im.URL
			peak := watchMemory(t)
			ended := w.run(w.item("a"))
			require.Less(t, peak(), uint64(mostMemory), "bytes of memory")
			w.requireEnd(h.state, h.kind, h.says, ended)
			require.LessOrEqual(t, im.mostTaken(), int64(mostTaken), "bytes of one answer were read")
			if h.check != nil {
				h.check(t, w, im, ended)
			}
		})
	}
}

// requireEnd wants this end, in words that act on nobody and hold no secret.
func (w *world) requireEnd(state upload.State, kind upload.Kind, says string, ended end) {
	t := w.t
	t.Helper()
	why := fmt.Sprint(ended.err)
	require.Equal(t, state, ended.result.State, why)
	if kind == "" {
		require.Nil(t, ended.result.Error, why)
	} else {
		require.NotNil(t, ended.result.Error)
		require.Equal(t, kind, ended.result.Error.Kind, why)
		require.Contains(t, ended.result.Error.Message, says)
		e := ended.result.Error
		for _, text := range []string{e.Message, string(e.Hint), string(e.RequestID)} {
			require.Equal(t, upload.Plain(text), text)
			require.Less(t, len(text), 4096)
		}
	}
	for _, text := range []string{string(ended.result.MediaID), string(ended.result.MediaURL), ended.result.Note} {
		require.Equal(t, upload.Plain(text), text)
		require.Less(t, len(text), 4096)
	}
	w.verifySecrets(ended)
}

// watchMemory measures how much the heap grows at most, from now on until it is asked.
func watchMemory(t *testing.T) (peak func() uint64) {
	heap := func() uint64 {
		sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		metrics.Read(sample)
		return sample[0].Value.Uint64()
	}
	runtime.GC() // of what came before
	before, most := heap(), uint64(0)
	stop := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			most = max(most, heap())
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	})
	end := sync.OnceFunc(func() { close(stop); watching.Wait() })
	t.Cleanup(end)
	return func() uint64 {
		end()
		return most - min(before, most)
	}
}

// reply answers a request. In its texts, a dollar sign stands for the impostor's origin.
type reply func(http.ResponseWriter, *http.Request)

// impostor speaks for a vendor and its store: as a benign vendor would, except to one
// call.
type impostor struct {
	*httptest.Server
	vendor string

	mu       sync.Mutex
	requests []*http.Request
	calls    map[string]int
	strays   []string // requests that no call of the vendor is
	most     int64    // bytes of one answer that were taken
}

func imposture(t *testing.T, h hostile) *impostor {
	im := &impostor{vendor: h.vendor, calls: map[string]int{}}
	im.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		call := im.note(r)
		n := im.count(call)
		if h.reply != nil && call == h.call && (h.times == 0 || n <= h.times) {
			h.reply(out, r)
			return
		}
		if h.unseen && call == "status" {
			replying(404, `{"errorCode":404}`)(out, r)
			return
		}
		im.benign(out, r, call)
	}))
	im.Listener = counting{im.Listener, im}
	im.Start()
	t.Cleanup(im.Close)
	return im
}

func (im *impostor) note(r *http.Request) (call string) {
	im.mu.Lock()
	defer im.mu.Unlock()
	im.requests = append(im.requests, r)
	for _, c := range benignVendors[im.vendor] {
		if c.method == r.Method && strings.HasPrefix(r.URL.Path, c.path) && strings.HasSuffix(r.URL.Path, c.end) {
			return c.name
		}
	}
	im.strays = append(im.strays, r.Method+" "+r.URL.Path)
	return ""
}

func (im *impostor) count(call string) int {
	im.mu.Lock()
	defer im.mu.Unlock()
	im.calls[call]++
	return im.calls[call]
}

func (im *impostor) benign(out http.ResponseWriter, r *http.Request, call string) {
	for _, c := range benignVendors[im.vendor] {
		if c.name == call {
			_, _ = copyAway(r)
			c.reply(out, r)
			return
		}
	}
	out.WriteHeader(http.StatusNotFound)
}

// mostTaken is how much of one answer was taken; some may still be on their way.
func (im *impostor) mostTaken() int64 {
	im.mu.Lock()
	defer im.mu.Unlock()
	return im.most
}

// counting notes how much of what is sent somebody takes, connection by connection.
type counting struct {
	net.Listener
	im *impostor
}

func (l counting) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &counted{Conn: c, im: l.im}, nil
}

type counted struct {
	net.Conn
	im    *impostor
	taken int64
}

// Read begins another answer: the requests of a connection follow each other.
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.im.mu.Lock()
	defer c.im.mu.Unlock()
	c.taken = 0
	return n, err
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.im.mu.Lock()
	defer c.im.mu.Unlock()
	c.taken += int64(n)
	c.im.most = max(c.im.most, c.taken)
	return n, err
}
