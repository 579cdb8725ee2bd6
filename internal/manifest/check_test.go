package manifest_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/manifest"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

const organization = "24WX8VvHKeUCL5Vb3qSGyW"

func TestAGoodRowBecomesAnItem(t *testing.T) {
	sum := strings.Repeat("AB", 32)
	got := readText(t, "source,to,id,content_type,sha256,skuIds,addToMediaGallery\n"+
		"img/../img/a.jpg,trustana,a-1,image/jpeg,"+sum+",x|y,yes\n"+
		"https://CDN.example/b.jpg?X-Amz-Signature=1,trustana,,,,,\n")
	require.Empty(t, got.problems())
	require.Equal(t, upload.Item{
		UploadID: "batch/b/a-1", Batch: "b", ID: "a-1", Line: 2, Account: "trustana", Vendor: "trustana", Base: "https://trustana.example",
		Source: home + "/img/a.jpg", ContentType: "image/jpeg", SHA256: strings.ToLower(sum),
		Fields: upload.Fields{"skuIds": []any{"x", "y"}, "addToMediaGallery": true},
	}, got.rows[0].Item)
	second := got.rows[1].Item
	require.Equal(t, "https://cdn.example/b.jpg?X-Amz-Signature=1", second.Source)
	require.Equal(t, upload.DeriveID("trustana", "https://cdn.example/b.jpg", nil), second.ID)
	require.Nil(t, second.Fields)
}

func TestToIsForRowsThatNameNoAccount(t *testing.T) {
	place, options := placed("source,to\na.jpg,\nb.jpg,trustoo\n")
	options.To, options.Again, options.Batch = "trustana", true, ""
	got := readAll(t, place, options)
	require.Empty(t, got.problems())
	require.Equal(t, "trustana", got.rows[0].Item.Account)
	require.Equal(t, "trustoo", got.rows[1].Item.Vendor)
	require.True(t, got.rows[0].Item.Again)
	require.Empty(t, got.rows[0].Item.UploadID)

	options.To = "trustanna"
	got = readAll(t, place, options)
	require.Len(t, got.problems(), 1)
	require.Equal(t, `line 1: --to: unknown account "trustanna" (did you mean trustana?)`, got.problems()[0].String())
	require.False(t, got.rows[0].Valid())
	require.True(t, got.rows[1].Valid())
}

