package e2e

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// canary marks what must not be found again; the words behind it say where it
// was planted.
const canary = "canary7f3a91"

// secretsOf are the credentials of a sandbox's accounts.
func secretsOf(t *testing.T, file string) (secrets []string) {
	t.Helper()
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	for _, found := range regexp.MustCompile(`(?m)^ +([a-z_]+): "([^"]+)"$`).FindAllStringSubmatch(string(raw), -1) {
		if !strings.HasSuffix(found[1], "_url") {
			secrets = append(secrets, found[2])
		}
	}
	require.Greater(t, len(secrets), 6)
	return secrets
}

// plant puts a canary into the name of a sample and of its folder.
func (p *place) plant(sample string) string {
	p.t.Helper()
	folder := filepath.Join(p.media, canary+"-folder")
	require.NoError(p.t, os.MkdirAll(folder, 0o700))
	path := filepath.Join(folder, canary+"-"+sample)
	require.NoError(p.t, os.Link(p.file(sample), path))
	return path
}

func TestNothingIsReadWithoutTheKey(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	web := httptest.NewServer(http.FileServer(http.Dir(p.media)))
	t.Cleanup(web.Close)
	box := p.box()
	p.configure("sources: {allow_private_networks: true}\n")
	secrets := secretsOf(t, filepath.Join(p.dir, "box", "sandbox.yaml"))
	up, at := p.up("--no-worker", "--log-level", "debug")

	ids := p.everySort(box, web.URL)
	who := stranger(t, at)
	var all bytes.Buffer
	for _, id := range ids {
		h := history(t, who, id)
		require.NotEmpty(t, h.Events, id)
		for _, message := range []proto.Message{h, describe(t, who, id)} {
			raw, err := proto.Marshal(message)
			require.NoError(t, err)
			text, err := protojson.Marshal(message)
			require.NoError(t, err)
			all.Write(raw)
			all.Write(text)
		}
	}
	require.Contains(t, all.String(), "binary/encrypted")
	requireNameless(t, all.String())
	for _, word := range append(secrets, canary, "://", "X-Amz-", "OSSAccessKeyId", "AWS4-HMAC", "Bearer", p.media, "mug.png", "image/png") {
		at := strings.Index(all.String(), word)
		require.Negative(t, at, "%q is readable: %q", word, around(all.String(), at))
	}

	// With the key, what was planted is there.
	story := p.do("show", ids[0])
	require.Contains(t, story, canary+"-words")
	require.Contains(t, story, canary+"-mug.png")

	up.interrupt()
	up.end()
	secrets = append(secrets, canary+"-signature", keyOf(t, p))
	hidden := []string{p.media, "image/png"} // Trustoo's media IDs end with the names of files
	for _, word := range []string{"words", "folder", "sku", "title", "note", "reason", "none", "mug", "watch", "headphones", "clip"} {
		hidden = append(hidden, canary+"-"+word)
	}
	require.GreaterOrEqual(t, newSearch(t, secrets...).everything(p, hidden...), 3, "databases of the engine and the ledger")
}

// everySort uploads to every vendor, with every sort of trouble, and returns the
// IDs. The commands do the work themselves, and log all that they can.
func (p *place) everySort(box control, web string) (ids []string) {
	p.t.Helper()
	send := func(status int, vendor, id, source string, more ...string) {
		args := append(sending(vendor, id, source, more...), "--log-level", "debug")
		got, stdout, stderr := p.run(args...)
		require.Equal(p.t, status, got, "%s: %s%s", id, stdout, stderr)
		for _, word := range []string{canary + "-signature", "X-Amz-Signature", "AWS4-HMAC", "Bearer "} {
			require.NotContains(p.t, stdout+stderr, word)
		}
		ids = append(ids, "upload/"+vendor+"/"+id)
	}
	said := ",message=" + canary + "-words"
	box.faults("trustana.prepare#1=status=503"+said, "trustana.put#1=status=503"+said, "trustana.status#1=status=500"+said,
		"trustoo.post#1=reset-in", "sitoo.post#1=lost", "sitoo.get#1=not-json", "truvideo.part#1=status=503"+said,
		"truvideo.complete#1=status=500"+said, "closient.post#1=reset-after")
	send(0, "trustana", "a", p.plant("mug.png"), "--set", "skuIds="+canary+"-sku")
	send(0, "trustoo", "a", p.plant("lamp.webp"))
	send(0, "sitoo", "a", p.plant("watch.gif"))
	send(0, "closient", "a", p.plant("headphones.jpg"), "--set", "title="+canary+"-title")
	send(0, "truvideo", "a", p.plant("clip.mp4"), "--set", "metadata.note="+canary+"-note")
	send(0, "trustoo", "b", web+"/plant.png?X-Amz-Signature="+canary+"-signature")

	box.faults("sitoo.upload-url=status=422"+said, "trustana.prepare=status=401"+said, "closient.list#2+=status=422"+said, "closient.post=reset-after")
	send(3, "sitoo", "refused", p.file("mug.png"))
	send(3, "trustana", "denied", p.file("mug.png"))
	send(3, "closient", "unconfirmed", p.file("mug.png"), "--set", "is_primary=true")
	send(3, "trustoo", "missing", filepath.Join(p.media, canary+"-none.png"))
	_, _, _ = p.run("decide", "upload/closient/unconfirmed", "fail", "--because", canary+"-reason")
	p.do("cancel", "upload/trustana/denied")
	return ids
}

// keyOf is the encryption key in the data folder, as it is written there.
func keyOf(t *testing.T, p *place) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(p.data, "key"))
	require.NoError(t, err)
	return strings.TrimSpace(string(raw))
}

// around is what stands around a place of a text.
func around(text string, at int) string {
	if at < 0 {
		return ""
	}
	return text[max(at-150, 0):min(at+50, len(text))]
}
