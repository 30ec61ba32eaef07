package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"path"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Platform is the brand of whoever runs the service. Pages that belong to no organization have it, and those of an
// organization without a colour have its colour. Nil is Rollcall's own.
type Platform struct {
	brand Brand
	files map[string]asset // by path
}

// PlatformPath is where a Platform is served.
const PlatformPath = "/brand/"

// maxPlatformName bounds the name, in characters.
const maxPlatformName = 100

// NewPlatform makes a Platform of a name, a colour as #rrggbb, and a picture (see ReadLogo), each of which may be
// empty. It returns an error if the name is longer than 100 characters or has one that does not show, and those of
// ParseColour and ReadLogo.
func NewPlatform(name, colour string, logo []byte) (*Platform, error) {
	p := &Platform{brand: Brand{Name: ours.Name}, files: map[string]asset{}}
	if name != "" {
		if err := checkName(name); err != nil {
			return nil, err
		}
		p.brand.Name = name
	}
	if colour != "" {
		c, err := ParseColour(colour)
		if err != nil {
			return nil, err
		}
		p.brand.Style = p.add(".css", []byte(c.Style()))
	}
	if len(logo) > 0 {
		picture, err := ReadLogo(logo)
		if err != nil {
			return nil, err
		}
		p.brand.Logo = p.add(".png", picture)
	}
	return p, nil
}

func checkName(name string) error {
	if n := utf8.RuneCountInString(name); n > maxPlatformName {
		return fmt.Errorf("the name has %d characters; at most %d are accepted", n, maxPlatformName)
	}
	hidden := func(r rune) bool { return !unicode.IsPrint(r) }
	if strings.TrimSpace(name) == "" || strings.ContainsFunc(name, hidden) || !utf8.ValidString(name) {
		return errors.New("the name is blank or has a character that does not show")
	}
	return nil
}

// add serves a file under its hash and returns its path.
func (p *Platform) add(extension string, body []byte) string {
	sum := sha256.Sum256(body)
	at := PlatformPath + hex.EncodeToString(sum[:8]) + extension
	p.files[at] = asset{at, kinds[path.Ext(at)], body}
	return at
}

// ServeHTTP serves the logo and the style sheet; anything else is 404.
func (p *Platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p != nil {
		if a, ok := p.files[r.URL.Path]; ok {
			a.serve(w, r)
			return
		}
	}
	http.NotFound(w, r)
}

// fill is the brand to show of a page that has the brand b.
func (p *Platform) fill(b Brand) Brand {
	house := ours
	if p != nil {
		house = p.brand
	}
	if b.Name == "" { // nobody's page
		return house
	}
	if b.Style == "" {
		b.Style = house.Style
	}
	return b
}

// serve serves an asset, which browsers may keep for good.
func (a asset) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	Secure(h)
	h.Set("Content-Type", a.kind)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.body))
}
