package web

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Colour is a colour of the web, in red, green and blue.
type Colour [3]float64

// What text and buttons need against what is behind them (WCAG 2.2, 1.4.3 and 1.4.11).
const (
	textContrast   = 4.5
	buttonContrast = 3
)

// The backgrounds of site.css on which a brand's colour stands.
var (
	white    = Colour{255, 255, 255}
	black    = Colour{0, 0, 0}
	darkCard = Colour{0x19, 0x1d, 0x23}
)

// ParseColour reads #rrggbb. It returns an error for anything else, and for a colour that can't be told from a white
// page.
func ParseColour(s string) (Colour, error) {
	n, err := strconv.ParseUint(strings.TrimPrefix(s, "#"), 16, 32)
	if err != nil || len(s) != 7 || s[0] != '#' {
		return Colour{}, fmt.Errorf("%.20q is not a colour such as #2149b8", s)
	}
	c := Colour{float64(n >> 16), float64(n >> 8 & 255), float64(n & 255)}
	if r := contrast(c, white); r < buttonContrast {
		return Colour{}, fmt.Errorf("the colour %s has a contrast of %.1f:1 to white; at least %d:1 is needed", s, r,
			buttonContrast)
	}
	return c, nil
}

// Style is the style sheet that gives pages the colour: as it is where it can be read, else as much darker or lighter
// as it takes.
func (c Colour) Style() string {
	light, dark := c.toward(black, white), c.toward(white, darkCard)
	return fmt.Sprintf(":root{--accent:light-dark(%s,%s);--on-accent:light-dark(%s,%s)}\n", light, dark, light.ink(),
		dark.ink())
}

// toward mixes the colour with another one until text in it can be read on the background.
func (c Colour) toward(other, background Colour) Colour {
	for share := 0.0; ; share += .02 {
		mixed := c
		for i := range mixed {
			mixed[i] = math.Round(c[i]*(1-share) + other[i]*share)
		}
		if share >= 1 || contrast(mixed, background) >= textContrast {
			return mixed
		}
	}
}

// ink is what can be read on the colour.
func (c Colour) ink() Colour {
	if contrast(c, white) >= contrast(c, black) {
		return white
	}
	return black
}

// String is the colour as #rrggbb.
func (c Colour) String() string { return fmt.Sprintf("#%02x%02x%02x", int(c[0]), int(c[1]), int(c[2])) }

// contrast is the contrast ratio of two colours.
func contrast(a, b Colour) float64 {
	x, y := a.luminance(), b.luminance()
	return (max(x, y) + .05) / (min(x, y) + .05)
}

// luminance is the relative luminance.
func (c Colour) luminance() float64 {
	var l float64
	for i, weight := range [3]float64{.2126, .7152, .0722} {
		v := c[i] / 255
		if v <= .04045 {
			v /= 12.92
		} else {
			v = math.Pow((v+.055)/1.055, 2.4)
		}
		l += weight * v
	}
	return l
}
