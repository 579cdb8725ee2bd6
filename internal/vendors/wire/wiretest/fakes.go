package wiretest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
	"github.com/mediaferry/mediaferry/internal/vendors/wire"
)

// FakePermits permits every call, and records the waits.
type FakePermits struct {
	OnTake func() error
	mu     sync.Mutex
	Taken  int
	Slowed []time.Duration
	Told   [][]upload.Quota
}

// Take counts a call, and asks OnTake where it is set.
func (p *FakePermits) Take(context.Context, spec.Account) error {
	p.mu.Lock()
	p.Taken++
	p.mu.Unlock()
	if p.OnTake != nil {
		return p.OnTake()
	}
	return nil
}

// Rest is as Slow.
func (p *FakePermits) Rest(ctx context.Context, a spec.Account, wait time.Duration, because string) {
	p.Slow(ctx, a, wait, because)
}

// Learn notes what the vendor told.
func (p *FakePermits) Learn(_ context.Context, _ spec.Account, told []upload.Quota) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Told = append(p.Told, told)
}

// Slow notes a wait.
func (p *FakePermits) Slow(_ context.Context, _ spec.Account, wait time.Duration, _ string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Slowed = append(p.Slowed, wait)
}

// FakeTokens keeps tokens as the ledger does; a dropped token is forgotten.
type FakeTokens struct {
	Now    func() time.Time
	OnDrop func() error
	mu     sync.Mutex
	kept   map[string]wire.Token
	locks  map[string]*sync.Mutex
	last   int64
}

func (f *FakeTokens) lock(name string) *sync.Mutex {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.locks[name] == nil {
		f.locks[name] = new(sync.Mutex)
	}
	return f.locks[name]
}

// Kept is the token of a name as it is now.
func (f *FakeTokens) Kept(name string) wire.Token {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.kept[name]
}

// Keep puts a token in place.
func (f *FakeTokens) Keep(name string, token wire.Token) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.kept[name] = token
	f.last = max(f.last, token.Version)
}

// Get implements wire.Tokens.
func (f *FakeTokens) Get(ctx context.Context, _, name string, renew func(context.Context, wire.Token) (wire.Token, error)) (wire.Token, error) {
	lock := f.lock(name)
	lock.Lock()
	defer lock.Unlock()
	if token := f.Kept(name); len(token.Value) > 0 && f.Now().Before(token.ExpiresAt) {
		return token, nil
	}
	token, err := renew(ctx, f.Kept(name))
	if err != nil {
		return wire.Token{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last++
	token.Version = f.last
	f.kept[name] = token
	return token, nil
}

// Drop implements wire.Tokens; OnDrop, where it is set, fails in its place.
func (f *FakeTokens) Drop(_ context.Context, _, name string, version int64) error {
	if f.OnDrop != nil {
		return f.OnDrop()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.kept[name].Version == version {
		delete(f.kept, name)
	}
	return nil
}

// FailingTokens cannot be asked.
type FailingTokens struct{ *FakeTokens }

// Get fails.
func (FailingTokens) Get(context.Context, string, string, func(context.Context, wire.Token) (wire.Token, error)) (wire.Token, error) {
	return wire.Token{}, errors.New("ledger is out of reach")
}
