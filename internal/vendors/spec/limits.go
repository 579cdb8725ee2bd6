package spec

import (
	"math"
	"slices"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// OwnLimits are the limits that an account sets for itself: Rate in requests per
// second, and Quotas; zero where it sets none.
type OwnLimits struct {
	Rate   float64
	Quotas []upload.Quota
}

// paces reports whether one of the limits sets a pace.
func (o OwnLimits) paces() bool {
	return o.Rate > 0 || slices.ContainsFunc(o.Quotas, upload.Quota.Paces)
}

// Limited is an account with the limits that are in force. The account's own always
// are. Beside them stand those that the vendor told; where it told none of a sort, and
// the account sets none, those that it documents.
func (s *Spec) Limited(account Account, told []upload.Quota) Account {
	own := account.Own
	quotas := upload.Supersede(upload.Supersede(s.documented(own), own.Quotas), told)
	account.Rate, account.Quotas = own.Rate, nil
	for _, q := range upload.Tighten(append(quotas, own.Quotas...)) {
		switch {
		case !q.Paces():
			account.Quotas = append(account.Quotas, q)
		case account.Rate == 0, q.Rate() < account.Rate:
			account.Rate = q.Rate()
		}
	}
	if account.Rate == 0 {
		account.Rate = s.Rate
	}
	account.Burst = s.burst(account.Rate)
	if account.Rate == own.Rate {
		account.Burst = halfASecond(account.Rate)
	}
	return account
}

// documented are the vendor's quotas, without those in whose place the account has a
// rate of its own.
func (s *Spec) documented(own OwnLimits) []upload.Quota {
	if !own.paces() {
		return s.Quotas
	}
	return slices.DeleteFunc(slices.Clone(s.Quotas), upload.Quota.Paces)
}

// burst is how many requests may come at once at a rate: the vendor's own burst at the
// rate that it belongs to, and in proportion at a lower one.
func (s *Spec) burst(rate float64) int {
	usual := s.Rate
	for _, q := range s.Quotas {
		if q.Paces() {
			usual = q.Rate()
		}
	}
	switch {
	case rate == 0:
		return 0
	case s.Burst == 0 || usual == 0:
		return halfASecond(rate)
	}
	return min(max(int(float64(s.Burst)*rate/usual), 1), s.Burst)
}

// halfASecond is the burst of a rate that somebody sets. Half a second's worth leaves
// room for calls that the network delays: a vendor that counts them by their arrival
// still sees no more than the rate.
func halfASecond(rate float64) int { return int(math.Ceil(rate / 2)) }
