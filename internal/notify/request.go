package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/webhook"
)

// body is what is sent.
type body struct {
	Type      upload.Event  `json:"type"`
	Timestamp time.Time     `json:"timestamp"` // when it happened
	Data      upload.Notice `json:"data"`
}

// request is one attempt to send a notice.
func request(ctx context.Context, to Settings, n ledger.Notice, now time.Time) (*http.Request, error) {
	text, err := json.Marshal(body{n.Event, n.At.UTC(), n.Data})
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to.URL, bytes.NewReader(text))
	if err != nil {
		return nil, errors.New("notify.webhook is not a URL")
	}
	r.Header.Set("User-Agent", "mediaferry")
	webhook.Head(r.Header, to.Key, n.ID, now, text)
	return r, nil
}