func TestARowIsChecked(t *testing.T) {
	for name, c := range map[string]struct{ columns, row, says string }{
		"no account":                             {"source,to", "a.jpg,", `to: the account is missing, and --to is not set (use one of trustana,`},
		"an unknown account":                     {"source,to", "a.jpg,Trustana!", `to: unknown account "Trustana!" (did you mean trustana?)`},
		"an account unlike any":                  {"source,to", "a.jpg,elsewhere", `to: unknown account "elsewhere" (use one of trustana, trustoo,`},
		"an account that is configured ill":      {"source,to", "a.jpg,broken", `to: account "broken" cannot be used: accounts.broken.base_url: is no URL`},
		"a signed URL in a wrong column":         {"source,to", "a.jpg,https://x.example/a?X-Amz-Signature=geheim", `unknown account "https://x.example/a"`},
		"no source":                              {"source,to", ",trustana", `source: is missing (use a path, https://HOST/PATH`},
		"a source of an unknown scheme":          {"source,to", "ftp://x.example/a.jpg?secret=geheim,trustana", `source: source "ftp://x.example/a.jpg" has the unknown scheme "ftp"; use a path, https, s3 or oss`},
		"a bucket without a key":                 {"source,to", "s3://bucket/,trustana", `source: source "s3://bucket/" is incomplete; use s3://BUCKET/KEY`},
		"a path of Windows":                      {"source,to", `C:\img\a.jpg,trustana`, `is a Windows path`},
		"a share of Windows":                     {"source,to", `\\server\img\a.jpg,trustana`, `is a Windows path`},
		"a relative file URL":                    {"source,to", `file://a.jpg,trustana`, `source: "file://a.jpg" is not an absolute path (after file://, a path starts with a slash`},
		"a file URL of what is no text":          {"source,to", `file:///img/%ff.jpg,trustana`, `source: the path of "file:///img/%ff.jpg" contains an invisible character`},
		"a source that is too long":              {"source,to", strings.Repeat("x", 9000) + ".jpg,trustana", `source: has 9004 bytes but may have at most 8192`},
		"a source with what cannot be seen":      {"source,to", "a\u200b.jpg,trustana", `source: "a\u200b.jpg" contains an invisible character`},
		"an account with what cannot":            {"source,to", "a.jpg,\ufefftrustana", `to: "\ufefftrustana" contains an invisible character`},
		"a text file":                            {"source,to", "a.txt,trustana", `source: "a.txt": trustana does not accept text/plain; it accepts image/jpeg, image/png, image/gif, image/webp, image/bmp, image/tiff (use the media file itself`},
		"a picture of a telephone":               {"source,to", "a.HEIC,trustana", `source: "a.HEIC": trustana does not accept HEIC (convert it to JPEG`},
		"a film for a vendor of pictures":        {"source,to", "s3://x/a.mp4,trustana", `source: "a.mp4": trustana does not accept video/mp4`},
		"a picture for a vendor of films":        {"source,to", "a.gif,truvideo", `source: "a.gif": truvideo does not accept image/gif`},
		"a film where the account says no":       {"source,to", "a.mp4,trustoo", `trustoo accepts video/mp4 only if the account has video: true`},
		"a declared type that is refused":        {"source,to,content_type", "a,trustana,video/mp4", `content_type: trustana does not accept video/mp4`},
		"a declared type that is not the name's": {"source,to,content_type", "a.png,trustana,image/jpeg", `content_type: is image/jpeg, but the name "a.png" means image/png (correct one of the two`},
		"a declared type that is none":           {"source,to,content_type", "a.jpg,trustana,jpeg", `content_type: "jpeg" is not a media type (use a media type such as image/jpeg`},
		"a checksum that is none":                {"source,to,sha256", "a.jpg,trustana,abc", `sha256: "abc" is not a SHA-256 checksum (use 64 hexadecimal digits`},
		"an id with another space":               {"source,to,id", "a.jpg,trustana,a\u00a0b", `contains a character that cannot be printed (use up to 200 bytes of printable text`},
		"an id of a refused row":                 {"source,to,id", "a.jpg,trustana,line#3", `id: id "line#3" begins with line#`},
		"an id of a URL":                         {"source,to,id", "a.jpg,trustana,https://x.example/a?X-Amz-Signature=geheim", `id: id "https://x.example/a" is a URL with a query`},
		"a field of others":                      {"source,to,gtin", "a.jpg,trustana,4006381333931", `gtin: trustana has no such field; only closient has it (clear the cell, or correct the account)`},
		"a field of several others":              {"source,to,title", "a.jpg,trustana,x", `title: trustana has no such field; only closient, truvideo has it`},
		"a dotted field of others":               {"source,to,tags.brand", "a.jpg,trustana,x", `tags.brand: trustana has no such field; only truvideo has it`},
		"a field that is missing":                {"source,to", "a.jpg,sitoo", `entity_id: is missing; sitoo requires it (entity_id: what the image belongs to`},
		"a truth that is none":                   {"source,to,addToMediaGallery", "a.jpg,trustana,maybe", `addToMediaGallery: "maybe" must be true or false`},
		"a choice that is none":                  {"source,to,resolution", "a.mp4,truvideo,4K", `resolution: "4K" is not allowed; use one of LOW, NORMAL, HIGH`},
		"a number that is none":                  {"source,to,duration", `a.mp4,truvideo,"1,5"`, `duration: "1,5" is not a whole number`},
		"a list with the same twice":             {"source,to,skuIds", "a.jpg,trustana,a|b|a", `skuIds: "a" appears twice`},
		"an object that is none":                 {"source,to,tags", "a.mp4,truvideo,x", `tags: "x" is not a JSON object`},
		"an object in two ways":                  {"source,to,tags,tags.a", `a.mp4,truvideo,"{""a"":1}",x`, `tags.a: key "a" is given twice`},
		"an organization that is none":           {"source,to,organization_id,gtin", "a.jpg,closient,x,4006381333931", `organization_id: "x" is not an organization ID of 22 characters or a UUID`},
		"a GTIN that a spreadsheet took":         {"source,to,organization_id,gtin", "a.jpg,closient," + organization + ",4.00638E+12", `gtin: "4.00638E+12" is a number that a spreadsheet has shortened; its last digits are lost (format the column as text`},
		"a GTIN that lost a comma's digits":      {"source;to;organization_id;gtin", "a.jpg;closient;" + organization + ";4,00638E+12", `gtin: "4,00638E+12" is a number that a spreadsheet has shortened`},
		"a GTIN of a length that none has":       {"source,to,organization_id,gtin", "a.jpg,closient," + organization + ",36000291452", `gtin: 36000291452 has 11 digits, which no GTIN has; a spreadsheet has probably dropped leading zeros (if so, write 036000291452;`},
		"a GTIN that lost its zeros":             {"source,to,organization_id,gtin", "a.jpg,closient," + organization + ",123457", `gtin: 123457 has only 6 digits; a spreadsheet has probably dropped leading zeros (if so, write 00123457`},
		"a GTIN as a number with decimals":       {"source,to,organization_id,gtin", "a.jpg,closient," + organization + ",4006381333931.0", `gtin: "4006381333931.0" contains characters other than digits (write 4006381333931;`},
		"a GTIN in groups":                       {"source,to,organization_id,gtin", "a.jpg,closient," + organization + ",4 006381-333931", `(write 4006381333931;`},
		"a GTIN of letters":                      {"source,to,organization_id,gtin", "a.jpg,closient," + organization + ",unknown", `gtin: "unknown" is not a GTIN of 8 to 14 digits`},
		"a GTIN with too many digits":            {"source,to,organization_id,gtin", "a.jpg,closient," + organization + ",400638133393100", `gtin: "400638133393100" is not a GTIN`},
		"a value that is far too long":           {"source,to,addToMediaGallery", "a.jpg,trustana," + strings.Repeat("x", 5000), `must be true or false`},
		"an account named in a foreign word":     {"source,to,title", "a.jpg,nobody,x", `to: unknown account "nobody"`},
	} {
		t.Run(name, func(t *testing.T) {
			got := readText(t, c.columns+"\n"+c.row+"\n")
			require.Len(t, got.problems(), 1)
			p := got.problems()[0]
			require.Equal(t, 2, p.Line)
			require.False(t, p.Warning)
			require.Contains(t, p.String(), c.says)
			require.NotEmpty(t, p.Hint)
			require.NotContains(t, p.String(), "geheim")
			require.Less(t, len(p.String()), 1000)
			require.False(t, got.rows[0].Valid())
			require.Equal(t, upload.KindInvalid, got.rows[0].Err().Kind)
			require.Contains(t, got.rows[0].Err().Message, p.Message)
			require.NotEmpty(t, got.rows[0].Item.UploadID)
		})
	}
}

