package dashboard

import (
	"fmt"
	"strings"

	"github.com/mediaferry/mediaferry/internal/config"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/starter/views"
)

// accountCard is an account, as `account list --json` prints it, and what it has to do.
type accountCard struct {
	views.Account
	By    upload.Text   `json:"paused_by"`
	Since upload.Moment `json:"paused_since"`
	Open  int64         `json:"open_items"`
	Do    string        `json:"do,omitempty"`
}

func accountCards(v *visit) ([]accountCard, error) {
	known, err := v.waits()
	if err != nil {
		return nil, err
	}
	cards := []accountCard{}
	for _, name := range v.Config.AccountNames() {
		card, err := accountOf(v, known, name)
		if err != nil {
			return nil, err
		}
		cards = append(cards, card)
	}
	return cards, nil
}

func accountOf(v *visit, known *views.Waits, name string) (accountCard, error) {
	line, err := known.AccountLine(v.ctx(), v.Config, name)
	if err != nil {
		return accountCard{}, err
	}
	card := accountCard{Account: line}
	if state := known.Account(name); state.Paused {
		card.By, card.Since = upload.Text(state.By), upload.Moment{Time: state.Since}
		card.Do = "Correct the problem, then resume the account: mediaferry account resume " + name
	} else if line.Waiting != nil {
		card.Do = views.Advice(*line.Waiting, name)
	}
	totals, err := v.totals()
	for _, t := range totals {
		if t.Account == name {
			card.Open += t.Items
		}
	}
	return card, err
}

type accountsBody struct {
	Accounts []accountCard `json:"accounts"`
}

func accountList(v *visit) (view, error) {
	cards, err := accountCards(v)
	if err != nil {
		return view{}, err
	}
	t := &table{Name: "accounts", Header: []string{"account", "vendor", "base_url", "state", "paused_because", "paused_by", "open_items", "limits", "last_ok_at", "waiting.for", "waiting.reason", "waiting.since", "waiting.next_try_at"}}
	for _, c := range cards {
		cells := []string{c.Account.Account, c.Vendor, c.BaseURL, string(c.State), string(c.PausedBecause), string(c.By), number(c.Open), strings.Join(c.Limits(), "; "), stamp(c.LastOK.Time)}
		t.add(append(cells, waitCells(c.Waiting)...)...)
	}
	return view{Title: "Accounts", Menu: "accounts", Template: "accounts", Body: accountsBody{cards}, Table: t}, nil
}

// accountBody is all that is shown of one account.
type accountBody struct {
	accountCard
	Outages []outageLine `json:"outages"`
	Tokens  []tokenLine  `json:"tokens"`
	Events  []event      `json:"events"`
	States  []stateCount `json:"items"`
}

type outageLine struct {
	Peer  string        `json:"peer"`
	Since upload.Moment `json:"since"`
	Ended upload.Moment `json:"ended_at"`
	Tries int64         `json:"tries"`
	Last  string        `json:"last_error"`
}

// tokenLine is when a token that the vendor gave ends; never the token.
type tokenLine struct {
	Name      string        `json:"name"`
	ExpiresAt upload.Moment `json:"expires_at"`
}

type stateCount struct {
	State upload.State `json:"state"`
	Items int64        `json:"items"`
}

func accountView(v *visit) (view, error) {
	name := v.r.PathValue("name")
	if _, err := v.Config.Profile(name); err != nil {
		return view{}, fmt.Errorf("%w", unknownAccount(err))
	}
	known, err := v.waits()
	if err != nil {
		return view{}, err
	}
	body := accountBody{Outages: []outageLine{}, Tokens: []tokenLine{}, Events: []event{}, States: []stateCount{}}
	if body.accountCard, err = accountOf(v, known, name); err != nil {
		return view{}, err
	}
	for _, o := range known.Account(name).Outages {
		body.Outages = append(body.Outages, outageLine{string(o.Peer), upload.Moment{Time: o.Since}, upload.Moment{Time: o.Ended}, o.Tries, o.Last.Message})
	}
	history, err := v.Ledger.AccountHistory(v.ctx(), name)
	if err != nil {
		return view{}, err
	}
	for _, e := range history {
		what := ledger.EventResume
		if e.Paused {
			what = ledger.EventPause
		}
		body.Events = append(body.Events, event{upload.Moment{Time: e.At}, what, e.By, upload.Text(e.Because), ""})
	}
	tokens, err := v.Ledger.TokenLives(v.ctx(), name)
	if err != nil {
		return view{}, err
	}
	for _, t := range tokens {
		body.Tokens = append(body.Tokens, tokenLine{t.Name, upload.Moment{Time: t.ExpiresAt}})
	}
	for _, t := range v.open {
		if t.Account == name {
			body.States = append(body.States, stateCount{t.State, t.Items})
		}
	}
	return view{Title: name, Menu: "accounts", Template: "account", Body: body}, nil
}

func unknownAccount(err error) error {
	return &problem{404, strings.TrimSuffix(err.Error(), ": "+config.ErrUnknownAccount.Error()), "the accounts are listed at /accounts"}
}
