package manifest

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/mediaferry/mediaferry/internal/media"
)

// omission is why a folder's entry is not a row.
type omission int

const (
	taken omission = iota
	systemFolder
	systemFile
	hiddenName
	noExtension
	otherExtension
	folderLink
	irregularFile
	omissions // the number of reasons
)

// omitted words the reasons: what is counted, for one and for several, and what to do
// for those who want it sent.
var omitted = [omissions]struct{ one, many, hint string }{
	systemFolder: {
		"1 folder of a system or a program is", "%d folders of systems or programs are",
		"to send what is in one of them, use it as the manifest",
	},
	systemFile:     {"1 file of a system or a program is", "%d files of systems or programs are", "nothing needs to be done"},
	hiddenName:     {"1 hidden file or folder is", "%d hidden files and folders are", "to send one, rename it without the leading dot"},
	noExtension:    {"1 file without an extension is", "%d files without an extension are", "to send one, give it the extension of its type, such as .jpg, or list it in a manifest"},
	otherExtension: {"1 file with another extension than those of media is", "%d files with other extensions than those of media are", "to send one, give it the extension of its type, such as .jpg, or list it in a manifest"},
	folderLink:     {"1 link to a folder is", "%d links to folders are", "to send what a link leads to, use that folder as the manifest"},
	irregularFile:  {"1 pipe, socket or device is", "%d pipes, sockets and devices are", "to send one, write its content to a file"},
}

// systemFolders are folders that systems and programs make beside the files of people,
// in lower case: trash, snapshots, thumbnails and copies. Names with a leading dot are
// hidden in any case.
var systemFolders = []string{
	"@eadir", "@tmp", "@sharebin", "@sharesnap", "@appstore", "@database", "#recycle", "#snapshot", // Synology
	"@recycle", "@recently-snapshot", "@transcode", // QNAP
	"~snapshot",                                                         // NetApp
	"$recycle.bin", "recycler", "recycled", "system volume information", // Windows
	"_vti_cnf", "_vti_pvt", "_vti_bin",
	"__macosx", "network trash folder", "temporary items", "thevolumesettingsfolder", "thefindbycontentfolder",
	"cleanup at startup", "backups.backupdb", "mobilebackups.trash",
	"lost+found", "lost.dir", "_gsdata_",
}

var systemFiles = []string{"thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "icon\r", "picasa.ini", "zbthumbnail.info", "desktop db", "desktop df"}

// omit decides whether an entry of a folder is left out.
func omit(one name) omission {
	lower := strings.ToLower(one.text)
	switch {
	case one.mode.IsDir() && (slices.Contains(systemFolders, lower) || strings.HasPrefix(lower, "@syno") || strings.HasSuffix(lower, ".lrdata") || found000(lower)):
		return systemFolder
	case strings.HasPrefix(one.text, "."):
		return hiddenName
	case one.mode.IsDir():
		return taken
	case slices.Contains(systemFiles, lower):
		return systemFile
	case !one.mode.IsRegular() && one.mode&fs.ModeSymlink == 0:
		return irregularFile
	}
	kind, known := media.TypeOf(one.text)
	switch {
	case known && kind.Medium():
		return taken
	case path.Ext(one.text) == "":
		return noExtension
	}
	return otherExtension
}

// found000 reports the folders in which Windows puts what it has repaired.
func found000(lower string) bool {
	digits, found := strings.CutPrefix(lower, "found.")
	return found && len(digits) == 3 && strings.Trim(digits, "0123456789") == ""
}

// tally counts what a folder leaves out.
type tally [omissions]struct {
	count    int
	examples []string
}

// exampleCount is how many names of each reason are kept: the first ones.
const exampleCount = 3

func (t *tally) add(why omission, name string) {
	t[why].count++
	kept := append(t[why].examples, shown(name))
	slices.Sort(kept) // file systems list names in any order
	t[why].examples = kept[:min(len(kept), exampleCount)]
}

// problems are warnings, one for each reason.
func (t *tally) problems() []Problem {
	var all []Problem
	for why, one := range t {
		if one.count == 0 {
			continue
		}
		what, words := omitted[why].one, "left out: "
		if one.count > 1 {
			what = fmt.Sprintf(omitted[why].many, one.count)
		}
		if one.count > len(one.examples) {
			words = "left out, for example "
		}
		p := problem(SortFolder, "", "%s %s%s", what, words, strings.Join(one.examples, ", ")).hint("%s", omitted[why].hint).warn()
		p.Line = 1
		all = append(all, *p)
	}
	return all
}

// summary is what was left out, in the middle of a sentence; "" if that is nothing.
func (t *tally) summary() string {
	var parts []string
	for _, p := range t.problems() {
		parts = append(parts, p.Message)
	}
	if len(parts) == 0 {
		return ""
	}
	return "; " + strings.Join(parts, "; ")
}
