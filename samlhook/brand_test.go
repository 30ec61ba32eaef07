package samlhook

import (
	"bytes"
	"encoding/base64"
	"errors"
	"image"
	"image/png"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"rollcall/directory"
	"rollcall/directory/schema"
)

// brandOrganization changes the organization's brand as SCIM would.
func (s *site) brandOrganization(brand map[string]any) error {
	return s.hook.update(s.t.Context(), s.org, func(tx *directory.Tx, resolved func(any) (any, error)) error {
		old, err := tx.Get(schema.OrganizationType, tx.Snapshot().Organization().ID)
		if err != nil {
			return err
		}
		doc, err := schema.Organization().Decode(old.JSON)
		if err != nil {
			return err
		}
		doc["brand"] = brand
		if err := s.hook.PrepareOrganization(tx, old.ID, old, doc, resolved); err != nil {
			return err
		}
		_, err = tx.Replace(old, doc)
		return err
	})
}

// Pages have the organization's logo and colour; nothing of the uploaded file but its picture is served.
func TestBrand(t *testing.T) {
	s := newSite(t)
	var file bytes.Buffer
	if err := png.Encode(&file, image.NewGray(image.Rect(0, 0, 20, 10))); err != nil {
		t.Fatal(err)
	}
	file.WriteString("<script>alert(1)</script>")
	logo := base64.StdEncoding.EncodeToString(file.Bytes())
	if err := s.brandOrganization(map[string]any{"logo": logo, "colour": "#b00020"}); err != nil {
		t.Fatal(err)
	}
	b := s.browser()
	page := b.get(s.url + "/orgs/default/me")
	paths := regexp.MustCompile(`"(/orgs/default/brand/[^"]+)"`).FindAllStringSubmatch(page.Body, -1)
	if len(paths) != 2 {
		t.Fatalf("the page names %v:\n%s", paths, page.Body)
	}
	for _, m := range paths {
		got := b.get(s.url + m[1])
		kind := got.Header.Get("Content-Type")
		if got.Status != http.StatusOK || !strings.Contains(got.Header.Get("Cache-Control"), "immutable") ||
			got.Header.Get("X-Content-Type-Options") != "nosniff" || strings.Contains(got.Body, "script") ||
			(kind != "image/png" && kind != "text/css; charset=utf-8") {
			t.Errorf("%s: %d %v", m[1], got.Status, got.Header)
		}
		if strings.HasSuffix(m[1], ".css") && !strings.Contains(got.Body, "#b00020") {
			t.Errorf("the style sheet: %s", got.Body)
		}
		for _, other := range []string{"/orgs/nobody" + strings.TrimPrefix(m[1], "/orgs/default"), m[1] + "x"} {
			if got := b.get(s.url + other); got.Status != http.StatusNotFound {
				t.Errorf("%s: %d", other, got.Status)
			}
		}
	}

	// What a browser could take for something else is refused.
	for name, c := range map[string]struct {
		brand map[string]any
		attr  string
	}{
		"SVG":         {map[string]any{"logo": base64.StdEncoding.EncodeToString([]byte("<svg/>"))}, "brand.logo"},
		"not base64":  {map[string]any{"logo": "%"}, "brand.logo"},
		"light":       {map[string]any{"colour": "#ffffee"}, "brand.colour"},
		"not a color": {map[string]any{"colour": "red}body{display:none"}, "brand.colour"},
	} {
		err := s.brandOrganization(c.brand)
		if e, ok := errors.AsType[*schema.Error](err); !ok || e.Attr != c.attr {
			t.Errorf("%s: %v", name, err)
		}
	}
}
