package contract

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/config"
	"github.com/mediaferry/mediaferry/internal/manifest"
	"github.com/mediaferry/mediaferry/internal/sources"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// fiveAccounts is a configuration with an account of each vendor.
const fiveAccounts = `accounts:
  trustana: {vendor: trustana, api_key: key-12345678}
  trustoo: {vendor: trustoo, public_token: p, private_token: token-12345678}
  sitoo: {vendor: sitoo, token: token-12345678}
  closient: {vendor: closient, api_key: key-12345678}
  truvideo: {vendor: truvideo, api_key: key-12345678, secret: secret-12345678, external_id: t}
`

// hostileManifest is a file that somebody wants to have planned. It is refused with kind
// invalid, as a whole or in each of its rows, and then plan and start end with status 3;
// or it has so many rows that are good.
type hostileManifest struct {
	name string
	text func() string
	says string // in the first problem, or in the refusal of the whole
	good int    // rows; 0: it is refused
}

func TestAHostileManifestDoesNoHarm(t *testing.T) {
	c := configured(t, fiveAccounts)
	for _, h := range hostileManifests {
		t.Run(h.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "m.csv")
			require.NoError(t, os.WriteFile(path, []byte(h.text()), 0o600))
			peak := watchMemory(t)
			good, problems := planned(t, c, path)
			require.Less(t, peak(), uint64(mostMemory), "bytes of memory")
			require.Equal(t, h.good, good, "good rows; problems: %v", problems)
			if h.good > 0 {
				require.Empty(t, problems)
				return
			}
			require.NotEmpty(t, problems)
			require.Contains(t, problems[0], h.says)
			for _, text := range problems {
				require.Equal(t, upload.Plain(text), text)
				require.Less(t, len(text), 4096)
			}
		})
	}
}

func TestAManifestThatIsNoFileIsRefused(t *testing.T) {
	c := configured(t, fiveAccounts)
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe.csv")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	for _, path := range []string{pipe, "/dev/zero", "/dev/null", "/proc/self/mem", filepath.Join(dir, "nothing.csv")} {
		good, problems := planned(t, c, path)
		require.Zero(t, good)
		require.Len(t, problems, 1, path)
	}
}

func configured(t *testing.T, text string) *config.Config {
	t.Helper()
	path := filepath.Join(t.TempDir(), config.FileName)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	c, err := config.Load(path)
	require.NoError(t, err)
	return c
}

// planned reads a manifest as plan does, and returns how many rows are good, and the
// first of the problems that refuse something.
func planned(t *testing.T, c *config.Config, path string) (good int, problems []string) {
	t.Helper()
	note := func(all []manifest.Problem) {
		for _, p := range all {
			if !p.Warning && len(problems) < 100 {
				problems = append(problems, p.Message)
			}
		}
	}
	r, err := manifest.Open(t.Context(), manifest.Place{Source: path, Base: filepath.Dir(path)}, manifest.Options{
		Opener: manifest.From(sources.New(sources.Options{})), Catalog: c, Batch: "b", To: "trustana",
	})
	if err == nil {
		defer func() { require.NoError(t, r.Close()) }()
		note(r.Header())
	}
	for err == nil {
		var row manifest.Row
		if row, err = r.Next(t.Context()); err == nil {
			note(row.Problems)
			if row.Valid() {
				good++
			}
		}
	}
	if r != nil && slices.ContainsFunc(r.Header(), func(p manifest.Problem) bool { return !p.Warning }) {
		good = 0 // no row of such a manifest is sent
	}
	if !errors.Is(err, io.EOF) {
		var e *upload.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, upload.KindInvalid, e.Kind)
		problems = append(problems, e.Message)
	}
	return good, problems
}

// text is a manifest of this text.
func text(s string) func() string { return func() string { return s } }

// cell is a manifest of one row with this source.
func cell(source string) func() string { return text("source\n" + source + "\n") }

