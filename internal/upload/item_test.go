package upload

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSourcesInTheirCanonicalForm(t *testing.T) {
	for _, c := range []struct{ name, source, want string }{
		{"an absolute path", "/srv/a.jpg", "/srv/a.jpg"},
		{"a relative path", "img/a.jpg", "/srv/img/a.jpg"},
		{"a path with detours", "../x/./a//b.jpg", "/x/a/b.jpg"},
		{"a path with what would be a query", "a?b#c.jpg", "/srv/a?b#c.jpg"},
		{"a file: URL", "file:///srv/a.jpg", "/srv/a.jpg"},
		{"a file: URL of this host", "file://localhost/srv/a.jpg", "/srv/a.jpg"},
		{"a drive of Windows", `C:\dir\a.jpg`, `/srv/C:\dir\a.jpg`},
		{"a path with a colon", "a:b.jpg", "/srv/a:b.jpg"},
		{"a URL", "https://host/a.jpg", "https://host/a.jpg"},
		{"a URL in upper case, but for its path", "HTTPS://HOST.Example/A.jpg?X=Y", "https://host.example/A.jpg?X=Y"},
		{"a URL with a fragment", "https://host/a.jpg?x#y", "https://host/a.jpg?x"},
		{"a URL with a name and a password", "https://u:p@host/a.jpg", "https://u:p@host/a.jpg"},
		{"a URL with a port", "https://Host:8443/a", "https://host:8443/a"},
		{"a URL without a path", "https://host", "https://host"},
		{"a URL in another one's path", "https://cdn/fetch/w_1,h_1/https://host/a.jpg", "https://cdn/fetch/w_1,h_1/https://host/a.jpg"},
		{"URLs in a query", "https://cdn/?urls=https://a/1,https://a/2", "https://cdn/?urls=https://a/1,https://a/2"},
		{"a URL with quotation marks", "https://host/it's_(1),2.jpg", "https://host/it's_(1),2.jpg"},
		{"a path that begins with two slashes", "//srv/a.b/c.jpg", "/srv/a.b/c.jpg"},
		{"a URL in a path", "/srv/https://host/a.jpg", "/srv/https:/host/a.jpg"},
		{"an object, whose bucket may be in any case", "S3://My-Bucket/Key/a.jpg", "s3://My-Bucket/Key/a.jpg"},
		{"an object with a space", "oss://bucket/a b.jpg", "oss://bucket/a%20b.jpg"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := CanonicalSource(c.source, "/srv")
			require.NoError(t, err)
			require.Equal(t, c.want, got)
			again, err := CanonicalSource(got, "/elsewhere")
			require.NoError(t, err)
			require.Equal(t, got, again, "it is so already")
		})
	}
}

func TestSourcesThatAreNone(t *testing.T) {
	const secret = "?X-Amz-Signature=c4n4ry"
	for _, c := range []struct{ name, source, want string }{
		{"nothing", "", "the source is empty"},
		{"a file: URL of nothing", "file://", "the source is empty"},
		{"an unknown scheme", "ftp://host/a" + secret, `unknown scheme "ftp"; use a path, https, s3 or oss`},
		{"a URL that is none", "https://ho st/%zz" + secret, "is not a valid URL"},
		{"no host", "https:///a" + secret, "is incomplete; use https://HOST/PATH"},
		{"a bucket alone", "s3://bucket" + secret, "is incomplete; use s3://BUCKET/KEY"},
		{"a bucket and a slash", "oss://bucket/" + secret, "is incomplete; use oss://BUCKET/KEY"},
		{"a key without its bucket", "s3:///key" + secret, "is incomplete; use s3://BUCKET/KEY"},
		{"two URLs", "https://x/a.jpg, https://x/b.jpg" + secret, `the source contains more than one URL, the first is "https://x/a.jpg"`},
		{"two URLs without blanks", "https://x/a.jpg;https://x/b.jpg" + secret, "more than one URL"},
		{"two URLs with queries", "https://x/a.jpg" + secret + " https://x/b.jpg", "more than one URL"},
		{"two URLs with a bar", "https://x/a.jpg" + secret + "|https://x/b.jpg", "more than one URL"},
		{"no scheme", "//cdn.example.com/s/a.jpg" + secret, `source "//cdn.example.com/s/a.jpg" has no scheme`},
		{"a scheme twice", "https://https://x/a.jpg" + secret, "has its scheme twice"},
		{"a formula", `=HYPERLINK("https://x/a.jpg` + secret + `")`, "contains more than a URL"},
		{"an element of HTML", `<img src="https://x/a.jpg` + secret + `">`, "contains more than a URL"},
		{"a URL in quotation marks", `“https://x/a.jpg` + secret + `”`, "contains more than a URL"},
		{"a URL with a quotation mark", `https://x/a.jpg` + secret + `"`, "contains more than a URL"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := CanonicalSource(c.source, "/srv")
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "c4n4ry")
			var written *SourceError
			require.ErrorAs(t, err, &written)
			require.NotContains(t, written.Hint, "c4n4ry")
		})
	}
}

