package vendors

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// trustoo makes a call as one of three: with signed headers, with a fixed
// bearer token, or with one that OAuth refreshes. A refusal for want of
// authority is answered once: by signing with the vendor's own time, or by
// refreshing the token.
func (c *Caller) trustoo(ctx context.Context, r request, into any) (answer, error) {
	path := r.url
	r.url = c.Account.url(path)
	var skew time.Duration
	for try := 1; ; try++ {
		header, version, err := c.trustooLogin(ctx, r, skew)
		if err != nil {
			return answer{}, err
		}
		r.header, r.permitted = header, version != 0
		a, err := c.do(ctx, r)
		if err != nil {
			return a, err
		}
		status, said := trustooStatus(a)
		switch {
		case status < 300:
			a.body = said.Data
			if len(said.Data) == 0 || string(said.Data) == "null" {
				return a, a.incomplete("no data")
			}
			return a, a.decode(into)
		case status != http.StatusUnauthorized, try > 1, c.Account.Settings["access_token"] != "":
			// A fixed token stays as wrong as it is.
			return a, c.judge(ctx, a, status, words{text: said.Message, code: said.code(), requestID: said.RequestID})
		case version == 0:
			skew = a.skew // signed headers: perhaps our clock is off
		default:
			if err := c.Tokens.Drop(ctx, c.Account.Name, "access", version); err != nil {
				return a, err
			}
		}
	}
}

// trustooLogin makes the headers of a call. version is that of a refreshed
// token, with which comes the permit to use it, or 0.
func (c *Caller) trustooLogin(ctx context.Context, r request, skew time.Duration) (http.Header, int64, error) {
	s := c.Account.Settings
	switch {
	case s["access_token"] != "":
		return http.Header{"Authorization": {"Bearer " + s["access_token"]}}, 0, nil
	case s["client_id"] != "":
		token, err := c.tokenInTurn(ctx, c.trustooAccess)
		if err != nil {
			return nil, 0, err
		}
		return http.Header{"Authorization": {"Bearer " + string(token.Value)}}, token.Version, nil
	}
	at, err := url.Parse(r.url)
	if err != nil {
		return nil, 0, upload.Errorf(upload.KindInvalid, r.step, "base_url: no URL")
	}
	timestamp := strconv.FormatInt(c.Now().Add(skew).Unix(), 10)
	return http.Header{
		"Public-Token": {s["public_token"]},
		"Timestamp":    {timestamp},
		"Sign":         {trustooSign(s["private_token"], at.Query(), timestamp, r.body)},
	}, 0, nil
}

// trustooSaid is the envelope of every answer.
type trustooSaid struct {
	Code      *int            `json:"code"`
	Message   string          `json:"message"`
	RequestID string          `json:"request_id"`
	Data      json.RawMessage `json:"data"`
}

func (s trustooSaid) code() string {
	if s.Code == nil {
		return ""
	}
	return strconv.Itoa(*s.Code)
}

// trustooCodes are what the envelope's codes mean as HTTP statuses. Codes 1
// (canceled) and 4 (deadline) may pass.
var trustooCodes = map[int]int{
	1:  http.StatusServiceUnavailable,
	3:  http.StatusBadRequest,
	4:  http.StatusServiceUnavailable,
	5:  http.StatusNotFound,
	6:  http.StatusConflict,
	8:  http.StatusTooManyRequests,
	13: http.StatusInternalServerError,
	16: http.StatusUnauthorized,
}

// trustooStatus reads an answer's meaning: by its code, which also refuses under
// HTTP 200, else by its status.
func trustooStatus(a answer) (int, trustooSaid) {
	var said trustooSaid
	if json.Unmarshal(a.body, &said) != nil || said.Code == nil {
		if a.status < 300 {
			return http.StatusInternalServerError, said // success without an envelope is none
		}
		return a.status, said
	}
	if *said.Code == 0 {
		return a.status, said
	}
	if status, known := trustooCodes[*said.Code]; known {
		return status, said
	}
	if a.status >= 300 {
		return a.status, said
	}
	return http.StatusInternalServerError, said
}

// trustooToken is what is kept of an OAuth token. Chain tells which configured
// refresh token it descends from: a new one in the configuration starts over.
type trustooToken struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	Expires int64  `json:"expires_in,omitempty"` // seconds
	Chain   string `json:"chain,omitempty"`      // ours, not of the wire
}

// trustooAccess gets a new access token. The chain of refresh tokens is kept
// under a name of its own, because it must outlive an access token that is
// dropped. It is never still good, so that each Get refreshes it.
func (c *Caller) trustooAccess(ctx context.Context, _ Token) (Token, error) {
	token, err := c.Tokens.Get(ctx, c.Account.Name, "refresh", c.trustooRefresh)
	if err != nil {
		return Token{}, err
	}
	var got trustooToken
	if err := json.Unmarshal(token.Value, &got); err != nil {
		return Token{}, upload.Errorf(upload.KindInternal, upload.StepPrepare, "stored token: %w", err)
	}
	life := time.Hour
	if got.Expires > 0 {
		life = time.Duration(min(got.Expires, int64(longestLife/time.Second))) * time.Second
	}
	return Token{Value: []byte(got.Access), ExpiresAt: c.Now().Add(life / 5 * 4)}, nil
}

// trustooRefresh gets new tokens: POST oauth/token. It uses the refresh token
// that came with the last ones, for those may be good only once. The permit is
// the one that tokenInTurn took.
func (c *Caller) trustooRefresh(ctx context.Context, old Token) (Token, error) {
	s := c.Account.Settings
	sum := sha256.Sum256([]byte(s["refresh_token"]))
	chain := hex.EncodeToString(sum[:8])
	refresh := s["refresh_token"]
	var last trustooToken
	if json.Unmarshal(old.Value, &last) == nil && last.Chain == chain && last.Refresh != "" {
		refresh = last.Refresh
	}
	a, err := c.do(ctx, request{
		step: upload.StepPrepare, name: "oauth token", method: http.MethodPost, url: c.Account.url(trustooTokenPath),
		ask: map[string]string{
			"grant_type": "refresh_token", "refresh_token": refresh,
			"client_id": s["client_id"], "client_secret": s["client_secret"],
		},
		secret: []string{refresh}, permitted: true,
	})
	if err != nil {
		return Token{}, err
	}
	got, err := c.trustooTokenOf(ctx, a)
	if err != nil {
		return Token{}, err
	}
	if got.Refresh == "" {
		got.Refresh = refresh
	}
	got.Chain = chain
	value, err := json.Marshal(got) //nolint:gosec // to be kept, and it is kept encrypted
	return Token{Value: value, ExpiresAt: c.Now()}, err
}

// trustooTokenOf reads the token from the envelope's data, or from the top
// level (TT-2).
func (c *Caller) trustooTokenOf(ctx context.Context, a answer) (trustooToken, error) {
	var got trustooToken
	if a.status < 300 && json.Unmarshal(a.body, &got) == nil && got.Access != "" {
		return got, nil
	}
	status, said := trustooStatus(a)
	if status >= 300 {
		if status == http.StatusBadRequest { // an unknown refresh token or client: the account, not the item
			status = http.StatusUnauthorized
		}
		return got, c.judge(ctx, a, status, words{text: said.Message, code: said.code(), requestID: said.RequestID})
	}
	if json.Unmarshal(said.Data, &got) != nil || got.Access == "" {
		return got, a.incomplete("no access_token")
	}
	return got, nil
}
