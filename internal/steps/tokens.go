package steps

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
	"github.com/mediaferry/mediaferry/internal/vendors/wire"
)

const (
	// tokenLease is after what silence of the one that renews a token another
	// tries: a process that was killed says no more.
	tokenLease = 9 * time.Second
	// tokenPoll is how often the others look whether it is done.
	tokenPoll = 200 * time.Millisecond
)

// tokens shares an account's tokens through the ledger, and remembers them in
// the process until they are to be renewed.
type tokens struct {
	*Steps
	account spec.Account
}

// refreshToken is the one name of a token that outlives the credentials it was
// got with: its vendor tells by itself which ones belong together.
const refreshToken = "refresh"

// scoped is the name under which a token is kept. What one address gave, or gave
// to one set of credentials, is no good for another that took its place in the
// configuration.
func (t tokens) scoped(name string) string {
	scope := t.account.BaseURL + "\x00" + t.account.LoginURL
	if name != refreshToken {
		scope += "\x00" + t.Accounts.KeyFingerprint(t.account)
	}
	sum := sha256.Sum256([]byte(scope))
	return name + "@" + hex.EncodeToString(sum[:8])
}

type tokenKey struct{ account, name string }

type tokenCache struct {
	mu      sync.Mutex
	tokens  map[tokenKey]wire.Token
	locks   map[tokenKey]*sync.Mutex
	refused map[tokenKey]refusal
}

// refusal is the last renewal that the vendor denied, and how many there were.
type refusal struct {
	times int
	last  upload.Error
}

// refusals is how many renewals were denied so far.
func (c *tokenCache) refusals(key tokenKey) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.refused[key].times
}

// since is the last refusal, where there was one after the given number of them.
func (c *tokenCache) since(key tokenKey, times int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.refused[key]; r.times > times {
		return &r.last // each caller's own, to add to
	}
	return nil
}

// deny notes why a renewal came to nothing, where the vendor denied it.
func (c *tokenCache) deny(key tokenKey, err error) {
	var e *upload.Error
	if !errors.As(err, &e) || !e.Denies() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refused == nil {
		c.refused = map[tokenKey]refusal{}
	}
	c.refused[key] = refusal{times: c.refused[key].times + 1, last: *e}
}

func (c *tokenCache) lock(key tokenKey) *sync.Mutex {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.locks == nil {
		c.tokens, c.locks = map[tokenKey]wire.Token{}, map[tokenKey]*sync.Mutex{}
	}
	if c.locks[key] == nil {
		c.locks[key] = new(sync.Mutex)
	}
	return c.locks[key]
}

func (c *tokenCache) get(key tokenKey) wire.Token {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tokens[key]
}

