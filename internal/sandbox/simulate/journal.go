package simulate

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

// Journal is everything the vendors remember, as JSON Lines. Every change is
// handed to the operating system before anybody is told of it, so that a killed
// process forgets nothing; a power failure may take the last lines.
type Journal struct {
	mu     sync.Mutex
	file   *os.File
	broken error
}

// openJournal reads the journal at path, if there is one, and opens it for
// writing. What is returned maps kinds to IDs to values, with the order in which
// IDs first appeared.
func openJournal(path string) (*Journal, *Memory, error) {
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
	return &Journal{file: f}, mem, nil
}

// Memory is a journal that has been read.
type Memory struct {
	values map[string]map[string]json.RawMessage
	order  map[string][]string
}

func (m *Memory) apply(l line) {
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
func (m *Memory) lines(kind string) []line {
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

func readJournal(path string) (*Memory, error) {
	mem := &Memory{values: map[string]map[string]json.RawMessage{}, order: map[string][]string{}}
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
func compact(path string, mem *Memory) error {
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
func (j *Journal) put(kind, id string, value any) {
	raw, err := json.Marshal(value)
	if err != nil {
		j.Fail(fmt.Errorf("remember %s %q: %w", kind, id, err))
		return
	}
	j.write(kind, id, raw)
}

// forget takes a value out.
func (j *Journal) forget(kind, id string) { j.write(kind, id, nil) }

// write puts the line together by hand: encoding it would go through the value a
// second time.
func (j *Journal) write(kind, id string, raw []byte) {
	name, err := json.Marshal(id)
	if err != nil {
		j.Fail(fmt.Errorf("remember %s %q: %w", kind, id, err))
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

// Fail keeps a failure to remember something, or to store it: from then on the
// sandbox answers nothing but errors.
func (j *Journal) Fail(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.broken = errors.Join(j.broken, err)
}

// Err is the first failure to remember something.
func (j *Journal) Err() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.broken
}

// Close ends the journal; nothing is remembered any more.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.broken == nil {
		j.broken = errors.New("the sandbox is closed")
	}
	return j.file.Close()
}
