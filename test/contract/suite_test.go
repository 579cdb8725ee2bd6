package contract

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/sandbox"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
)

// suites are the vendors' tables: the calls of each, in the order in which an
// upload makes them, and the answers that each call may get.
var suites = map[string]suite{
	"trustana": trustanaSuite,
	"trustoo":  trustooSuite,
	"sitoo":    sitooSuite,
	"closient": closientSuite,
	"truvideo": truvideoSuite,
}

// suite is what one vendor varies.
type suite struct {
	sample string        // of package samples
	fields upload.Fields // of an item
	usual  requests      // of an upload that meets no trouble
	// attempts are what its result counts.
	attempts upload.Attempts
	calls    []call // in the order in which an upload makes them
	// unused are calls of the simulator that no upload makes, and why. Requests
	// to them are not counted.
	unused map[string]string
}

// call is a call of a vendor's, or of the storage behind it.
type call struct {
	name    string // as the simulator has it
	step    upload.Step
	answers []answer
	// arrange leads an upload to this call, where the usual course does not, and
	// usual is what is asked then.
	arrange func(*world)
	usual   requests
	// renews is the call that hands out anew what this one used up.
	renews string
	// looks are made after each answer that was lost; lost before the upload is
	// given up where one was, and last before it is given up for any trouble.
	looks, lost, last requests
	media             int // that exist by then, even where the upload fails
}

// answer is a row of a failure table.
type answer struct {
	name  string
	fault string // what the simulator does, as a rule's right side
	means meaning
}

// requests count what arrived at a vendor, by call.
type requests map[string]int

// Numbers that are not counted: one or more, and any, even none.
const (
	some    = -1
	perhaps = -2
)

func (r requests) plus(more ...requests) requests {
	sum := requests{}
	maps.Copy(sum, r)
	for _, m := range more {
		for name, n := range m {
			switch {
			case n == perhaps && sum[name] > 0, sum[name] == perhaps && n > 0, n == some, sum[name] == some:
				sum[name] = some
			case n == perhaps || sum[name] == perhaps:
				sum[name] = perhaps
			default:
				sum[name] += n
			}
		}
	}
	return sum
}

// often is some of each.
func (r requests) often() requests {
	all := requests{}
	for name := range r {
		all[name] = some
	}
	return all
}

func (r requests) times(n int) requests {
	all := requests{}
	for range n {
		all = all.plus(r)
	}
	return all
}

// example is an answer that comes so many times, 0 for always, and what becomes
// of it.
type example struct {
	name  string
	times int
	want  want
}

// want is what is to become of an upload.
type want struct {
	state    upload.State
	kind     upload.Kind // of the failure
	step     upload.Step // of the failure; "": not looked at
	requests requests
	attempts *upload.Attempts
	media    int // that a person sees at the vendor
	pauses   int // of the account
}

// asking is the same end after other requests.
func (w want) asking(r requests) want {
	w.requests = r
	return w
}

func TestEveryAnswerOfEveryCallLeadsWhereItsTableSays(t *testing.T) {
	for _, vendor := range vendors.Names() {
		t.Run(vendor, func(t *testing.T) {
			for _, c := range suites[vendor].calls {
				t.Run(c.name, func(t *testing.T) {
					for _, a := range c.answers {
						for _, x := range a.means(place{suites[vendor], c}) {
							t.Run(strings.TrimSpace(a.name+" "+x.name), func(t *testing.T) {
								t.Parallel()
								meet(t, vendor, c, a, x)
							})
						}
					}
				})
			}
		})
	}
}

// meet uploads an item that meets an answer.
func meet(t *testing.T, vendor string, c call, a answer, x example) {
	w := newWorld(t, vendor, nil)
	if c.arrange != nil {
		c.arrange(w)
	}
	count := ""
	if x.times > 0 {
		count = fmt.Sprintf("#1*%d", x.times)
	}
	w.fault(vendor + "." + c.name + count + "=" + a.fault)
	item := w.item("a")
	ended := w.run(item)
	w.verify(item, ended, x.want)
	met := 0
	for _, rule := range w.sandbox.Faults() {
		met += rule.Applied
	}
	require.NotZero(t, met, "the upload never met the answer")
}

// story is a course of events that takes more than one answer to tell.
type story struct {
	name     string // call, and what happens
	settings func(*sandbox.Settings)
	faults   []string
	arrange  func(*world)
	item     func(*world) upload.Item // nil: the suite's
	want     want
	check    func(*world, upload.Item, end)
}

// tell lets stories happen.
func tell(t *testing.T, vendor string, stories []story) {
	for _, s := range stories {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, vendor, s.settings)
			w.fault(s.faults...)
			if s.arrange != nil {
				s.arrange(w)
			}
			item := w.item("a")
			if s.item != nil {
				item = s.item(w)
			}
			ended := w.run(item)
			w.verify(item, ended, s.want)
			if s.check != nil {
				s.check(w, item, ended)
			}
		})
	}
}

func TestAnUploadThatMeetsNoTroubleMakesNoCallTooMany(t *testing.T) {
	for _, vendor := range vendors.Names() {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, vendor, nil)
			item := w.item("a")
			w.verify(item, w.run(item), want{state: upload.StateReady, requests: suites[vendor].usual, media: 1})
		})
	}
}

func TestEveryVendorHasASimulatorAndATable(t *testing.T) {
	s, err := sandbox.Start(t.Context(), sandbox.Options{Dir: t.TempDir()})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	for _, vendor := range vendors.All() {
		name := vendor.Spec().Name
		require.Empty(t, lacks(name, suites, s), "vendor %s", name)
	}
	require.Len(t, suites, len(vendors.All()), "a table is of no vendor")
}

func TestAVendorWithoutASimulatorOrATableIsNamed(t *testing.T) {
	s, err := sandbox.Start(t.Context(), sandbox.Options{Dir: t.TempDir()})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	require.Contains(t, lacks("acme", suites, s), "no simulator answers for acme")
	require.Contains(t, lacks("acme", suites, s), "acme has no table")
	short := maps.Clone(suites)
	half := short["sitoo"]
	half.calls = half.calls[1:]
	short["sitoo"] = half
	require.Equal(t, []string{"sitoo.upload-url has no answers in the table"}, lacks("sitoo", short, s))
}

// lacks says what is missing of a vendor's contract: its simulator, its table, or
// answers to a call that its simulator has.
func lacks(vendor string, suites map[string]suite, s *sandbox.Sandbox) (missing []string) {
	calls := simulated(vendor)
	if len(calls) == 0 || !strings.Contains(string(s.Config()), "vendor: "+vendor+"\n") {
		missing = append(missing, "no simulator answers for "+vendor)
	}
	suite, ok := suites[vendor]
	if !ok {
		return append(missing, vendor+" has no table")
	}
	for _, name := range calls {
		i := slices.IndexFunc(suite.calls, func(c call) bool { return c.name == name })
		if suite.unused[name] == "" && (i < 0 || len(suite.calls[i].answers) == 0) {
			missing = append(missing, vendor+"."+name+" has no answers in the table")
		}
	}
	return missing
}

// simulated lists the calls of a vendor that the simulator can make trouble for,
// as it says itself when it is asked for another.
func simulated(vendor string) []string {
	_, err := sandbox.ParseRule(vendor + ".?=lost")
	_, list, found := strings.Cut(fmt.Sprint(err), `has no call "?"; choose from `)
	if !found {
		return nil
	}
	return strings.Split(list, ", ")
}