func TestTheEndOfAURLIsAWarning(t *testing.T) {
	got := readText(t, "source,to\nhttps://x.example/a.mp4?w=1,trustana\n")
	require.Len(t, got.problems(), 1)
	p := got.problems()[0]
	require.True(t, p.Warning)
	require.Equal(t, "the URL ends like that of video/mp4: trustana does not accept video/mp4; it accepts image/jpeg, image/png, image/gif, image/webp, image/bmp, image/tiff", p.Message)
	require.True(t, got.rows[0].Valid(), "the bytes decide")
}

func TestAllProblemsOfARowAreToldAtOnce(t *testing.T) {
	got := readText(t, "source,to,id,sha256,skuIds,gtin\na.txt,trustana,line#1,x,a|a,1\n")
	var columns []string
	for _, p := range got.problems() {
		columns = append(columns, p.Column)
	}
	require.Equal(t, []string{"id", "sha256", "source", "gtin", "skuIds"}, columns)
	for _, p := range got.problems() {
		require.Contains(t, got.rows[0].Err().Message, p.Column+": "+p.Message)
		require.Contains(t, got.rows[0].Err().Hint, p.Hint)
	}
}

func TestWhatIsOnlyDoubtfulIsAWarning(t *testing.T) {
	for name, c := range map[string]struct{ columns, row, says string }{
		"a wrong check digit":                             {"source,to,organization_id,gtin", "a.jpg,closient," + organization + ",4006381333932", `gtin: 4006381333932 has a wrong check digit`},
		"nothing of a GTIN of 8 digits":                   {"source,to,organization_id,gtin", "a.jpg,closient," + organization + ",96385074", ``},
		"nothing of a GTIN of 12 digits":                  {"source,to,organization_id,gtin", "a.jpg,closient," + organization + ",036000291452", ``},
		"nothing of a GTIN of 14 digits":                  {"source,to,organization_id,gtin", "a.jpg,closient," + organization + ",10614141000415", ``},
		"nothing of an unknown extension":                 {"source,to", "a.php,trustana", ``},
		"nothing of one family":                           {"source,to,content_type", "a.mov,truvideo,video/mp4", ``},
		"nothing of a name that a server may change":      {"source,to,content_type", "https://shop.example/a.png,trustana,image/jpeg", ``},
		"nothing of sounds, which their bytes tell apart": {"source,to,content_type", "a.mp3,truvideo,audio/aac", ``},
		"nothing of another name of JPEG":                 {"source,to,content_type", "a,trustana,image/jpg", ``},
	} {
		t.Run(name, func(t *testing.T) {
			got := readText(t, c.columns+"\n"+c.row+"\n")
			require.True(t, got.rows[0].Valid())
			require.Nil(t, got.rows[0].Err())
			if c.says == "" {
				require.Empty(t, got.problems())
				return
			}
			require.Len(t, got.problems(), 1)
			require.True(t, got.problems()[0].Warning)
			require.Contains(t, got.problems()[0].String(), c.says)
		})
	}
}

