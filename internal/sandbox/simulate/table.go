package simulate

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
)

// Table is one kind of thing that is remembered. Values are copied in and out:
// whoever changes a map or slice within one has to copy it first.
type Table[T any] struct {
	journal *Journal
	kind    string

	mu    sync.Mutex
	rows  map[string]*T
	order []string
}

// NewTable restores a kind from the journal. Only while hosts are opened.
func NewTable[T any](w *World, kind string) (*Table[T], error) {
	t := &Table[T]{journal: w.Journal, kind: kind, rows: map[string]*T{}}
	for _, l := range w.memory.lines(kind) {
		v := new(T)
		if err := json.Unmarshal(l.Value, v); err != nil {
			return nil, fmt.Errorf("read %s %q from the journal: %w", kind, l.ID, err)
		}
		t.rows[l.ID] = v
		t.order = append(t.order, l.ID)
	}
	return t, nil
}

// Get returns a copy of the value with this ID.
func (t *Table[T]) Get(id string) (T, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if v, ok := t.rows[id]; ok {
		return *v, true
	}
	var none T
	return none, false
}

// Put remembers a value, instead of the one that is there.
func (t *Table[T]) Put(id string, v T) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.set(id, v)
}

func (t *Table[T]) set(id string, v T) {
	if _, known := t.rows[id]; !known {
		t.order = append(t.order, id)
	}
	t.rows[id] = &v
	t.journal.put(t.kind, id, v)
}

// Update changes a value in one step; change returns false to leave it alone.
func (t *Table[T]) Update(id string, change func(*T) bool) (T, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var v T
	old, ok := t.rows[id]
	if !ok {
		return v, false
	}
	v = *old
	if change(&v) {
		t.set(id, v)
	}
	return v, true
}

// Remove forgets a value.
func (t *Table[T]) Remove(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, known := t.rows[id]; !known {
		return
	}
	delete(t.rows, id)
	for i, other := range t.order {
		if other == id {
			t.order = append(t.order[:i:i], t.order[i+1:]...)
			break
		}
	}
	t.journal.forget(t.kind, id)
}

// IDs are those of all values, oldest first.
func (t *Table[T]) IDs() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.order)
}

// All gives every value, oldest first.
func (t *Table[T]) All() []T {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make([]T, 0, len(t.order))
	for _, id := range t.order {
		out = append(out, *t.rows[id])
	}
	return out
}

// Clear forgets all values.
func (t *Table[T]) Clear() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, id := range t.order {
		t.journal.forget(t.kind, id)
	}
	t.rows, t.order = map[string]*T{}, nil
}

// Index finds the ID of something by another name of it. It is rebuilt from the
// tables at every start.
type Index struct {
	mu  sync.RWMutex
	ids map[string]string
}

// NewIndex makes an empty one.
func NewIndex() *Index { return &Index{ids: map[string]string{}} }

// Get returns the ID for a name, or "".
func (x *Index) Get(name string) string {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.ids[name]
}

// Set makes a name find an ID.
func (x *Index) Set(name, id string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.ids[name] = id
}

// Clear forgets all names.
func (x *Index) Clear() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.ids = map[string]string{}
}
