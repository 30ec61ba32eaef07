package web

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Whatever the colour, text in it and on it can be read in both themes.
func TestColours(t *testing.T) {
	for _, s := range []string{"#2149b8", "#000000", "#b00020", "#008577", "#949494", "#d2691e", "#ff0000"} {
		c, err := ParseColour(s)
		if err != nil {
			t.Errorf("%s: %v", s, err)
			continue
		}
		light, dark := c.toward(black, white), c.toward(white, darkCard)
		for name, ratio := range map[string]float64{"light": contrast(light, white), "dark": contrast(dark, darkCard),
			"on light": contrast(light, light.ink()), "on dark": contrast(dark, dark.ink())} {
			if ratio < textContrast {
				t.Errorf("%s, %s: %.2f", s, name, ratio)
			}
		}
		if style := c.Style(); strings.Count(style, "#") != 4 || strings.ContainsAny(style, "<>") {
			t.Errorf("%s: %s", s, style)
		}
	}
	for _, s := range []string{"", "red", "#fff", "#ffffff", "#ffff00", "#2149b8;", "#2149bg", "2149b80", "#+149b8"} {
		if c, err := ParseColour(s); err == nil {
			t.Errorf("%q is taken for %v", s, c)
		}
	}
	if r := contrast(white, black); r < 20.9 || r > 21.1 {
		t.Errorf("black on white: %.2f", r)
	}
}

func picture(width, height int) image.Image {
	p := image.NewRGBA(image.Rect(0, 0, width, height))
	p.Set(0, 0, color.White)
	return p
}

// A logo is re-encoded: nothing of the file but its picture is served.
func TestReadLogo(t *testing.T) {
	var asPNG, asJPEG, large bytes.Buffer
	if err := png.Encode(&asPNG, picture(40, 20)); err != nil {
		t.Fatal(err)
	}
	if err := jpeg.Encode(&asJPEG, picture(40, 20), nil); err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(&large, picture(maxLogoPixels+1, 1)); err != nil {
		t.Fatal(err)
	}
	const hidden = "<script>alert(1)</script>"
	for name, file := range map[string][]byte{"PNG": append(asPNG.Bytes(), hidden...),
		"JPEG": append(asJPEG.Bytes(), hidden...)} {
		out, err := ReadLogo(file)
		if err != nil || bytes.Contains(out, []byte("script")) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if c, err := png.DecodeConfig(bytes.NewReader(out)); err != nil || c.Width != 40 || c.Height != 20 {
			t.Errorf("%s: %v %v", name, c, err)
		}
	}
	for name, c := range map[string]struct {
		file []byte
		says string
	}{
		"nothing":       {nil, "neither PNG nor JPEG"},
		"SVG":           {[]byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`), "neither PNG nor JPEG"},
		"cut":           {asPNG.Bytes()[:60], "damaged"},
		"many pixels":   {large.Bytes(), "1025 × 1 pixels"},
		"many bytes":    {make([]byte, maxLogoBytes+1), "bytes"},
		"only a header": {asJPEG.Bytes()[:4], "neither PNG nor JPEG"},
	} {
		if _, err := ReadLogo(c.file); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzReadLogo(f *testing.F) {
	var asPNG, asJPEG bytes.Buffer
	if png.Encode(&asPNG, picture(3, 2)) != nil || jpeg.Encode(&asJPEG, picture(3, 2), nil) != nil {
		f.Fatal("no seed")
	}
	f.Add(asPNG.Bytes())
	f.Add(asJPEG.Bytes())
	f.Fuzz(func(t *testing.T, file []byte) {
		out, err := ReadLogo(file)
		if err != nil {
			return
		}
		if _, err := png.Decode(bytes.NewReader(out)); err != nil {
			t.Error(err)
		}
	})
}

func TestInitial(t *testing.T) {
	for name, want := range map[string]string{"acme": "A", "  “élan”": "É", "42 Corp": "4", "": "•", "!!": "•"} {
		if got := (Brand{Name: name}).Initial(); got != want {
			t.Errorf("%q: %s", name, got)
		}
	}
}

// Text of the style sheet can be read on what is behind it, in both themes.
func TestContrast(t *testing.T) {
	hex := func(s string) Colour {
		if len(s) == 4 {
			s = "#" + strings.Repeat(s[1:2], 2) + strings.Repeat(s[2:3], 2) + strings.Repeat(s[3:4], 2)
		}
		n, err := strconv.ParseUint(s[1:], 16, 32)
		if err != nil {
			t.Fatal(err)
		}
		return Colour{float64(n >> 16), float64(n >> 8 & 255), float64(n & 255)}
	}
	colours := map[string][2]Colour{}
	for _, m := range regexp.MustCompile(`--([a-z-]+): light-dark\((#[0-9a-f]+), (#[0-9a-f]+)\)`).FindAllStringSubmatch(
		string(assets["site.css"].body), -1) {
		colours[m[1]] = [2]Colour{hex(m[2]), hex(m[3])}
	}
	if colours["card"][1] != darkCard || colours["card"][0] != white {
		t.Errorf("the card is %v; brands are fitted to another one", colours["card"])
	}
	for _, pair := range [][2]string{{"ink", "card"}, {"ink", "page"}, {"ink", "soft"}, {"muted", "card"}, {"muted", "soft"},
		{"muted", "page"}, {"accent", "card"}, {"accent", "soft"}, {"on-accent", "accent"}, {"danger", "card"},
		{"danger", "danger-soft"}, {"good", "card"}, {"good", "good-soft"}} {
		for theme, name := range []string{"light", "dark"} {
			if r := contrast(colours[pair[0]][theme], colours[pair[1]][theme]); r < textContrast {
				t.Errorf("%s on %s, %s: %.2f", pair[0], pair[1], name, r)
			}
		}
	}
}
