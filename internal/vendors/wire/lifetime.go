package wire

import (
	"net/url"
	"time"
)

// LongestLife is the longest lifetime that is believed. Renewing earlier costs little.
const LongestLife = 7 * 24 * time.Hour

// shortestLife is the shortest lifetime that is believed of a date: dates have whole
// seconds, and Skew sees no smaller difference.
const shortestLife = 2 * time.Second

// Lifetime is what is known about how long a URL, a form or a policy may be used.
// What is not known is zero.
type Lifetime struct {
	Life   time.Duration // from the request, as the answer says
	Until  time.Time     // on the vendor's clock, as the answer says
	Signed string        // the URL, which may say it
	Usual  time.Duration // from the request, as the vendor documents
}

// Expiry is when a lifetime ends, on our clock, and how long that is from the request.
// Both are zero if it is not known; then only the store's answer shows it.
//
// A duration is used before a date, because it needs no clock: the clocks of the
// vendor, of its signer and of its proxies may all be wrong. A date that has passed
// on arrival is not believed, since a vendor does not issue what has expired, and the
// next source is used. The number of seconds in a signed URL limits all of them.
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

// left is the time from the request to a time of the vendor's clock; 0 if there is
// none, or if it can only be the fault of a clock.
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

// signedFor reads from an S3 URL how long it is valid and when that ends, on the
// signer's clock (X-Amz-Expires and X-Amz-Date, AWS Signature Version 4 in query
// parameters). Both are zero if either is missing.
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
