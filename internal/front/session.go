package front

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"net/http"
	"sync"
	"time"
)

const (
	sessionCookie = "mediaferry_session"
	// csrfCookie is the one that Temporal's web UI reads and sends back in the header
	// X-CSRF-Token.
	csrfCookie = "_csrf"

	sessionLife = 24 * time.Hour // renewed when half of it is over
	linkLife    = 24 * time.Hour
)

// sealed is the size of what a cookie or a link says: the time in nanoseconds, what it
// allows, 16 random bytes, and their authentication.
const (
	saidBytes   = 8 + 1 + 16
	sealedBytes = saidBytes + sha256.Size
)

// sessions makes and reads cookies and login links. Both are authentic by a key that is
// derived from the token, so that a session outlives the process that made it, and a
// new token ends all.
type sessions struct {
	key, links []byte
	began      time.Time // links of earlier fronts do not work: this one cannot know which were used
	now        func() time.Time
	secure     bool // a proxy ends TLS

	mu   sync.Mutex
	used map[string]time.Time // links that were followed, and when they end anyway
}

// session is a browser that has logged in.
type session struct {
	id     string // "" for none
	csrf   string
	viewer bool
	ends   time.Time
}

// seal says a time and whether its bearer may only read, so that nobody without the
// key can say it.
func seal(key []byte, at time.Time, viewer bool) string {
	said := binary.BigEndian.AppendUint64(nil, uint64(at.UnixNano()))
	if viewer {
		said = append(said, 1)
	} else {
		said = append(said, 0)
	}
	random := make([]byte, 16)
	_, _ = rand.Read(random) // it never fails
	said = append(said, random...)
	return base64.RawURLEncoding.EncodeToString(append(said, authentication(key, said)...))
}

func unseal(key []byte, text string) (at time.Time, viewer, ok bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) != sealedBytes || !hmac.Equal(raw[saidBytes:], authentication(key, raw[:saidBytes])) {
		return time.Time{}, false, false
	}
	return time.Unix(0, int64(binary.BigEndian.Uint64(raw))), raw[8] == 1, true
}

func authentication(key, said []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(said)
	return mac.Sum(nil)
}

// of returns the session of a request.
func (s *sessions) of(r *http.Request) (session, bool) {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil {
		return session{}, false
	}
	ends, viewer, ok := unseal(s.key, cookie.Value)
	now := s.now()
	if !ok || now.After(ends) || ends.Sub(now) > sessionLife {
		return session{}, false
	}
	return session{id: cookie.Value, csrf: s.csrf(cookie.Value), viewer: viewer, ends: ends}, true
}

// csrf is what pages of a session send with each request that changes something.
func (s *sessions) csrf(id string) string {
	return hex.EncodeToString(authentication(s.key, []byte("csrf "+id)))
}

// begin gives the browser a session.
func (s *sessions) begin(w http.ResponseWriter, r *http.Request, viewer bool) {
	id := seal(s.key, s.now().Add(sessionLife), viewer)
	s.setCookie(w, r, sessionCookie, id)
	s.setCookie(w, r, csrfCookie, s.csrf(id))
}

func (s *sessions) setCookie(w http.ResponseWriter, r *http.Request, name, value string) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // there is no TLS on loopback, and the web UI's scripts read the second cookie
		Name: name, Value: value, Path: "/", MaxAge: int(sessionLife / time.Second),
		SameSite: http.SameSiteStrictMode, Secure: s.secure || r.TLS != nil, HttpOnly: name == sessionCookie,
	})
}

// use reports whether a login code is good, and that it is not the second time. Where
// it is only to be looked at, it stays good.
func (s *sessions) use(code string, look bool) (viewer, ok bool) {
	made, viewer, ok := unseal(s.links, code)
	now := s.now()
	if !ok || made.Before(s.began) || now.After(made.Add(linkLife)) || made.After(now.Add(time.Minute)) {
		return false, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, twice := s.used[code]; twice {
		return false, false
	}
	if look {
		return viewer, true
	}
	if s.used == nil {
		s.used = map[string]time.Time{}
	}
	for old, ends := range s.used {
		if now.After(ends) {
			delete(s.used, old)
		}
	}
	s.used[code] = made.Add(linkLife)
	return viewer, true
}

// renew renews a session of which half is over, and tells Temporal's web UI the
// token of its requests.
func (f *Front) renew(w http.ResponseWriter, r *http.Request, c caller) {
	if c.session.id == "" {
		return
	}
	if c.session.ends.Sub(f.o.Now()) < sessionLife/2 {
		f.sessions.begin(w, r, c.viewer)
		return
	}
	if given, err := r.Cookie(csrfCookie); err != nil || given.Value != c.session.csrf {
		f.sessions.setCookie(w, r, csrfCookie, c.session.csrf)
	}
}