func (c *tokenCache) put(key tokenKey, token wire.Token) {
	if name, _, _ := strings.Cut(key.name, "@"); name == wire.AccessToken || name == refreshToken { // others are shared, but no secret
		egress.Hide(string(token.Value))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tokens[key] = token
}

// Get returns a token that is good, renewing it where it is not: one caller at a
// time in this process, and by a lease in the ledger one in the whole fleet. Where
// the vendor denies that, all who wait for it are told so: asking once more for
// each would be many logins that are known to be wrong.
func (t tokens) Get(ctx context.Context, account, name string, renew func(context.Context, wire.Token) (wire.Token, error)) (wire.Token, error) {
	name = t.scoped(name)
	key := tokenKey{account, name}
	refusals := t.tokens.refusals(key)
	lock := t.tokens.lock(key)
	lock.Lock()
	defer lock.Unlock()
	if err := t.tokens.since(key, refusals); err != nil {
		return wire.Token{}, err
	}
	if token := t.tokens.get(key); t.good(token) {
		return token, nil
	}
	for {
		kept, found, err := t.Ledger.Token(ctx, account, name)
		if err != nil {
			return wire.Token{}, FromLedger(ctx, err)
		}
		token := wire.Token{Value: kept.Value, ExpiresAt: kept.ExpiresAt, Version: kept.Version}
		if found && t.good(token) {
			t.tokens.put(key, token)
			return token, nil
		}
		leased, err := t.Ledger.LeaseToken(ctx, account, name, t.Owner, tokenLease)
		if err != nil {
			return wire.Token{}, FromLedger(ctx, err)
		}
		if leased {
			return t.renew(ctx, key, token, renew)
		}
		if err := t.Pause(ctx, tokenPoll); err != nil {
			return wire.Token{}, err
		}
	}
}

func (t tokens) good(token wire.Token) bool {
	return len(token.Value) > 0 && t.Now().Before(token.ExpiresAt)
}

func (t tokens) renew(ctx context.Context, key tokenKey, old wire.Token, renew func(context.Context, wire.Token) (wire.Token, error)) (wire.Token, error) {
	fresh, err := t.login(ctx, key, old, renew)
	if err != nil {
		t.tokens.deny(key, err)
		if released := t.Ledger.ReleaseToken(context.WithoutCancel(ctx), key.account, key.name, t.Owner); released != nil {
			t.Log.Warn("could not release a lease; it will expire", zap.Error(released))
		}
		return wire.Token{}, err
	}
	fresh.Version, err = t.Ledger.SaveToken(ctx, key.account, key.name, t.Owner, ledger.Token{Value: fresh.Value, ExpiresAt: fresh.ExpiresAt})
	if err != nil {
		return wire.Token{}, FromLedger(ctx, err)
	}
	t.tokens.put(key, fresh)
	return fresh, nil
}

// login gets a new token. A login that is out of order is left to one at a time; what
// else is shared like a token comes from the vendor's API, as any other call.
func (t tokens) login(ctx context.Context, key tokenKey, old wire.Token, renew func(context.Context, wire.Token) (wire.Token, error)) (wire.Token, error) {
	defer t.prolong(ctx, key)()
	if !strings.HasPrefix(key.name, wire.AccessToken+"@") {
		return renew(ctx, old)
	}
	out, err := t.AdmitCall(ctx, ledger.OutageCall{Account: key.account, Peer: upload.PeerLogin, Caller: t.Owner})
	if err != nil {
		return wire.Token{}, err
	}
	if out != nil {
		return wire.Token{}, out
	}
	began := t.Now()
	fresh, err := renew(ctx, old)
	var e *upload.Error
	if errors.As(err, &e) {
		e.Peer = upload.PeerLogin
	}
	t.heard(ctx, ledger.OutageCall{Account: key.account, Peer: upload.PeerLogin, Caller: t.Owner}, began, err)
	return fresh, err
}

// prolong keeps the lease of a token until stop is called.
func (t tokens) prolong(ctx context.Context, key tokenKey) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() {
		ticker := time.NewTicker(tokenLease / 3)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			if _, err := t.Ledger.LeaseToken(ctx, key.account, key.name, t.Owner, tokenLease); err != nil && ctx.Err() == nil {
				t.Log.Warn("could not extend a lease", zap.String("account", key.account), zap.Error(err))
			}
		}
	})
	return func() {
		cancel()
		done.Wait()
	}
}

// Drop marks a token that was refused as expired; the next Get renews it.
func (t tokens) Drop(ctx context.Context, account, name string, version int64) error {
	name = t.scoped(name)
	key := tokenKey{account, name}
	lock := t.tokens.lock(key)
	lock.Lock() // else another's Get takes it from the ledger once more, between the two
	defer lock.Unlock()
	if t.tokens.get(key).Version == version {
		t.tokens.put(key, wire.Token{})
	}
	return FromLedger(ctx, t.Ledger.ExpireToken(ctx, account, name, version))
}

// keyCache remembers which keys the ledger was told of.
type keyCache struct {
	mu   sync.Mutex
	seen map[string]string
}

func (c *keyCache) news(account, fingerprint string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen == nil {
		c.seen = map[string]string{}
	}
	news := c.seen[account] != fingerprint
	c.seen[account] = fingerprint
	return news
}
