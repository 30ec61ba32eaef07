package remote

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

func TestNetwork(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.7:4711":              "192.0.2.0/24",
		"[::ffff:192.0.2.7]:4711":     "192.0.2.0/24",
		"[2001:db8:1:2:3:4:5:6]:4711": "2001:db8:1:2::/64",
		"[fe80::1%eth0]:4711":         "fe80::/64",
		"192.0.2.7":                   "192.0.2.0/24",
		"@":                           "@",
	} {
		if got := Network(address); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
}

func TestBehind(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for _, c := range []struct {
		name, peer string
		forwarded  []string
		want       string
	}{
		{"nobody's header counts but a proxy's", "192.0.2.1:1", []string{"198.51.100.1"}, "192.0.2.1:1"},
		{"a proxy", "10.0.0.1:1", []string{"198.51.100.1"}, "198.51.100.1:0"},
		{"what the client made up does not count", "10.0.0.1:1", []string{"203.0.113.9, 198.51.100.1"}, "198.51.100.1:0"},
		{"two proxies", "10.0.0.1:1", []string{"203.0.113.9, 198.51.100.1, 10.0.0.2"}, "198.51.100.1:0"},
		{"two headers", "10.0.0.1:1", []string{"198.51.100.1", "10.0.0.2"}, "198.51.100.1:0"},
		{"proxies alone", "10.0.0.1:1", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3:0"},
		{"no header", "10.0.0.1:1", nil, "10.0.0.1:1"},
		{"no address", "10.0.0.1:1", []string{"198.51.100.1, unknown"}, "10.0.0.1:1"},
		{"no address behind a proxy", "10.0.0.1:1", []string{"unknown, 10.0.0.2"}, "10.0.0.2:0"},
		{"IPv6", "[fd00::1]:1", []string{"2001:db8::1"}, "[2001:db8::1]:0"},
		{"a proxy as an IPv4-mapped address", "[::ffff:10.0.0.1]:1", []string{"198.51.100.1"}, "198.51.100.1:0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			r.RemoteAddr, r.Header["X-Forwarded-For"] = c.peer, c.forwarded
			Behind(proxies, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				if r.RemoteAddr != c.want {
					t.Errorf("%s, want %s", r.RemoteAddr, c.want)
				}
			})).ServeHTTP(httptest.NewRecorder(), r)
		})
	}
}
