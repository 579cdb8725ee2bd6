package upload

import "time"

// Method is how a session takes its bytes.
type Method string

// The methods.
const (
	MethodPut       Method = "put"       // one PUT of the whole body
	MethodForm      Method = "form"      // one multipart/form-data POST, the file last
	MethodMultipart Method = "multipart" // a PUT for each part
)

// Store is who takes a session's bytes and answers for them.
type Store string

// The stores.
const (
	StoreS3     Store = "s3"
	StoreOSS    Store = "oss"
	StoreVendor Store = "vendor" // the vendor itself, with its credentials
)

// Session is what prepare opened: where and how to send the bytes, and until
// when. It holds signed URLs and policies: histories keep it encrypted, and it
// is never logged.
type Session struct {
	Method Method `json:"method"`

	// ID is the vendor's name for the session, as it calls an upload or a file;
	// empty where the vendor has none.
	ID string `json:"id,omitempty"`
	// FileName is the vendor's second name for it, by which it can be asked too.
	FileName string `json:"file_name,omitempty"`

	URL    string            `json:"url,omitempty"`    // of the PUT or POST
	Header map[string]string `json:"header,omitempty"` // to be sent with the bytes
	Form   []FormField       `json:"form,omitempty"`   // to be sent before the file, in this order
	File   FormFile          `json:"file,omitzero"`
	Store  Store             `json:"store"` // who takes the bytes

	Plan  Plan      `json:"plan,omitzero"`   // of a multipart session; fixed at start
	Parts []PartURL `json:"parts,omitempty"` // URLs handed out so far, by part number

	// ExpiresAt is the moment, on our clock, after which nothing more of the
	// session may be started; zero where it does not end, or nobody knows when.
	ExpiresAt time.Time     `json:"expires_at,omitzero"`
	Life      time.Duration `json:"life,omitempty"` // from prepare to ExpiresAt, at most; Spent measures by it

	// Media is what prepare already knows of the medium to come.
	Media Media `json:"media,omitzero"`

	OpenedAt time.Time `json:"opened_at,omitzero"` // on the vendor's clock
	Before   []string  `json:"before,omitempty"`   // media that were there before, where the vendor lists them
}

// FormField is one field of a form.
type FormField struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// FormFile is the file's own part of a form.
type FormFile struct {
	Field string `json:"field,omitempty"`
	Name  string `json:"name,omitempty"`
	Type  string `json:"type,omitempty"`
}

// PartURL is where one part goes, and until when it may be started.
type PartURL struct {
	Number    int       `json:"number"`
	URL       string    `json:"url"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	// Life is from the request for it to ExpiresAt; 0: as the session's.
	Life time.Duration `json:"life,omitempty"`
}

// Spent reports whether so little is left of something that lives life and ends
// at expires that it should be renewed rather than used: less than a minute or
// a fifth of its life, whichever is shorter, or less than need.
func Spent(now, expires time.Time, life, need time.Duration) bool {
	if expires.IsZero() {
		return false
	}
	reserve := time.Minute
	if fifth := life / 5; life > 0 && fifth < reserve {
		reserve = fifth
	}
	return expires.Sub(now) < max(reserve, need)
}

// Part is one part that the store acknowledged.
type Part struct {
	Number int    `json:"number"`
	Offset int64  `json:"offset"`
	Size   int64  `json:"size"`
	ETag   string `json:"etag"`             // as received, without quotes
	CRC64  string `json:"crc64"`            // unsigned decimal, ECMA
	SHA256 string `json:"sha256,omitempty"` // lower-case hex, where the part is the whole

	// Took is from the first byte of the send that was acknowledged to its answer.
	Took time.Duration `json:"took,omitempty"`
	// Wasted is how many bytes of it were sent before that, in vain.
	Wasted int64 `json:"wasted,omitempty"`
	// Retries counts what was repeated before that because of the line, by code.
	Retries map[string]int `json:"retries,omitempty"`
}

// Receipt is what proves that bytes arrived.
type Receipt struct {
	BytesSent int64  `json:"bytes_sent"` // of the medium, repeats included
	ETag      string `json:"etag,omitempty"`
	SHA256    string `json:"sha256,omitempty"` // lower-case hex, where one process read the whole
	CRC64     string `json:"crc64,omitempty"`  // unsigned decimal, ECMA

	// Media is set where the answer to the bytes names the medium.
	Media *Media `json:"media,omitempty"`
	// Untold says that the bytes are stored, but that the store could not tell
	// the vendor so (OSS, 203).
	Untold bool `json:"untold,omitempty"`
	// Note is something that did not stop the upload but that a person should
	// know.
	Note string `json:"note,omitempty"`
}

// Media is what the vendor made, or is making, of the bytes.
type Media struct {
	ID    string `json:"id,omitempty"`
	URL   string `json:"url,omitempty"` // public and lasting; empty where it would be signed
	State State  `json:"state,omitempty"`
	// Seen is the vendor's own word for the state, or what it answered.
	Seen string `json:"seen,omitempty"`
	// Reason is the vendor's explanation of a failure.
	Reason string `json:"reason,omitempty"`
	// Stored are the parts that the vendor says it has, of a session that is not
	// complete.
	Stored []StoredPart `json:"stored,omitempty"`
}

// StoredPart is a part as the vendor lists it.
type StoredPart struct {
	Number int    `json:"number"`
	ETag   string `json:"etag"`
}