var hostileManifests = []hostileManifest{
	{"a million columns", func() string { return "source" + strings.Repeat(",x", 1_000_000) + "\na.jpg\n" }, "", 0},
	{"a hundred thousand rows of nothing", func() string { return "source\na.jpg\n" + strings.Repeat("\n", 100_000) }, "", 1},
	{"a cell of a hundred megabytes", func() string { return "source\n" + strings.Repeat("a", 100<<20) + ".jpg\n" }, "the row is longer than", 0},
	{"a quote that never ends, over a hundred thousand lines", func() string { return "source\n\"" + strings.Repeat("a.txt\n", 100_000) }, "", 0},
	{"quotes upon quotes", text("source\n" + strings.Repeat(`"`, 999) + "\n"), "", 0},
	{"one line of a hundred megabytes without an end", func() string { return strings.Repeat("a,", 50<<20) }, "", 0},
	{"NUL in a cell", cell("a\x00.jpg"), "", 0},
	{"a file of NUL", text(strings.Repeat("\x00", 10_000)), "", 0},
	{"random bytes", text("\x00\xff\xfe\x01\x80\x81\n\xfe\xff\x00"), "", 0},
	{"a picture", text("\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01"), "", 0},
	{"a bomb of gzip", func() string { return gzipBomb() }, "", 0},
	{"a workbook that is a bomb", workbook, "", 0},
	{"UTF-16 that ends within a character", text("\xff\xfes\x00o\x00u\x00r\x00c\x00e\x00\n\x00a\x00.\x00j\x00p\x00g"), "", 0},
	{"UTF-16 with halves of characters", text("\xff\xfes\x00o\x00u\x00r\x00c\x00e\x00\n\x00\x00\xd8a\x00.\x00j\x00p\x00g\x00"), "", 0},
	{"UTF-7, which is text", text("source\n+ADw-script+AD4-.jpg\n"), "", 1},
	{"invalid UTF-8", cell("a\xc3\x28.jpg"), "", 0},
	{"a byte order mark twice", text("\ufeff\ufeffsource\na.jpg\n"), "", 1},
	{"commands for terminals in a cell", cell("\x1b]0;pwned\x07a.jpg"), "", 0},
	{"commands for terminals in a header", text("source,\x1b[31mx\na.jpg,1\n"), "", 0},
	{"an id in colours", text("source,id\na.jpg,\x1b[31mx\n"), "", 0},
	{"an id of a million characters", func() string { return "source,id\na.jpg," + strings.Repeat("i", 1_000_000) + "\n" }, "", 0},
	{"an id with a space that nobody sees", text("source,id\na.jpg,a\u200bb\n"), "", 0},
	{"ids that are equal once they are escaped", text("source,id\na.jpg,a%2Fb\nb.jpg,a/b\n"), "", 2},
	{"a header that is there twice", text("source,source\na.jpg,b.jpg\n"), "", 0},
	{"a thousand headers without a name", text("source" + strings.Repeat(",", 1000) + "\na.jpg\n"), "", 1},
	{"a URL of gopher", cell("gopher://127.0.0.1/a.jpg"), "", 0},
	{"a URL that is data", cell("data:image/png;base64,AAAA"), "", 0},
	{"a URL with a line break", text("source\n\"https://h.example/a\r\nX-Evil: 1.jpg\"\n"), "", 0},
	{"a URL without a host", cell("https:///a.jpg"), "", 0},
	{"a URL whose host is half written", cell("https://[::1/a.jpg"), "", 0},
	{"an object that leads out of its bucket", cell("s3://bucket/../../other/a.jpg"), "", 1},
	{"an account that is a formula", text("source,to\na.jpg,=cmd()\n"), "", 0},
	{"an account that leads elsewhere", text("source,to\na.jpg,../../etc\n"), "", 0},
	{"a checksum in full-width digits", text("source,sha256\na.jpg," + strings.Repeat("\uff10", 64) + "\n"), "", 0},
	{"a media type with a header in it", text("source,content_type\na.jpg,\"image/jpeg\r\nX-Evil: 1\"\n"), "", 0},
	{"a list of a hundred thousand SKUs", func() string { return "source,skuIds\na.jpg," + strings.Repeat("s|", 100_000) + "\n" }, "", 0},
	{"JSON lines nested a million deep", func() string {
		return `{"source":"a.jpg","x":` + strings.Repeat("[", 500_000) + strings.Repeat("]", 500_000) + "}\n"
	}, "", 0},
	{"JSON with a source twice", text(`{"source":"a.jpg","source":"b.jpg"}` + "\n"), "", 0},
	{"JSON with NaN", text(`{"source":NaN}` + "\n"), "", 0},
	{"JSON whose source is an object", text(`{"source":{"a":"b"}}` + "\n"), "", 0},
	{"JSON of numbers beyond any", text(`{"source":"a.mp4","to":"truvideo","duration":1e999999}` + "\n"), "", 0},
	{"JSON of halves of characters", text(`{"source":"\ud800.jpg"}` + "\n"), "", 0},
	{"tags nested a hundred thousand deep", func() string {
		return `{"source":"a.mp4","to":"truvideo","tags":` + strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000) + "}\n"
	}, "", 0},
	{"a hundred thousand members", func() string {
		var b strings.Builder
		b.WriteString(`{"source":"a.jpg"`)
		for i := range 50_000 {
			fmt.Fprintf(&b, `,"m%d":1`, i)
		}
		return b.String() + "}\n"
	}, "", 0},
	{"an empty file", text(""), "is empty", 0},
	{"a header alone", text("source\n"), "has no rows", 0},
}

