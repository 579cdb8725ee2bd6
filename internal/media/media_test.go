package media

import (
	"bytes"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// picture encodes a small picture.
func picture(t *testing.T, kind Type) []byte {
	t.Helper()
	drawn := image.NewPaletted(image.Rect(0, 0, 8, 8), color.Palette{color.White, color.Black})
	drawn.Set(3, 4, color.Black)
	var b bytes.Buffer
	switch kind {
	case JPEG:
		require.NoError(t, jpeg.Encode(&b, drawn, nil))
	case PNG:
		require.NoError(t, png.Encode(&b, drawn))
	case GIF:
		require.NoError(t, gif.Encode(&b, drawn, nil))
	case BMP:
		require.NoError(t, bmp.Encode(&b, drawn))
	case TIFF:
		require.NoError(t, tiff.Encode(&b, drawn, nil))
	}
	return b.Bytes()
}

// stored reads the first kilobyte of a file that ffmpeg made: a second of its
// test picture or of a tone.
func stored(t *testing.T, name string) []byte {
	t.Helper()
	head, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return head
}

// ftyp is the beginning of a file of these brands, the first of which is major.
func ftyp(brands ...string) []byte {
	body := brands[0] + "\x00\x00\x00\x00" + strings.Join(brands[1:], "")
	return append([]byte{0, 0, 0, byte(8 + len(body))}, "ftyp"+body+"\x00\x00\x00\x08free"...)
}

const drawing = `<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>`

func TestDetectKnowsWhatVendorsTake(t *testing.T) {
	for name, c := range map[string]struct {
		head []byte
		want Type
	}{
		"a JPEG picture":                      {picture(t, JPEG), JPEG},
		"a PNG picture":                       {picture(t, PNG), PNG},
		"a GIF picture":                       {picture(t, GIF), GIF},
		"a BMP picture":                       {picture(t, BMP), BMP},
		"a TIFF picture":                      {picture(t, TIFF), TIFF},
		"a WebP picture":                      {[]byte("RIFF\x10\x00\x00\x00WEBPVP8 \x04\x00\x00\x00"), WebP},
		"a bitmap of OS/2":                    {[]byte("BM\x46\x00\x00\x00\x00\x00\x00\x00\x20\x00\x00\x00\x0c\x00\x00\x00\x08\x00\x08\x00\x01\x00\x01\x00"), BMP},
		"a TIFF with 64-bit offsets":          {[]byte("II+\x00\x08\x00\x00\x00\x10\x00\x00\x00"), TIFF},
		"an MP4 film":                         {stored(t, "head.mp4"), MP4},
		"an MP4 film from a PlayStation":      {ftyp("MSNV", "mp42", "isom"), MP4},
		"a film with the brand of sounds":     {append(ftyp("M4A ", "isom"), "\x00\x00\x10\x00moov\x00\x00\x00\x14vmhd"...), MP4},
		"an iTunes film":                      {stored(t, "head.m4v"), MP4},
		"a QuickTime film":                    {stored(t, "head.mov"), QuickTime},
		"a QuickTime film without a brand":    {[]byte("\x00\x00\x00\x08wide\x01\x02\x03\x04mdat\xff\xff"), QuickTime},
		"a QuickTime film that starts at 255": {[]byte("\x01\x02\x03\x04mdat\xff\xfe\xfd\xfc"), QuickTime},
		"a 3GPP film":                         {stored(t, "head.3gp"), ThreeGPP},
		"an AVI film":                         {stored(t, "head.avi"), AVI},
		"an AVI film that begins with junk":   {[]byte("RIFF\x00\x10\x00\x00AVI JUNK\x00\x00\x00\x00"), AVI},
		"a Matroska film":                     {stored(t, "head.mkv"), Matroska},
		"a WebM film":                         {stored(t, "head.webm"), WebM},
		"a Flash film":                        {stored(t, "head.flv"), FLV},
		"a Windows Media film":                {stored(t, "head.wmv"), WMV},
		"an MP3 sound with a tag":             {stored(t, "head.mp3"), MP3},
		"an MP3 sound without a tag":          {stored(t, "untagged.mp3"), MP3},
		"a WAV sound":                         {stored(t, "head.wav"), WAV},
		"a WAV sound above 4 GiB":             {[]byte("RF64\xff\xff\xff\xffWAVEds64"), WAV},
		"an AAC sound":                        {stored(t, "head.aac"), AAC},
		"an AAC sound with a tag":             {append([]byte("ID3\x04\x00\x00\x00\x00\x00\x02ab"), stored(t, "head.aac")...), AAC},
		"a FLAC sound":                        {stored(t, "head.flac"), FLAC},
		"a FLAC sound of one block":           {[]byte("fLaC\x80\x00\x00\x22\x10\x00"), FLAC},
		"a FLAC sound with a tag":             {[]byte("ID3\x04\x00\x00\x00\x00\x00\x02abfLaC\x00\x00\x00\x22"), FLAC},
		"a FLAC sound with two tags":          {[]byte("ID3\x04\x00\x00\x00\x00\x00\x02abID3\x03\x00\x10\x00\x00\x00\x02ab3DI\x03\x00\x10\x00\x00\x00\x02fLaC\x00\x00\x00\x22"), FLAC},
		"a FLAC sound with padding":           {[]byte("ID3\x04\x00\x00\x00\x00\x00\x02ab\x00\x00\x00fLaC\x00\x00\x00\x22"), FLAC},
		"an MP3 sound that begins in a frame": {stored(t, "untagged.mp3")[100:], MP3},
		"a WAV sound with a tag":              {[]byte("ID3\x04\x00\x00\x00\x00\x00\x02abRIFF\x10\x00\x00\x00WAVEfmt "), WAV},
		"an MP3 sound with a tag too short":   {append([]byte("ID3\x04\x00\x00\x00\x00\x00\x02abAPIC\x01\x02picture"), stored(t, "untagged.mp3")...), MP3},
		"a PDF document behind a mark":        {[]byte("\xef\xbb\xbf\n%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"), PDF},
		"a PDF document":                      {[]byte("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"), PDF},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, Detect(c.head)) })
	}
}

