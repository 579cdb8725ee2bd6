package batch

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/manifest"
	"github.com/mediaferry/mediaferry/internal/sources"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

// Planning is what Plan is asked.
type Planning struct {
	Place  manifest.Place
	Opener manifest.Opener
	// Catalog has the accounts; their credentials are not needed.
	Catalog manifest.Catalog
	// Batch is the name that the batch would have, To the account of rows that
	// name none, and Again whether rows are sent that were delivered before.
	Batch string
	To    string
	Again bool
	// Literal names columns that are taken as they are.
	Literal []string
	// Sources looks at sources from outside, and opens as many as Sampling says;
	// nil: it is not known which sources a run would refuse.
	Sources  *sources.Sources
	Sampling Sampling
	// Queue tells who could read a local path; nil: all paths can be read. Errors that
	// refuse no row end the planning.
	Queue Queue
	// Readers names the workers that poll a queue now, sorted; it may be nil.
	Readers func(queue string) []string
	// Each is told of every problem, in the order in which they are found; it may be
	// nil. Its errors end the planning.
	Each func(manifest.Problem) error
	// Ledger tells which rows were delivered before; nil: not asked.
	Ledger Delivered
	Prices Prices
	// Temporary is the folder for temporary files; "": the system's.
	Temporary string
}

// Delivered knows what was delivered by earlier batches. A *ledger.Ledger does.
type Delivered interface {
	Delivered(ctx context.Context, rows []ledger.Lookup) (map[string]ledger.Entry, error)
}

// Plan is what a batch of a manifest would be. Its JSON is the last line of what
// `batch plan --json` prints.
type Plan struct {
	Manifest string `json:"manifest"`
	// Batch is the name that a batch of the manifest gets; null where it needs one.
	Batch  upload.Text `json:"batch"`
	SHA256 string      `json:"sha256"`
	Rows   int64       `json:"rows"`
	// Whole says that the header is wrong: all rows are refused then, whatever is
	// wrong with each.
	Whole bool `json:"refused_as_a_whole"`
	// Refused rows would be refused by `batch start`, Known ones were delivered
	// before and would be skipped; all others are ToSend.
	Refused  int64 `json:"refused"`
	Known    int64 `json:"known"`
	ToSend   int64 `json:"to_send"`
	Warnings int64 `json:"warnings"`
	// Converted rows are converted before they are sent, as far as names and the sources
	// that were opened tell.
	Converted int64 `json:"converted"`
	// Bytes is of what would be sent, as far as sizes are known: those of
	// sources on this host.
	Bytes       int64         `json:"bytes"`
	UnknownSize int64         `json:"rows_of_unknown_size"`
	Accounts    []AccountPlan `json:"accounts"`
	// Floor is the least time that the rate limits leave, in seconds: that of
	// the slowest account, since accounts do not wait for each other.
	Floor      float64    `json:"floor_seconds"`
	Actions    Actions    `json:"temporal_actions"`
	Duplicates Duplicates `json:"duplicates"`
	// Readers are those who read the local sources of the rows to send.
	Readers []RootReaders `json:"readers"`
	Sample  *Sample       `json:"sample,omitempty"`
	// Found is what is wrong with the manifest and its sources.
	Found manifest.Collected `json:"-"`
}

// AccountPlan is one account's part in a plan.
type AccountPlan struct {
	Account     string `json:"account"`
	Vendor      string `json:"vendor"`
	Rows        int64  `json:"rows"`      // valid ones
	Known       int64  `json:"known"`     // of them, delivered before
	Packed      int64  `json:"packed"`    // in pages with others
	Own         int64  `json:"own"`       // in workflows of their own
	Converted   int64  `json:"converted"` // before they are sent, as far as it is known
	Bytes       int64  `json:"bytes"`
	UnknownSize int64  `json:"rows_of_unknown_size"`
	Calls       Calls  `json:"calls"` // at least
	// Rate is what the account may ask of the vendor each second; 0: no limit.
	Rate  float64 `json:"requests_per_second"`
	Floor float64 `json:"floor_seconds"`
	// Pace says which limit sets Floor, in words; "" where none does.
	Pace string `json:"pace"`

	vendor  vendors.Vendor
	account spec.Account
}

