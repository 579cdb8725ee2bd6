// Package samples holds media to try an upload with: pictures as a shop would
// have them, in each format that some vendor takes, a short film, and a way to
// make that film as large as one likes. Everything is drawn for this project and
// free of rights; README.md says how.
//
// It imports nothing of ours, and the program does not need it to work.
package samples

import (
	"embed"
	"io/fs"
)

//go:embed files
var embedded embed.FS

// Clip is the name of the film among Files: six seconds, H.264 and AAC.
const Clip = "clip.mp4"

// Files are the samples, all in the root: 20 to 300 kB each, but for the one
// that is a drawing's text. They are read-only.
func Files() fs.FS {
	files, err := fs.Sub(embedded, "files")
	if err != nil { // the name is a constant, and a valid one
		panic(err) //nolint:forbidigo // a programmer's mistake
	}
	return files
}
