package dashboard

import (
	"net/http"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/report"
	"github.com/mediaferry/mediaferry/internal/sources"
	"github.com/mediaferry/mediaferry/internal/wiring"
)

// picturesAtOnce is how many thumbnails are made at the same time.
const picturesAtOnce = 2

// sources reads files of this host, as the configuration allows it.
func (v *visit) sources() (*sources.Sources, error) {
	roots, err := v.Roots()
	if err != nil {
		return nil, err
	}
	return wiring.Sources(v.Config, roots, v.Data)
}

// picture answers with a thumbnail of what an upload sent, or with a picture that says
// that there is none.
func (p *Page) picture(w http.ResponseWriter, r *http.Request) {
	v, ok := p.visit(w, r)
	if !ok {
		return
	}
	entry, err := v.Ledger.Get(v.ctx(), idBelow(r, "/pictures/"))
	if err != nil {
		p.fail(w, v, err)
		return
	}
	kind, text := "image/svg+xml", []byte(noPicture)
	if jpeg, ok := p.thumbnail(v, entry); ok {
		kind, text = "image/jpeg", jpeg
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "private, max-age=600")
	_, _ = w.Write(text) //nolint:gosec // a JPEG made here, or a text of ours; where it cannot be written, the browser is gone
}

func (p *Page) thumbnail(v *visit, entry ledger.Entry) ([]byte, bool) {
	from, err := v.sources()
	if err != nil {
		return nil, false
	}
	select {
	case p.drawing <- struct{}{}:
		defer func() { <-p.drawing }()
	case <-v.ctx().Done():
		return nil, false
	}
	small, err := report.Thumbnail(v.ctx(), from, entry)
	if err != nil { // the file may be on another host, gone, or no picture
		return nil, false
	}
	return small.JPEG, true
}

// noPicture stands where there is no thumbnail.
const noPicture = `<svg xmlns="http://www.w3.org/2000/svg" width="160" height="48"><text x="0" y="29" font-family="sans-serif" font-size="13" fill="#7b868d">no picture here</text></svg>`
