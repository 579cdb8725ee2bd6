package trustoo

import (
	"context"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/wire"
)

// Reread makes no call: Trustoo has none that tells of a medium. But its objects can be
// read by everybody, and are stored as they were sent.
func (Client) Reread(_ context.Context, _ *wire.Caller, of upload.Finished) (upload.Reading, error) {
	if of.Media.URL == "" {
		return upload.Reading{Silent: "the vendor has no call to read a medium, and returned no permanent address for this one"}, nil
	}
	return upload.Reading{URL: of.Media.URL, Original: true}, nil
}
