package samlhook

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"time"

	"github.com/gorilla/mux"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/internal/web"
)

// An organization's pages have its name, its logo and its colour. The logo is re-encoded when it is stored, and the
// style sheet is made of the colour: nothing that somebody uploaded is served as it came.

// Attributes of an Organization.
const (
	attributeLogo   = "brand.logo"
	attributeColour = "brand.colour"
)

// prepareBrand checks the brand of an Organization before it is stored: its logo becomes PNG, its colour must be
// readable. It is pure. Error: *schema.Error naming the attribute.
func prepareBrand(old *directory.Resource, doc schema.Document) error {
	brand, _ := doc["brand"].(map[string]any)
	if colour, _ := brand["colour"].(string); colour != "" {
		if _, err := web.ParseColour(colour); err != nil {
			return wrong(attributeColour, "%s", err)
		}
	}
	logo, _ := brand["logo"].(string)
	if logo == "" || old != nil && logo == old.Text(attributeLogo) {
		return nil
	}
	file, err := base64.StdEncoding.DecodeString(logo)
	if err != nil {
		return wrong(attributeLogo, "must be base64")
	}
	picture, err := web.ReadLogo(file)
	if err != nil {
		return wrong(attributeLogo, "%s", err)
	}
	brand["logo"] = base64.StdEncoding.EncodeToString(picture)
	return nil
}

// brandFile is a file of an organization's brand under its hash, so that browsers may keep it.
type brandFile struct {
	name, kind string
	body       []byte
}

func newBrandFile(extension, kind string, body []byte) *brandFile {
	sum := sha256.Sum256(body)
	return &brandFile{hex.EncodeToString(sum[:8]) + extension, kind, body}
}

// logoOf is the organization's logo; nil if it has none.
func logoOf(organization *directory.Resource) *brandFile {
	body, err := base64.StdEncoding.DecodeString(organization.Text(attributeLogo))
	if err != nil || len(body) == 0 {
		return nil
	}
	return newBrandFile(".png", "image/png", body)
}

// styleOf is the style sheet with the organization's colour; nil if it has none.
func styleOf(organization *directory.Resource) *brandFile {
	colour, err := web.ParseColour(organization.Text(attributeColour))
	if err != nil {
		return nil
	}
	return newBrandFile(".css", "text/css; charset=utf-8", []byte(colour.Style()))
}

// brand is how the organization of the snapshot looks.
func (h *Hook) brand(s *directory.Snapshot) web.Brand {
	organization := s.Organization()
	b := web.Brand{Name: displayOrganization(s)}
	base := "/orgs/" + organization.Text("name") + "/brand/"
	if f := logoOf(organization); f != nil {
		b.Logo = base + f.name
	}
	if f := styleOf(organization); f != nil {
		b.Style = base + f.name
	}
	return b
}

// brandFor is brand for a page with a status: while the store does not answer, there is the name alone.
func (x *exchange) brandFor(status int) web.Brand {
	if status < http.StatusInternalServerError {
		if s, err := x.dir.Snapshot(x.r.Context()); err == nil && s.Organization() != nil {
			return x.brand(s)
		}
	}
	return web.Brand{Name: x.organizationName(http.StatusInternalServerError)}
}

// serveBrand serves the logo and the style sheet that the organization has now.
func (x *exchange) serveBrand() error {
	s, err := x.snapshot()
	if err != nil {
		return err
	}
	for _, f := range []*brandFile{logoOf(s.Organization()), styleOf(s.Organization())} {
		if f == nil || f.name != mux.Vars(x.r)["file"] {
			continue
		}
		h := x.w.Header()
		web.Secure(h)
		web.Policy{}.Set(h)
		h.Set("Content-Type", f.kind)
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
		x.status = http.StatusOK
		http.ServeContent(x.w, x.r, "", time.Time{}, bytes.NewReader(f.body))
		return nil
	}
	return errNotFound
}
