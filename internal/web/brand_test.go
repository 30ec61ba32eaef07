package web

import (
	"bytes"
	"encoding/binary"
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

// oneColour is a lossless WebP picture of one colour: each of its prefix codes has one symbol, so pixels take no bits.
// With outer, it stands in an extended file whose header says another size.
func oneColour(width, height int, outer ...int) []byte {
	var stream []byte
	used := 0
	put := func(value, bits int) {
		for i := range bits {
			if used%8 == 0 {
				stream = append(stream, 0)
			}
			stream[used/8] |= byte(value>>i&1) << (used % 8)
			used++
		}
	}
	put(0x2f, 8)
	put(width-1, 14)
	put(height-1, 14)
	put(0, 1+3+1+1+1) // no alpha, version 0, no transform, no cache, one group of codes
	for _, channel := range []int{0x49, 0x21, 0xb8, 0xff} {
		put(0b101, 3)
		put(channel, 8)
	}
	put(0b0001, 4)
	chunks := chunk("VP8L", stream)
	if len(outer) == 2 {
		header := make([]byte, 10)
		w, h := outer[0]-1, outer[1]-1
		copy(header[4:], []byte{byte(w), byte(w >> 8), byte(w >> 16), byte(h), byte(h >> 8), byte(h >> 16)})
		chunks = append(chunk("VP8X", header), chunks...)
	}
	return chunk("RIFF", append([]byte("WEBP"), chunks...))
}

// chunk is a chunk of a RIFF file.
func chunk(name string, body []byte) []byte {
	b := binary.LittleEndian.AppendUint32([]byte(name), uint32(len(body)))
	if b = append(b, body...); len(body)%2 == 1 {
		b = append(b, 0)
	}
	return b
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
		"JPEG": append(asJPEG.Bytes(), hidden...), "WebP": append(oneColour(40, 20), hidden...),
		"extended WebP": append(oneColour(40, 20, 40, 20), hidden...)} {
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
		"nothing":             {nil, "not a PNG, JPEG or WebP"},
		"SVG":                 {[]byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`), "not a PNG, JPEG or WebP"},
		"cut":                 {asPNG.Bytes()[:60], "damaged"},
		"many pixels":         {large.Bytes(), "1025 × 1 pixels"},
		"many pixels of WebP": {oneColour(1, maxLogoPixels+1), "1 × 1025 pixels"},
		"WebP of two sizes":   {oneColour(16384, 16384, 40, 20), "damaged"},
		"WebP cut":            {oneColour(40, 20)[:30], "damaged"},
		"many bytes":          {make([]byte, maxLogoBytes+1), "bytes"},
		"only a header":       {asJPEG.Bytes()[:4], "not a PNG, JPEG or WebP"},
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
	f.Add(oneColour(3, 2))
	f.Add(oneColour(3, 2, 3, 2))
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
