package media

import (
	"slices"
	"strings"
)

// format is one row of the table.
type format struct {
	kind Type
	// extensions are the ways in which a name may end and is left alone; the
	// first is given to names that have none.
	extensions []string
	// others are understood in a name and replaced by the first of extensions,
	// because vendors do not know them.
	others []string
	// family is common to formats that do not contradict each other; "" for
	// those that stand alone.
	family string
}

// Families.
const (
	familyMP4  = "mp4"  // ISO base media and QuickTime, from which it was made
	familyEBML = "ebml" // Matroska, and WebM, which is a part of it
	familyASF  = "asf"
	familyHEIF = "heif"
	familyOgg  = "ogg"
	familyTIFF = "tiff" // cameras' raw files are TIFF documents
)

// formats lists what names and bytes are understood to be. Rows that no vendor
// takes are here so that a contradiction or a refusal can call them by name.
var formats = []format{
	{kind: JPEG, extensions: []string{".jpg", ".jpeg"}, others: []string{".jpe", ".jfif", ".jif", ".pjpeg", ".pjp", ".mpo", ".jps", ".insp"}},
	{kind: PNG, extensions: []string{".png"}, others: []string{".apng"}},
	{kind: GIF, extensions: []string{".gif"}},
	{kind: WebP, extensions: []string{".webp"}},
	{kind: BMP, extensions: []string{".bmp"}, others: []string{".dib"}},
	{kind: TIFF, extensions: []string{".tiff"}, others: []string{".tif"}, family: familyTIFF},
	{kind: SVG, extensions: []string{".svg"}},
	{kind: HEIC, extensions: []string{".heic"}, others: []string{".heics", ".hif"}, family: familyHEIF},
	{kind: HEIF, extensions: []string{".heif"}, others: []string{".heifs"}, family: familyHEIF},
	{kind: AVIF, extensions: []string{".avif"}, others: []string{".avifs"}},
	{kind: MP4, extensions: []string{".mp4"}, others: []string{".m4v", ".mpg4", ".f4v"}, family: familyMP4},
	{kind: QuickTime, extensions: []string{".mov"}, others: []string{".qt", ".mqv"}, family: familyMP4},
	{kind: ThreeGPP, extensions: []string{".3gp"}, others: []string{".3gpp"}, family: familyMP4},
	{kind: "video/3gpp2", extensions: []string{".3g2"}, family: familyMP4},
	{kind: AVI, extensions: []string{".avi"}},
	{kind: Matroska, extensions: []string{".mkv"}, family: familyEBML},
	{kind: "audio/x-matroska", extensions: []string{".mka"}, family: familyEBML},
	{kind: WebM, extensions: []string{".webm"}, family: familyEBML},
	{kind: FLV, extensions: []string{".flv"}},
	{kind: WMV, extensions: []string{".wmv"}, others: []string{".asf"}, family: familyASF},
	{kind: "audio/x-ms-wma", extensions: []string{".wma"}, family: familyASF},
	{kind: MP3, extensions: []string{".mp3"}, others: []string{".mpga", ".mp2"}},
	{kind: WAV, extensions: []string{".wav"}, others: []string{".wave"}},
	{kind: AAC, extensions: []string{".aac"}, others: []string{".adts"}},
	{kind: FLAC, extensions: []string{".flac"}},
	{kind: PDF, extensions: []string{".pdf"}},

	{kind: "image/x-adobe-dng", extensions: []string{".dng"}, family: familyTIFF},
	{kind: "image/x-canon-cr2", extensions: []string{".cr2"}, family: familyTIFF},
	{kind: "image/x-canon-cr3", extensions: []string{".cr3"}},
	{kind: "image/x-nikon-nef", extensions: []string{".nef"}, family: familyTIFF},
	{kind: "image/x-sony-arw", extensions: []string{".arw"}, family: familyTIFF},
	{kind: "image/x-olympus-orf", extensions: []string{".orf"}},
	{kind: "image/x-panasonic-rw2", extensions: []string{".rw2"}},
	{kind: "image/x-fuji-raf", extensions: []string{".raf"}},
	{kind: "image/x-pentax-pef", extensions: []string{".pef"}, family: familyTIFF},
	{kind: "image/jxl", extensions: []string{".jxl"}},
	{kind: "image/jp2", extensions: []string{".jp2"}, others: []string{".j2k", ".jpf", ".jpx"}},
	{kind: "image/x-icon", extensions: []string{".ico"}},
	{kind: "image/vnd.adobe.photoshop", extensions: []string{".psd"}, others: []string{".psb"}},
	{kind: "audio/mp4", extensions: []string{".m4a"}, others: []string{".m4b", ".m4r"}, family: familyMP4},
	{kind: "audio/ogg", extensions: []string{".ogg"}, others: []string{".oga", ".opus", ".spx"}, family: familyOgg},
	{kind: "audio/aiff", extensions: []string{".aiff"}, others: []string{".aif"}},
	{kind: "video/ogg", extensions: []string{".ogv"}, others: []string{".ogm"}, family: familyOgg},
	{kind: "video/mpeg", extensions: []string{".mpg"}, others: []string{".mpeg", ".mpe", ".vob", ".m2v"}},
	{kind: "video/mp2t", extensions: []string{".m2ts"}, others: []string{".mts", ".m2t"}}, // .ts may be TypeScript
	{kind: "application/mxf", extensions: []string{".mxf"}},
	{kind: Text, extensions: []string{".txt"}, others: []string{".log", ".md"}},
	{kind: "text/csv", extensions: []string{".csv"}},
	{kind: "text/html", extensions: []string{".html"}, others: []string{".htm", ".xhtml"}},
	{kind: "text/xml", extensions: []string{".xml"}},
	{kind: "application/json", extensions: []string{".json"}},
	{kind: "application/zip", extensions: []string{".zip"}},
	{kind: "application/gzip", extensions: []string{".gz"}, others: []string{".svgz", ".tgz"}},
	{kind: "application/msword", extensions: []string{".doc"}},
	{kind: "application/postscript", extensions: []string{".ps"}, others: []string{".eps"}},
}