// stream is the beginning of a transport stream.
func stream(size, offset int) []byte {
	head := make([]byte, HeadSize)
	for at := offset; at < len(head); at += size {
		head[at], head[at+1] = 0x47, 0x1f
	}
	return head
}

func TestDetectKnowsWhatNoVendorTakes(t *testing.T) {
	for name, c := range map[string]struct {
		head []byte
		want Type
	}{
		"an iPhone's picture":                      {ftyp("heic", "mif1", "heic"), HEIC},
		"a HEIC picture under a general brand":     {ftyp("mif1", "mif1", "heic"), HEIC},
		"a HEIF picture":                           {ftyp("mif1", "mif1"), HEIF},
		"an AVIF picture":                          {stored(t, "head.avif"), AVIF},
		"an AVIF picture under a general brand":    {ftyp("mif1", "avif", "miaf"), AVIF},
		"a Canon's raw picture":                    {ftyp("crx ", "crx ", "isom"), "image/x-canon-cr3"},
		"an iTunes sound":                          {stored(t, "head.m4a"), "audio/mp4"},
		"a transport stream":                       {stream(188, 0), "video/mp2t"},
		"a Fujifilm's raw picture":                 {[]byte("FUJIFILMCCD-RAW 0201FF393101"), "image/x-fuji-raf"},
		"an Olympus's raw picture":                 {[]byte("IIRO\x08\x00\x00\x00"), "image/x-olympus-orf"},
		"an APE sound with a tag":                  {[]byte("ID3\x04\x00\x00\x00\x00\x00\x02abMAC \x96\x0f\x00\x00"), "audio/ape"},
		"an Ogg sound":                             {[]byte("OggS\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x1e\x01vorbis"), "audio/ogg"},
		"a HEIF picture of a profile":              {ftyp("MiHE", "mif1", "heic"), HEIC},
		"a camera's transport stream":              {stream(192, 4), "video/mp2t"},
		"plain text":                               {[]byte("not found\n"), Text},
		"a web page":                               {[]byte("<!DOCTYPE html><html><body><svg xmlns=\"http://www.w3.org/2000/svg\"/></body></html>"), "text/html"},
		"a text with a box's name in it":           {[]byte("the moov is blue, and so on"), Text},
		"nothing":                                  {nil, Unknown},
		"zeros":                                    {make([]byte, HeadSize), Unknown},
		"one pair of bytes that begins an MP3":     {[]byte("\xff\xfb\xff\xff\xff\xff\xff\xff\x00\x01"), Unknown},
		"one pair of bytes that begins an AAC":     {[]byte("\xff\xf1\xff\x00\x00\x00\x00\x01\x02\x03"), Unknown},
		"an MP3 header with nothing to follow it":  {append([]byte("\xff\xfb\x90\x00\x01\x02"), make([]byte, 1000)...), Unknown},
		"an AAC header with nothing to follow it":  {append([]byte("\xff\xf1\x50\x80\x02\x1f"), make([]byte, 1000)...), Unknown},
		"a zip archive":                            {[]byte("PK\x03\x04\x14\x00\x00\x00\x00\x00"), "application/zip"},
		"a JSON document":                          {[]byte(`{"error":"no such image"}`), "application/json"},
		"an ftyp box of no size":                   {[]byte("\x00\x00\x00\x04ftypheic"), HEIC},
		"a picture of the oldest bitmap's letters": {[]byte("BMW drives well, and it does so for long"), Text},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, Detect(c.head)) })
	}
}

