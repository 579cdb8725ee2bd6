package sandboxhost

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// answerPatience bounds one question to the sandbox.
const answerPatience = 30 * time.Second

// Books are what the vendors would tell an auditor.
type Books struct {
	Media      []Medium    `json:"media"`
	Violations []Violation `json:"violations"` // requests that a right client does not send
}

// Medium is one thing that a vendor keeps.
type Medium struct {
	Vendor  string `json:"vendor"`
	MediaID string `json:"media_id"`
	SHA256  string `json:"sha256"`
}

// Violation is a request that a right client does not send.
type Violation struct {
	Vendor string `json:"vendor"`
	Call   string `json:"call"`
	Kind   string `json:"kind"`
	Detail string `json:"detail"`
}

// String names the call and what was wrong with it.
func (v Violation) String() string {
	return fmt.Sprintf("%s.%s: %s: %s", v.Vendor, v.Call, v.Kind, v.Detail)
}

// Books returns the vendors' books as they are now.
func (s *Sandbox) Books(ctx context.Context) (Books, error) {
	var books Books
	err := s.object(ctx, "ledger", &books)
	return books, err
}

// Settings decodes the settings of the simulated vendors into v.
func (s *Sandbox) Settings(ctx context.Context, v any) error { return s.object(ctx, "options", v) }

func (s *Sandbox) writeConfig(ctx context.Context) error {
	content, err := s.ask(ctx, "config")
	if err != nil {
		return err
	}
	return writeFile(s.config, content)
}

func (s *Sandbox) object(ctx context.Context, what string, v any) error {
	text, err := s.ask(ctx, what)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("sandbox: read its %s: %w", what, err)
	}
	return nil
}

func (s *Sandbox) ask(ctx context.Context, what string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, answerPatience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.control()+"/_sandbox/"+what, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+s.token)
	response, err := s.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("sandbox: request its %s: %w", what, err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("sandbox: request its %s: %w", what, err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("sandbox: request its %s: %s: %s", what, response.Status, text)
	}
	return text, nil
}
