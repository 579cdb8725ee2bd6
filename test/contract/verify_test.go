package contract

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc64"
	"os"
	"slices"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/sandbox"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// verify holds the end of an upload against what was to become of it, and
// against what holds for every upload.
func (w *world) verify(item upload.Item, ended end, want want) {
	t := w.t
	t.Helper()
	why := fmt.Sprintf("%v", ended.err)
	require.Equal(t, want.state, ended.result.State, why)
	if want.kind == "" {
		require.Nil(t, ended.result.Error, why)
	} else {
		require.NotNil(t, ended.result.Error)
		require.Equal(t, want.kind, ended.result.Error.Kind, why)
		if want.step != "" {
			require.Equal(t, want.step, ended.result.Error.Step, why)
		}
	}
	w.verifyRequests(want.requests, why)
	if want.attempts != nil {
		require.Equal(t, *want.attempts, ended.result.Attempts)
	}
	require.Len(t, w.pauses, want.pauses, why)
	for _, p := range w.pauses {
		w.verifyPause(p)
	}
	w.verifyMedia(item, ended, want.media)
	w.verifyBooks(item, ended)
	require.Empty(t, w.sandbox.Ledger().Violations)
	w.verifySecrets(ended)
}

// verifyRequests compares what the simulator counted, call by call.
func (w *world) verifyRequests(wanted requests, why string) {
	w.t.Helper()
	counted, expected := requests{}, requests{}
	for _, r := range w.sandbox.Requests(w.vendor) {
		if w.suite.unused[r.Call] == "" {
			counted[r.Call]++
		}
	}
	for name, n := range wanted {
		switch {
		case n == some && counted[name] > 0, n == perhaps && counted[name] > 0:
			expected[name] = counted[name]
		case n != 0 && n != perhaps:
			expected[name] = n
		}
	}
	require.Equal(w.t, expected, counted, why)
}

// verifyPause looks at an item that waits for its account: it keeps its state and
// says what it waits for.
func (w *world) verifyPause(p pause) {
	w.t.Helper()
	require.True(w.t, p.account.Paused)
	require.NotEmpty(w.t, p.account.Because)
	require.False(w.t, p.status.Result.State.Ended())
	require.Equal(w.t, p.status.Result.State, p.entry.Result.State)
}

// verifyMedia counts what a person sees at the vendor, and compares its bytes
// with the source's.
func (w *world) verifyMedia(item upload.Item, ended end, want int) {
	w.t.Helper()
	visible := w.visible()
	require.Len(w.t, visible, want, "media at the vendor")
	if ended.result.State != upload.StateReady {
		return
	}
	body, err := os.ReadFile(item.Source)
	require.NoError(w.t, err)
	sum := sha256.Sum256(body)
	i := slices.IndexFunc(visible, func(m sandbox.Medium) bool { return w.named(m) == string(ended.result.MediaID) })
	require.GreaterOrEqual(w.t, i, 0, "%q is no medium of the vendor's", ended.result.MediaID)
	require.Equal(w.t, hex.EncodeToString(sum[:]), visible[i].SHA256)
	require.EqualValues(w.t, len(body), ended.result.Size)
	require.Equal(w.t, upload.FormatCRC64(crc64.Checksum(body, upload.CRC64Table)), string(ended.result.CRC64))
	require.EqualValues(w.t, hex.EncodeToString(sum[:]), ended.result.SHA256)
}

// visible are the media that a person sees at the vendor.
func (w *world) visible() []sandbox.Medium {
	return slices.DeleteFunc(w.sandbox.Ledger().Of(w.vendor), func(m sandbox.Medium) bool { return !m.Visible })
}

// named is what results call a medium.
func (w *world) named(m sandbox.Medium) string {
	if w.vendor == "trustoo" {
		return m.Key
	}
	return m.MediaID
}

// verifyBooks compares the ledger with the result.
func (w *world) verifyBooks(item upload.Item, ended end) {
	w.t.Helper()
	entry, err := w.ledger.Get(w.t.Context(), item.UploadID)
	require.NoError(w.t, err)
	require.Equal(w.t, ended.result.State, entry.Result.State)
	require.Equal(w.t, ended.result.MediaID, entry.Result.MediaID)
	require.Equal(w.t, ended.result.Error, entry.Result.Error)
}

// verifySecrets looks for credentials and signatures in all that a person, a log
// or a database gets to see.
func (w *world) verifySecrets(ended end) {
	w.t.Helper()
	seen, err := json.Marshal(ended.result)
	require.NoError(w.t, err)
	for err := ended.err; err != nil; err = errors.Unwrap(err) {
		seen = append(seen, err.Error()...)
	}
	for _, p := range w.pauses {
		status, err := json.Marshal(p.status)
		require.NoError(w.t, err)
		seen = append(append(seen, status...), p.account.Because...)
	}
	for _, part := range []string{"", "-wal"} {
		file, err := os.ReadFile(w.file + part)
		require.NoError(w.t, err)
		seen = append(seen, file...)
	}
	for _, secret := range w.secrets() {
		require.False(w.t, bytes.Contains(seen, []byte(secret)), "%q is to be seen", secret)
	}
	for _, name := range []string{"X-Amz-Signature=", "X-Amz-Credential=", "Signature=", "OSSAccessKeyId="} {
		for rest := seen; ; {
			_, after, found := bytes.Cut(rest, []byte(name))
			if !found {
				break
			}
			// A page of the database may end within [redacted].
			require.True(w.t, bytes.HasPrefix(after, []byte("[")), "what follows %s is to be seen: %.20q", name, after[:min(20, len(after))])
			rest = after
		}
	}
}

// secrets are texts that nobody may see: the credentials that ever were, and how
// tokens and policies begin.
func (w *world) secrets() []string {
	secrets := []string{"eyJhbGciOi", "eyJleHBpcmF0aW9u"}
	for _, c := range w.sandbox.Credentials() {
		for name, value := range c.Values {
			if !slices.Contains([]string{"public_token", "client_id", "api_id", "external_id"}, name) {
				secrets = append(secrets, value)
			}
		}
	}
	return append(secrets, w.planted...)
}