func TestSourcesAsTheyMayBePrinted(t *testing.T) {
	for source, want := range map[string]string{
		"/srv/a?b#c.jpg": "/srv/a?b#c.jpg",
		"https://host/a.jpg?X-Amz-Signature=c4n4ry": "https://host/a.jpg",
		"https://host/a.jpg#c4n4ry":                 "https://host/a.jpg",
		"https://host/a.jpg#c4n4ry?x":               "https://host/a.jpg",
		"https://user:c4n4ry@host/a@b.jpg":          "https://host/a@b.jpg",
		"https://c4n4ry:x@y@host/a":                 "https://host/a",
		"https://host?c4n4ry":                       "https://host",
		"https://host":                              "https://host",
		"s3://bucket/key?versionId=c4n4ry":          "s3://bucket/key",
		"https://ho st/%zz?c4n4ry":                  "https://…",
		"":                                          "",
	} {
		require.Equal(t, want, DisplaySource(source))
	}
}

func TestALocalSourceIsAPath(t *testing.T) {
	for source, want := range map[string]bool{
		"/a": true, "a": true, "./a": true, "file:///a": true, `C:\a`: true, "C://a": true, "dir.x://a": true, "a/b://c": true, "https:/a": true,
		"https://a": false, "s3://a": false, "HTTPS://a": false, "ftp://a": false,
	} {
		require.Equal(t, want, IsLocal(source), source)
		require.Equal(t, want, Item{Source: source}.Local(), source)
	}
}

func TestADerivedIdentityIsThatOfAccountSourceAndFields(t *testing.T) {
	base := DeriveID("acct", "https://h/a.jpg?size=1", Fields{"title": "x"})
	require.Regexp(t, `^[0-9a-f]{32}$`, base)
	same := map[string]string{
		"the same":                     DeriveID("acct", "https://h/a.jpg?size=1", Fields{"title": "x"}),
		"signed by S3":                 DeriveID("acct", "https://h/a.jpg?size=1&X-Amz-Signature=1&X-Amz-Date=2&X-Amz-Expires=3&X-Amz-Credential=4&X-Amz-Security-Token=5&X-Amz-Algorithm=6&X-Amz-SignedHeaders=7", Fields{"title": "x"}),
		"signed by S3, version 2":      DeriveID("acct", "https://h/a.jpg?AWSAccessKeyId=1&size=1&Signature=2&Expires=3", Fields{"title": "x"}),
		"signed by OSS":                DeriveID("acct", "https://h/a.jpg?OSSAccessKeyId=1&size=1&Signature=2&Expires=3&security-token=4", Fields{"title": "x"}),
		"signed by OSS, version 4":     DeriveID("acct", "https://h/a.jpg?x-oss-signature=1&size=1&x-oss-date=2", Fields{"title": "x"}),
		"signed by Google":             DeriveID("acct", "https://h/a.jpg?size=1&X-Goog-Signature=1", Fields{"title": "x"}),
		"signed by CloudFront":         DeriveID("acct", "https://h/a.jpg?size=1&Policy=1&Key-Pair-Id=2&Signature=3", Fields{"title": "x"}),
		"signed by Azure":              DeriveID("acct", "https://h/a.jpg?size=1&sv=1&sr=2&sig=3&se=4&sp=5&st=6", Fields{"title": "x"}),
		"with another password":        DeriveID("acct", "https://u:p@h/a.jpg?size=1", Fields{"title": "x"}),
		"with its fields through JSON": DeriveID("acct", "https://h/a.jpg?size=1", throughJSON(t, Fields{"title": "x"})),
	}
	for name, id := range same {
		require.Equal(t, base, id, name)
	}
	others := map[string]string{
		"another account": DeriveID("other", "https://h/a.jpg?size=1", Fields{"title": "x"}),
		"another path":    DeriveID("acct", "https://h/b.jpg?size=1", Fields{"title": "x"}),
		"another host":    DeriveID("acct", "https://i/a.jpg?size=1", Fields{"title": "x"}),
		"another query":   DeriveID("acct", "https://h/a.jpg?size=2", Fields{"title": "x"}),
		"other fields":    DeriveID("acct", "https://h/a.jpg?size=1", Fields{"title": "y"}),
		"more fields":     DeriveID("acct", "https://h/a.jpg?size=1", Fields{"title": "x", "a": true}),
		"no fields":       DeriveID("acct", "https://h/a.jpg?size=1", nil),
	}
	for name, id := range others {
		require.NotEqual(t, base, id, name)
	}
	require.Equal(t, DeriveID("a", "/x", nil), DeriveID("a", "/x", Fields{}))
	require.NotEqual(t, DeriveID("a", "/x?Signature=1", nil), DeriveID("a", "/x?Signature=2", nil), "a path has no query")
	require.Len(t, DeriveID("a", "https://h/%zz?Signature=1", nil), 32)
	require.Equal(t, DeriveID("a", "https://h/%zz?Signature=1", nil), DeriveID("a", "https://h/%zz?Signature=2", nil))
	require.Equal(t, DeriveID("a", "/x", Fields{"n": 1}), Item{Account: "a", Source: "/x", Fields: Fields{"n": 1}}.Definition())
}