// planner is a plan that is being made.
type planner struct {
	Planning
	plan     *Plan
	examiner *examiner
	accounts map[string]*AccountPlan
	expected expectation
	page     []planned
	twins    *twins
	queues   map[string]int64 // rows to send by the queue of their sources
}

// planned is a row with what is known of its source.
type planned struct {
	row     manifest.Row
	account *AccountPlan
	seen
}

// Make plans a batch, without any side effect. The error is an *upload.Error
// where the manifest cannot be read at all; rows that would be refused are no
// error and stand in Plan.Found.
func Make(ctx context.Context, p Planning) (_ *Plan, err error) {
	if p.Prices.Tiers == nil {
		p.Prices = ListPrices()
	}
	m := &planner{
		Planning: p, plan: &Plan{Manifest: p.Place.Display(), Batch: upload.Text(p.Batch)},
		examiner: newExaminer(p.Catalog, p.Sources, p.Sampling), accounts: map[string]*AccountPlan{}, queues: map[string]int64{},
	}
	m.examiner.queue = p.Queue
	if m.twins, err = newTwins(p.Temporary); err != nil {
		return nil, err
	}
	defer m.twins.close()
	// The rows are those of no batch: one that has been there under the name
	// counts among what was delivered before. No name of a batch has the sign.
	options := manifest.Options{Opener: p.Opener, Catalog: p.Catalog, To: p.To, Batch: "?" + p.Batch, Again: p.Again, Literal: p.Literal}
	layout, err := read(ctx, p.Place, options, func(header []manifest.Problem) error {
		m.plan.Whole = m.plan.Whole || fatal(header)
		return m.tell(header...)
	}, func(row manifest.Row) error { return m.row(ctx, row) })
	if err != nil {
		return nil, err
	}
	if err := m.finish(ctx); err != nil {
		return nil, err
	}
	m.plan.SHA256, m.plan.Rows = layout.SHA256, int64(layout.Rows)
	m.total()
	m.plan.Duplicates, err = m.twins.find(ctx)
	return m.plan, err
}

// finish counts the last rows, and opens the sources that were chosen.
func (m *planner) finish(ctx context.Context) error {
	if err := m.flush(ctx); err != nil {
		return err
	}
	found, err := m.examiner.heads.end(ctx)
	if err != nil {
		return err
	}
	if sample := m.examiner.heads.sample; sample.Looked+sample.Unseen > 0 {
		m.plan.Sample = &sample
	}
	return m.open(found)
}

// tell collects problems.
func (m *planner) tell(problems ...manifest.Problem) error {
	m.plan.Found.Add(problems...)
	if m.Each == nil {
		return nil
	}
	for _, p := range problems {
		if err := m.Each(p); err != nil {
			return err
		}
	}
	return nil
}

// row takes one row of the manifest.
func (m *planner) row(ctx context.Context, row manifest.Row) error {
	is, err := m.examiner.outside(ctx, &row)
	if err != nil {
		return err
	}
	if err := m.tell(row.Problems...); err != nil {
		return err
	}
	if m.plan.Whole || !row.Valid() {
		m.plan.Refused++
		return nil
	}
	account, err := m.accountOf(row.Item)
	if err != nil {
		return err
	}
	m.page = append(m.page, planned{row, account, is})
	if len(m.page) < pageRows {
		return nil
	}
	return m.flush(ctx)
}

// accountOf finds the part of the plan that a row's account has.
func (m *planner) accountOf(item upload.Item) (*AccountPlan, error) {
	account := m.accounts[item.Account]
	if account != nil {
		return account, nil
	}
	who, err := m.examiner.party(item)
	if err != nil {
		return nil, fmt.Errorf("account of line %d: %w", item.Line, err)
	}
	account = &AccountPlan{Account: item.Account, Vendor: who.account.Vendor, Rate: who.account.Rate, vendor: who.vendor, account: who.account}
	m.accounts[item.Account] = account
	m.plan.Accounts = append(m.plan.Accounts, AccountPlan{Account: item.Account})
	return account, nil
}

