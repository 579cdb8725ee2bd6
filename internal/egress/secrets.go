package egress

import (
	"encoding/base64"
	"regexp"
	"strings"
	"sync"
)

// Hide lets Redact remove secrets wherever they turn up: whole or in part, in upper or
// lower case, percent-encoded, in base64, and with blanks or quotes in between. The
// secrets of this process are hidden: credentials when they are read, tokens when they
// are given, signatures of URLs. Words that could stand in a sentence are not hidden,
// whatever they are used for.
func Hide(values ...string) {
	for _, value := range values {
		secrets.add(value)
	}
}

const (
	// gram is how long a piece of a secret must be to be recognised: shorter ones turn
	// up by chance. One without a digit must be longer, because it may be words.
	gram, longGram = 10, 20
	// shortest is how long a secret must be. One that is shorter than a gram is
	// recognised as a whole.
	shortest = 6
	// longest is how much of a secret is recognised, in bytes. Others give some of them,
	// and each byte takes about 50 bytes of memory.
	longest = 16 << 10
	// mostSecrets and mostPieces bound memory: the oldest are forgotten first.
	// Credentials are told again whenever they are used.
	mostSecrets = 2048
	mostPieces  = 1 << 20
)

// secrets are those of this process.
var secrets = &secretSet{}

// secretSet recognises pieces of secrets. It is safe for concurrent use.
type secretSet struct {
	mu     sync.RWMutex
	known  map[string]bool
	order  []string          // the oldest first
	held   int               // about how many pieces all of them have
	grams  map[string]int    // how many secrets have a piece
	sizes  [longGram + 1]int // how many pieces have a length
	starts map[uint32]int    // how many pieces begin with four bytes: nearly no text does
}

func (s *secretSet) add(value string) {
	value = string(spell(value).text)
	value = value[:min(len(value), longest)]
	if !hideable(value) {
		return
	}
	s.mu.RLock()
	known := s.known[value]
	s.mu.RUnlock()
	if known {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil {
		s.known, s.grams, s.starts = map[string]bool{}, map[string]int{}, map[uint32]int{}
	}
	if s.known[value] {
		return
	}
	for len(s.order) == mostSecrets || len(s.order) > 0 && s.held+len(value) > mostPieces {
		s.forget(s.order[0])
	}
	s.known[value], s.order = true, append(s.order, value)
	s.held += len(value)
	s.count(value, 1)
}

// forget drops the oldest secret.
func (s *secretSet) forget(oldest string) {
	s.count(oldest, -1)
	s.held -= len(oldest)
	delete(s.known, oldest)
	s.order = s.order[1:]
}

func (s *secretSet) count(value string, n int) {
	size := min(gram, len(value))
	for i := range len(value) - size + 1 {
		piece := value[i : i+size]
		if !strings.ContainsAny(piece, digits) {
			if i+longGram > len(value) {
				continue
			}
			piece = value[i : i+longGram]
		}
		s.sizes[len(piece)] += n
		start := startOf(piece)
		if s.starts[start] += n; s.starts[start] == 0 {
			delete(s.starts, start)
		}
		if s.grams[piece] += n; s.grams[piece] == 0 {
			delete(s.grams, piece)
		}
	}
}

// startOf is the first four bytes of a text that has as many.
func startOf[T string | []byte](text T) uint32 {
	return uint32(text[0]) | uint32(text[1])<<8 | uint32(text[2])<<16 | uint32(text[3])<<24
}

const digits = "0123456789"

// hideable reports whether a secret is no word of a sentence.
func hideable(value string) bool {
	if len(value) < shortest {
		return false
	}
	return strings.ContainsAny(value, digits) || len(value) >= longGram
}

// between reports whether people put a character between the halves of a secret.
func between(c byte) bool {
	switch c {
	case ' ', '\t', '\r', '\n', '"', '\'', '\\':
		return true
	}
	return false
}

// encoded matches what may be base64.
var encoded = regexp.MustCompile(`[A-Za-z0-9+/_-]{12,}={0,2}`)

// blot removes the known secrets from a text.
func (s *secretSet) blot(text string) string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if len(s.grams) == 0 {
		return text
	}
	text = encoded.ReplaceAllStringFunc(text, func(token string) string {
		if s.inBase64(token) {
			return blotted
		}
		return token
	})
	return s.blotPlain(text)
}

// inBase64 reports whether a text holds a secret in base64, at any of the three places
// that its beginning may have, and with any beginning of the text itself.
func (s *secretSet) inBase64(token string) bool {
	token = strings.NewReplacer("-", "+", "_", "/", "=", "").Replace(token)
	for start := range 4 {
		if len(token)-start < shortest {
			break
		}
		bits := token[start:]
		if len(bits)%4 == 1 { // which no byte can be made of
			bits = bits[:len(bits)-1]
		}
		raw, err := base64.RawStdEncoding.DecodeString(bits)
		if err == nil && len(s.pieces(spell(string(raw)))) > 0 {
			return true
		}
	}
	return false
}

// blotPlain removes secrets that are written as they are, or percent-encoded.
func (s *secretSet) blotPlain(text string) string {
	found := s.pieces(spell(text))
	if len(found) == 0 {
		return text
	}
	var b strings.Builder
	at := 0
	for _, p := range found {
		if p.from < at { // it goes on
			at = max(at, p.to)
			continue
		}
		b.WriteString(text[at:p.from])
		b.WriteString(blotted)
		at = p.to
	}
	b.WriteString(text[min(at, len(text)):])
	return b.String()
}

// spelling is a text in one case, and where in the original each of its bytes comes from.
type spelling struct {
	text     []byte
	from, to []int
}

// spell drops case, percent-encoding, and what stands between the halves of a secret.
func spell(text string) spelling {
	s := spelling{text: make([]byte, 0, len(text)), from: make([]int, 0, len(text)), to: make([]int, 0, len(text))}
	for i := 0; i < len(text); {
		c, n := text[i], 1
		for c == '%' && i+n+2 <= len(text) {
			high, low := unhex(text[i+n]), unhex(text[i+n+1])
			if high < 0 || low < 0 {
				break
			}
			c, n = byte(high<<4|low), n+2
		}
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if !between(c) {
			s.text, s.from, s.to = append(s.text, c), append(s.from, i), append(s.to, i+n)
		}
		i += n
	}
	return s
}

func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// piece is where a piece of a secret stands in the original text.
type piece struct{ from, to int }

// pieces finds pieces of secrets, those that overlap or touch as one.
func (s *secretSet) pieces(in spelling) (found []piece) {
	last := -1 // the end of the last one in the spelling
	for i := range max(len(in.text)-shortest+1, 0) {
		if s.starts[startOf(in.text[i:])] == 0 {
			continue
		}
		for size := longGram; size >= shortest; size-- {
			end := i + size
			if s.sizes[size] == 0 || end > len(in.text) || s.grams[string(in.text[i:end])] == 0 {
				continue
			}
			if i <= last {
				found[len(found)-1].to = max(found[len(found)-1].to, in.to[end-1])
			} else {
				found = append(found, piece{in.from[i], in.to[end-1]})
			}
			last = max(last, end)
			break
		}
	}
	return found
}