func TestSVGMustReallyBeSVG(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		svg  bool
	}{
		"a bare root":                     {drawing, true},
		"a declaration":                   {`<?xml version="1.0" encoding="UTF-8"?>` + "\n" + drawing, true},
		"a byte order mark":               {"\xef\xbb\xbf" + drawing, true},
		"another encoding":                {`<?xml version="1.0" encoding="ISO-8859-1"?><!-- caf` + "\xe9" + ` -->` + drawing, true},
		"UTF-16":                          {"\xff\xfe" + strings.Join(strings.Split(drawing, ""), "\x00") + "\x00", true},
		"comments and white space":        {"\n<!-- made by hand -->\n\t" + drawing, true},
		"a prefix":                        {`<s:svg xmlns:s="http://www.w3.org/2000/svg"/>`, true},
		"a document type":                 {`<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd"><svg width="1"/>`, true},
		"a namespace that is an entity":   {`<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "x" [<!ENTITY ns_svg "http://www.w3.org/2000/svg">]><svg xmlns="&ns_svg;"/>`, true},
		"an entity without a public type": {`<!DOCTYPE svg [<!ENTITY ns "http://www.w3.org/2000/svg">]>` + "\n" + `<svg xmlns="&ns;"/>`, true},
		"UTF-16 without a mark":           {strings.Join(strings.Split(drawing, ""), "\x00") + "\x00", true},
		"a document in its root":          {`<svg xmlns="http://www.w3.org/2000/svg" content="` + strings.Repeat("&lt;x/&gt;", HeadSize), true},
		"a document in an HTML element":   {`<html xmlns="http://www.w3.org/2000/svg" content="` + strings.Repeat("x", HeadSize), false},
		"no namespace":                    {`<svg width="1" height="1"/>`, false},
		"another namespace":               {`<svg xmlns="http://example.com/svg"/>`, false},
		"another root":                    {`<html>` + drawing + `</html>`, false},
		"words before":                    {`see ` + drawing, false},
		"words between":                   {`<?xml version="1.0"?>see ` + drawing, false},
		"the name alone":                  {`<!DOCTYPE svg`, false},
		"a root that the head cuts short": {`<!--` + strings.Repeat("-", HeadSize), false},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.svg, Detect([]byte(c.text)) == SVG, Detect([]byte(c.text))) })
	}
}

func TestMoreIsAskedForWhereTheHeadIsShort(t *testing.T) {
	long := strings.Repeat("licence text ", 400)
	tag := append([]byte("ID3\x04\x00\x00\x00\x00\x7f\x7f"), make([]byte, HeadSize)...)
	for name, c := range map[string]struct {
		head    string
		unknown bool
		said    string // by the name
		want    Type
	}{
		"a comment before the root":    {"<!-- " + long, true, "a.svg", SVG},
		"a declaration and a comment":  {`<?xml version="1.0"?><!DOCTYPE svg [` + long, true, "a.svg", SVG},
		"a root without its namespace": {`<svg style="` + long, true, "a.svg", SVG},
		"a tag of a sound":             {string(tag), true, "a.flac", FLAC},
		"noise":                        {strings.Repeat("\x01\xff\x03", HeadSize), false, "a.mp3", ""},
		"a web page":                   {"<html>" + long, false, "a.html", ""},
		"a picture":                    {string(picture(t, JPEG)) + long, false, "a.jpg", JPEG},
		"a short text":                 {"<!-- ", false, "a.svg", ""},
	} {
		t.Run(name, func(t *testing.T) {
			head := []byte(c.head)[:min(len(c.head), HeadSize)]
			require.Equal(t, c.unknown, Undecided(head))
			found, err := Check(head, c.said, "")
			require.Equal(t, c.want == "", err != nil, "%v", err)
			require.Equal(t, c.want, found.Type)
		})
	}
	loud := append([]byte{1, 2, 3}, bytes.Repeat(append([]byte("\xff\xfb\xe0\x00"), make([]byte, 1040)...), 9)...) // 320 kbit/s
	require.True(t, Undecided(loud[:HeadSize]))
	require.Equal(t, MP3, Detect(loud))
	require.False(t, Undecided(append(tag, make([]byte, HeadMost)...)), "there is an end")
}

