package workflows

import (
	"errors"
	"strings"

	"go.temporal.io/sdk/workflow"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// untoldTries is how often a form is sent whose bytes are stored, but whose
// callback failed: the object is overwritten, and the callback made again.
const untoldTries = 3

// trustoo follows Trustoo's "Get Image Upload Credentials": call the API for
// credentials, POST the form to storage, which tells the backend.
func trustoo(ctx workflow.Context, r *run) (upload.Media, error) {
	var previous *upload.Session
	var refused error // for its callback
	for {
		// Steps 1 and 2: credentials, and a form made of them.
		session, err := r.prepare(ctx, previous, because(refused))
		if err != nil {
			return upload.Media{}, err
		}
		if refused != nil && has(session, "callback") { // the account's settings keep it
			return upload.Media{}, refused
		}
		// Step 3: POST it. The key is the item's own, so repeating overwrites.
		err = r.trustooPost(ctx, session)
		switch {
		case err == nil:
			// Steps 4 and 5 are the storage's: it has the file, and called back.
			return session.Media, nil
		case badCallback(err) && refused == nil:
			refused = err
		case !r.renewable(err):
			return upload.Media{}, err
		}
		previous = &session
	}
}

// trustooPost sends the form, and again where OSS stored it but could not call
// back. What is stored stays, whatever becomes of the repetitions.
func (r *run) trustooPost(ctx workflow.Context, session upload.Session) error {
	for sent := 1; ; sent++ {
		receipt, err := r.transfer(ctx, session, nil)
		var e *upload.Error
		switch {
		case sent > 1 && asError(err, &e):
			return nil
		case err != nil, !receipt.Untold, sent == untoldTries:
			return err
		}
	}
}

// because is the code of a refusal that another form may avoid.
func because(refused error) string {
	if refused == nil {
		return ""
	}
	return codeBadCallback
}

const codeBadCallback = "InvalidArgument"

// badCallback reports whether OSS refused a form for its callback.
func badCallback(err error) bool {
	var e *upload.Error
	return errors.As(err, &e) && e.Code == codeBadCallback && strings.Contains(strings.ToLower(e.Message), "callback")
}

func has(s upload.Session, field string) bool {
	for _, f := range s.Form {
		if f.Name == field {
			return true
		}
	}
	return false
}
