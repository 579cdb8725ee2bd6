package config

import "net/url"

// tokenLeast is how many characters a token of the web page must have: one that can be
// guessed protects nothing.
const tokenLeast = 16

// Dashboard says who may use the web page, the codec and a worker's control, and how
// they are served to other hosts.
type Dashboard struct {
	Token     string // opens everything; "" for that of the data folder
	Viewer    string // opens what is only read; "" for none
	Cert, Key string // paths of PEM files for TLS; "" for none
	// TemporalUI is the URL of Temporal's web UI, without a path, for the page of a fleet;
	// "" for none. It serves all that it has below /temporal.
	TemporalUI string
}

// Dashboard returns the settings of the web page.
func (c *Config) Dashboard() (Dashboard, error) {
	f := &findings{file: c.Path}
	dashboard := c.dashboard(f)
	return dashboard, f.err()
}

func (c *Config) dashboard(f *findings) Dashboard {
	d := Dashboard{
		Token: c.pageToken("dashboard.token", f), Viewer: c.pageToken("dashboard.viewer_token", f),
		Cert: f.text(c.values["dashboard.tls.cert"]), Key: f.text(c.values["dashboard.tls.key"]),
		TemporalUI: c.temporalUI(f),
	}
	if d.Token != "" && d.Token == d.Viewer {
		f.add(c.values["dashboard.viewer_token"], "use two different tokens", "is the same as dashboard.token")
	}
	for _, pair := range []struct{ have, lack, name string }{
		{d.Cert, d.Key, "dashboard.tls.cert"}, {d.Key, d.Cert, "dashboard.tls.key"},
	} {
		if pair.have != "" && pair.lack == "" {
			f.add(c.values[pair.name], "set both dashboard.tls.cert and dashboard.tls.key", "is set alone")
		}
	}
	if d.Cert != "" {
		d.Cert, d.Key = absolute(c.dir, d.Cert), absolute(c.dir, d.Key)
	}
	return d
}

// temporalUI reads the address of Temporal's web UI. It may be http: anywhere: what is sent
// there has no credential, and payloads are encrypted.
func (c *Config) temporalUI(f *findings) string {
	v := c.values["dashboard.temporal_ui"]
	text, u := f.address(v, true, "")
	if text == "" {
		return ""
	}
	if u.Path != "" {
		f.add(v, "use "+(&url.URL{Scheme: u.Scheme, Host: u.Host}).String()+", and start the web UI with TEMPORAL_UI_PUBLIC_PATH=/temporal", "contains a path")
		return ""
	}
	return text
}

// pageToken reads a token of the web page.
func (c *Config) pageToken(where string, f *findings) string {
	v := c.values[where]
	token := f.word(v)
	if token != "" && len(token) < tokenLeast {
		f.add(v, "create one with: openssl rand -base64 32", "has fewer than %d characters", tokenLeast)
	}
	return token
}
