package upload

import (
	"slices"
	"time"
)

// Quota is how many requests an account may make within a window.
type Quota struct {
	Window time.Duration `json:"window"` // above 0
	Limit  int64         `json:"limit"`  // at least 1
}

// longestPaced is up to what window a quota sets a pace. Requests of a longer window
// may come as fast as they like until they are used up, so they are counted instead.
const longestPaced = 5 * time.Minute

// Paces reports whether the quota sets a pace, rather than being counted.
func (q Quota) Paces() bool { return q.Window <= longestPaced }

// Rate is the pace of the quota, in requests per second.
func (q Quota) Rate() float64 { return float64(q.Limit) / q.Window.Seconds() }

// Supersede is what is known of quotas after newer ones were told. Those that set a
// pace and those that are counted stand each for themselves: what the newer ones say
// nothing of stays as it was.
func Supersede(known, newer []Quota) []Quota {
	all := slices.Clone(newer)
	for _, q := range known {
		if !slices.ContainsFunc(newer, func(n Quota) bool { return n.Paces() == q.Paces() }) {
			all = append(all, q)
		}
	}
	return Tighten(all)
}

// Tighten sorts quotas by their windows, and keeps the smallest of each window.
func Tighten(quotas []Quota) []Quota {
	sorted := slices.SortedFunc(slices.Values(quotas), func(a, b Quota) int {
		if a.Window != b.Window {
			return int(min(max(a.Window-b.Window, -1), 1))
		}
		return int(min(max(a.Limit-b.Limit, -1), 1))
	})
	return slices.CompactFunc(sorted, func(a, b Quota) bool { return a.Window == b.Window })
}
