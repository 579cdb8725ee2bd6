package batch

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/manifest"
	"github.com/mediaferry/mediaferry/internal/media"
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
	// Sample is how many sources are opened, spread over the manifest; 0: none.
	// Sources opens them.
	Sample  int
	Sources *sources.Sources
	// Reads tells why a local path could not be read by anybody: an error of kind
	// invalid refuses its row, others end the planning. Nil: all paths can.
	Reads func(path string) error
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

// Plan is what a batch of a manifest would be. Its JSON is what `batch plan
// --json` prints.
type Plan struct {
	Manifest string `json:"manifest"`
	// Batch is the name that a batch of the manifest gets; null where it needs one.
	Batch  upload.Text `json:"batch"`
	SHA256 string      `json:"sha256"`
	Rows   int64       `json:"rows"`
	// Whole says that the header is wrong: all rows are refused then, whatever is
	// wrong with each.
	Whole bool `json:"refused_as_a_whole"`
	// Refused rows are wrong by themselves: no batch is started with them. Unfit
	// ones would fail as soon as their source is looked at, Known ones were
	// delivered before and would be skipped; all others are ToSend.
	Refused int64 `json:"refused"`
	Unfit   int64 `json:"unfit"`
	Known   int64 `json:"known"`
	ToSend  int64 `json:"to_send"`
	// Bytes is of what would be sent, as far as sizes are known: those of
	// sources on this host.
	Bytes       int64         `json:"bytes"`
	UnknownSize int64         `json:"rows_of_unknown_size"`
	Accounts    []AccountPlan `json:"accounts"`
	// Floor is the least time that the rate limits leave, in seconds: that of
	// the slowest account, since accounts do not wait for each other.
	Floor      float64            `json:"floor_seconds"`
	Actions    Actions            `json:"temporal_actions"`
	Duplicates Duplicates         `json:"duplicates"`
	Sample     *Sample            `json:"sample,omitempty"`
	Problems   manifest.Collected `json:"problems"`
	// Sources is what is wrong with sources on this host, which were looked at
	// from outside: missing, empty, too large.
	Sources manifest.Collected `json:"sources"`
}

// AccountPlan is one account's part in a plan.
type AccountPlan struct {
	Account     string `json:"account"`
	Vendor      string `json:"vendor"`
	Rows        int64  `json:"rows"`   // valid ones
	Known       int64  `json:"known"`  // of them, delivered before
	Packed      int64  `json:"packed"` // in pages with others
	Own         int64  `json:"own"`    // in workflows of their own
	Bytes       int64  `json:"bytes"`
	UnknownSize int64  `json:"rows_of_unknown_size"`
	Calls       Calls  `json:"calls"` // at least
	// Rate is what the account may ask of the vendor each second; 0: no limit.
	Rate  float64 `json:"requests_per_second"`
	Floor float64 `json:"floor_seconds"`

	vendor  vendors.Vendor
	account spec.Account
}

// planner is a plan that is being made.
type planner struct {
	Planning
	plan     *Plan
	accounts map[string]*AccountPlan
	expected expectation
	page     []planned
	twins    *twins
	sample   *reservoir
}

// planned is a row with what is known of its source.
type planned struct {
	row         manifest.Row
	account     *AccountPlan
	size        int64 // 0: not known
	fingerprint string
	unfit       *manifest.Problem
}

// Make plans a batch, without any side effect. The error is an *upload.Error
// where the manifest cannot be read at all; rows that would be refused are no
// error and stand in Plan.Problems.
func Make(ctx context.Context, p Planning) (_ *Plan, err error) {
	if p.Prices.Tiers == nil {
		p.Prices = ListPrices()
	}
	m := &planner{
		Planning: p, plan: &Plan{Manifest: p.Place.Display(), Batch: upload.Text(p.Batch)},
		accounts: map[string]*AccountPlan{}, sample: newReservoir(p.Sample),
	}
	if m.twins, err = newTwins(p.Temporary); err != nil {
		return nil, err
	}
	defer m.twins.close()
	// The rows are those of no batch: one that has been there under the name
	// counts among what was delivered before. No name of a batch has the sign.
	options := manifest.Options{Opener: p.Opener, Catalog: p.Catalog, To: p.To, Batch: "?" + p.Batch, Again: p.Again, Literal: p.Literal}
	layout, err := read(ctx, p.Place, options, func(header []manifest.Problem) {
		m.plan.Problems.Add(header...)
		m.plan.Whole = m.plan.Whole || fatal(header)
	}, func(row manifest.Row) error { return m.row(ctx, row) })
	if err != nil {
		return nil, err
	}
	if err := m.flush(ctx); err != nil {
		return nil, err
	}
	m.plan.SHA256, m.plan.Rows = layout.SHA256, int64(layout.Rows)
	m.total()
	if m.plan.Duplicates, err = m.twins.find(ctx); err != nil {
		return nil, err
	}
	if p.Sample > 0 && p.Sources != nil {
		m.plan.Sample, err = m.look(ctx)
	}
	return m.plan, err
}

