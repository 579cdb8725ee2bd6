package trustana

import (
	"net/http"
	"path"

	"github.com/mediaferry/mediaferry/internal/sandbox/s3"
	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
)

// checkPut notes a PUT that does not say what it sends.
func (t *Vendor) checkPut(c *simulate.Call, _ *simulate.FormHead) {
	m, ok := t.byFile(path.Base(c.Path["key"]))
	if !ok {
		return
	}
	c.Log.Subject = m.UploadID
	if f := c.Fate(); f != "" {
		t.table.Update(m.UploadID, func(m *medium) bool { m.Fate = f; return true })
	}
	want := mediaTypes()[extension(m.Name)]
	if got := c.HTTP.Header.Get("Content-Type"); got != want {
		c.Violation("content-type", "%s was sent as %q, want %q", m.Name, got, want)
	}
}

// arrived notes the bytes. After processing nothing changes any more (TA-6).
func (t *Vendor) arrived(a simulate.Arrival) {
	id := t.byName.Get(path.Base(a.Key))
	set := t.settings()
	now, wall := t.w.Clock.Age(), t.w.Clock.Wall()
	t.table.Update(id, func(m *medium) bool {
		m.Received++
		if m.Arrived != 0 && t.state(*m) == "ready" {
			return true
		}
		m.Arrived, m.Due = now, now+set.Processing.Milliseconds()
		m.ReceivedAt = &wall
		m.Size, m.SHA256, m.ETag = a.Size, a.SHA256, a.ETag
		m.Format = simulate.ImageType(a.Head)
		if m.Format == "image/svg+xml" {
			m.Format = "" // not among the formats of this vendor
		}
		if m.Format == "" && set.AnyBytes {
			m.Format = "application/octet-stream"
		}
		return true
	})
}

// state is a word for the ledger; the vendor itself only knows done or not.
func (t *Vendor) state(m medium) string {
	switch {
	case m.Arrived == 0:
		return "prepared"
	case m.Format == "" || m.Fate == simulate.FateFailed:
		return "unprocessable"
	case m.Fate == simulate.FateStuck || t.w.Clock.Age() < m.Due:
		return "processing"
	}
	return "ready"
}

// status is asked by exactly one of two keys. Whatever is not done is one 404
// (TA-5).
func (t *Vendor) status(c *simulate.Call, _ simulate.Credential) *simulate.Answer {
	c.OnlyQuery("uploadId", "fileName")
	id, name := c.Query.Get("uploadId"), c.Query.Get("fileName")
	if (id == "") == (name == "") {
		return t.refuse(c, simulate.Refusal{Status: http.StatusBadRequest, Message: c.Invalid("exactly one of uploadId and fileName is required")})
	}
	if name != "" {
		id = t.byName.Get(name)
	}
	c.Log.Subject = id
	if f := c.Fate(); f != "" {
		t.table.Update(id, func(m *medium) bool { m.Fate = f; return true })
	}
	m, ok := t.table.Get(id)
	if !ok || t.state(m) != "ready" {
		return t.refuse(c, simulate.Refusal{Status: http.StatusNotFound, Message: notDone})
	}
	if c.Rule == nil {
		m, _ = t.table.Update(id, func(m *medium) bool { m.Polls++; return true })
		c.PollCount(id, m.Polls)
	}
	size := m.Size
	if c.Fault("wrong-size") {
		size++
	}
	return simulate.JSON(http.StatusOK, map[string]any{"errorCode": 0, "data": map[string]any{
		"fileId": m.FileID, "key": m.Key, "originalName": m.Name, "size": size, "format": m.Format,
		"createdAt": m.CreatedAt.UnixMilli(),
	}})
}

// final is the CDN.
func (t *Vendor) final(c *simulate.Call) *simulate.Answer {
	m, ok := t.byFile(c.Path["file"])
	if !ok || t.state(m) != "ready" {
		return simulate.RefusePlain(c, simulate.Refusal{Status: http.StatusNotFound})
	}
	c.Log.Subject = m.UploadID
	return s3.ServeObject(c, vendorName, m.Key, m.Format)
}

// Media is the vendor's part of the ledger.
func (t *Vendor) Media() []simulate.Medium {
	var out []simulate.Medium
	for _, m := range t.table.All() {
		m.State = t.state(m)
		m.ContentType = m.Format
		if m.State == "ready" {
			m.Visible, m.MediaID = true, m.FileID
		}
		out = append(out, m.Medium)
	}
	return out
}
