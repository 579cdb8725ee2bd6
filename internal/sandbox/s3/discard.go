package s3

import (
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
)

// discardStore takes what S3 would take and keeps sizes and checksums only, for
// measuring how fast a client is when storage costs next to nothing.
type discardStore struct {
	*signer
	s       *Storage
	buckets map[string]*bucketHost
	uploads *simulate.Table[discardUpload]
	parts   *simulate.Table[discardPart]
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

func newDiscardStore(s *Storage) (*discardStore, error) {
	w := s.w
	d := &discardStore{
		signer: newSigner(w.StorageURL, w.Identity.S3Access, w.Identity.S3Secret, s.BucketName),
		s:      s, buckets: map[string]*bucketHost{},
	}
	for _, vendor := range s.names {
		if b := s.host(vendor); b.Bucket != nil { // a source without bytes is none
			d.buckets[b.name] = b
		}
	}
	var errs [2]error
	d.uploads, errs[0] = simulate.NewTable[discardUpload](w, "discard.upload")
	d.parts, errs[1] = simulate.NewTable[discardPart](w, "discard.part")
	return d, errors.Join(errs[:]...)
}

func (d *discardStore) Hosts() map[string]*bucketHost { return d.buckets }

func (d *discardStore) Reset() {
	d.uploads.Clear()
	d.parts.Clear()
}

func (d *discardStore) Close() {}

func (d *discardStore) Remove(string, string) {}

func (d *discardStore) Open(string, string) (io.ReadSeekCloser, int64, error) {
	return nil, 0, os.ErrNotExist
}

func (d *discardStore) Begin(_ context.Context, _, key, _ string) (string, error) {
	id := simulate.RandomHex(16)
	d.uploads.Put(id, discardUpload{Key: key})
	return id, nil
}

func (d *discardStore) Abort(_ context.Context, _, _, uploadID string) error {
	_, ok := d.uploads.Update(uploadID, func(u *discardUpload) bool { u.Aborted = true; return true })
	if !ok {
		return &simulate.StoreError{Code: "NoSuchUpload", Message: "The specified multipart upload does not exist."}
	}
	return nil
}

func (d *discardStore) Stored(_ context.Context, vendor, _, uploadID string) (map[int]simulate.StoredPart, error) {
	found := map[int]simulate.StoredPart{}
	for n := 1; n <= d.s.vendors[vendor].MostParts; n++ {
		if p, ok := d.parts.Get(partID(uploadID, n)); ok {
			found[n] = simulate.StoredPart{ETag: p.ETag, Size: p.Size}
		}
	}
	return found, nil
}

func partID(uploadID string, n int) string { return uploadID + "/" + strconv.Itoa(n) }

func (d *discardStore) Finish(ctx context.Context, vendor, key, uploadID string, parts []simulate.ClaimedPart) (string, error) {
	have, err := d.Stored(ctx, vendor, key, uploadID)
	if err != nil {
		return "", err
	}
	var sums []string
	for i, p := range parts {
		if i < len(parts)-1 && have[p.Number].Size < smallestPart {
			return "", &simulate.StoreError{Code: "EntityTooSmall", Message: "Your proposed upload is smaller than the minimum allowed object size."}
		}
		if have[p.Number].ETag == "" || have[p.Number].ETag != strings.Trim(p.ETag, `"`) {
			return "", &simulate.StoreError{Code: "InvalidPart", Message: fmt.Sprintf("One or more of the specified parts could not be found: part %d.", p.Number)}
		}
		sums = append(sums, have[p.Number].ETag)
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

// Serve takes a PUT of an object or of a part, or a form.
func (d *discardStore) Serve(c *simulate.Call, b *bucketHost) *simulate.Answer {
	if c.HTTP.Method == http.MethodPost {
		return d.serveForm(c, b)
	}
	for _, name := range []string{"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-SignedHeaders"} {
		if !c.Query.Has(name) {
			return Refuse(c, simulate.Refusal{Status: http.StatusBadRequest, Code: "AuthorizationQueryParametersError", Message: "The parameter " + name + " is missing"})
		}
	}
	a := simulate.Arrival{Bucket: b.name, Key: c.Path["key"], UploadID: c.Query.Get("uploadId")}
	if b.MostParts > 0 {
		upload, ok := d.uploads.Get(a.UploadID)
		if !ok || upload.Aborted || upload.Key != a.Key {
			return Refuse(c, simulate.Refusal{Status: http.StatusNotFound, Code: "NoSuchUpload"})
		}
		a.Part, _ = strconv.Atoi(c.Query.Get("partNumber"))
	}
	if refused := d.take(c, c.Body, c.HTTP.ContentLength, &a); refused != nil {
		return refused
	}
	if a.Part > 0 {
		d.parts.Put(partID(a.UploadID, a.Part), discardPart{Upload: a.UploadID, Number: a.Part, ETag: a.ETag, Size: a.Size})
	}
	d.s.tell(b.vendor, a)
	return simulate.NewAnswer(http.StatusOK).With("ETag", `"`+a.ETag+`"`).With("x-amz-request-id", strings.ToUpper(simulate.RandomHex(8)))
}

// take reads the bytes; want is how many there must be, or -1.
func (d *discardStore) take(c *simulate.Call, body io.Reader, want int64, a *simulate.Arrival) *simulate.Answer {
	m := simulate.NewMeasuredReader(body, simulate.Measure{SHA256: !d.s.w.SkipSHA256, MD5: true})
	_, err := io.Copy(io.Discard, m)
	if err != nil || want >= 0 && m.Size != want {
		return Refuse(c, simulate.Refusal{Status: http.StatusBadRequest, Code: "IncompleteBody"})
	}
	a.Content = m.Content()
	a.ETag = a.MD5
	if given := c.HTTP.Header.Get("Content-MD5"); given != "" {
		if sum, err := hex.DecodeString(a.MD5); err != nil || given != base64.StdEncoding.EncodeToString(sum) {
			return Refuse(c, simulate.Refusal{Status: http.StatusBadRequest, Code: "BadDigest"})
		}
	}
	return nil
}

func (d *discardStore) serveForm(c *simulate.Call, b *bucketHost) *simulate.Answer {
	h, err := simulate.HeadOf(c)
	if err != nil {
		return Refuse(c, simulate.Refusal{Status: http.StatusBadRequest, Code: "MalformedPOSTRequest"})
	}
	low, high, refused := d.checkPolicy(c, b, h)
	if refused != nil {
		return refused
	}
	r := multipart.NewReader(c.Body, h.Boundary)
	var names []string
	a := simulate.Arrival{Bucket: b.name, Key: h.Fields["key"]}
	for {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Refuse(c, simulate.Refusal{Status: http.StatusBadRequest, Code: "MalformedPOSTRequest"})
		}
		names = append(names, p.FormName())
		if p.FormName() == "file" {
			if refused := d.take(c, p, -1, &a); refused != nil {
				return refused
			}
		}
	}
	c.CheckFileLast(names)
	switch {
	case a.Size < low:
		return Refuse(c, simulate.Refusal{Status: http.StatusBadRequest, Code: "EntityTooSmall"})
	case a.Size > high:
		return Refuse(c, simulate.Refusal{Status: http.StatusBadRequest, Code: "EntityTooLarge"})
	}
	d.s.tell(b.vendor, a)
	return simulate.NewAnswer(http.StatusNoContent).With("ETag", `"`+a.ETag+`"`)
}

// checkPolicy evaluates the policy that the form carries. Its signature is looked
// for only, but its conditions are those that the sandbox wrote.
func (d *discardStore) checkPolicy(c *simulate.Call, b *bucketHost, h simulate.FormHead) (low, high int64, refused *simulate.Answer) {
	deny := func(why string) (int64, int64, *simulate.Answer) {
		return 0, 0, Refuse(c, simulate.Refusal{Status: http.StatusForbidden, Code: "AccessDenied", Message: "Invalid according to Policy: " + why})
	}
	raw, err := base64.StdEncoding.DecodeString(h.Fields["policy"])
	if err != nil || h.Fields["x-amz-signature"] == "" {
		return 0, 0, Refuse(c, simulate.Refusal{Status: http.StatusForbidden, Code: "AccessDenied"})
	}
	policy, err := simulate.ParsePolicy(raw)
	if err != nil {
		return 0, 0, Refuse(c, simulate.Refusal{Status: http.StatusBadRequest, Code: "InvalidPolicyDocument", Message: err.Error()})
	}
	if time.Now().After(policy.Expires) {
		return deny("Policy expired.")
	}
	fields := map[string]string{"bucket": b.name}
	for name, value := range h.Fields {
		fields[name] = value
	}
	if broken := policy.Broken(fields); broken != "" {
		return deny("Policy Condition failed: " + broken)
	}
	for name := range h.Fields {
		if !policy.Names[name] && !slices.Contains([]string{"policy", "x-amz-signature"}, name) && !strings.HasPrefix(name, "x-ignore-") {
			return deny("Extra input fields: " + name)
		}
	}
	return policy.Low, policy.High, nil
}
