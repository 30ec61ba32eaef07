package web

import (
	"bytes"
	"image/png"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Pages that belong to nobody have the platform's brand; those of an organization have its own, and the platform's
// colour where they have none.
func TestPlatform(t *testing.T) {
	var logo bytes.Buffer
	if err := png.Encode(&logo, picture(8, 8)); err != nil {
		t.Fatal(err)
	}
	platform, err := NewPlatform("Example Works", "#b00020", logo.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	p := MustParse(files(nil))
	shown := func(b any) string {
		w := httptest.NewRecorder()
		if err := p.Write(w, httptest.NewRequest(http.MethodGet, "/", nil), http.StatusOK, "hello", b, Policy{}); err != nil {
			t.Fatal(err)
		}
		return w.Body.String()
	}
	type page struct {
		Brand
		Name string
	}
	if got := shown(page{Name: "x"}); !strings.Contains(got, `<span class="name">Rollcall</span>`) ||
		strings.Contains(got, PlatformPath) {
		t.Errorf("without a platform:\n%s", got)
	}
	p.Platform = platform
	nobodys := shown(page{Name: "x"})
	for _, want := range []string{platform.brand.Logo, platform.brand.Style, `alt="Example Works"`} {
		if !strings.Contains(nobodys, `"`+strings.Trim(want, `"`)) && !strings.Contains(nobodys, want) {
			t.Errorf("a page of nobody lacks %s:\n%s", want, nobodys)
		}
	}
	theirs := shown(page{Brand: Brand{Name: "Acme"}, Name: "x"})
	if strings.Contains(theirs, platform.brand.Logo) || strings.Contains(theirs, "Example Works") ||
		!strings.Contains(theirs, platform.brand.Style) {
		t.Errorf("a page of an organization without a brand:\n%s", theirs)
	}
	own := shown(page{Brand: Brand{Name: "Acme", Logo: "/l.png", Style: "/s.css"}, Name: "x"})
	if strings.Contains(own, PlatformPath) || !strings.Contains(own, "/l.png") || !strings.Contains(own, "/s.css") {
		t.Errorf("a page of an organization with a brand:\n%s", own)
	}

	// Its files are served, and nothing else.
	get := func(h http.Handler, path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w
	}
	for path, kind := range map[string]string{platform.brand.Logo: "image/png",
		platform.brand.Style: "text/css; charset=utf-8"} {
		if w := get(platform, path); w.Code != http.StatusOK || w.Header().Get("Content-Type") != kind ||
			w.Header().Get("X-Content-Type-Options") != "nosniff" || w.Body.Len() == 0 {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
	}
	if w := get(platform, PlatformPath+"other.png"); w.Code != http.StatusNotFound {
		t.Errorf("another file: %d", w.Code)
	}
	if w := get((*Platform)(nil), platform.brand.Logo); w.Code != http.StatusNotFound {
		t.Errorf("without a platform: %d", w.Code)
	}
}

func TestPlatformRefuses(t *testing.T) {
	if _, err := NewPlatform("", "", nil); err != nil {
		t.Error(err)
	}
	for name, c := range map[string]struct{ name, colour, logo, says string }{
		"long":   {strings.Repeat("ä", maxPlatformName+1), "", "", "101 characters"},
		"blank":  {"  ", "", "", "blank"},
		"hidden": {"Exa\u200bmple", "", "", "does not show"},
		"line":   {"a\nb", "", "", "does not show"},
		"pale":   {"", "#ffff00", "", "contrast"},
		"colour": {"", "red", "", "is not a colour"},
		"logo":   {"", "", "<svg/>", "PNG, JPEG or WebP"},
	} {
		if _, err := NewPlatform(c.name, c.colour, []byte(c.logo)); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
