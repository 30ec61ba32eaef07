package web

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Brand is whose page it is. A page has one if its data embeds it.
type Brand struct {
	Name  string // to show
	Logo  string // path of its picture; empty for the first letter of the name
	Style string // path of a style sheet with its colour; empty for ours
}

// PageBrand is how the layout finds it.
func (b Brand) PageBrand() Brand { return b }

// Initial is what stands for a brand that has no logo.
func (b Brand) Initial() string {
	r, _ := utf8.DecodeRuneInString(strings.TrimLeftFunc(b.Name, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}))
	if r == utf8.RuneError {
		return "•"
	}
	return string(unicode.ToUpper(r))
}

// ours is the brand of pages that belong to nobody.
var ours = Brand{Name: "Rollcall"}

// brandOf is the brand that a page shows, by its data.
func (p *Pages) brandOf(data any) Brand {
	var brand Brand
	if b, ok := data.(interface{ PageBrand() Brand }); ok {
		brand = b.PageBrand()
	}
	return p.Platform.fill(brand)
}