// open takes what came of opening sources: rows that were counted as rows to send may
// be refused now.
func (m *planner) open(found []verdict) error {
	for _, v := range found {
		if p := v.warning(); p != nil {
			if err := m.tell(*p); err != nil {
				return err
			}
		}
		if v.row.Valid() {
			if err := m.converts(v); err != nil {
				return err
			}
			continue
		}
		if err := m.tell(v.row.Problems[len(v.row.Problems)-1]); err != nil {
			return err
		}
		account, err := m.accountOf(v.row.Item)
		if err != nil {
			return err
		}
		m.plan.Refused++
		account.Rows--
		m.share(planned{v.row, account, v.seen}, -1)
	}
	return nil
}

// converts corrects what a row's name said of its conversion by what its bytes say.
func (m *planner) converts(v verdict) error {
	if v.unseen != nil || v.converts == v.seen.converts {
		return nil
	}
	account, err := m.accountOf(v.row.Item)
	if err != nil {
		return err
	}
	if account.Converted--; v.converts {
		account.Converted += 2
	}
	return nil
}

// fingerprint is that of a local source; "" where it cannot be told cheaply.
func fingerprint(item upload.Item) string {
	if !item.Local() {
		return ""
	}
	info, err := os.Stat(item.Source)
	if err != nil {
		return ""
	}
	return upload.FileFingerprint(info.Size(), info.ModTime())
}

// flush counts a page of rows, with those known that were delivered before.
func (m *planner) flush(ctx context.Context) error {
	known := map[string]ledger.Entry{}
	if m.Ledger != nil && !m.Again && len(m.page) > 0 {
		lookups := make([]ledger.Lookup, len(m.page))
		for i, one := range m.page {
			lookups[i] = ledger.Lookup{Item: one.row.Item, Fingerprint: one.fingerprint}
		}
		var err error
		if known, err = m.Ledger.Delivered(ctx, lookups); err != nil {
			return err
		}
	}
	for _, one := range m.page {
		one.account.Rows++
		if _, is := known[one.row.Item.UploadID]; is {
			one.account.Known++
			continue
		}
		if err := m.count(ctx, one); err != nil {
			return err
		}
	}
	m.page = m.page[:0]
	return nil
}

// count adds a row that would be sent.
func (m *planner) count(ctx context.Context, one planned) error {
	m.share(one, 1)
	if m.Sources != nil {
		found, err := m.examiner.heads.offer(ctx, one.row, one.seen)
		if err != nil {
			return err
		}
		if err := m.open(found); err != nil {
			return err
		}
	}
	if one.size == 0 {
		return nil
	}
	return m.twins.add(twin{account: one.account.Account, line: one.row.Line(), size: one.size, source: one.row.Item.Source})
}

// share adds what a row costs to its account's part, or takes it away: sign is 1 or -1.
func (m *planner) share(one planned, sign int64) {
	a := one.account
	calls := callsOf(a.vendor, one.size)
	a.Calls.add(calls, sign)
	if one.converts {
		a.Converted += sign
	}
	a.Bytes += sign * one.size
	if one.size == 0 {
		a.UnknownSize += sign
	}
	if one.row.Item.Queue != "" {
		m.queues[one.row.Item.Queue] += sign
	}
	packed := packs(a.vendor.Spec(), one.row.Item, one.size)
	if packed {
		a.Packed += sign
	} else {
		a.Own += sign
	}
	serialKey, last := one.row.SerialKey()
	m.expected.add(cost{packed, calls, serialKey != "", last}, sign)
}

// total adds the accounts up, in the order in which the manifest names them.
func (m *planner) total() {
	p := m.plan
	p.Warnings = int64(p.Found.Warnings)
	for i := range p.Accounts {
		a := m.accounts[p.Accounts[i].Account]
		floor, pace := floorOf(a.account, a.Calls.metered(a.vendor))
		a.Floor = floor.Round(time.Second / 10).Seconds()
		a.Pace = pace
		p.Accounts[i] = *a
		p.Known += a.Known
		p.Converted += a.Converted
		p.ToSend += a.Rows - a.Known
		p.Bytes += a.Bytes
		p.UnknownSize += a.UnknownSize
		p.Floor = max(p.Floor, a.Floor)
		m.expected.route(a.Rows-a.Known, a.Packed)
	}
	p.Actions = m.expected.actions(m.Prices)
	p.Readers = m.readers()
}
