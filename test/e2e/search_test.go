package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// told keeps what programs have written, to be searched.
type told struct {
	mu   sync.Mutex
	said []*syncBuffer
}

// keep returns a buffer that belongs to what is told.
func (k *told) keep() *syncBuffer {
	k.mu.Lock()
	defer k.mu.Unlock()
	b := &syncBuffer{}
	k.said = append(k.said, b)
	return b
}

// search looks for secrets, whole or in halves, as they are, percent-encoded, in hex and in
// base64 wherever it begins, and for what only signed URLs and headers with credentials have.
type search struct {
	t     *testing.T
	forms map[string]string // what a form is of, by the form
}

// halved is how long a secret is at least whose halves nothing else has.
const halved = 24

func newSearch(t *testing.T, secrets ...string) *search {
	t.Helper()
	s := &search{t, map[string]string{}}
	for _, secret := range secrets {
		s.add(secret, secret)
		if len(secret) >= halved {
			s.add(secret, secret[:len(secret)/2])
			s.add(secret, secret[len(secret)/2:])
		}
	}
	for _, sign := range []string{"X-Amz-Signature=", "X-Amz-Security-Token=", "AWS4-HMAC", "OSSAccessKeyId=", "&Signature=", "Bearer ey", "Authorization: B"} {
		s.add("a signed URL or a credential", sign)
	}
	return s
}

// add adds the forms of a text.
func (s *search) add(of, text string) {
	forms := []string{text, url.QueryEscape(text), url.PathEscape(text), hex.EncodeToString([]byte(text))}
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for before := range 3 {
			// Only the digits that no neighbour has a part in.
			encoded := encoding.EncodeToString(append(make([]byte, before), text...))
			first, last := (before*8+5)/6, (before+len(text))*8/6
			forms = append(forms, encoded[first:last])
		}
	}
	for _, form := range forms {
		s.forms[form] = of
	}
}

// in looks through a text.
func (s *search) in(where string, text []byte) {
	s.t.Helper()
	for form, of := range s.forms {
		if at := bytes.Index(text, []byte(form)); at >= 0 {
			s.t.Errorf("%s has %q as %q: …%q…", where, of, form, text[max(0, at-60):min(len(text), at+len(form)+20)])
		}
	}
}

// words looks for words as they are.
func (s *search) words(where string, text []byte, words ...string) {
	s.t.Helper()
	for _, word := range words {
		if at := bytes.Index(text, []byte(word)); at >= 0 {
			s.t.Errorf("%s has %q: …%q…", where, word, text[max(0, at-60):min(len(text), at+len(word)+20)])
		}
	}
}

// everything searches what programs have written, and every file of the data folder but
// those that are made to hold secrets. The databases there may hold no hidden word either.
// It counts the databases.
func (s *search) everything(p *place, hidden ...string) (databases int) {
	s.t.Helper()
	for _, said := range p.told.said {
		s.in("what programs wrote", []byte(said.String()))
	}
	err := filepath.WalkDir(p.data, func(path string, entry fs.DirEntry, err error) error {
		name, _ := filepath.Rel(p.data, path)
		switch {
		case os.IsNotExist(err):
			return nil // the engine has just put it away
		case err != nil:
			return err
		case name == "sandbox": // the vendors' own books
			return filepath.SkipDir
		case !entry.Type().IsRegular() || name == "sandbox.yaml" || name == "key" || name == "token":
			return nil
		}
		raw, err := os.ReadFile(path)
		require.NoError(s.t, err)
		s.in(name, raw)
		if database(name) {
			databases++
			s.words(name, raw, hidden...)
		}
		return nil
	})
	require.NoError(s.t, err)
	return databases
}

// database reports whether a file of a data folder belongs to one.
func database(name string) bool {
	return strings.HasPrefix(name, "ledger.db") || strings.HasPrefix(name, "engine") && !strings.HasSuffix(name, ".log") && !strings.HasSuffix(name, ".json")
}

// requireNameless looks at whatever in histories could name a host or a folder: who did
// something, and the queues in which it was done. Of a worker only a random name is told.
func requireNameless(t *testing.T, histories string) {
	t.Helper()
	found := 0
	for field, allowed := range map[string]string{
		`"identity": *`:            `^(mediaferry-[a-z0-9]{10}|history-service|)$`,
		`askQueue": *{ *"name": *`: `^(mediaferry(-shards)?(@[0-9a-f]{32})?|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$`,
	} {
		for _, value := range regexp.MustCompile(field+`"([^"]*)"`).FindAllStringSubmatch(histories, -1) {
			found++
			require.Regexp(t, allowed, value[1], field)
		}
	}
	require.Greater(t, found, 50)
}

// A secret is found in each of its forms, wherever it stands.
func TestTheSearchFindsWhatItLooksFor(t *testing.T) {
	const secret = "s3cr3t/with+odd=signs&12345678"
	hide := map[string]string{
		"plain": secret, "in a query": url.QueryEscape(secret), "in a path": url.PathEscape(secret), "in hex": hex.EncodeToString([]byte(secret)),
		"the first half": secret[:15], "the second half": secret[15:], "a signed URL": "https://s/?a=b&X-Amz-Signature=00ff",
	}
	for i := range 4 {
		hide["in base64 behind "+strings.Repeat("x", i)] = base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", i) + secret + "yy"))
		hide["in base64 for URLs behind "+strings.Repeat("x", i)] = base64.URLEncoding.EncodeToString([]byte(strings.Repeat("x", i) + secret + "y"))
	}
	s := newSearch(t, secret)
	finds := func(text string) bool {
		for form := range s.forms {
			if strings.Contains(text, form) {
				return true
			}
		}
		return false
	}
	for name, text := range hide {
		require.True(t, finds("abc "+text+" def"), name)
	}
	require.False(t, finds("https://cdn.example/s3cr3t/with and 12345678"))
}
