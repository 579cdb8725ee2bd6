package truvideo

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/wire"
)

// Reread asks for the session: GET /upload/{uploadId}. It ends some time after the
// upload (TV-5); then the medium's address has the word. What the vendor serves is what
// it made of the bytes.
func (Client) Reread(ctx context.Context, c *wire.Caller, of upload.Finished) (upload.Reading, error) {
	forgotten := upload.Reading{URL: of.Media.URL, Silent: "the vendor no longer knows the session"}
	if of.Handle.ID == "" {
		return forgotten, nil
	}
	forgotten.Asked = callStatus.Request()
	a, err := caller{c}.call(ctx, wire.Request{Call: callStatus, Path: "/upload/" + url.PathEscape(of.Handle.ID)})
	switch {
	case a.Foreign():
	case a.Status == http.StatusBadRequest, a.Status == http.StatusNotFound:
		return forgotten, nil
	}
	if err != nil {
		return upload.Reading{}, err
	}
	var got session
	if err := a.Decode(&got); err != nil {
		return upload.Reading{}, err
	}
	if got.Status == "" {
		return upload.Reading{}, a.Incomplete("without status")
	}
	return upload.Reading{Asked: callStatus.Request(), Facts: got.facts(a, of), URL: string(got.FileURL)}, nil
}

// facts is what a session says, beside what is known.
func (s session) facts(a wire.Answer, of upload.Finished) []upload.Comparison {
	title := of.Item.Fields.String("title")
	var facts []upload.Comparison
	for _, fact := range []struct {
		name, want string
		got        wire.Text
	}{
		{"mediaId", of.Media.ID, s.MediaID},
		{"status", stateCompleted, wire.Text(strings.ToUpper(string(s.Status)))},
		{"creator", of.Item.Fields.String("creator"), s.Creator},
		{"sanitizedTitle", sanitized(title), s.SanitizedTitle},
	} {
		if fact.got != "" {
			facts = append(facts, upload.Compare(fact.name, a.Clean(fact.want), a.Clean(string(fact.got))))
		}
	}
	return facts
}

// sanitized is a title as the vendor keeps it beside the one that was given: every
// character but a few becomes an underscore. What it takes for one character beyond
// ASCII is not documented; "" then.
func sanitized(title string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9', r >= 'A' && r <= 'Z', r >= 'a' && r <= 'z', strings.ContainsRune(".-_", r):
			return r
		}
		return '_'
	}, asciiOnly(title))
}

func asciiOnly(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return r > '~' }) {
		return ""
	}
	return text
}
