package dashboard

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"sync"
)

// assets are our own scripts and styles, and libraries as they are published, with their
// licences: htmx, which loads a view again; Idiomorph, which changes only what differs;
// uPlot, which draws a chart.
//
//go:embed assets
var assets embed.FS

// hashes are of the assets' content, so that browsers keep them until they change.
var hashes = sync.OnceValue(func() map[string]string {
	all := map[string]string{}
	_ = fs.WalkDir(assets, "assets", func(name string, entry fs.DirEntry, err error) error { // embedded files are all there
		if err == nil && !entry.IsDir() {
			text, _ := assets.ReadFile(name)
			sum := sha256.Sum256(text)
			all[name[len("assets/"):]] = hex.EncodeToString(sum[:6])
		}
		return nil
	})
	return all
})

// assetPath is the URL of an asset.
func assetPath(name string) string { return "/assets/" + name + "?" + hashes()[name] }

var assetTypes = map[string]string{
	".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".txt": "text/plain; charset=utf-8",
}

func serveAsset(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	text, err := assets.ReadFile("assets/" + name)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", assetTypes[path.Ext(name)])
	if r.URL.RawQuery != "" && r.URL.RawQuery == hashes()[name] {
		w.Header().Set("Cache-Control", "private, max-age=31536000, immutable")
	}
	_, _ = w.Write(text) //nolint:gosec // it is a file of ours; where it cannot be written, the browser is gone
}