func TestTheEndOfAURLIsNobodysClaim(t *testing.T) {
	webp := []byte("RIFF\x10\x00\x00\x00WEBPVP8 \x04\x00\x00\x00")
	for name, c := range map[string]struct {
		claim      Claim
		want       Found
		says, hint string
	}{
		"the bytes decide":                    {Claim{Head: webp, Name: "https://h/a.jpg", Served: "image/webp"}, Found{WebP, "a.webp"}, "", ""},
		"the bytes decide alone":              {Claim{Head: picture(t, PNG), Name: "a.jpg"}, Found{PNG, "a.png"}, "", ""},
		"a server that knows no better":       {Claim{Head: picture(t, PNG), Name: "a.jpg", Served: "text/plain; charset=utf-8"}, Found{PNG, "a.png"}, "", ""},
		"a server with another name":          {Claim{Head: picture(t, JPEG), Name: "a.jpg", Served: "image/pjpeg"}, Found{JPEG, "a.jpg"}, "", ""},
		"a server that goes by the name":      {Claim{Head: webp, Name: "a.jpg", Served: "image/jpeg"}, Found{}, "the file is image/webp, but its server declares image/jpeg", "set content_type to image/webp"},
		"a person knows better":               {Claim{Head: webp, Name: "a.jpg", Served: "image/jpeg", Declared: "image/webp"}, Found{WebP, "a.webp"}, "", ""},
		"a name that agrees with the bytes":   {Claim{Head: picture(t, JPEG), Name: "a.jpg", Served: "image/png"}, Found{JPEG, "a.jpg"}, "", ""},
		"a person who is wrong":               {Claim{Head: webp, Name: "a.webp", Declared: "image/jpeg"}, Found{}, "the declared content type is image/jpeg", "correct content_type"},
		"a container of one family":           {Claim{Head: stored(t, "head.mp4"), Name: "clip.mov", Served: "video/mp4"}, Found{QuickTime, "clip.mov"}, "", ""},
		"a page instead of a picture":         {Claim{Head: []byte("<!DOCTYPE html><html></html>"), Name: "a.jpg", Served: "text/html"}, Found{}, `"a.jpg" is text/html`, "links for sharing lead to a page"},
		"bytes of no kind":                    {Claim{Head: []byte{0, 1, 2, 3}, Name: "a.jpg"}, Found{}, "unknown format", "complete"},
		"a server with a type of no picture":  {Claim{Head: webp, Name: "a", Served: "application/zip"}, Found{WebP, "a.webp"}, "", ""},
		"an extension that is not of a media": {Claim{Head: webp, Name: "https://h/img.ashx?id=7"}, Found{WebP, "img.ashx.webp"}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			c.claim.Free = true
			found, err := c.claim.Check()
			require.Equal(t, c.want, found)
			if c.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.says)
			require.Contains(t, upload.AsError(err, "").Hint, c.hint)
		})
	}
}

