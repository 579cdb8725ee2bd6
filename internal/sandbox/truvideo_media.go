package sandbox

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// checkPart notes a part that does not say what it is, or that comes too late.
func (t *truvideo) checkPart(c *call) {
	u, ok := t.table.get(t.byKey.get(c.path["key"]))
	if !ok {
		return
	}
	c.log.Subject = u.UploadID + "/" + c.query.Get("partNumber")
	t.doom(c, u.UploadID)
	if got, want := c.r.Header.Get("Content-Type"), truvideoTypes()[u.FileType]; got == "" {
		c.violation("content-type", "a part came without a Content-Type, want that of the media, such as %q", want)
	}
	if u.CompletedAt != 0 {
		c.violation("part-after-complete", "part %s came after complete was accepted", c.query.Get("partNumber"))
	}
}

// doom gives an upload the fate that the call's rule has for it.
func (t *truvideo) doom(c *call, id string) {
	if f := c.fate(); f != "" {
		t.table.update(id, func(u *truvideoUpload) bool { u.Fate, u.FateReason = f, c.fateReason(); return true })
	}
}

// fateReason is what a rule wants to be said about a failure.
func (c *call) fateReason() string {
	if !c.fault("failed") {
		return ""
	}
	if text := c.rule.Params["failed"]; text != "" {
		return text
	}
	return "Processing failed"
}

// arrived notes a part.
func (t *truvideo) arrived(a arrival) {
	id := t.byKey.get(a.key)
	p := truvideoPart{UploadID: id, Part: Part{Number: a.part, Size: a.size, SHA256: a.sha256, ETag: a.etag}}
	key := partID(id, a.part)
	if old, ok := t.parts.get(key); ok {
		p.Received = old.Received
	}
	p.Received++
	t.parts.put(key, p)
}

func (t *truvideo) partsOf(u truvideoUpload) []Part {
	var out []Part
	for n := 1; n <= truvideoMaxParts; n++ { // more than Amount would be a client's error, and shown
		if p, ok := t.parts.get(partID(u.UploadID, n)); ok {
			out = append(out, p.Part)
		}
	}
	return out
}

type truvideoComplete struct {
	Parts *[]struct {
		PartNumber *int    `json:"partNumber"`
		ETagA      *string `json:"eTag"`
		ETagB      *string `json:"etag"` // the sample app's other spelling
	} `json:"parts"`
}

