package upload

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAVerificationComesToWhatWasCompared(t *testing.T) {
	same, differs, read := Compare("id", "a", "a"), Compare("size", "1", "2"), Compare("format", "", "x")
	for name, c := range map[string]struct {
		compared []Comparison
		want     Outcome
		good     bool
	}{
		"nothing":          {nil, OutcomeUnknown, true},
		"only read":        {[]Comparison{read}, OutcomeUnknown, true},
		"the same":         {[]Comparison{read, same}, OutcomeSame, true},
		"a difference":     {[]Comparison{same, differs, same}, OutcomeDiffers, false},
		"what is missing":  {[]Comparison{Compare("title", "x", "")}, OutcomeDiffers, false},
		"a difference, so": {[]Comparison{differs, read}, OutcomeDiffers, false},
	} {
		t.Run(name, func(t *testing.T) {
			v := Verification{Compared: c.compared}
			v.Conclude()
			require.Equal(t, c.want, v.Outcome)
			require.Equal(t, c.good, v.Good())
		})
	}
	require.False(t, Verification{Outcome: OutcomeGone}.Good())
	require.False(t, Unverified(time.Now(), &Failure{Kind: KindDenied}).Good())

	v := Unverified(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), nil)
	v.Compared = append(v.Compared, same, read)
	text, err := json.Marshal(v)
	require.NoError(t, err)
	require.JSONEq(t, `{"outcome":"unknown","at":"2026-03-01T12:00:00Z","asked":[],"compared":[
		{"what":"id","expected":"a","found":"a","outcome":"same"},{"what":"format","expected":null,"found":"x","outcome":"unknown"}
	],"reason":null,"error":null}`, string(text))
	var read2 Verification
	require.NoError(t, json.Unmarshal(text, &read2))
	require.Equal(t, v, read2)
}
