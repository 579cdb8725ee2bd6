package contract

import (
	"github.com/mediaferry/mediaferry/internal/flow"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// meaning is the action that a failure table names, as what comes of it when the
// answer comes once, and when it comes for good.
type meaning func(place) []example

// place is where an answer comes.
type place struct {
	suite suite
	call  call
}

// usual is what is asked where nothing goes wrong.
func (p place) usual() requests {
	if p.call.usual != nil {
		return p.call.usual
	}
	return p.suite.usual
}

// until is what is asked before this call.
func (p place) until() requests {
	before := requests{}
	for _, c := range p.suite.calls {
		if c.name == p.call.name {
			break
		}
		before[c.name] = p.usual()[c.name]
	}
	return before
}

// own counts requests of this call.
func (p place) own(n int) requests { return requests{p.call.name: n} }

// tries is how often the call is made before the upload fails.
func (p place) tries() int {
	usual := flow.ControlTries
	if p.call.step == upload.StepTransfer {
		usual = flow.TransferTries
	}
	return usual
}

// renewals are those of what runs out while an outage lasts.
func (p place) renewals() requests {
	if p.call.renews == "" {
		return nil
	}
	return requests{p.call.renews: perhaps}
}

// goesOn is an upload that gets over it, at the price of more requests.
func (p place) goesOn(more ...requests) want {
	return want{state: upload.StateReady, requests: p.usual().plus(more...), media: 1}
}

// fails is an upload that ends here, after these requests from this call on.
func (p place) fails(kind upload.Kind, more ...requests) want {
	return want{
		state: upload.StateFailed, kind: kind, step: p.call.step,
		requests: p.until().plus(more...), media: p.call.media,
	}
}

// repeated: it may pass, so ask again, until patience is over. What may have been
// heard is looked for first.
func repeated(p place) []example {
	always := p.fails(upload.KindUnavailable, p.own(some), p.call.looks.often(), p.call.lost, p.call.last, p.renewals())
	return []example{
		{"once", 1, p.goesOn(p.own(1), p.call.looks)},
		{"always", 0, always},
	}
}

// unanswered: keep asking until patience is over; time in which nobody answers does
// not count as time for processing.
func unanswered(p place) []example {
	return []example{
		{"once", 1, p.goesOn(p.own(1))},
		{"always", 0, p.fails(upload.KindUnavailable, p.own(some))},
	}
}

// strange: somebody else may have spoken, so ask again, with a fresh login where there
// is one, and hold nothing against the account.
func strange(p place) []example {
	again := requests{}
	if p.usual()["login"] > 0 {
		again["login"] = perhaps
	}
	return []example{
		{"once", 1, p.goesOn(p.own(1), again)},
		{"always", 0, p.fails(upload.KindUnavailable, p.own(some), again, p.renewals())},
	}
}

// repeatedUnderneath: as repeated, but net/http itself repeats a GET, once, that
// a kept connection ended under.
func repeatedUnderneath(p place) []example {
	examples := repeated(p)
	examples[1].want.requests[p.call.name] = some
	return examples
}

// unsent: nothing arrived, or perhaps all: which of the two, the sender cannot
// always tell. Ask again, and look where it may have arrived.
func unsent(p place) []example {
	looks := requests{}
	for name := range p.call.looks.plus(p.call.lost) {
		looks[name] = perhaps
	}
	always := p.fails(upload.KindUnavailable, p.own(some), looks, p.call.last, p.renewals())
	return []example{
		{"once", 1, p.goesOn(p.own(1), looks)},
		{"always", 0, always},
	}
}

// overwritten: the bytes are there already, and are sent to the same place again;
// which does not help for as long as nobody hears of it.
func overwritten(p place) []example {
	examples := repeated(p)
	examples[1].want.media = 1
	return examples
}

// foundAtLast: as overwritten, but before the upload is given up the vendor is
// asked, and has it.
func foundAtLast(p place) []example {
	return []example{
		{"once", 1, p.goesOn(p.own(1))},
		{"always", 0, p.goesOn(p.own(some), p.call.lost, p.renewals())},
	}
}

// foundAtOnce: the vendor is asked before anything is sent again, and has it.
func foundAtOnce(p place) []example {
	return []example{{"once", 1, p.goesOn(p.call.looks)}, {"always", 0, p.goesOn(p.call.looks)}}
}

// throttled: wait as long as was asked, and count no attempt: more of them than
// there are tries do no harm.
func throttled(p place) []example {
	const more = flow.TransferTries + 1
	want := p.goesOn(p.own(more))
	if p.call.usual == nil {
		want.attempts = &p.suite.attempts
	}
	return []example{{"nine times", more, want}}
}

// refused: for good, at the first word.
func refused(p place) []example {
	return []example{{"is final", 1, p.fails(upload.KindRejected, p.own(1))}}
}

// ourFault: for good, and a fault of ours.
func ourFault(p place) []example {
	return []example{{"is final", 1, p.fails(upload.KindInternal, p.own(1))}}
}

// denied: the account is paused, the upload keeps its place, and goes on when the
// account is resumed.
func denied(p place) []example {
	once, thrice := p.goesOn(p.own(1)), p.goesOn(p.own(3))
	once.pauses, thrice.pauses = 1, 3
	return []example{{"once", 1, once}, {"three times", 3, thrice}}
}

// renewed: what was handed out ran out, so ask for it anew and go on.
func renewed(p place) []example {
	again := requests{p.call.renews: 1}
	return []example{
		{"once", 1, p.goesOn(p.own(1), again)},
		{"always", 0, p.fails(upload.KindExpired, p.own(p.tries()), again.times(p.tries()-1), p.call.last)},
	}
}

// renewedOnce: a fresh grant may cure it; the second time it is final.
func renewedOnce(p place) []example {
	again := requests{p.call.renews: 1}
	return []example{
		{"once", 1, p.goesOn(p.own(1), again)},
		{"twice", 2, p.fails(upload.KindRejected, p.own(2), again)},
	}
}

// damaged: the bytes did not arrive as they are, so read the source again and
// send it to the same place.
func damaged(p place) []example {
	return []example{
		{"once", 1, p.goesOn(p.own(1))},
		{"always", 0, p.fails(upload.KindCorrupt, p.own(p.tries()))},
	}
}

// damagedOnce: as damaged, but final the second time.
func damagedOnce(p place) []example {
	return []example{
		{"once", 1, p.goesOn(p.own(1))},
		{"twice", 2, p.fails(upload.KindRejected, p.own(2))},
	}
}

// doubted: the store's checksum need not be one, so send once more, and then
// believe the status.
func doubted(p place) []example {
	return []example{
		{"once", 1, p.goesOn(p.own(1))},
		{"always", 0, p.goesOn(p.own(1))},
	}
}

// repeatedOnce: worth one more try.
func repeatedOnce(p place) []example {
	return []example{
		{"once", 1, p.goesOn(p.own(1))},
		{"twice", 2, p.fails(upload.KindRejected, p.own(2))},
	}
}

// followed: the store is elsewhere, once for each try. Where it is never found, nothing
// arrived, and it may be found later.
func followed(p place) []example { return repeatedSafely(p) }

// wrongSize: something between takes no request of this size, or not now; a second try
// is the last.
func wrongSize(p place) []example { return repeatedOnce(p) }

// unseen: keep asking, until the time for processing is over.
func unseen(p place) []example {
	return []example{
		{"once", 1, p.goesOn(p.own(1))},
		{"always", 0, p.fails(upload.KindTimeout, p.own(some))},
	}
}

// damagedForSure: as damaged, but the bytes stay where they are.
func damagedForSure(p place) []example {
	examples := damaged(p)
	examples[1].want.media = 1
	return examples
}

// deniedSecond: a refusal may be the clock's fault, or a token's, so the call is
// made once more in another way; a second refusal pauses the account.
func deniedSecond(p place) []example {
	once, twice, often := p.goesOn(p.own(1)), p.goesOn(p.own(2)), p.goesOn(p.own(6))
	twice.pauses, often.pauses = 1, 3
	return []example{{"once", 1, once}, {"twice", 2, twice}, {"six times", 6, often}}
}

// loggedInAgain: the token ran out, so log in and ask again; a second refusal
// pauses the account.
func loggedInAgain(p place) []example {
	once := p.goesOn(p.own(1), requests{"login": 1})
	twice := p.goesOn(p.own(2), requests{"login": 1})
	twice.pauses = 1
	return []example{{"once", 1, once}, {"twice", 2, twice}}
}

// sessionLost: nothing of the session is of use any more, so start another; three
// of them are enough.
func sessionLost(p place) []example {
	again := requests{"start": 1}
	return []example{
		{"once", 1, p.goesOn(p.own(1), again)},
		{"always", 0, p.fails(upload.KindExpired, p.own(3), again.times(2))},
	}
}

// lookedAndLost: as sessionLost, after a look whether the vendor has the part.
func lookedAndLost(p place) []example {
	examples := sessionLost(p)
	looks := requests{"status": 1}
	examples[0].want.requests = examples[0].want.requests.plus(looks)
	examples[1].want.requests = examples[1].want.requests.plus(looks.times(3))
	return examples
}

// adopted: the vendor has the medium, and it is found.
func adopted(p place) []example {
	found := p.goesOn(requests{"list": 1, "image": 1})
	return []example{{"once", 1, found}, {"always", 0, found}}
}

// briefly: it is no reason to worry so early.
func briefly(p place) []example { return []example{{"once", 1, p.goesOn(p.own(1))}} }
