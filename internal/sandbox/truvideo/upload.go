package truvideo

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
)

type startRequest struct {
	AmountOfParts *int                       `json:"amountOfParts"`
	Media         *mediaRequest              `json:"media"`
	Metadata      map[string]json.RawMessage `json:"metadata"`
}

type mediaRequest struct {
	FileType   string                     `json:"fileType"`
	Creator    *string                    `json:"creator"`
	Title      *string                    `json:"title"`
	Duration   *int64                     `json:"duration"`
	Resolution *string                    `json:"resolution"`
	Tags       map[string]json.RawMessage `json:"tags"`
	Insights   *insightsRequest           `json:"insights"`
}

type insightsRequest struct {
	IsLibrary       *bool `json:"isLibrary"`
	IncludeInReport *bool `json:"includeInReport"`
}

func (in startRequest) wrong() string {
	switch {
	case in.AmountOfParts == nil:
		return "amountOfParts is required"
	case *in.AmountOfParts < 1 || *in.AmountOfParts > maxParts:
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
	if anyCase {
		kind = strings.ToUpper(kind)
	}
	_, known := mediaTypes()[kind]
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

func (t *Vendor) start(c *simulate.Call, account string) *simulate.Answer {
	c.OnlyQuery()
	var in startRequest
	if wrong := c.ReadJSON(&in); wrong != "" {
		return t.bad(c, "error.invalid_payload", wrong)
	}
	if wrong := in.wrong(); wrong != "" {
		return t.bad(c, "error.invalid_payload", c.Invalid("%s", wrong))
	}
	u := t.newUpload(in, account)
	id, err := t.w.Store.Begin(c.Context(), vendorName, u.Key, mediaTypes()[u.FileType])
	if err != nil {
		return t.refuse(c, simulate.Refusal{Status: http.StatusInternalServerError, Message: err.Error()})
	}
	u.S3UploadID, u.Fate, u.FateReason = id, c.Fate(), c.FateReason()
	n := u.Amount
	if most := t.settings().InitialURLs; most > 0 {
		n = min(n, most)
	}
	numbers := make([]int, 0, n)
	for i := 1; i <= n; i++ {
		numbers = append(numbers, i)
	}
	t.table.Put(u.UploadID, u)
	t.byKey.Set(u.Key, u.UploadID)
	c.Log.Subject = u.UploadID
	urls, err := t.urls(c, u, numbers)
	if err != nil {
		return t.refuse(c, simulate.Refusal{Status: http.StatusInternalServerError, Message: err.Error()})
	}
	return simulate.JSON(http.StatusCreated, map[string]any{"uploadId": u.UploadID, "mediaId": u.MediaID, "parts": urls})
}

func (t *Vendor) newUpload(in startRequest, account string) uploadSession {
	m := in.Media
	u := uploadSession{
		Amount: *in.AmountOfParts, FileType: strings.ToUpper(m.FileType), Title: deref(m.Title), Creator: deref(m.Creator),
		Started: t.w.Clock.Age(), Stamps: map[string]int64{},
	}
	id := simulate.RandomHex(12)
	u.Medium = simulate.Medium{
		Vendor: vendorName, Account: account, UploadID: id, MediaID: simulate.NewUUID(), Name: u.Title,
		Key: id + "/" + shortened(sanitized(u.Title)) + "." + strings.ToLower(u.FileType), Fields: in.fields(), CreatedAt: t.w.Clock.Wall(),
		ContentType: mediaTypes()[u.FileType],
	}
	u.URL = t.w.StorageURL + "/" + t.w.Store.BucketName(vendorName) + "/" + u.Key
	return u
}

// fields is the request as it came, for the ledger.
func (in startRequest) fields() map[string]any {
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
func (t *Vendor) urls(c *simulate.Call, u uploadSession, numbers []int) ([]map[string]any, error) {
	life := t.settings().URLLife
	age := t.w.Clock.Age()
	fresh, dead := map[string]int64{}, map[string]bool{}
	out := []map[string]any{}
	for i, n := range numbers {
		g, err := t.w.Store.PresignPart(c.Context(), vendorName, simulate.PartOf{Key: u.Key, UploadID: u.S3UploadID, Number: n}, life)
		if err != nil {
			return nil, err
		}
		fresh[g.Stamp] = age
		dead[g.Stamp+"/"+strconv.Itoa(n)] = c.Fault("expired")
		if c.Fault("missing-url") && (c.Rule.Int("missing-url", n) == n && c.Rule.Params["missing-url"] != "" || c.Rule.Params["missing-url"] == "" && i == 0) {
			continue
		}
		out = append(out, map[string]any{
			"partNumber": n, "presignedUrl": g.URL, "expiresAt": t.w.Clock.Wall().Add(time.Duration(life)).Format(timeFormat),
		})
	}
	t.table.Update(u.UploadID, func(u *uploadSession) bool {
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
func (t *Vendor) moreURLs(c *simulate.Call, _ string) *simulate.Answer {
	c.OnlyQuery("count")
	if status := t.settings().PartsStatus; status != 0 {
		return t.refuse(c, simulate.Refusal{Status: status})
	}
	count, err := strconv.Atoi(c.Query.Get("count"))
	if err != nil || count < 1 || count > partsMost {
		return t.bad(c, "error.invalid_count", c.Invalid("count must be between 1 and %d", partsMost))
	}
	u, refused := t.session(c)
	if refused != nil {
		return refused
	}
	if u.CompletedAt != 0 {
		return t.bad(c, "error.invalid_state", c.Invalid("the upload is complete already"))
	}
	stored, err := t.w.Store.Stored(c.Context(), vendorName, u.Key, u.S3UploadID)
	if err != nil {
		return t.refuse(c, simulate.Refusal{Status: http.StatusInternalServerError, Message: err.Error()})
	}
	var numbers []int
	for n := 1; n <= u.Amount && len(numbers) < count; n++ {
		if _, ok := stored[n]; !ok {
			numbers = append(numbers, n)
		}
	}
	urls, err := t.urls(c, u, numbers)
	if err != nil {
		return t.refuse(c, simulate.Refusal{Status: http.StatusInternalServerError, Message: err.Error()})
	}
	return simulate.JSON(http.StatusOK, map[string]any{"uploadId": u.UploadID, "parts": urls})
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