func TestCheckDecides(t *testing.T) {
	mp4, mkv, asf := stored(t, "head.mp4"), stored(t, "head.mkv"), stored(t, "head.wmv")
	hidden := append([]byte("ID3\x04\x00\x00\x00\x01\x00\x00"), make([]byte, HeadSize)...)
	for name, c := range map[string]struct {
		head           []byte
		name, declared string
		want           Found
	}{
		"the bytes alone":                      {picture(t, JPEG), "shoe.jpg", "", Found{JPEG, "shoe.jpg"}},
		"an extension in capitals":             {picture(t, JPEG), "DSC_1.JPEG", "", Found{JPEG, "DSC_1.jpeg"}},
		"a rare extension":                     {picture(t, JPEG), "a.jfif", "", Found{JPEG, "a.jpg"}},
		"tif":                                  {picture(t, TIFF), "scan.TIF", "", Found{TIFF, "scan.tiff"}},
		"no extension":                         {picture(t, PNG), "download", "", Found{PNG, "download.png"}},
		"an extension that says nothing":       {picture(t, PNG), "shoe v1.2", "", Found{PNG, "shoe v1.2.png"}},
		"no name":                              {picture(t, GIF), "", "", Found{GIF, "medium.gif"}},
		"a URL":                                {picture(t, PNG), "https://h/a/b%20c.png?X-Amz-Signature=1", "", Found{PNG, "b c.png"}},
		"a path":                               {picture(t, PNG), "/srv/media/a.png", "", Found{PNG, "a.png"}},
		"a declared alias":                     {picture(t, JPEG), "a.jpg", "image/jpg; charset=binary", Found{JPEG, "a.jpg"}},
		"a declaration that says nothing":      {picture(t, JPEG), "a.jpg", "binary/octet-stream", Found{JPEG, "a.jpg"}},
		"a .mov with MP4's brand":              {mp4, "clip.mov", "", Found{QuickTime, "clip.mov"}},
		"a .3gp with MP4's brand":              {mp4, "clip.3gp", "", Found{ThreeGPP, "clip.3gp"}},
		"a film with the brand of sounds":      {stored(t, "head.m4a"), "clip.mp4", "", Found{MP4, "clip.mp4"}},
		"a picture of several":                 {picture(t, JPEG), "3d.MPO", "", Found{JPEG, "3d.jpg"}},
		"an .m4v":                              {mp4, "clip.m4v", "", Found{MP4, "clip.mp4"}},
		"an .mp4 declared QuickTime":           {mp4, "clip.mp4", "video/quicktime", Found{QuickTime, "clip.mov"}},
		"a .webm that is Matroska":             {mkv, "clip.webm", "", Found{WebM, "clip.webm"}},
		"an .asf":                              {asf, "clip.asf", "", Found{WMV, "clip.wmv"}},
		"a .wma, which no vendor takes":        {asf, "song.wma", "", Found{"audio/x-ms-wma", "song.wma"}},
		"a raw picture, which no vendor takes": {picture(t, TIFF), "a.nef", "", Found{"image/x-nikon-nef", "a.nef"}},
		"HEIC under its general name":          {ftyp("mif1", "mif1"), "IMG_1.HEIC", "", Found{HEIC, "IMG_1.heic"}},
		"an .aac whose tag hides the sound":    {hidden, "a.aac", "", Found{AAC, "a.aac"}},
		"a sound whose tag hides it":           {hidden, "a", "", Found{MP3, "a.mp3"}},
		"a medium that is not in the table":    {[]byte("8BPS\x00\x01\x00\x00\x00\x00\x00\x00"), "a.psd", "", Found{"image/vnd.adobe.photoshop", "a.psd"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Check(c.head, c.name, c.declared)
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
}

func TestCheckRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		head           []byte
		name, declared string
		says, hints    string
	}{
		"a picture under another's name":   {picture(t, PNG), "shoe.jpg", "", `the file is image/png, but its name "shoe.jpg" means image/jpeg`, "rename it to shoe.png"},
		"text under a picture's name":      {[]byte("404 page not found"), "shoe.jpg", "", `the file is text/plain, but its name "shoe.jpg" means image/jpeg`, "error page"},
		"a picture under a text's name":    {picture(t, PNG), "shoe.txt", "", `means text/plain`, "rename it to shoe.png"},
		"text":                             {[]byte("hello"), "hello", "", `"hello" is text/plain, which is not a media format`, "error page"},
		"a drawing without its namespace":  {[]byte("<svg/>"), "a.svg", "", `means image/svg+xml`, "namespace"},
		"bytes of no kind":                 {[]byte{0, 1, 2, 3}, "a.jpg", "", `an unknown format, but its name "a.jpg" means image/jpeg`, "complete"},
		"bytes of no kind and no name":     {[]byte{0, 1, 2, 3}, "", "", `an unknown format`, "complete"},
		"a zip archive":                    {[]byte("PK\x03\x04\x14\x00\x00\x00\x00\x00"), "all", "", "application/zip, which is not a media format", "the media file itself"},
		"a declared type of another kind":  {picture(t, PNG), "a.png", "image/jpeg", "declared content type is image/jpeg", "content_type"},
		"a declared type of another class": {picture(t, PNG), "a", "video/mp4", "declared content type is video/mp4", "content_type"},
		"a declared type that is none":     {picture(t, PNG), "a.png", "image jpeg", `"image jpeg" is not a media type`, ""},
		"a film in another's container":    {stored(t, "head.mkv"), "a.mp4", "", `the file is video/x-matroska, but its name "a.mp4" means video/mp4`, "rename it to a.mkv"},
		"AVIF under HEIC's name":           {stored(t, "head.avif"), "a.heic", "", "the file is image/avif", "a.avif"},
		"a compressed drawing":             {[]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00"), "a.svgz", "", "application/gzip", "gzip -dc"},
		"nothing":                          {nil, "a.png", "", "the file is empty", ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Check(c.head, c.name, c.declared)
			require.ErrorContains(t, err, c.says)
			require.Equal(t, upload.KindInvalid, upload.KindOf(err))
			require.Contains(t, upload.AsError(err, "").Hint, c.hints)
		})
	}
}

func TestCleanName(t *testing.T) {
	for in, want := range map[string]string{
		"a.jpg":                           "a.jpg",
		"dir/sub/a.jpg":                   "a.jpg",
		`C:\pictures\a.jpg`:               "a.jpg",
		"https://h":                       "medium",
		"https://h/":                      "medium",
		"https://h/a.jpg?sig=1#x":         "a.jpg",
		"https://h/%2e%2e%2fpasswd.jpg":   "passwd.jpg",
		"s3://b/k/ä%20b.png":              "ä b.png",
		"a.jpg?w=800":                     "a.jpg",
		"why?.jpg":                        "why_.jpg",
		"50% off #2: <new>.png":           "50_ off _2_ _new_.png",
		"..":                              "medium",
		".htaccess":                       "htaccess",
		" a.jpg . ":                       "a.jpg",
		"a\x00b\n.jpg":                    "a_b_.jpg",
		"a\xff.jpg":                       "a_.jpg",
		strings.Repeat("ä", 200) + ".jpg": strings.Repeat("ä", 98) + ".jpg",
		strings.Repeat("x", 300):          strings.Repeat("x", 200),
	} {
		require.Equal(t, want, CleanName(in), "%q", in)
	}
}

func TestEveryRowOfTheTableIsSound(t *testing.T) {
	seen := map[string]Type{}
	for _, f := range formats {
		require.NotEmpty(t, f.extensions, f.kind)
		require.Equal(t, f.kind, canonical(string(f.kind)), "%s must not be an alias", f.kind)
		for _, e := range append(append([]string{}, f.extensions...), f.others...) {
			require.True(t, strings.HasPrefix(e, ".") && e == strings.ToLower(e), e)
			require.Empty(t, seen[e], "%s belongs to two rows", e)
			seen[e] = f.kind
			kind, known := TypeOf("x" + strings.ToUpper(e))
			require.True(t, known)
			require.Equal(t, f.kind, kind)
		}
	}
	for alias, kind := range aliases {
		_, known := lookup(kind)
		require.True(t, known, "%s stands for %s, which has no row", alias, kind)
		require.Equal(t, alias, strings.ToLower(alias))
	}
	_, known := TypeOf("README")
	require.False(t, known)
	require.Equal(t, ".jpg", JPEG.Extension())
	require.Empty(t, Unknown.Extension())
}

func FuzzCheckKeepsItsPromises(f *testing.F) {
	f.Add([]byte("\xff\xd8\xff\xe0"), "a.jpg", "image/jpeg")
	f.Add([]byte(drawing), "../a.svg", "")
	f.Add(ftyp("heic", "mif1"), "https://h/a.heic?x=y", "")
	f.Add([]byte("ID3\x04\x00\x00\x00\x00\x00\x02ab\xff\xfb\x90\x00"), "a.mp3", "audio/mp3")
	f.Fuzz(func(t *testing.T, head []byte, name, declared string) {
		found, err := Check(head, name, declared)
		if err != nil {
			require.Equal(t, upload.KindInvalid, upload.KindOf(err))
			return
		}
		require.True(t, found.Type.Medium() || found.Type == canonical(declared), found.Type)
		require.NotEmpty(t, found.Name)
		require.LessOrEqual(t, len(found.Name), nameLimit)
		require.Equal(t, found.Name, CleanName(found.Name))
		if found.Type.Extension() != "" {
			kind, known := TypeOf(found.Name)
			require.True(t, known)
			require.Equal(t, found.Type, kind)
		}
	})
}
