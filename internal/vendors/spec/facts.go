package spec

import (
	"fmt"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// Fact names one of the facts of a vendor's policy, or of its Spec, in which the
// flows of vendors differ.
type Fact string

// The facts.
const (
	FactBytes    Fact = "bytes"
	FactFind     Fact = "after a lost answer"
	FactSettle   Fact = "before a new session"
	FactComplete Fact = "complete"
	FactPoll     Fact = "poll"
	FactLastPoll Fact = "last poll by"
	FactUnseen   Fact = "file not noticed"
	FactUntold   Fact = "stored, vendor not notified"
	FactFailed   Fact = "processing failed"
	FactLost     Fact = "lost sessions, at most"
	FactVariant  Fact = "refusal to avoid with a variant"
	FactSerial   Fact = "one at a time"
)

// Stated is a fact as a vendor's Spec states it.
type Stated struct {
	Fact   Fact
	Value  string // in words; "" where the vendor does not differ from what is usual
	Source string
}

// OurChoice ends the source of a fact of which the vendor's documentation says
// that it is so, and we chose a number.
const OurChoice = "; the numbers are our choice"

// Facts lists all facts, in a fixed order, with their sources.
func (s *Spec) Facts() []Stated {
	p := s.Policy
	facts := []Stated{
		{Fact: FactBytes, Value: bytesInWords[p.Bytes]},
		{Fact: FactFind, Value: findInWords(p.Find)},
		{Fact: FactSettle, Value: settlingInWords(p)},
		{Fact: FactComplete, Value: when(p.Complete, "poll first, send missing parts, complete once more")},
		{Fact: FactPoll, Value: pollInWords(p.Poll)},
		{Fact: FactLastPoll, Value: when(p.LastPollByName, "file name")},
		{Fact: FactUnseen, Value: when(p.UnseenSends > 0, "%s after %s: send again, %d times in all", strings.Join(p.Unseen, " or "), short(p.UnseenFor), p.UnseenSends)},
		{Fact: FactUntold, Value: when(p.UntoldSends > 0, "send again, %d times in all", p.UntoldSends)},
		{Fact: FactFailed, Value: when(p.FailedSessions > 0, "%d more session", p.FailedSessions)},
		{Fact: FactLost, Value: when(p.LostSessions > 0, "%d", p.LostSessions)},
		{Fact: FactVariant, Value: when(p.Variant.Code != "", "%s for the %s: without `%s`", p.Variant.Code, p.Variant.Says, p.Variant.Field)},
		{Fact: FactSerial, Value: s.serialInWords()},
	}
	for i := range facts {
		facts[i].Source = s.Sources[facts[i].Fact]
	}
	return facts
}

var bytesInWords = map[upload.Bytes]string{
	upload.BytesPut:        "PUT to a signed URL",
	upload.BytesForm:       "form POST to a store",
	upload.BytesVendorForm: "form POST to the vendor",
	upload.BytesParts:      "PUT of each part",
}

func findInWords(f upload.Find) string {
	switch f.By {
	case upload.FindByPoll:
		return "poll, then send again"
	case upload.FindBySearch:
		var waits []string
		for _, wait := range f.Waits {
			waits = append(waits, short(wait))
		}
		return "search after " + strings.Join(waits, ", ") + ", then send again"
	}
	return "send again: it overwrites"
}

func settlingInWords(p upload.Policy) string {
	switch p.Settle {
	case upload.SettlePoll:
		return "poll the old one for " + short(p.SettleFor)
	case upload.SettleFind:
		return "check whether its bytes arrived"
	case upload.SettleAdopt:
		return "adopt parts by ETag"
	}
	return ""
}

func pollInWords(s upload.Schedule) string {
	if len(s.Waits) == 0 {
		return ""
	}
	return fmt.Sprintf("after %s, then up to every %s, for %s", short(s.Waits[0]), short(s.Waits[len(s.Waits)-1]), short(s.Deadline))
}

func (s *Spec) serialInWords() string {
	if s.Serial == nil {
		return ""
	}
	return s.Serial.Noun
}

// when is a text where something holds, else "".
func when(holds bool, format string, args ...any) string {
	if !holds {
		return ""
	}
	return fmt.Sprintf(format, args...)
}

// short writes whole minutes and seconds: 2 min, 5 s.
func short(d time.Duration) string {
	if d >= time.Minute && d%time.Minute == 0 {
		return fmt.Sprintf("%d min", int(d.Minutes()))
	}
	return fmt.Sprintf("%d s", int(d.Seconds()))
}
