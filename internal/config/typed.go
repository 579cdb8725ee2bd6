package config

import (
	"errors"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// text returns the resolved text of a value, and reports what is missing.
func (f *findings) text(v value) string {
	for _, lack := range v.missing {
		f.add(v, "", "needs %s", lack.text)
	}
	return v.text
}

// word returns a text that goes into a header or an address.
func (f *findings) word(v value) string {
	text := f.text(v)
	if strings.ContainsFunc(text, unicode.IsControl) {
		f.add(v, "use one line of printable characters", "contains a line break or another control character")
	}
	return text
}

func (f *findings) choice(v value, choices []string) string {
	text := f.text(v)
	if text != "" && !slices.Contains(choices, text) {
		f.add(v, "use "+strings.Join(choices, " or "), "is %q", text)
	}
	return text
}

func (f *findings) boolean(v value) bool {
	return f.choice(v, []string{"true", "false"}) == "true"
}

// rateMost is more than any vendor accepts.
const rateMost = 1e6

// rate returns a number of requests per second, or 0 if none is given.
func (f *findings) rate(v value) float64 {
	text := f.text(v)
	if text == "" {
		return 0
	}
	rate, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(rate) || rate <= 0 || rate > rateMost {
		f.add(v, "use a number above 0, for example 5 or 0.5", "is %q", text)
		return 0
	}
	return rate
}

// requestsMost is more than any window of a vendor's has.
const requestsMost = 60 * rateMost

// requests returns how many requests a window has, or 0 if none is given.
func (f *findings) requests(v value) int64 {
	text := f.text(v)
	if text == "" {
		return 0
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 || n > requestsMost {
		f.add(v, "use a whole number above 0, for example 300", "is %q", text)
		return 0
	}
	return n
}

// DefaultPatience is how long an outage is waited out where the configuration does
// not say.
const DefaultPatience = 24 * time.Hour

// patience returns how long an outage is waited out, or fallback if none is given.
func (f *findings) patience(v value, fallback time.Duration) time.Duration {
	text := f.text(v)
	if text == "" {
		return fallback
	}
	d, err := time.ParseDuration(text)
	if text == "0" {
		d, err = 0, nil
	}
	if err != nil || d < 0 {
		f.add(v, "use a duration, for example 24h, 90m or 0", "is %q", text)
		return fallback
	}
	return d
}

// size returns a number of bytes, or 0 if none is given.
func (f *findings) size(v value) int64 {
	text := f.text(v)
	if text == "" {
		return 0
	}
	size, err := parseSize(text)
	if err != nil {
		f.add(v, err.Error(), "is %q", text)
	}
	return size
}

var (
	sizeForm  = regexp.MustCompile(`^(\d+(?:\.\d+)?) *([A-Za-z]*)$`)
	sizeUnits = map[string]float64{
		"": 1, "b": 1,
		"kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12,
		"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
	}
	errSize = errors.New("use a number of bytes, or a number with kB, MB, GB, TB, KiB, MiB, GiB or TiB, for example 20MiB")
)

func parseSize(text string) (int64, error) {
	parts := sizeForm.FindStringSubmatch(text)
	if parts == nil {
		return 0, errSize
	}
	unit, known := sizeUnits[strings.ToLower(parts[2])]
	number, err := strconv.ParseFloat(parts[1], 64)
	bytes := number * unit
	if !known || err != nil || bytes < 1 || bytes > 1<<53 || bytes != math.Trunc(bytes) {
		return 0, errSize
	}
	return int64(bytes), nil
}
