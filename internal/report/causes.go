package report

import (
	"cmp"
	"slices"

	"github.com/mediaferry/mediaferry/internal/upload"
)

const (
	mostCauses   = 200
	mostExamples = 3
)

// cause is one sort of failure at one account.
type cause struct {
	Kind     upload.Kind
	Step     upload.Step
	Account  string
	Message  string // with what differs between its rows left out
	Hint     string // "" where the rows have different ones
	Count    int64
	Examples []upload.Result
}

type causeKey struct {
	kind    upload.Kind
	account string
	message string
}

// causes groups failures, in bounded memory.
type causes struct {
	known  map[causeKey]*cause
	beyond int64
}

func newCauses() *causes { return &causes{known: map[causeKey]*cause{}} }

func (c *causes) add(r upload.Result) {
	if r.State != upload.StateFailed && r.State != upload.StateUnconfirmed {
		return
	}
	failure := upload.Failure{Kind: upload.KindInternal, Message: "unknown reason"}
	if r.Error != nil {
		failure = *r.Error
	}
	key := causeKey{failure.Kind, r.To, upload.Common(failure.Message)}
	one := c.known[key]
	if one == nil {
		if len(c.known) == mostCauses {
			c.beyond++
			return
		}
		one = &cause{Kind: failure.Kind, Step: failure.Step, Account: r.To, Message: failure.Message, Hint: string(failure.Hint)}
		c.known[key] = one
	}
	if one.Message != failure.Message {
		one.Message = key.message
	}
	if one.Hint != string(failure.Hint) {
		one.Hint = ""
	}
	one.Count++
	if len(one.Examples) < mostExamples {
		one.Examples = append(one.Examples, r)
	}
}

// sorted are the causes, the most frequent first.
func (c *causes) sorted() []*cause {
	var all []*cause
	for _, one := range c.known {
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b *cause) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Account, b.Account), cmp.Compare(a.Message, b.Message))
	})
	return all
}
