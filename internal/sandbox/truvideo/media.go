package truvideo

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
)

// checkPart notes a part that does not say what it is, or that comes too late.
func (t *Vendor) checkPart(c *simulate.Call, _ *simulate.FormHead) {
	u, ok := t.table.Get(t.byKey.Get(c.Path["key"]))
	if !ok {
		return
	}
	c.Log.Subject = u.UploadID + "/" + c.Query.Get("partNumber")
	t.doom(c, u.UploadID)
	if got, want := c.HTTP.Header.Get("Content-Type"), mediaTypes()[u.FileType]; got == "" {
		c.Violation("content-type", "a part came without a Content-Type, want that of the media, such as %q", want)
	}
	if u.CompletedAt != 0 {
		c.Violation("part-after-complete", "part %s came after complete was accepted", c.Query.Get("partNumber"))
	}
}

// doom gives an upload the fate that the call's rule has for it.
func (t *Vendor) doom(c *simulate.Call, id string) {
	if f := c.Fate(); f != "" {
		t.table.Update(id, func(u *uploadSession) bool { u.Fate, u.FateReason = f, c.FateReason(); return true })
	}
}

// arrived notes a part.
func (t *Vendor) arrived(a simulate.Arrival) {
	id := t.byKey.Get(a.Key)
	p := storedPart{UploadID: id, Part: simulate.Part{Number: a.Part, Size: a.Size, SHA256: a.SHA256, ETag: a.ETag}}
	key := partKey(id, a.Part)
	if old, ok := t.parts.Get(key); ok {
		p.Received = old.Received
	}
	p.Received++
	t.parts.Put(key, p)
}

func (t *Vendor) partsOf(u uploadSession) []simulate.Part {
	var out []simulate.Part
	for n := 1; n <= maxParts; n++ { // more than Amount would be a client's error, and shown
		if p, ok := t.parts.Get(partKey(u.UploadID, n)); ok {
			out = append(out, p.Part)
		}
	}
	return out
}

type completeRequest struct {
	Parts *[]struct {
		PartNumber *int    `json:"partNumber"`
		ETagA      *string `json:"eTag"`
		ETagB      *string `json:"etag"` // the sample app's other spelling
	} `json:"parts"`
}

// claims gives the listed parts, or says what is wrong with the list (TV-4).
func (in completeRequest) claims(amount int) ([]claim, string) {
	if in.Parts == nil {
		return nil, "parts is required"
	}
	if len(*in.Parts) != amount {
		return nil, fmt.Sprintf("want %d parts, got %d", amount, len(*in.Parts))
	}
	out := make([]claim, 0, amount)
	for i, p := range *in.Parts {
		etag := deref(p.ETagA)
		if etag == "" {
			etag = deref(p.ETagB)
		}
		if p.PartNumber == nil || *p.PartNumber != i+1 {
			return nil, fmt.Sprintf("parts must be contiguous from 1: want number %d", i+1)
		}
		if etag == "" {
			return nil, fmt.Sprintf("part %d has no eTag", i+1)
		}
		out = append(out, claim{Number: i + 1, ETag: etag})
	}
	return out, ""
}

func (t *Vendor) complete(c *simulate.Call, _ string) *simulate.Answer {
	c.OnlyQuery()
	u, refused := t.session(c)
	if refused != nil {
		return refused
	}
	var in completeRequest
	if wrong := c.ReadJSON(&in); wrong != "" {
		return t.bad(c, "error.invalid_payload", wrong)
	}
	claims, wrong := in.claims(u.Amount)
	if wrong != "" {
		return t.bad(c, "error.invalid_parts", c.Invalid("%s", wrong))
	}
	for _, p := range claims {
		if strings.Contains(p.ETag, `"`) {
			c.Violation("quoted-etag", "the ETag of part %d still has its quotes", p.Number)
			break
		}
	}
	t.doom(c, u.UploadID)
	first := u.CompletedAt == 0
	if first {
		t.accept(u, claims)
	}
	t.settle(u.UploadID)
	u, _ = t.table.Get(u.UploadID)
	state := t.state(u)
	if !first && state == "FAILED" {
		return t.bad(c, "error.invalid_state", c.Invalid("the upload has failed"))
	}
	if first {
		state = "PENDING_COMPLETE"
	}
	t.table.Update(u.UploadID, func(u *uploadSession) bool { u.Completes++; return true })
	return simulate.JSON(completeStatus, map[string]string{"uploadId": u.UploadID, "mediaId": u.MediaID, "status": state})
}

// accept begins with joining the parts.
func (t *Vendor) accept(u uploadSession, claims []claim) {
	now := t.w.Clock.Age()
	u, _ = t.table.Update(u.UploadID, func(u *uploadSession) bool {
		if u.CompletedAt != 0 {
			return false
		}
		u.CompletedAt, u.Completed = now, claims
		u.Due = now + t.settings().Processing.Milliseconds()
		return true
	})
	if u.Fate == simulate.FateStuck {
		return
	}
	if done := t.w.Jobs.Start("truvideo/"+u.UploadID, func() { t.process(u.UploadID) }); u.Due <= now {
		<-done
	}
}

// Resume goes on with what the end of the last process interrupted.
func (t *Vendor) Resume() {
	for _, u := range t.table.All() {
		if u.CompletedAt != 0 && u.Result == "" && u.Fate != simulate.FateStuck {
			t.w.Jobs.Start("truvideo/"+u.UploadID, func() { t.process(u.UploadID) })
		}
	}
}