// aliases are other names for types of the table, in lower case.
var aliases = map[string]Type{
	"image/jpg": JPEG, "image/pjpeg": JPEG,
	"image/x-png": PNG, "image/apng": PNG, "image/vnd.mozilla.apng": PNG,
	"image/x-bmp": BMP, "image/x-ms-bmp": BMP, "image/x-windows-bmp": BMP,
	"image/tif": TIFF, "image/x-tiff": TIFF,
	"image/svg": SVG, "image/svg-xml": SVG,
	"image/heic-sequence": HEIC, "image/heif-sequence": HEIF, "image/avif-sequence": AVIF,
	"video/x-m4v": MP4, "video/m4v": MP4, "application/mp4": MP4, "video/x-f4v": MP4,
	"video/x-quicktime": QuickTime, "video/mov": QuickTime,
	"video/3gp": ThreeGPP, "audio/3gpp": ThreeGPP, "video/3g2": "video/3gpp2", "audio/3gpp2": "video/3gpp2",
	"video/avi": AVI, "video/msvideo": AVI, "video/vnd.avi": AVI,
	"video/matroska": Matroska, "video/mkv": Matroska, "audio/matroska": "audio/x-matroska",
	"audio/webm": WebM,
	"video/flv":  FLV, "video/x-flash-video": FLV,
	"video/x-ms-asf": WMV, "video/asf": WMV, "application/vnd.ms-asf": WMV, "video/wmv": WMV,
	"audio/mp3": MP3, "audio/x-mp3": MP3, "audio/x-mpeg": MP3, "audio/mpeg3": MP3,
	"audio/x-wav": WAV, "audio/wave": WAV, "audio/vnd.wave": WAV, "audio/x-pn-wav": WAV,
	"audio/x-aac": AAC, "audio/aacp": AAC, "audio/x-hx-aac-adts": AAC,
	"audio/x-flac": FLAC,
	"video/mpeg2":  "video/mpeg", "video/mp2p": "video/mpeg", "video/mpegts": "video/mp2t", "video/vnd.dlna.mpeg-tts": "video/mp2t",
	"image/jpx": "image/jp2", "image/jpm": "image/jp2", "image/x-raw-adobe": "image/x-adobe-dng",
	"audio/x-m4a": "audio/mp4", "audio/m4a": "audio/mp4", "audio/x-mp4a": "audio/mp4",
	"application/ogg": "audio/ogg", "audio/opus": "audio/ogg",
	"application/x-pdf": PDF,
	"application/xml":   "text/xml",
}

func lookup(kind Type) (format, bool) {
	for _, f := range formats {
		if f.kind == kind {
			return f, true
		}
	}
	return format{}, false
}

// byExtension finds the row that an extension, in lower case and with its dot,
// belongs to.
func byExtension(extension string) (format, bool) {
	for _, f := range formats {
		if slices.Contains(f.extensions, extension) || slices.Contains(f.others, extension) {
			return f, true
		}
	}
	return format{}, false
}

// Contradict reports whether no bytes could be of both types. Sounds are left to
// their bytes: which of them a tag is followed by shows only there.
func Contradict(a, b Type) bool {
	sounds := strings.HasPrefix(string(a), "audio/") && strings.HasPrefix(string(b), "audio/")
	return a != b && !sameFamily(a, b) && !sounds
}

func sameFamily(a, b Type) bool {
	one, _ := lookup(a)
	other, _ := lookup(b)
	return one.family != "" && one.family == other.family
}
