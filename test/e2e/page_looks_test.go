package e2e

import (
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// faint lists texts that stand out from what is behind them by less than the Web Content
// Accessibility Guidelines ask for (level AA): 4.5 to 1, and 3 to 1 for large ones.
const faint = `(() => {
  const rgb = (text) => { const n = text.match(/[\d.]+/g).map(Number); return n.length === 3 ? [...n, 1] : n; };
  const light = (c) => { const [r, g, b] = c.slice(0, 3).map((v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const behind = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c[3] > 0.99) return c; } return [255, 255, 255, 1]; };
  const found = new Set();
  for (const e of document.querySelectorAll("body *")) {
    if (!e.checkVisibility() || e.closest("svg, canvas, noscript")) continue;
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own) continue;
    const style = getComputedStyle(e), a = light(rgb(style.color)), b = light(behind(e));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const size = parseFloat(style.fontSize), large = size >= 24 || size >= 18.66 && style.fontWeight >= 700;
    if (ratio < (large ? 3 : 4.5)) found.add(e.tagName + "." + e.className + " " + ratio.toFixed(2));
  }
  return [...found].join(", ");
})()`

// nameless lists what is operated and says to nobody who cannot see it what it does, and
// what the keyboard does not reach.
const nameless = `(() => {
  const found = [];
  for (const e of document.querySelectorAll("a[href], button, input:not([type=hidden]), select, summary")) {
    if (!e.checkVisibility()) continue;
    const label = e.innerText || e.getAttribute("aria-label") || (e.labels && e.labels.length && e.labels[0].innerText) || e.getAttribute("alt");
    if (!label || !label.trim()) found.push(e.outerHTML.slice(0, 80));
    if (e.tabIndex < 0) found.push("not reached: " + e.outerHTML.slice(0, 80));
  }
  for (const e of document.querySelectorAll("img:not([alt]), svg:not([aria-hidden]):not([role])")) found.push(e.outerHTML.slice(0, 80));
  return found.join(", ");
})()`

// everybodyCanRead looks at the views as people do who see little, or use the keyboard
// alone: light and dark.
func (s *seen) everybodyCanRead(paths []string) {
	for _, scheme := range []string{"light", "dark"} {
		s.scheme(scheme)
		for _, path := range paths {
			s.open(s.origin + path)
			require.Empty(s.place.t, s.said(faint), "%s, %s: too faint", path, scheme)
			require.Empty(s.place.t, s.said(nameless), "%s: without a name", path)
		}
	}
	s.open(s.origin + "/")
	s.steps(chromedp.KeyEvent("\t"))
	require.Equal(s.place.t, "Skip to the content", s.said(`document.activeElement.innerText`), "the first that the keyboard reaches")
	s.steps(chromedp.KeyEvent("\r"))
	require.Equal(s.place.t, "#main", s.said(`location.hash`))
}

func (b *browser) scheme(name string) {
	b.t.Helper()
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}}}
	_, err := chromedp.Call[emulation.SetEmulatedMediaParams, cdp.Empty](b.ctx, emulation.SetEmulatedMedia, media)
	require.NoError(b.t, err)
}

func (b *browser) said(expression string) string {
	b.t.Helper()
	text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](expression))
	require.NoError(b.t, err)
	return text
}
