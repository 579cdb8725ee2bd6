package commands

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"

	"github.com/mediaferry/mediaferry/internal/manifest"
	"github.com/mediaferry/mediaferry/internal/samples"
	"github.com/mediaferry/mediaferry/internal/sandboxhost"
	"github.com/mediaferry/mediaferry/internal/trust"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// demoImages are the samples that Trustana takes, and demoPhotos those of types
// that all four takers of images do.
var (
	demoImages = []string{
		"backpack.webp", "bag.jpeg", "bottle.bmp", "chair.tif", "headphones.jpg",
		"lamp.webp", "mug.png", "plant.png", "sneaker.jpg", "watch.gif",
	}
	demoPhotos = []string{"headphones.jpg", "lamp.webp", "mug.png", "watch.gif"}
)

// longVideo is the size of the demo's second video: several parts, the last one
// short.
const longVideo = 36 << 20

// demoOrganization is one to which the sandbox's account at Closient belongs.
func demoOrganization(ctx context.Context, box *sandboxhost.Sandbox) (string, error) {
	var settings struct {
		Closient struct{ Organizations []string }
	}
	if err := box.Settings(ctx, &settings); err != nil {
		return "", err
	}
	if len(settings.Closient.Organizations) == 0 {
		return "", errors.New("the simulated Closient has no organization")
	}
	return settings.Closient.Organizations[0], nil
}

// writeSamples lays the sample media into a folder, and a long video grown from
// the short one.
func writeSamples(folder string) error {
	if _, err := trust.Folder(folder); err != nil {
		return err
	}
	files := samples.Files()
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(folder, path.Base(name)), content, 0o600)
	})
	if err != nil {
		return err
	}
	short, err := fs.ReadFile(files, samples.Clip)
	if err != nil {
		return err
	}
	var long bytes.Buffer
	if err := samples.GrowMP4(&long, short, longVideo); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "long.mp4"), long.Bytes(), 0o600)
}

// writeCatalogue writes what the demo sends as a manifest beside the media, and
// says how many rows it has.
func writeCatalogue(folder, organization string) (place manifest.Place, rows int, err error) {
	var lines bytes.Buffer
	out := json.NewEncoder(&lines)
	add := func(to, file string, fields upload.Fields) {
		row := map[string]any{"id": to + "-" + file, "to": to, "source": file}
		maps.Copy(row, fields)
		err = errors.Join(err, out.Encode(row))
		rows++
	}
	for i, file := range demoImages {
		add("trustana", file, upload.Fields{"skuIds": []any{fmt.Sprintf("SKU%03d", i+1)}, "addToMediaGallery": true})
	}
	for _, file := range demoPhotos {
		add("trustoo", file, nil)
		add("sitoo", file, upload.Fields{"entity_id": "1RT823V93|" + file + "|DAMAGED|51076f94"})
		add("closient", file, upload.Fields{"organization_id": organization, "gtin": "4006381333931", "title": file, "is_primary": file == demoPhotos[0]})
	}
	add("truvideo", samples.Clip, upload.Fields{"title": "Short: a test pattern", "resolution": "LOW"})
	add("truvideo", "long.mp4", upload.Fields{"title": "Long: in several parts", "tags": map[string]any{"brand": "mediaferry"}})
	if err != nil {
		return place, rows, err
	}
	path := filepath.Join(folder, "catalogue.jsonl")
	if err := os.WriteFile(path, lines.Bytes(), 0o600); err != nil {
		return place, rows, err
	}
	place, err = manifest.Locate(path, folder)
	return place, rows, err
}