// workbook is a spreadsheet's archive with a sheet of 200 MiB in 200 kB.
func workbook() string {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	w, err := z.Create("xl/worksheets/sheet1.xml")
	piece := strings.Repeat(" ", 1<<20)
	for range 200 {
		if err == nil {
			_, err = io.WriteString(w, piece)
		}
	}
	if err := errors.Join(err, z.Close()); err != nil {
		panic(err)
	}
	return out.String()
}

// hostileConfiguration is a configuration file that somebody left. Commands end with
// status 2 where it is refused.
type hostileConfiguration struct {
	name, text string
	says       string // of the refusal
}

func TestAHostileConfigurationIsRefused(t *testing.T) {
	for _, h := range hostileConfigurations {
		t.Run(h.name, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
			path := filepath.Join(dir, config.FileName)
			require.NoError(t, os.WriteFile(path, []byte(strings.ReplaceAll(h.text, "DIR", dir)), 0o600))
			peak := watchMemory(t)
			c, err := config.Load(path)
			if err == nil {
				_, err = c.Account("a")
			}
			require.Less(t, peak(), uint64(mostMemory), "bytes of memory")
			require.Error(t, err)
			require.Contains(t, err.Error(), h.says)
			require.NotContains(t, err.Error(), "\x1b")
		})
	}
}

// account is a configuration of one account with this line.
func account(line string) string { return "accounts:\n  a:\n    vendor: sitoo\n    " + line + "\n" }

var hostileConfigurations = []hostileConfiguration{
	{"aliases that grow without an end", "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e]\nsources: {local_roots: [*f,*f,*f,*f]}\n", ""},
	{"an alias of itself", "accounts: &a {a: *a}\n", ""},
	{"lists nested a hundred thousand deep", "accounts: " + strings.Repeat("[", 100_000), ""},
	{"maps nested ten thousand deep", "accounts: " + strings.Repeat("{a: ", 10_000), ""},
	{"a key that is there twice", "accounts: {a: {vendor: sitoo, token: t1, token: t2}}\n", ""},
	{"a key that nobody knows, in colours", "\"\\e[31mx\": 1\naccounts: {}\n", ""},
	{"an account in colours", "accounts: {\"\\e[31ma\": {vendor: sitoo, token: token-12345678}}\n", ""},
	{"an account that leads elsewhere", "accounts: {../../a: {vendor: sitoo, token: token-12345678}}\n", ""},
	{"binary", "\x00\x01\x02\xff", ""},
	{"a tag that asks for an object", "accounts: !!python/object/apply:os.system [\"true\"]\n", ""},
	{"a base_url of a file", account("base_url: file:///etc/passwd"), ""},
	{"a base_url with a user name", account("base_url: https://user:pass@h.example"), ""},
	{"a base_url that is not encrypted", account("base_url: http://h.example"), ""},
	{"a base_url with a line break", account(`base_url: "https://h.example\r\nX-Evil: 1"`), ""},
	{"a base_url without a host", account("base_url: https:///x"), ""},
	{"a token with a header in it", account(`token: "t0ken-12345678\r\nX-Evil: 1"`), ""},
	{"a secret in a device without an end", account("token: ${file:/dev/zero}"), ""},
	{"a secret in a pipe that nobody writes to", account("token: ${file:DIR/pipe}"), ""},
	{"a secret in a folder", account("token: ${file:DIR}"), ""},
	{"a reference that never ends", account("token: ${" + strings.Repeat("A", 10_000)), ""},
	{"a rate below zero", account("requests_per_second: -1"), ""},
	{"a rate that is no number", account("requests_per_second: .nan"), ""},
	{"a rate without an end", account("requests_per_second: .inf"), ""},
	{"a patience beyond any duration", account("patience: 99999999999999h"), ""},
	{"a file of two megabytes", "# " + strings.Repeat("x", 2<<20), "is larger than"},
}
