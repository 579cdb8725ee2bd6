package wire

import (
	"net/url"
	"time"
)

// LongestLife bounds what is believed of a lifetime. Nothing is lost by renewing
// earlier.
const LongestLife = 7 * 24 * time.Hour

// shortestLife is the least that is believed of a date: dates count whole
// seconds, and Skew sees no smaller difference.
const shortestLife = 2 * time.Second

// Lifetime is what is known of how long something that was handed out may be
// used. What is not known is zero.
type Lifetime struct {
	Life   time.Duration // from the request, as the answer says
	Until  time.Time     // on the vendor's clock, as the answer says
	Signed string        // the URL, which may say it
	Usual  time.Duration // from the request, as the vendor documents
}

// Expiry is when something that was handed out ends, on our clock, and how long
// that is from the request. Both are zero where it is not known: then only the
// store can tell.
//
// What needs no clock goes before what needs one: of the vendor, of those who
// sign for it, and of those who date its answers, each may be wrong, and nobody
// hands out what is over. So a date by which it is over on arrival is not
// believed, and the next source counts. A signed URL bounds them all by the
// number in it, for it cannot live longer than from now on.
func (a Answer) Expiry(l Lifetime) (expires time.Time, life time.Duration) {
	end, most := signedFor(l.Signed)
	for _, left := range []time.Duration{l.Life, a.left(l.Until), a.left(end), most, l.Usual} {
		if left <= 0 {
			continue
		}
		life = min(left, LongestLife)
		if most > 0 {
			life = min(life, most)
		}
		return a.Asked.Add(life).UTC(), life
	}
	return time.Time{}, 0
}

// left is how long it was from the request to a moment of the vendor's clock; 0
// where that can only be a clock's fault, or there is none.
func (a Answer) left(until time.Time) time.Duration {
	if until.IsZero() {
		return 0
	}
	left := a.Local(until).Sub(a.Asked)
	if left < shortestLife {
		return 0
	}
	return left
}

// signedFor reads from an S3 URL itself how long it lives and when that ends, on
// the signer's clock (X-Amz-Expires and X-Amz-Date, AWS Signature Version 4 in
// query parameters); zero where it does not say both.
func signedFor(raw string) (end time.Time, life time.Duration) {
	u, err := url.Parse(raw)
	if err != nil {
		return time.Time{}, 0
	}
	q := u.Query()
	at, err := time.Parse("20060102T150405Z", q.Get("X-Amz-Date"))
	if err != nil {
		return time.Time{}, 0
	}
	life, err = time.ParseDuration(q.Get("X-Amz-Expires") + "s")
	if err != nil || life <= 0 {
		return time.Time{}, 0
	}
	return at.Add(life), life
}
