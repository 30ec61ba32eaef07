package chromium

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// What breaks a rule is found, also on a page whose policy allows no script; a good page has nothing to be found.
func TestAxe(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	axe := FindAxe(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Security-Policy", "default-src 'none'")
		io.WriteString(w, `<!DOCTYPE html><html lang="en"><title>t</title><main><h1>h</h1>`)
		if r.URL.Path == "/bad" {
			io.WriteString(w, `<img src="x"><font color="#ccc">pale</font><input>`)
		}
	}))
	t.Cleanup(server.Close)
	tab := Start(t).tab(t, View{})
	tab.Open("good", server.URL, "main")
	if found := axe.Violations(tab); len(found) > 0 {
		t.Errorf("in a good page: %q", found)
	}
	tab.Open("bad", server.URL+"/bad", "img")
	found := axe.Violations(tab)
	for _, rule := range []string{"image-alt: ", "color-contrast: ", "label: "} {
		if !slices.ContainsFunc(found, func(s string) bool { return strings.HasPrefix(s, rule) }) {
			t.Errorf("%q was not found: %q", rule, found)
		}
	}
}
