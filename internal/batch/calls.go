package batch

import (
	"fmt"
	"math"
	"time"

	"github.com/mediaferry/mediaferry/internal/media"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

// Calls counts requests by the step that makes them.
type Calls struct {
	Prepare  int64 `json:"prepare"`
	Transfer int64 `json:"transfer"`
	Complete int64 `json:"complete"`
	Poll     int64 `json:"poll"`
}

// add adds calls that often; -1 takes them away.
func (c *Calls) add(other Calls, times int64) {
	c.Prepare += times * other.Prepare
	c.Transfer += times * other.Transfer
	c.Complete += times * other.Complete
	c.Poll += times * other.Poll
}

// metered are the calls that the vendor's rate limit counts: all but those that
// bring bytes to a storage of their own.
func (c Calls) metered(vendor vendors.Vendor) int64 {
	n := c.Prepare + c.Complete + c.Poll
	if _, takes := vendor.(vendors.Receiver); takes {
		n += c.Transfer
	}
	return n
}

// callsOf are the least calls that one medium takes: nothing fails, and the
// first look finds it ready. size is 0 where it is not known.
func callsOf(vendor vendors.Vendor, size int64) Calls {
	spec := vendor.Spec()
	calls := Calls{Prepare: 1, Transfer: partsOf(spec, size)}
	if _, told := vendor.(vendors.Completer); told {
		calls.Complete = 1
	}
	if len(spec.Policy.Poll.Waits) > 0 {
		calls.Poll = 1
	}
	return calls
}

func partsOf(spec *spec.Spec, size int64) int64 {
	if spec.Parts == nil || size <= 0 {
		return 1
	}
	plan, err := upload.PlanParts(size, *spec.Parts)
	if err != nil { // too large: the row is refused for it
		return 1
	}
	return int64(plan.Parts)
}

// packs reports whether a medium would travel in a page with others. Where its
// name does not say of what kind it is, it is taken for what most are.
func packs(spec *spec.Spec, item upload.Item, size int64) bool {
	if spec.Packing == nil {
		return false
	}
	content := upload.Content{Size: size, Type: spec.Packing.Types}
	if kind, known := media.TypeOf(item.Source); known {
		content.Type = string(kind)
	}
	return spec.Packs(content)
}

// floorOf is the least time that the calls take by the account's limits, and the limit
// that sets it, in words.
func floorOf(account spec.Account, calls int64) (floor time.Duration, pace string) {
	if account.Rate > 0 {
		floor = seconds(float64(max(calls-int64(account.Burst), 0)) / account.Rate)
	}
	if floor > 0 {
		pace = fmt.Sprintf("%s takes %g calls per second", account.Name, account.Rate)
	}
	for _, q := range account.Quotas {
		if within := seconds(float64(max(calls-1, 0)/q.Limit) * q.Window.Seconds()); within > floor {
			floor, pace = within, fmt.Sprintf("%s takes %d calls in %s", account.Name, q.Limit, q.Window)
		}
	}
	return floor, pace
}

func seconds(n float64) time.Duration {
	const most = math.MaxInt64 / float64(time.Second)
	return time.Duration(min(n, most) * float64(time.Second))
}
