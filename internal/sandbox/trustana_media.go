package sandbox

import (
	"net/http"
	"path"
)

// checkPut notes a PUT that does not say what it sends.
func (t *trustana) checkPut(c *call) {
	m, ok := t.byFile(path.Base(c.path["key"]))
	if !ok {
		return
	}
	c.log.Subject = m.UploadID
	if f := c.fate(); f != "" {
		t.table.update(m.UploadID, func(m *trustanaMedium) bool { m.Fate = f; return true })
	}
	want := trustanaTypes()[extension(m.Name)]
	if got := c.r.Header.Get("Content-Type"); got != want {
		c.violation("content-type", "%s was sent as %q, want %q", m.Name, got, want)
	}
}

// arrived notes the bytes. After processing nothing changes any more (TA-6).
func (t *trustana) arrived(a arrival) {
	id := t.byName.get(path.Base(a.key))
	set := t.s.Settings().Trustana
	now, wall := t.s.clock.age(), t.s.clock.wall()
	t.table.update(id, func(m *trustanaMedium) bool {
		m.Received++
		if m.Arrived != 0 && t.state(*m) == "ready" {
			return true
		}
		m.Arrived, m.Due = now, now+set.Processing.milliseconds()
		m.ReceivedAt = &wall
		m.Size, m.SHA256, m.ETag = a.size, a.sha256, a.etag
		m.Format = imageType(a.head)
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
func (t *trustana) state(m trustanaMedium) string {
	switch {
	case m.Arrived == 0:
		return "prepared"
	case m.Format == "" || m.Fate == fateFailed:
		return "unprocessable"
	case m.Fate == fateStuck || t.s.clock.age() < m.Due:
		return "processing"
	}
	return "ready"
}

// status is asked by exactly one of two keys. Whatever is not done is one 404
// (TA-5).
func (t *trustana) status(c *call, _ Credential) *answer {
	c.onlyQuery("uploadId", "fileName")
	id, name := c.query.Get("uploadId"), c.query.Get("fileName")
	if (id == "") == (name == "") {
		return t.refuse(c, refusal{status: http.StatusBadRequest, message: c.invalid("exactly one of uploadId and fileName is required")})
	}
	if name != "" {
		id = t.byName.get(name)
	}
	c.log.Subject = id
	if f := c.fate(); f != "" {
		t.table.update(id, func(m *trustanaMedium) bool { m.Fate = f; return true })
	}
	m, ok := t.table.get(id)
	if !ok || t.state(m) != "ready" {
		return t.refuse(c, refusal{status: http.StatusNotFound, message: trustanaNotDone})
	}
	if c.rule == nil {
		m, _ = t.table.update(id, func(m *trustanaMedium) bool { m.Polls++; return true })
		c.pollCount(id, m.Polls)
	}
	size := m.Size
	if c.fault("wrong-size") {
		size++
	}
	return jsonAnswer(http.StatusOK, map[string]any{"errorCode": 0, "data": map[string]any{
		"fileId": m.FileID, "key": m.Key, "originalName": m.Name, "size": size, "format": m.Format,
		"createdAt": m.CreatedAt.UnixMilli(),
	}})
}

// final is the CDN.
func (t *trustana) final(c *call) *answer {
	m, ok := t.byFile(c.path["file"])
	if !ok || t.state(m) != "ready" {
		return refusePlain(c, refusal{status: http.StatusNotFound})
	}
	c.log.Subject = m.UploadID
	return t.s.serveObject(c, "trustana", m.Key, m.Format)
}

func (t *trustana) media() []Medium {
	var out []Medium
	for _, m := range t.table.all() {
		m.State = t.state(m)
		m.ContentType = m.Format
		if m.State == "ready" {
			m.Visible, m.MediaID = true, m.FileID
		}
		out = append(out, m.Medium)
	}
	return out
}

// refusePlain is how a download host says no.
func refusePlain(_ *call, f refusal) *answer {
	if f.message == "" {
		f.message = http.StatusText(f.status)
	}
	a := newAnswer(f.status).with("Content-Type", "text/plain; charset=utf-8")
	a.body = []byte(f.message + "\n")
	return a
}
