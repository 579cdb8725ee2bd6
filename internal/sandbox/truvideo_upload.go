package sandbox

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

type truvideoStart struct {
	AmountOfParts *int                       `json:"amountOfParts"`
	Media         *truvideoMedia             `json:"media"`
	Metadata      map[string]json.RawMessage `json:"metadata"`
}

type truvideoMedia struct {
	FileType   string                     `json:"fileType"`
	Creator    *string                    `json:"creator"`
	Title      *string                    `json:"title"`
	Duration   *int64                     `json:"duration"`
	Resolution *string                    `json:"resolution"`
	Tags       map[string]json.RawMessage `json:"tags"`
	Insights   *truvideoInsights          `json:"insights"`
}

type truvideoInsights struct {
	IsLibrary       *bool `json:"isLibrary"`
	IncludeInReport *bool `json:"includeInReport"`
}

func (in truvideoStart) wrong() string {
	switch {
	case in.AmountOfParts == nil:
		return "amountOfParts is required"
	case *in.AmountOfParts < 1 || *in.AmountOfParts > truvideoMaxParts:
		return "amountOfParts must be between 1 and 120"
	case in.Media == nil || in.Media.FileType == "":
		return "media.fileType is required"
	}
	for _, reserved := range []string{"failureReason", "failureTimestamp"} {
		if _, ok := in.Metadata[reserved]; ok {
			return "metadata." + reserved + " is reserved"
		}
	}
	m := in.Media
	kind := m.FileType
	if truvideoAnyCase {
		kind = strings.ToUpper(kind)
	}
	_, known := truvideoTypes()[kind]
	switch {
	case !known:
		return "media.fileType is not supported"
	case m.Creator != nil && utf8.RuneCountInString(*m.Creator) > 255:
		return "media.creator must have at most 255 characters"
	case m.Duration != nil && *m.Duration < 0:
		return "media.duration must not be negative"
	case m.Resolution != nil && !slices.Contains([]string{"LOW", "NORMAL", "HIGH"}, *m.Resolution):
		return "media.resolution must be LOW, NORMAL or HIGH"
	}
	return ""
}

func (t *truvideo) start(c *call, account string) *answer {
	c.onlyQuery()
	var in truvideoStart
	if wrong := c.readJSON(&in); wrong != "" {
		return t.bad(c, "error.invalid_payload", wrong)
	}
	if wrong := in.wrong(); wrong != "" {
		return t.bad(c, "error.invalid_payload", c.invalid("%s", wrong))
	}
	u := t.newUpload(in, account)
	id, err := t.s.store.begin(c.ctx(), "truvideo", u.Key, truvideoTypes()[u.FileType])
	if err != nil {
		return t.refuse(c, refusal{status: http.StatusInternalServerError, message: err.Error()})
	}
	u.S3UploadID, u.Fate, u.FateReason = id, c.fate(), c.fateReason()
	n := u.Amount
	if most := t.s.Settings().TruVideo.InitialURLs; most > 0 {
		n = min(n, most)
	}
	numbers := make([]int, 0, n)
	for i := 1; i <= n; i++ {
		numbers = append(numbers, i)
	}
	t.table.put(u.UploadID, u)
	t.byKey.set(u.Key, u.UploadID)
	c.log.Subject = u.UploadID
	urls, err := t.urls(c, u, numbers)
	if err != nil {
		return t.refuse(c, refusal{status: http.StatusInternalServerError, message: err.Error()})
	}
	return jsonAnswer(http.StatusCreated, map[string]any{"uploadId": u.UploadID, "mediaId": u.MediaID, "parts": urls})
}

func (t *truvideo) newUpload(in truvideoStart, account string) truvideoUpload {
	m := in.Media
	u := truvideoUpload{
		Amount: *in.AmountOfParts, FileType: strings.ToUpper(m.FileType), Title: deref(m.Title), Creator: deref(m.Creator),
		Started: t.s.clock.age(), Stamps: map[string]int64{},
	}
	id := randomHex(12)
	u.Medium = Medium{
		Vendor: "truvideo", Account: account, UploadID: id, MediaID: newUUID(), Name: u.Title,
		Key: id + "/" + shortened(sanitized(u.Title)) + "." + strings.ToLower(u.FileType), Fields: in.fields(), CreatedAt: t.s.clock.wall(),
		ContentType: truvideoTypes()[u.FileType],
	}
	u.URL = t.s.storage + "/" + t.s.bucketName("truvideo") + "/" + u.Key
	return u
}