// row takes one row of the manifest.
func (m *planner) row(ctx context.Context, row manifest.Row) error {
	if row.Valid() && row.Item.Local() && m.Reads != nil {
		if err := m.Reads(row.Item.Source); err != nil {
			if err := refuse(&row, err); err != nil {
				return err
			}
		}
	}
	one := planned{row: row}
	if row.Valid() {
		if err := m.know(&one); err != nil {
			return err
		}
	}
	m.plan.Problems.AddRow(row)
	if one.unfit != nil {
		m.plan.Sources.Add(*one.unfit)
	}
	switch {
	case m.plan.Whole, !row.Valid():
		m.plan.Refused++
		return nil
	case one.unfit != nil:
		m.plan.Unfit++
		return nil
	}
	one.row.Cells = nil // no use from here on
	m.page = append(m.page, one)
	if len(m.page) < pageRows {
		return nil
	}
	return m.flush(ctx)
}

// know finds the row's account and looks at a local source from outside.
func (m *planner) know(one *planned) error {
	item := one.row.Item
	account := m.accounts[item.Account]
	if account == nil {
		profile, err := m.Catalog.Profile(item.Account)
		if err != nil {
			return fmt.Errorf("account of line %d: %w", item.Line, err)
		}
		vendor, err := vendors.Find(profile.Vendor)
		if err != nil {
			return fmt.Errorf("account of line %d: %w", item.Line, err)
		}
		account = &AccountPlan{Account: item.Account, Vendor: profile.Vendor, Rate: profile.Rate, vendor: vendor, account: profile}
		m.accounts[item.Account] = account
		m.plan.Accounts = append(m.plan.Accounts, AccountPlan{Account: item.Account})
	}
	one.account = account
	if item.Local() {
		measure(one)
	}
	return nil
}

// measure looks at a local source without opening it. What would be refused as
// soon as it is looked at is told now.
func measure(one *planned) {
	item := one.row.Item
	tell := func(sort manifest.Sort, hint, format string, args ...any) {
		one.unfit = &manifest.Problem{Line: one.row.Line(), Sort: sort, Column: "source", Message: fmt.Sprintf(format, args...), Hint: hint}
	}
	info, err := os.Stat(item.Source)
	switch {
	case os.IsNotExist(err):
		tell(manifest.SortSource, "correct the path, or create the file before its row is sent", "%q does not exist", item.Source)
		return
	case err != nil:
		tell(manifest.SortSource, "change the permissions of the file, or of a folder above it", "%q cannot be read: %s", item.Source, egress.Cause(err))
		return
	case !info.Mode().IsRegular():
		tell(manifest.SortSource, "use the path of the media file itself", "%q is not a file", item.Source)
		return
	case info.Size() == 0:
		tell(manifest.SortSource, "export it again", "%q is empty", item.Source)
		return
	}
	one.size, one.fingerprint = info.Size(), upload.FileFingerprint(info.Size(), info.ModTime())
	kind, known := media.TypeOf(item.Source)
	if !known {
		return
	}
	content := upload.Content{Size: one.size, Type: string(kind)}
	if err := one.account.vendor.Spec().CheckContent(content, one.account.account); err != nil {
		refused := upload.AsError(err, upload.StepClaim)
		tell(manifest.SortFormat, refused.Hint, "%q: %s", item.Source, refused.Message)
	}
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
		if err := m.count(one); err != nil {
			return err
		}
	}
	m.page = m.page[:0]
	return nil
}

// count adds a row that would be sent.
func (m *planner) count(one planned) error {
	a := one.account
	spec := a.vendor.Spec()
	calls := callsOf(a.vendor, one.size)
	a.Calls.add(calls)
	a.Bytes += one.size
	if one.size == 0 {
		a.UnknownSize++
	}
	packed := packs(spec, one.row.Item, one.size)
	if packed {
		a.Packed++
	} else {
		a.Own++
	}
	serialKey, last := one.row.SerialKey()
	m.expected.add(packed, calls, serialKey != "", last)
	m.sample.offer(one)
	if one.size == 0 {
		return nil
	}
	return m.twins.add(twin{account: a.Account, line: one.row.Line(), size: one.size, source: one.row.Item.Source})
}

// total adds the accounts up, in the order in which the manifest names them.
func (m *planner) total() {
	p := m.plan
	for i := range p.Accounts {
		a := m.accounts[p.Accounts[i].Account]
		floor := floorOf(a.account, a.Calls.metered(a.vendor))
		a.Floor = floor.Round(time.Second / 10).Seconds()
		p.Accounts[i] = *a
		p.Known += a.Known
		p.ToSend += a.Rows - a.Known
		p.Bytes += a.Bytes
		p.UnknownSize += a.UnknownSize
		p.Floor = max(p.Floor, a.Floor)
		m.expected.route(a.Rows-a.Known, a.Packed)
	}
	p.Actions = m.expected.actions(m.Prices)
}