func TestAnAccountsSettingsCount(t *testing.T) {
	place, options := placed("source,to\na.mp4,trustoo\n")
	options.Catalog = catalog{names: []string{"trustoo"}, profile: func(name string) (spec.Account, error) {
		return spec.Account{Name: name, Vendor: "trustoo", Settings: map[string]string{"video": "true"}}, nil
	}}
	got := readAll(t, place, options)
	require.Empty(t, got.problems())
	options.Catalog = nil // a page sees the account as it was
	page, err := manifest.ReadPage(t.Context(), throughJSON(t, got.layout), got.layout.Start, 1, options)
	require.NoError(t, err)
	require.Equal(t, plain(got.rows), plain(page.Rows))
	options.Catalog = catalog{names: []string{"trustoo"}, profile: func(name string) (spec.Account, error) {
		return spec.Account{Name: name, Vendor: "trusty"}, nil
	}}
	require.Contains(t, readAll(t, place, options).problems()[0].String(), `cannot be used: unknown vendor "trusty"`)
	options.Catalog = catalog{}
	require.Contains(t, readAll(t, place, options).problems()[0].Hint, `the configuration has no accounts`)
}

func TestManyAccountsAreNotAllListed(t *testing.T) {
	place, options := placed("source,to\na.jpg,x\n")
	options.Catalog = catalog{names: strings.Split(strings.Repeat("account ", 24)+"account", " ")}
	require.Contains(t, readAll(t, place, options).problems()[0].Hint, "and 5 more")
}

func TestASortIsGivenToEachProblem(t *testing.T) {
	got := readText(t, "source,to,gtin\nx,y,z\n,trustana,\n")
	require.Equal(t, manifest.SortAccount, got.problems()[0].Sort)
	require.Equal(t, manifest.SortSource, got.problems()[1].Sort)
}