// process joins the parts in storage, as the vendor does, and keeps what storage
// says against it.
func (t *Vendor) process(id string) {
	u, ok := t.table.Get(id)
	if !ok || u.Result != "" || u.Fate == simulate.FateStuck {
		return
	}
	reason, etag := u.FateReason, ""
	var c simulate.Content
	if u.Fate != simulate.FateFailed {
		var err error
		if etag, err = t.join(u); err == nil {
			c, err = t.read(u)
		}
		if t.w.Life.Err() != nil {
			return // the next start goes on
		}
		if err != nil {
			reason = err.Error()
		}
	}
	t.table.Update(id, func(u *uploadSession) bool {
		u.Result, u.Reason = "COMPLETED", ""
		if reason != "" {
			u.Result, u.Reason = "FAILED", reason
			return true
		}
		u.ETag, u.Size, u.SHA256, u.CRC64, u.Received = etag, c.Size, c.SHA256, c.CRC64, 1
		at := t.w.Clock.Wall()
		u.ReceivedAt = &at
		return true
	})
}

func (t *Vendor) join(u uploadSession) (string, error) {
	stored, err := t.w.Store.Stored(t.w.Life, vendorName, u.Key, u.S3UploadID)
	var known *simulate.StoreError
	if errors.As(err, &known) && known.Code == "NoSuchUpload" {
		if f, _, errOpen := t.w.Store.Open(vendorName, u.Key); errOpen == nil {
			return "", f.Close() // joined before the last process ended
		}
	}
	if err != nil {
		return "", err
	}
	parts := make([]simulate.ClaimedPart, 0, len(u.Completed))
	for _, p := range u.Completed {
		if stored[p.Number].Size > maxPart {
			return "", fmt.Errorf("part %d is larger than 600 MB", p.Number)
		}
		parts = append(parts, simulate.ClaimedPart{Number: p.Number, ETag: p.ETag})
	}
	return t.w.Store.Finish(t.w.Life, vendorName, u.Key, u.S3UploadID, parts)
}

// read gives size and checksum of the whole. Where bytes are not kept, the parts
// have to do.
func (t *Vendor) read(u uploadSession) (simulate.Content, error) {
	if t.w.Discard {
		var c simulate.Content
		for _, p := range t.partsOf(u) {
			c.Size += p.Size
		}
		return c, nil
	}
	f, size, err := t.w.Store.Open(vendorName, u.Key)
	if err != nil {
		return simulate.Content{}, err
	}
	defer func() { _ = f.Close() }()
	if t.w.SkipSHA256 {
		return simulate.Content{Size: size}, nil
	}
	m := simulate.NewMeasuredReader(f, simulate.Measure{SHA256: true, CRC64: true})
	_, err = io.Copy(io.Discard, m)
	return m.Content(), err
}

// settle waits a little for processing that is due.
func (t *Vendor) settle(id string) {
	u, ok := t.table.Get(id)
	if ok && u.CompletedAt != 0 && u.Result == "" && u.Fate != simulate.FateStuck && t.w.Clock.Age() >= u.Due {
		t.w.Jobs.Finish("truvideo/"+id, func() { t.process(id) })
	}
}

func (t *Vendor) state(u uploadSession) string {
	switch {
	case u.CompletedAt == 0 && len(t.partsOf(u)) == 0:
		return "INITIALIZED"
	case u.CompletedAt == 0:
		return "PARTIAL"
	case u.Result == "" || u.Fate == simulate.FateStuck || t.w.Clock.Age() < u.Due:
		return "PENDING_COMPLETE"
	case u.Fate == simulate.FateFailed:
		return "FAILED"
	}
	return u.Result
}

func (t *Vendor) status(c *simulate.Call, _ string) *simulate.Answer {
	c.OnlyQuery()
	u, refused := t.session(c)
	if refused != nil {
		return refused
	}
	t.doom(c, u.UploadID)
	t.settle(u.UploadID)
	u, _ = t.table.Get(u.UploadID)
	state := t.state(u)
	if (state == "COMPLETED" || state == "FAILED") && c.Rule == nil {
		u, _ = t.table.Update(u.UploadID, func(u *uploadSession) bool { u.Polls++; return true })
		c.PollCount(u.UploadID, u.Polls)
	}
	parts := []map[string]any{}
	for _, p := range t.partsOf(u) {
		parts = append(parts, map[string]any{"partNumber": p.Number, "eTag": p.ETag})
	}
	out := map[string]any{
		"uploadId": u.UploadID, "mediaId": u.MediaID, "s3UploadId": u.S3UploadID, "status": state,
		"bucketName": t.w.Store.BucketName(vendorName), "keyName": u.Key, "fileUrl": u.URL, "creator": u.Creator,
		"parts": parts, "failureReason": nil, "sanitizedTitle": sanitized(u.Title),
	}
	if state == "FAILED" {
		out["failureReason"] = cmp.Or(u.Reason, u.FateReason)
	}
	return simulate.JSON(http.StatusOK, out)
}

// public gives the media type of an object that may be downloaded: one whose upload
// is completed.
func (t *Vendor) public(key string) (string, bool) {
	u, ok := t.table.Get(t.byKey.Get(key))
	return u.ContentType, ok && t.state(u) == "COMPLETED"
}

// Media is the vendor's part of the ledger.
func (t *Vendor) Media() []simulate.Medium {
	var out []simulate.Medium
	for _, u := range t.table.All() {
		t.settle(u.UploadID)
		u, _ = t.table.Get(u.UploadID)
		u.State, u.Parts = t.state(u), t.partsOf(u)
		u.Visible = u.State == "COMPLETED"
		if u.State == "FAILED" {
			u.Reason = cmp.Or(u.Reason, u.FateReason)
		}
		out = append(out, u.Medium)
	}
	return out
}
