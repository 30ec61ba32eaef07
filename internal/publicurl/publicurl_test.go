package publicurl

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for name, c := range map[string]struct {
		given, want string // "" where it is an error
		names       string // what the error contains
	}{
		"https":          {"https://id.example.com", "https://id.example.com", ""},
		"http":           {"http://127.0.0.1:8080", "http://127.0.0.1:8080", ""},
		"IPv6":           {"http://[::1]:8080", "http://[::1]:8080", ""},
		"trailing slash": {"https://id.example.com/", "https://id.example.com", ""},
		"capitals":       {"HTTPS://ID.example.com", "https://id.example.com", ""},
		"default port":   {"https://id.example.com:443", "https://id.example.com", ""},
		"another port":   {"https://id.example.com:80", "https://id.example.com:80", ""},
		"empty":          {"", "", "http:// or https://"},
		"no scheme":      {"id.example.com", "", "http:// or https://"},
		"another scheme": {"ftp://id.example.com", "", "http:// or https://"},
		"no host":        {"https:///", "", "no host"},
		"port only":      {"https://:8443", "", "no host"},
		"opaque":         {"https:id.example.com", "", "no host"},
		"path":           {"https://id.example.com/sso", "", "has a path"},
		"escaped path":   {"https://id.example.com/%2F", "", "has a path"},
		"user":           {"https://a:hush@id.example.com", "", "user"},
		"query":          {"https://id.example.com?x=1", "", "query"},
		"empty query":    {"https://id.example.com?", "", "query"},
		"fragment":       {"https://id.example.com#x", "", "fragment"},
		"bad port":       {"https://id.example.com:x", "", "invalid port"},
		"space":          {"https://id.example .com", "", "invalid character"},
		"control":        {"https://id.example.com\n", "", "control character"},
		"user and port":  {"https://a:hush@id.example.com:x", "", "invalid port"},
	} {
		u, err := Parse(c.given)
		if c.want != "" {
			if err != nil || u.String() != c.want {
				t.Errorf("%s: %v, %v; want %s", name, u, err, c.want)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.names) {
			t.Errorf("%s: %v, %v; want an error that says %q", name, u, err, c.names)
		} else if strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: the error shows the password: %v", name, err)
		}
	}
}