// fields is the request as it came, for the ledger.
func (in truvideoStart) fields() map[string]any {
	var out map[string]any
	raw, err := json.Marshal(in)
	if err != nil || json.Unmarshal(raw, &out) != nil {
		return nil
	}
	dropNulls(out)
	return out
}

func dropNulls(m map[string]any) {
	for k, v := range m {
		switch v := v.(type) {
		case nil:
			delete(m, k)
		case map[string]any:
			dropNulls(v)
		}
	}
}

// sanitized replaces each character that is not safe in a file name.
func sanitized(title string) string {
	return strings.Map(func(r rune) rune {
		if r < 128 && (r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r == '.' || r == '-' || r == '_') {
			return r
		}
		return '_'
	}, title)
}

// shortened keeps a title within what a file name may have.
func shortened(s string) string { return s[:min(len(s), 120)] }

// urls signs URLs for parts and notes when.
func (t *truvideo) urls(c *call, u truvideoUpload, numbers []int) ([]map[string]any, error) {
	life := t.s.Settings().TruVideo.URLLife
	age := t.s.clock.age()
	fresh, dead := map[string]int64{}, map[string]bool{}
	out := []map[string]any{}
	for i, n := range numbers {
		g, err := t.s.store.presignPart(c.ctx(), "truvideo", partOf{u.Key, u.S3UploadID, n}, life)
		if err != nil {
			return nil, err
		}
		fresh[g.stamp] = age
		dead[g.stamp+"/"+strconv.Itoa(n)] = c.fault("expired")
		if c.fault("missing-url") && (c.rule.int("missing-url", n) == n && c.rule.Params["missing-url"] != "" || c.rule.Params["missing-url"] == "" && i == 0) {
			continue
		}
		out = append(out, map[string]any{
			"partNumber": n, "presignedUrl": g.url, "expiresAt": t.s.clock.wall().Add(time.Duration(life)).Format(truvideoTimeFormat),
		})
	}
	t.table.update(u.UploadID, func(u *truvideoUpload) bool {
		u.Stamps, u.Dead = maps.Clone(u.Stamps), maps.Clone(u.Dead)
		maps.Copy(u.Stamps, fresh)
		for id, isDead := range dead {
			if !isDead {
				delete(u.Dead, id)
				continue
			}
			if u.Dead == nil {
				u.Dead = map[string]bool{}
			}
			u.Dead[id] = true
		}
		return true
	})
	return out, nil
}

// moreURLs is TV-3.
func (t *truvideo) moreURLs(c *call, _ string) *answer {
	c.onlyQuery("count")
	if status := t.s.Settings().TruVideo.PartsStatus; status != 0 {
		return t.refuse(c, refusal{status: status})
	}
	count, err := strconv.Atoi(c.query.Get("count"))
	if err != nil || count < 1 || count > truvideoPartsMost {
		return t.bad(c, "error.invalid_count", c.invalid("count must be between 1 and %d", truvideoPartsMost))
	}
	u, refused := t.session(c)
	if refused != nil {
		return refused
	}
	if u.CompletedAt != 0 {
		return t.bad(c, "error.invalid_state", c.invalid("the upload is complete already"))
	}
	stored, err := t.s.store.stored(c.ctx(), "truvideo", u.Key, u.S3UploadID)
	if err != nil {
		return t.refuse(c, refusal{status: http.StatusInternalServerError, message: err.Error()})
	}
	var numbers []int
	for n := 1; n <= u.Amount && len(numbers) < count; n++ {
		if _, ok := stored[n]; !ok {
			numbers = append(numbers, n)
		}
	}
	urls, err := t.urls(c, u, numbers)
	if err != nil {
		return t.refuse(c, refusal{status: http.StatusInternalServerError, message: err.Error()})
	}
	return jsonAnswer(http.StatusOK, map[string]any{"uploadId": u.UploadID, "parts": urls})
}
