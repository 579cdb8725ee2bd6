package wire

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Whatever an answer says of limits, those that are believed can be counted.
func FuzzAQuotaCanBeCounted(f *testing.F) {
	for _, seed := range []string{
		"300;w=60, 10000;w=86400", `"default";q=300;w=60`, `"a\"b";q=1;w=1;qu="content-bytes"`, "0;w=60", "-5;w=60", "9223372036854775807;w=1",
		"1;w=9223372036854775807", "1e999;w=1e999", `"`, `\`, ";;;,,,=",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, policy string) {
		for _, q := range (Answer{Header: http.Header{"Ratelimit-Policy": {policy}}}).Quotas() {
			require.Positive(t, q.Limit)
			require.GreaterOrEqual(t, q.Window, time.Second)
			require.LessOrEqual(t, q.Window, longestWindow)
			require.LessOrEqual(t, q.Limit, mostPerSecond*int64(q.Window/time.Second))
		}
	})
}

// Whatever an answer says of a life, it is one that can be waited for.
func FuzzALifetimeIsBounded(f *testing.F) {
	for _, seed := range []string{"900", "-900", "1e999", `"NaN"`, "1772370000", "1772370000000", `"2026-03-01T12:15:00Z"`, `"9999-12-31"`, "null", "{}"} {
		f.Add([]byte(seed), "20260301T120000Z", "900", int64(0))
		f.Add([]byte(seed), "99991231T235959Z", "99999999999999999999", int64(1<<62))
		f.Add([]byte(seed), "", "-1", int64(-1<<62))
	}
	f.Fuzz(func(t *testing.T, raw []byte, date, seconds string, skew int64) {
		var until Moment
		var life Int
		require.NoError(t, until.UnmarshalJSON(raw))
		require.NoError(t, life.UnmarshalJSON(raw))
		a := Answer{Asked: noon, Skew: time.Duration(skew)}
		for _, l := range []Lifetime{
			{Life: time.Duration(min(max(int64(life), 0), int64(LongestLife/time.Second))) * time.Second, Signed: "https://h/k?X-Amz-Date=" + date + "&X-Amz-Expires=" + seconds},
			{Until: until.Time, Usual: time.Hour},
			{Signed: "https://h/k?X-Amz-Date=" + strconv.Quote(date) + "&X-Amz-Expires=" + seconds},
		} {
			end, got := a.Expiry(l)
			require.GreaterOrEqual(t, got, time.Duration(0))
			require.LessOrEqual(t, got, LongestLife)
			require.Equal(t, got == 0, end.IsZero())
		}
	})
}
