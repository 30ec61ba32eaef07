package web

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	_ "image/jpeg" // a logo may be one
	"image/png"

	_ "golang.org/x/image/webp" // or this
)

// Bounds of a logo.
const (
	maxLogoBytes  = 256 << 10
	maxLogoPixels = 1024 // in either direction
)

// ReadLogo reads a picture that somebody uploaded, PNG, JPEG or WebP, and re-encodes it as PNG: nothing else of what
// the file held is left. What its header says of its size is bounded before room is made for its pixels. It returns an
// error that says what is wrong with it.
func ReadLogo(file []byte) ([]byte, error) {
	if len(file) > maxLogoBytes {
		return nil, fmt.Errorf("the logo has %d bytes; at most %d are accepted", len(file), maxLogoBytes)
	}
	config, format, err := image.DecodeConfig(bytes.NewReader(file))
	if err != nil {
		return nil, errors.New("the logo is not a PNG, JPEG or WebP picture (SVG is not accepted)")
	}
	if config.Width > maxLogoPixels || config.Height > maxLogoPixels || config.Width*config.Height == 0 {
		return nil, fmt.Errorf("the logo has %d × %d pixels; at most %d in either direction are accepted", config.Width,
			config.Height, maxLogoPixels)
	}
	picture, _, err := image.Decode(bytes.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("the %s picture is damaged or animated", format)
	}
	var out bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&out, picture); err != nil {
		return nil, err
	}
	if out.Len() > maxLogoBytes {
		return nil, fmt.Errorf("as PNG, the logo has %d bytes; at most %d are stored: make it smaller", out.Len(),
			maxLogoBytes)
	}
	return out.Bytes(), nil
}