// claims gives the listed parts, or says what is wrong with the list (TV-4).
func (in truvideoComplete) claims(amount int) ([]claim, string) {
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

func (t *truvideo) complete(c *call, _ string) *answer {
	c.onlyQuery()
	u, refused := t.session(c)
	if refused != nil {
		return refused
	}
	var in truvideoComplete
	if wrong := c.readJSON(&in); wrong != "" {
		return t.bad(c, "error.invalid_payload", wrong)
	}
	claims, wrong := in.claims(u.Amount)
	if wrong != "" {
		return t.bad(c, "error.invalid_parts", c.invalid("%s", wrong))
	}
	for _, p := range claims {
		if strings.Contains(p.ETag, `"`) {
			c.violation("quoted-etag", "the ETag of part %d still has its quotes", p.Number)
			break
		}
	}
	t.doom(c, u.UploadID)
	first := u.CompletedAt == 0
	if first {
		t.accept(u, claims)
	}
	t.settle(u.UploadID)
	u, _ = t.table.get(u.UploadID)
	state := t.state(u)
	if !first && state == "FAILED" {
		return t.bad(c, "error.invalid_state", c.invalid("the upload has failed"))
	}
	if first {
		state = "PENDING_COMPLETE"
	}
	t.table.update(u.UploadID, func(u *truvideoUpload) bool { u.Completes++; return true })
	return jsonAnswer(truvideoAccepted, map[string]string{"uploadId": u.UploadID, "mediaId": u.MediaID, "status": state})
}

// accept begins with joining the parts.
func (t *truvideo) accept(u truvideoUpload, claims []claim) {
	now := t.s.clock.age()
	u, _ = t.table.update(u.UploadID, func(u *truvideoUpload) bool {
		if u.CompletedAt != 0 {
			return false
		}
		u.CompletedAt, u.Completed = now, claims
		u.Due = now + t.s.Settings().TruVideo.Processing.milliseconds()
		return true
	})
	if u.Fate == fateStuck {
		return
	}
	if done := t.s.jobs.start("truvideo/"+u.UploadID, func() { t.process(u.UploadID) }); u.Due <= now {
		<-done
	}
}

// resume goes on with what the end of the last process interrupted.
func (t *truvideo) resume() {
	for _, u := range t.table.all() {
		if u.CompletedAt != 0 && u.Result == "" && u.Fate != fateStuck {
			t.s.jobs.start("truvideo/"+u.UploadID, func() { t.process(u.UploadID) })
		}
	}
}

// process joins the parts in storage, as the vendor does, and keeps what storage
// says against it.
func (t *truvideo) process(id string) {
	u, ok := t.table.get(id)
	if !ok || u.Result != "" || u.Fate == fateStuck {
		return
	}
	reason, etag := u.FateReason, ""
	var c content
	if u.Fate != fateFailed {
		var err error
		if etag, err = t.join(u); err == nil {
			c, err = t.read(u)
		}
		if t.s.life.Err() != nil {
			return // the next start goes on
		}
		if err != nil {
			reason = err.Error()
		}
	}
	t.table.update(id, func(u *truvideoUpload) bool {
		u.Result, u.Reason = "COMPLETED", ""
		if reason != "" {
			u.Result, u.Reason = "FAILED", reason
			return true
		}
		u.ETag, u.Size, u.SHA256, u.CRC64, u.Received = etag, c.size, c.sha256, c.crc64, 1
		at := t.s.clock.wall()
		u.ReceivedAt = &at
		return true
	})
}

func (t *truvideo) join(u truvideoUpload) (string, error) {
	stored, err := t.s.store.stored(t.s.life, "truvideo", u.Key, u.S3UploadID)
	var known *storeError
	if errors.As(err, &known) && known.code == "NoSuchUpload" {
		if f, _, errOpen := t.s.store.open("truvideo", u.Key); errOpen == nil {
			return "", f.Close() // joined before the last process ended
		}
	}
	if err != nil {
		return "", err
	}
	parts := make([]claimedPart, 0, len(u.Completed))
	for _, p := range u.Completed {
		if stored[p.Number].size > truvideoMaxPart {
			return "", fmt.Errorf("part %d is larger than 600 MB", p.Number)
		}
		parts = append(parts, claimedPart{number: p.Number, etag: p.ETag})
	}
	return t.s.store.finish(t.s.life, "truvideo", u.Key, u.S3UploadID, parts)
}

// read gives size and checksum of the whole. Where bytes are not kept, the parts
// have to do.
func (t *truvideo) read(u truvideoUpload) (content, error) {
	if t.s.opts.Discard {
		var c content
		for _, p := range t.partsOf(u) {
			c.size += p.Size
		}
		return c, nil
	}
	f, size, err := t.s.store.open("truvideo", u.Key)
	if err != nil {
		return content{}, err
	}
	defer func() { _ = f.Close() }()
	if t.s.opts.SkipSHA256 {
		return content{size: size}, nil
	}
	m := newMeasuredReader(f, measureOptions{sha256: true, crc64: true})
	_, err = io.Copy(io.Discard, m)
	return m.content(), err
}

// settle waits a little for processing that is due.
func (t *truvideo) settle(id string) {
	u, ok := t.table.get(id)
	if ok && u.CompletedAt != 0 && u.Result == "" && u.Fate != fateStuck && t.s.clock.age() >= u.Due {
		t.s.jobs.finish("truvideo/"+id, func() { t.process(id) })
	}
}

func (t *truvideo) state(u truvideoUpload) string {
	switch {
	case u.CompletedAt == 0 && len(t.partsOf(u)) == 0:
		return "INITIALIZED"
	case u.CompletedAt == 0:
		return "PARTIAL"
	case u.Result == "" || u.Fate == fateStuck || t.s.clock.age() < u.Due:
		return "PENDING_COMPLETE"
	case u.Fate == fateFailed:
		return "FAILED"
	}
	return u.Result
}

func (t *truvideo) status(c *call, _ string) *answer {
	c.onlyQuery()
	u, refused := t.session(c)
	if refused != nil {
		return refused
	}
	t.doom(c, u.UploadID)
	t.settle(u.UploadID)
	u, _ = t.table.get(u.UploadID)
	state := t.state(u)
	if (state == "COMPLETED" || state == "FAILED") && c.rule == nil {
		u, _ = t.table.update(u.UploadID, func(u *truvideoUpload) bool { u.Polls++; return true })
		c.pollCount(u.UploadID, u.Polls)
	}
	parts := []map[string]any{}
	for _, p := range t.partsOf(u) {
		parts = append(parts, map[string]any{"partNumber": p.Number, "eTag": p.ETag})
	}
	out := map[string]any{
		"uploadId": u.UploadID, "mediaId": u.MediaID, "s3UploadId": u.S3UploadID, "status": state,
		"bucketName": t.s.bucketName("truvideo"), "keyName": u.Key, "fileUrl": u.URL, "creator": u.Creator,
		"parts": parts, "failureReason": nil, "sanitizedTitle": sanitized(u.Title),
	}
	if state == "FAILED" {
		out["failureReason"] = cmp.Or(u.Reason, u.FateReason)
	}
	return jsonAnswer(http.StatusOK, out)
}

// public says whether an object may be downloaded: when its upload is completed.
func (t *truvideo) public(key string) bool {
	u, ok := t.table.get(t.byKey.get(key))
	return ok && t.state(u) == "COMPLETED"
}

func (t *truvideo) contentTypeOf(key string) string {
	u, _ := t.table.get(t.byKey.get(key))
	return u.ContentType
}

func (t *truvideo) media() []Medium {
	var out []Medium
	for _, u := range t.table.all() {
		t.settle(u.UploadID)
		u, _ = t.table.get(u.UploadID)
		u.State, u.Parts = t.state(u), t.partsOf(u)
		u.Visible = u.State == "COMPLETED"
		if u.State == "FAILED" {
			u.Reason = cmp.Or(u.Reason, u.FateReason)
		}
		out = append(out, u.Medium)
	}
	return out
}

// AbortTruVideo throws the parts of an upload away in storage, as a cleaning rule
// of its bucket would: further parts are NoSuchUpload.
func (s *Sandbox) AbortTruVideo(uploadID string) error {
	u, ok := s.truvideo.table.get(uploadID)
	if !ok {
		return fmt.Errorf("TruVideo has no upload %q", uploadID)
	}
	for _, p := range s.truvideo.partsOf(u) {
		s.truvideo.parts.remove(partID(uploadID, p.Number))
	}
	return s.store.abort(s.life, "truvideo", u.Key, u.S3UploadID)
}

// ForgetTruVideoPart makes TruVideo list a part of an upload no more, as if it had
// never come; it reports whether there was one.
func (s *Sandbox) ForgetTruVideoPart(uploadID string, number int) bool {
	id := partID(uploadID, number)
	_, known := s.truvideo.parts.get(id)
	s.truvideo.parts.remove(id)
	return known
}