func throughJSON(t *testing.T, f Fields) Fields {
	t.Helper()
	raw, err := json.Marshal(f)
	require.NoError(t, err)
	var again Fields
	require.NoError(t, json.Unmarshal(raw, &again))
	return again
}

func TestIdentitiesThatPeopleGive(t *testing.T) {
	for _, good := range []string{"a", "a-12", "SKU4.00€", "ä", strings.Repeat("x", 200), "a:b", "a/b", "a b", "a?b", "a#b", "نص", "front view #1?"} {
		require.NoError(t, CheckID(good), good)
	}
	for name, bad := range map[string]string{
		"nothing": "", "too long": strings.Repeat("x", 201), "a line's end": "a\n", "a control character": "a\x1b", "delete": "a\x7f",
		"no UTF-8": "a\xff", "a space at the end": "a ", "another space": "a\u00a0b", "a zero-width space": "a\u200b", "a URL with a query": "https://x/a?b", "that of a refused row": "line#7",
	} {
		require.Error(t, CheckID(bad), name)
	}
	require.Equal(t, "batch/spring/a-12", BatchUploadID("spring", "a-12"))
	require.Equal(t, "upload/acct/a-12", SingleUploadID("acct", "a-12"))
}

func TestFieldsAreReadByType(t *testing.T) {
	f := Fields{
		"s": "x", "b": true, "n": float64(5), "n64": int64(6), "int": 7, "list": []any{"a", 1, "b"}, "strings": []string{"c"},
		"o": map[string]any{"k": "v"},
	}
	require.Equal(t, "x", f.String("s"))
	require.Empty(t, f.String("b"))
	value, present := f.Bool("b")
	require.True(t, value && present)
	_, present = f.Bool("s")
	require.False(t, present)
	for name, want := range map[string]int64{"n": 5, "n64": 6, "int": 7} {
		n, present := f.Int(name)
		require.True(t, present)
		require.Equal(t, want, n)
	}
	_, present = f.Int("s")
	require.False(t, present)
	require.Equal(t, []string{"a", "b"}, f.Strings("list"))
	require.Equal(t, []string{"c"}, f.Strings("strings"))
	require.Nil(t, f.Strings("s"))
	require.Equal(t, map[string]any{"k": "v"}, f.Object("o"))
	require.Nil(t, f.Object("s"))
}

func FuzzASourceIsPrintedWithoutItsQuery(f *testing.F) {
	f.Add("https://u:p@h/a", "X-Amz-Signature")
	f.Add("s3://b/k", "a")
	f.Fuzz(func(t *testing.T, front, name string) {
		if strings.Contains(front+name, "c4n4ry") || IsLocal(front) {
			t.Skip()
		}
		source := front + "?" + name + "=c4n4ry"
		require.NotContains(t, DisplaySource(source), "c4n4ry")
		canonical, err := CanonicalSource(source, "/")
		if err != nil {
			require.NotContains(t, err.Error(), "c4n4ry")
			return
		}
		require.NotContains(t, DisplaySource(canonical), "c4n4ry")
		again, err := CanonicalSource(canonical, "/elsewhere")
		require.NoError(t, err)
		require.Equal(t, canonical, again)
		require.Len(t, DeriveID("a", source, nil), 32)
	})
}

func TestWhatSignsAURLDoesNotCountAndWhatOnlyLooksLikeItDoes(t *testing.T) {
	id := func(source string) string { return DeriveID("a", source, nil) }
	require.Equal(t, id("https://h/f?x=1&sig=AA&se=2026"), id("https://h/f?x=1&sig=BB&se=2027"))
	require.NotEqual(t, id("https://h/f?se=1"), id("https://h/f?se=2"), "without its mark it is a parameter like any other")
	require.NotEqual(t, id("https://h/f?token=1"), id("https://h/f?token=2"))
	path, err := CanonicalSource("file:///a%20b/c.jpg", "/srv")
	require.NoError(t, err)
	require.Equal(t, "/a b/c.jpg", path)
}

func TestTheBatchIsInTheUploadIDOfItsRows(t *testing.T) {
	require.Equal(t, "spring", BatchOf(BatchUploadID("spring", "a/b")))
	require.Empty(t, BatchOf(SingleUploadID("trustana", "batch/x")))
}
