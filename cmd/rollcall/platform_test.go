package main

import (
	"bytes"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestPlatformBrand: what the flags say is on a page that belongs to no organization, and its files are served.
func TestPlatformBrand(t *testing.T) {
	var logo bytes.Buffer
	if err := png.Encode(&logo, image.NewGray(image.Rect(0, 0, 20, 10))); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "logo.png")
	if err := os.WriteFile(file, logo.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	_, site := serveIn(t, t.TempDir(), "--brand-name", "Example Works", "--brand-colour", "#b00020", "--brand-logo", file)
	status, page := ask(t, "GET", site+"/login", "", "")
	paths := regexp.MustCompile(`"(/brand/[^"]+)"`).FindAllStringSubmatch(page, -1)
	if status != 200 || len(paths) != 2 || !strings.Contains(page, `alt="Example Works"`) {
		t.Fatalf("%d\n%s", status, page)
	}
	for _, m := range paths {
		if status, body := ask(t, "GET", site+m[1], "", ""); status != 200 || body == "" {
			t.Errorf("%s: %d", m[1], status)
		}
	}
	if status, _ := ask(t, "GET", site+"/brand/other.png", "", ""); status != 404 {
		t.Errorf("another file: %d", status)
	}
}
