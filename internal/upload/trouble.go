package upload

import "fmt"

// Trouble is what an item has been through. It counts against the tries that an
// upload has, wherever the item goes on.
type Trouble struct {
	// Tries are how many of each step's have failed, by TryKey.
	Tries map[string]int `json:"tries,omitempty"`
	// Renewals are how many sessions have run out.
	Renewals int `json:"renewals,omitempty"`
	// Seen are the failures that were worth exactly one more try.
	Seen map[string]bool `json:"seen,omitempty"`
}

// TryKey is under what the tries of a step are counted. Each part of a multipart
// session has tries of its own; part is 0 for what is no part.
func TryKey(step Step, part int) string { return fmt.Sprintf("%s %d", step, part) }

// Count adds n failed tries.
func (t *Trouble) Count(key string, n int) {
	if t.Tries == nil {
		t.Tries = map[string]int{}
	}
	t.Tries[key] += n
}

// Judge gives a failure the kind that it has when it comes a second time.
func (t *Trouble) Judge(key string, e *Error) {
	if e.Then == "" {
		return
	}
	mark := fmt.Sprintf("%s %d %s", key, e.Status, e.Code)
	if t.Seen[mark] {
		e.Kind = e.Then
	}
	if t.Seen == nil {
		t.Seen = map[string]bool{}
	}
	t.Seen[mark] = true
}
