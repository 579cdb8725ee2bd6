package contract

import (
	"bytes"
	"context"
	"io"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/transfer"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// hostileRow is what a row names, in fields that a vendor or its store gets.
type hostileRow struct {
	name, vendor string
	fields       upload.Fields // besides those of the suite
	kind         upload.Kind   // "": it is sent, and changes no request
}

func TestAHostileRowChangesNoRequest(t *testing.T) {
	for _, h := range hostileRows {
		t.Run(h.name, func(t *testing.T) {
			w := newWorld(t, h.vendor, nil)
			im := imposture(t, hostile{vendor: h.vendor})
			w.origin = im.URL
			item := w.item("a")
			maps.Copy(item.Fields, h.fields)
			ended := w.run(item)
			state := upload.StateReady
			if h.kind != "" {
				state = upload.StateFailed
			}
			w.requireEnd(state, h.kind, "", ended)
			require.Empty(t, im.strays, "requests to another path")
			for _, r := range im.requests {
				require.Empty(t, r.Header.Get("X-Evil"))
			}
		})
	}
}

const injection = "a\"\r\nX-Evil: 1\r\n\r\n--b.jpg"

var hostileRows = []hostileRow{
	{"a file name with a header in it, in JSON", "trustana", upload.Fields{"fileName": injection}, ""},
	{"a file name with a header in it, in a form of OSS", "trustoo", upload.Fields{"fileName": injection}, ""},
	{"a file name with a header in it, in a form of S3", "sitoo", upload.Fields{"file_name": injection}, ""},
	{"a file name that OSS would fill in", "trustoo", upload.Fields{"fileName": "${filename}${x}.jpeg"}, ""},
	{"a file name that leads elsewhere", "trustoo", upload.Fields{"fileName": "../../../etc/passwd.jpeg"}, ""},
	{"a file name that turns writing around", "trustoo", upload.Fields{"fileName": "a\u202egpj.exe.jpeg"}, ""},
	{"a title that is HTML with a formula", "closient", upload.Fields{"title": "=<script>alert(1)</script>\x1b[31m"}, ""},
	{"an organization that leads elsewhere", "closient", upload.Fields{"organization_id": "../../admin?x=1#y"}, ""},
	{"a product that leads elsewhere", "closient", upload.Fields{"gtin": "4006381333931/../../x"}, ""},
	{"an entity of a hundred thousand characters", "sitoo", upload.Fields{"entity_id": strings.Repeat("e", 100_000)}, ""},
	{"tags nested a thousand deep", "truvideo", upload.Fields{"tags": nested(1000)}, ""},
	{"metadata with the names of members", "truvideo", upload.Fields{"metadata": map[string]any{"__proto__": map[string]any{"a": "b"}, "amountOfParts": "7"}}, ""},
}

func nested(deep int) map[string]any {
	inner := map[string]any{"a": "b"}
	for range deep {
		inner = map[string]any{"a": inner}
	}
	return inner
}

// hostileAddress is where somebody wants bytes to be sent.
type hostileAddress struct{ name, url string }

func TestNothingIsSentToAnAddressInside(t *testing.T) {
	door := egress.New()
	t.Cleanup(door.CloseIdle)
	client := door.Storage(egress.Policy{Insecure: true})
	for _, h := range hostileAddresses {
		t.Run(h.name, func(t *testing.T) {
			body := transfer.Body{Size: 3, Open: func(context.Context) (io.ReadCloser, error) {
				return io.NopCloser(bytes.NewReader([]byte("abc"))), nil
			}}
			_, err := transfer.Send(t.Context(), client, transfer.Target{Method: upload.MethodPut, URL: h.url}, body, transfer.Want{}, nil)
			var e *upload.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, upload.KindRejected, e.Kind, e.Message)
			require.NotContains(t, e.Message, "pass")
		})
	}
}

var hostileAddresses = []hostileAddress{
	{"loopback", "http://127.0.0.1:1/"},
	{"loopback by another number", "http://127.8.9.10:1/"},
	{"loopback of IPv6", "http://[::1]:1/"},
	{"loopback of IPv6 with a zone", "http://[::1%25lo]:1/"},
	{"loopback as IPv6", "http://[::ffff:127.0.0.1]:1/"},
	{"loopback as IPv6 of the old form", "http://[::7f00:1]:1/"},
	{"loopback by NAT64", "http://[64:ff9b::7f00:1]:1/"},
	{"loopback by 6to4", "http://[2002:7f00:1::]:1/"},
	{"loopback by name", "http://localhost:1/"},
	{"any address", "http://0.0.0.0:1/"},
	{"any address of IPv6", "http://[::]:1/"},
	{"this network", "http://0.1.2.3:1/"},
	{"a private network, 10", "http://10.0.0.7/"},
	{"a private network, 172", "http://172.16.0.1/"},
	{"a private network, 192", "http://192.168.1.1/"},
	{"a network of providers", "http://100.64.0.1/"},
	{"the metadata of clouds", "http://169.254.169.254/latest/meta-data/"},
	{"the metadata of clouds as IPv6", "http://[::ffff:169.254.169.254]/"},
	{"the metadata of clouds by NAT64", "http://[64:ff9b::a9fe:a9fe]/"},
	{"the metadata of Amazon by IPv6", "http://[fd00:ec2::254]/"},
	{"the metadata of Alibaba", "http://100.100.100.200/"},
	{"the metadata of Azure", "http://168.63.129.16/"},
	{"the metadata of Oracle", "http://192.0.0.192/"},
	{"link-local IPv6", "http://[fe80::1]/"},
	{"site-local IPv6", "http://[fec0::1]/"},
	{"a network for benchmarks", "http://198.18.0.1/"},
	{"a network for documentation", "http://192.0.2.1/"},
	{"a network for documentation of IPv6", "http://[2001:db8::1]/"},
	{"Teredo", "http://[2001::1]/"},
	{"multicast", "http://224.0.0.1/"},
	{"multicast of IPv6", "http://[ff02::1]/"},
	{"broadcast", "http://255.255.255.255/"},
	{"what is reserved", "http://240.0.0.1/"},
	{"discard-only IPv6", "http://[100::1]/"},
	{"a user name", "https://user:pass@example.com/"},
	{"a file", "file:///etc/passwd"},
	{"gopher", "gopher://example.com/"},
	{"a socket", "unix:///var/run/docker.sock"},
}
