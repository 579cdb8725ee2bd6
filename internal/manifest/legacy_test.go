package manifest_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"

	"github.com/mediaferry/mediaferry/internal/manifest"
)

func TestALegacyEncodingIsNamedByItsLetters(t *testing.T) {
	for title, c := range map[string]struct {
		codec         encoding.Encoding
		says, command string
	}{
		"Größe: für Bäder – 5 m²":  {charmap.Windows1252, `in Windows-1252`, "WINDOWS-1252"},
		"Ça va, garçon à l’été":    {charmap.Windows1252, `in Windows-1252`, "WINDOWS-1252"},
		"Żółte buty, źrebię":       {charmap.Windows1250, `"Żółte buty, źrebię" in Windows-1250`, "WINDOWS-1250"},
		"Žluťoučký kůň":            {charmap.Windows1250, `in Windows-1250`, "WINDOWS-1250"},
		"Красная обувь":            {charmap.Windows1251, `"Красная обувь" in Windows-1251`, "WINDOWS-1251"},
		"Кожаные перчатки":         {charmap.KOI8R, `"Кожаные перчатки" in KOI8-R`, "KOI8-R"},
		"Зимние сапоги":            {charmap.CodePage866, `in code page 866`, "CP866"},
		"Größe, façade":            {charmap.Macintosh, `"Größe, façade" in Mac Roman`, "MACINTOSH"},
		"Größe, Übergröße":         {charmap.CodePage850, `in code page 850`, ""},
		"Παπούτσια":                {charmap.Windows1253, `in Windows-1253`, ""},
		"Kırmızı ayakkabı, şık":    {charmap.Windows1254, `in Windows-1254`, ""},
		"Raudoni batai, žalią lėk": {charmap.Windows1257, `in Windows-1257`, "WINDOWS-1257"},
		"赤いポスター":                   {japanese.ShiftJIS, `"赤いポスター" in Shift JIS`, "CP932"},
		"赤いポスターです":                 {japanese.EUCJP, `in EUC-JP`, ""},
		"红色运动鞋，男款":                 {simplifiedchinese.GBK, `"红色运动鞋，男款" in GBK`, "GBK"},
		"빨간 운동화":                   {korean.EUCKR, `in EUC-KR`, ""},
		"紅色運動鞋與襪子":                 {traditionalchinese.Big5, `"紅色運動鞋與襪子" in Big5`, "BIG5"},
	} {
		t.Run(title, func(t *testing.T) {
			text, err := c.codec.NewEncoder().String("source,to,title\na.mp4,truvideo,\"" + title + "\"\n")
			require.NoError(t, err)
			got := readText(t, text)
			require.Len(t, got.problems(), 1)
			require.Equal(t, manifest.SortEncoding, got.problems()[0].Sort)
			require.Contains(t, got.problems()[0].Message, c.says)
			if c.command == "" { // it makes sense in another one, too
				require.NotContains(t, got.problems()[0].Hint, "iconv")
				return
			}
			require.Contains(t, got.problems()[0].Hint, "or convert it with: iconv -f "+c.command+" -t UTF-8 IN > OUT")
			require.NotContains(t, got.problems()[0].Message, " in Windows-1252, ")
		})
	}
}

func TestATextThatWasMisreadBeforeIsTold(t *testing.T) {
	for text, was := range map[string]string{
		"GrÃ¶ÃŸe": "Größe", "Ã©tÃ©": "été", "5 â‚¬": "5 €", "â€™s": "’s", "ÐšÑ€Ð°ÑÐ½Ð°Ñ": "", "РљСЂР°СЃРЅР°СЏ": "Красная", "Å»Ã³Å‚te": "Żółte", "çº¢": "红",
		"Größe": "", "l’été": "", "São Paulo maçã": "", "Красная": "", "ÄÖÜ": "", "Ã": "", "Ÿ®": "", "naïve “Ä”": "",
	} {
		for _, c := range []string{"title", "tags.a"} {
			got := readText(t, "source,to,"+c+"\na.mp4,truvideo,"+text+"\n")
			require.True(t, got.rows[0].Valid())
			if was == "" {
				require.Empty(t, got.problems(), "%q", text)
				continue
			}
			require.Len(t, got.problems(), 1, "%q", text)
			require.True(t, got.problems()[0].Warning)
			require.Contains(t, got.problems()[0].String(), `looks like "`+was+`", read in a wrong encoding`)
		}
	}
	got := readText(t, skus("GrÃ¶ÃŸe"))
	require.Len(t, got.problems(), 1)
}

func TestACommandIsNamedOnlyIfItIsSure(t *testing.T) {
	got := readText(t, "source,to,title\na.mp4,truvideo,cr\xe8me\n")
	require.Contains(t, got.problems()[0].Message, `it would be "crème" in Windows-1252, "crčme" in Windows-1250`)
	require.NotContains(t, got.problems()[0].Hint, "iconv")
	for name, text := range map[string]string{
		"what makes no sense":            "source,to,title\na.mp4,truvideo,x\xff\xfe\x81y\n",
		"a part that is UTF-8":           "source,to,title\na.mp4,truvideo,Größe\nb.mp4,truvideo,Gr\xf6\xdfe\n",
		"a cell far behind the head":     "source,to,title\n" + strings.Repeat("a.mp4,truvideo,x\n", 10_000) + "b.mp4,truvideo,Gr\xf6\xdfe\n",
		"a head that ends in the middle": "source,to,title\n" + strings.Repeat("ä", 40_000) + ".mp4,truvideo,x\nb.mp4,truvideo,Gr\xf6\xdfe\n",
	} {
		t.Run(name, func(t *testing.T) {
			problems := readText(t, text).problems()
			p := problems[len(problems)-1]
			require.Equal(t, manifest.SortEncoding, p.Sort)
			require.Equal(t, `save the file again as "CSV UTF-8" with the program that wrote it`, p.Hint)
		})
	}
}
