package sandbox

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
)

// line is one line of the journal: the last one of a kind and ID is what counts,
// and one without a value says that the thing is gone.
type line struct {
	Kind  string          `json:"k"`
	ID    string          `json:"id"`
	Value json.RawMessage `json:"v,omitempty"`
}

// journal is everything the vendors remember, as JSON Lines. Every change is
// handed to the operating system before anybody is told of it, so that a killed
// process forgets nothing; a power failure may take the last lines.
type journal struct {
	mu     sync.Mutex
	file   *os.File
	broken error
}

// openJournal reads the journal at path, if there is one, and opens it for
// writing. What is returned maps kinds to IDs to values, with the order in which
// IDs first appeared.
func openJournal(path string) (*journal, *memory, error) {
	mem, err := readJournal(path)
	if err != nil {
		return nil, nil, err
	}
	if err := compact(path, mem); err != nil {
		return nil, nil, err
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("open the journal: %w", err)
	}
	return &journal{file: f}, mem, nil
}

// memory is a journal that has been read.
type memory struct {
	values map[string]map[string]json.RawMessage
	order  map[string][]string
}

func (m *memory) apply(l line) {
	ids := m.values[l.Kind]
	if ids == nil {
		ids = map[string]json.RawMessage{}
		m.values[l.Kind] = ids
	}
	if l.Value == nil {
		delete(ids, l.ID)
		return
	}
	if _, known := ids[l.ID]; !known {
		m.order[l.Kind] = append(m.order[l.Kind], l.ID)
	}
	ids[l.ID] = l.Value
}

// lines gives what is left of a kind, oldest first.
func (m *memory) lines(kind string) []line {
	var out []line
	seen := map[string]bool{}
	for _, id := range m.order[kind] {
		if v, ok := m.values[kind][id]; ok && !seen[id] {
			seen[id] = true
			out = append(out, line{Kind: kind, ID: id, Value: v})
		}
	}
	return out
}

func readJournal(path string) (*memory, error) {
	mem := &memory{values: map[string]map[string]json.RawMessage{}, order: map[string][]string{}}
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return mem, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the journal: %w", err)
	}
	defer func() { _ = f.Close() }()
	r := bufio.NewReader(f)
	for n := 1; ; n++ {
		row, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) { // a last line without its end was cut off by a kill: nobody was told of it
			return mem, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read the journal: %w", err)
		}
		var l line
		if err := json.Unmarshal(row, &l); err != nil {
			return nil, fmt.Errorf("read the journal %q, line %d: %w", path, n, err)
		}
		mem.apply(l)
	}
}

// compact writes the journal anew with the last line of everything only, so that
// it does not grow with every restart.
func compact(path string, mem *memory) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), "journal-*")
	if err != nil {
		return fmt.Errorf("compact the journal: %w", err)
	}
	defer func() { _ = os.Remove(tmp.Name()) }() // gone already where all went well
	w := bufio.NewWriter(tmp)
	enc := json.NewEncoder(w)
	for kind := range mem.values {
		for _, l := range mem.lines(kind) {
			if err := enc.Encode(l); err != nil {
				return fmt.Errorf("compact the journal: %w", err)
			}
		}
	}
	if err := errors.Join(w.Flush(), tmp.Close()); err != nil {
		return fmt.Errorf("compact the journal: %w", err)
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return fmt.Errorf("compact the journal: %w", err)
	}
	return nil
}

// put remembers a value. A failure is kept: from then on the sandbox answers
// nothing but errors, because it would forget what it says.
func (j *journal) put(kind, id string, value any) {
	raw, err := json.Marshal(value)
	if err != nil {
		j.fail(fmt.Errorf("remember %s %q: %w", kind, id, err))
		return
	}
	j.write(kind, id, raw)
}

// forget takes a value out.
func (j *journal) forget(kind, id string) { j.write(kind, id, nil) }

// write puts the line together by hand: encoding it would go through the value a
// second time.
func (j *journal) write(kind, id string, raw []byte) {
	name, err := json.Marshal(id)
	if err != nil {
		j.fail(fmt.Errorf("remember %s %q: %w", kind, id, err))
		return
	}
	row := append(append([]byte(`{"k":"`+kind+`","id":`), name...), '}')
	if raw != nil {
		row = append(append(row[:len(row)-1], `,"v":`...), raw...)
		row = append(row, '}')
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.broken != nil {
		return
	}
	if _, err := j.file.Write(append(row, '\n')); err != nil {
		j.broken = fmt.Errorf("write the journal: %w", err)
	}
}

func (j *journal) fail(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.broken = errors.Join(j.broken, err)
}

// err is the first failure to remember something.
func (j *journal) err() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.broken
}

func (j *journal) close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.broken == nil {
		j.broken = errors.New("the sandbox is closed")
	}
	return j.file.Close()
}

// table is one kind of thing that is remembered. Values are copied in and out:
// whoever changes a map or slice within one has to copy it first.
type table[T any] struct {
	journal *journal
	kind    string

	mu    sync.Mutex
	rows  map[string]*T
	order []string
}

func newTable[T any](j *journal, mem *memory, kind string) (*table[T], error) {
	t := &table[T]{journal: j, kind: kind, rows: map[string]*T{}}
	for _, l := range mem.lines(kind) {
		v := new(T)
		if err := json.Unmarshal(l.Value, v); err != nil {
			return nil, fmt.Errorf("read %s %q from the journal: %w", kind, l.ID, err)
		}
		t.rows[l.ID] = v
		t.order = append(t.order, l.ID)
	}
	return t, nil
}

func (t *table[T]) get(id string) (T, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if v, ok := t.rows[id]; ok {
		return *v, true
	}
	var none T
	return none, false
}

func (t *table[T]) put(id string, v T) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.set(id, v)
}

func (t *table[T]) set(id string, v T) {
	if _, known := t.rows[id]; !known {
		t.order = append(t.order, id)
	}
	t.rows[id] = &v
	t.journal.put(t.kind, id, v)
}

// update changes a value in one step; change returns false to leave it alone.
func (t *table[T]) update(id string, change func(*T) bool) (T, bool) {
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

func (t *table[T]) remove(id string) {
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

// all gives every value, oldest first.
func (t *table[T]) all() []T {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make([]T, 0, len(t.order))
	for _, id := range t.order {
		out = append(out, *t.rows[id])
	}
	return out
}

func (t *table[T]) clear() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, id := range t.order {
		t.journal.forget(t.kind, id)
	}
	t.rows, t.order = map[string]*T{}, nil
}

// index finds the ID of something by another name of it. It is rebuilt from the
// tables at every start.
type index struct {
	mu  sync.RWMutex
	ids map[string]string
}

func newIndex() *index { return &index{ids: map[string]string{}} }

func (x *index) get(name string) string {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.ids[name]
}

func (x *index) set(name, id string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.ids[name] = id
}

func (x *index) clear() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.ids = map[string]string{}
}
