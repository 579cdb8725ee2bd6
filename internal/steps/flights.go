package steps

import "sync"

// flights are the sends that are under way in this process, by upload: parts of one
// medium are sent at the same time, and people see their sum.
type flights struct {
	mu  sync.Mutex
	all map[string]*flight
}

// flight is what is under way of one upload.
type flight struct {
	before int64 // bytes that were sent before any of it
	sends  map[*func() int64]struct{}
}

// Flying notes that a send is under way which began after before bytes of the upload
// were sent, and tells by sent how many it has sent. The returned function tells how
// many were sent of the upload, as far as this process knows. Call land when the send
// has ended.
func (s *Steps) Flying(uploadID string, before int64, sent func() int64) (together func() int64, land func()) {
	f := &s.flights
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.all == nil {
		f.all = map[string]*flight{}
	}
	of := f.all[uploadID]
	if of == nil {
		of = &flight{sends: map[*func() int64]struct{}{}}
		f.all[uploadID] = of
	}
	of.before = max(of.before, before)
	of.sends[&sent] = struct{}{}
	return func() int64 { return f.sum(of) }, func() { f.land(uploadID, of, &sent) }
}

func (f *flights) sum(of *flight) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	sum := of.before
	for send := range of.sends {
		sum += (*send)()
	}
	return sum
}

func (f *flights) land(uploadID string, of *flight, send *func() int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(of.sends, send)
	if len(of.sends) == 0 && f.all[uploadID] == of {
		delete(f.all, uploadID)
	}
}
