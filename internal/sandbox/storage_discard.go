package sandbox

import (
	"context"
	"crypto/md5" // what S3 calls an ETag
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// discardStore takes what S3 would take and keeps sizes and checksums only, for
// measuring how fast a client is when storage costs next to nothing.
type discardStore struct {
	*signer
	s       *Sandbox
	buckets map[string]*bucketHost
	uploads *table[discardUpload]
	parts   *table[discardPart]
}

type discardUpload struct {
	Key     string `json:"key"`
	Aborted bool   `json:"aborted,omitempty"`
}

type discardPart struct {
	Upload string `json:"upload"`
	Number int    `json:"number"`
	ETag   string `json:"etag"`
	Size   int64  `json:"size"`
}

// smallestPart is S3's bound for all parts but the last.
const smallestPart = 5 << 20

func newDiscardStore(s *Sandbox, mem *memory) (*discardStore, error) {
	d := &discardStore{
		signer: newSigner(s.storage, s.identity.S3Access, s.identity.S3Secret, s.bucketName),
		s:      s, buckets: map[string]*bucketHost{},
	}
	for _, vendor := range bucketVendors() {
		if vendor != "s3" { // a source without bytes is none
			name := s.bucketName(vendor)
			d.buckets[name] = &bucketHost{name: name, vendor: vendor}
		}
	}
	var errs [2]error
	d.uploads, errs[0] = newTable[discardUpload](s.journal, mem, "discard.upload")
	d.parts, errs[1] = newTable[discardPart](s.journal, mem, "discard.part")
	return d, errors.Join(errs[:]...)
}

func (d *discardStore) hosts() map[string]*bucketHost { return d.buckets }

func (d *discardStore) reset() {
	d.uploads.clear()
	d.parts.clear()
}

func (d *discardStore) close() {}

func (d *discardStore) remove(string, string) {}

func (d *discardStore) open(string, string) (io.ReadSeekCloser, int64, error) {
	return nil, 0, os.ErrNotExist
}

func (d *discardStore) begin(_ context.Context, _, key, _ string) (string, error) {
	id := randomHex(16)
	d.uploads.put(id, discardUpload{Key: key})
	return id, nil
}

func (d *discardStore) abort(_ context.Context, _, _, uploadID string) error {
	_, ok := d.uploads.update(uploadID, func(u *discardUpload) bool { u.Aborted = true; return true })
	if !ok {
		return &storeError{"NoSuchUpload", "The specified multipart upload does not exist."}
	}
	return nil
}

func (d *discardStore) stored(_ context.Context, _, _, uploadID string) (map[int]storedPart, error) {
	found := map[int]storedPart{}
	for n := 1; n <= truvideoMaxParts; n++ {
		if p, ok := d.parts.get(partID(uploadID, n)); ok {
			found[n] = storedPart{etag: p.ETag, size: p.Size}
		}
	}
	return found, nil
}

func partID(uploadID string, n int) string { return uploadID + "/" + strconv.Itoa(n) }

func (d *discardStore) finish(ctx context.Context, vendor, key, uploadID string, parts []claimedPart) (string, error) {
	have, err := d.stored(ctx, vendor, key, uploadID)
	if err != nil {
		return "", err
	}
	var sums []string
	for i, p := range parts {
		if i < len(parts)-1 && have[p.number].size < smallestPart {
			return "", &storeError{"EntityTooSmall", "Your proposed upload is smaller than the minimum allowed object size."}
		}
		if have[p.number].etag == "" || have[p.number].etag != strings.Trim(p.etag, `"`) {
			return "", &storeError{"InvalidPart", fmt.Sprintf("One or more of the specified parts could not be found: part %d.", p.number)}
		}
		sums = append(sums, have[p.number].etag)
	}
	return multipartETag(sums)
}

// multipartETag is what S3 calls an object that was joined from parts with these
// MD5 sums.
func multipartETag(sums []string) (string, error) {
	h := md5.New()
	for _, s := range sums {
		raw, err := hex.DecodeString(s)
		if err != nil {
			return "", fmt.Errorf("the MD5 %q of a part: %w", s, err)
		}
		_, _ = h.Write(raw) // a hash never fails
	}
	return hex.EncodeToString(h.Sum(nil)) + "-" + strconv.Itoa(len(sums)), nil
}

// serve takes a PUT of an object or of a part, or a form.
func (d *discardStore) serve(c *call, b *bucketHost) *answer {
	if c.r.Method == http.MethodPost {
		return d.serveForm(c, b)
	}
	for _, name := range []string{"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-SignedHeaders"} {
		if !c.query.Has(name) {
			return refuseS3(c, refusal{status: http.StatusBadRequest, code: "AuthorizationQueryParametersError", message: "The parameter " + name + " is missing"})
		}
	}
	a := arrival{bucket: b.name, key: c.path["key"], uploadID: c.query.Get("uploadId")}
	if b.vendor == "truvideo" {
		upload, ok := d.uploads.get(a.uploadID)
		if !ok || upload.Aborted || upload.Key != a.key {
			return refuseS3(c, refusal{status: http.StatusNotFound, code: "NoSuchUpload"})
		}
		a.part, _ = strconv.Atoi(c.query.Get("partNumber"))
	}
	if refused := d.take(c, c.body, c.r.ContentLength, &a); refused != nil {
		return refused
	}
	if a.part > 0 {
		d.parts.put(partID(a.uploadID, a.part), discardPart{Upload: a.uploadID, Number: a.part, ETag: a.etag, Size: a.size})
	}
	d.s.arrived(b.vendor, a)
	return newAnswer(http.StatusOK).with("ETag", `"`+a.etag+`"`).with("x-amz-request-id", strings.ToUpper(randomHex(8)))
}

// take reads the bytes; want is how many there must be, or -1.
func (d *discardStore) take(c *call, body io.Reader, want int64, a *arrival) *answer {
	m := newMeasuredReader(body, measureOptions{sha256: !d.s.opts.SkipSHA256, md5: true})
	_, err := io.Copy(io.Discard, m)
	if err != nil || want >= 0 && m.size != want {
		return refuseS3(c, refusal{status: http.StatusBadRequest, code: "IncompleteBody"})
	}
	a.content = m.content()
	a.etag = a.md5
	if given := c.r.Header.Get("Content-MD5"); given != "" {
		if sum, err := hex.DecodeString(a.md5); err != nil || given != base64.StdEncoding.EncodeToString(sum) {
			return refuseS3(c, refusal{status: http.StatusBadRequest, code: "BadDigest"})
		}
	}
	return nil
}

func (d *discardStore) serveForm(c *call, b *bucketHost) *answer {
	h, err := headOf(c)
	if err != nil {
		return refuseS3(c, refusal{status: http.StatusBadRequest, code: "MalformedPOSTRequest"})
	}
	low, high, refused := d.checkPolicy(c, b, h)
	if refused != nil {
		return refused
	}
	r := multipart.NewReader(c.body, h.boundary)
	var names []string
	a := arrival{bucket: b.name, key: h.fields["key"]}
	for {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return refuseS3(c, refusal{status: http.StatusBadRequest, code: "MalformedPOSTRequest"})
		}
		names = append(names, p.FormName())
		if p.FormName() == "file" {
			if refused := d.take(c, p, -1, &a); refused != nil {
				return refused
			}
		}
	}
	c.checkFileLast(names)
	switch {
	case a.size < low:
		return refuseS3(c, refusal{status: http.StatusBadRequest, code: "EntityTooSmall"})
	case a.size > high:
		return refuseS3(c, refusal{status: http.StatusBadRequest, code: "EntityTooLarge"})
	}
	d.s.arrived(b.vendor, a)
	return newAnswer(http.StatusNoContent).with("ETag", `"`+a.etag+`"`)
}

// checkPolicy evaluates the policy that the form carries. Its signature is looked
// for only, but its conditions are those that the sandbox wrote.
func (d *discardStore) checkPolicy(c *call, b *bucketHost, h formHead) (low, high int64, refused *answer) {
	deny := func(why string) (int64, int64, *answer) {
		return 0, 0, refuseS3(c, refusal{status: http.StatusForbidden, code: "AccessDenied", message: "Invalid according to Policy: " + why})
	}
	raw, err := base64.StdEncoding.DecodeString(h.fields["policy"])
	if err != nil || h.fields["x-amz-signature"] == "" {
		return 0, 0, refuseS3(c, refusal{status: http.StatusForbidden, code: "AccessDenied"})
	}
	policy, err := parsePolicy(raw)
	if err != nil {
		return 0, 0, refuseS3(c, refusal{status: http.StatusBadRequest, code: "InvalidPolicyDocument", message: err.Error()})
	}
	if time.Now().After(policy.expires) {
		return deny("Policy expired.")
	}
	fields := map[string]string{"bucket": b.name}
	for name, value := range h.fields {
		fields[name] = value
	}
	if broken := policy.broken(fields); broken != "" {
		return deny("Policy Condition failed: " + broken)
	}
	for name := range h.fields {
		if !policy.names[name] && !contains([]string{"policy", "x-amz-signature"}, name) && !strings.HasPrefix(name, "x-ignore-") {
			return deny("Extra input fields: " + name)
		}
	}
	return policy.low, policy.high, nil
}
