package publicurl

import "testing"

func TestParse(t *testing.T) {
	for in, want := range map[string]string{
		"https://id.example.com":   "https://id.example.com",
		"https://id.example.com/":  "https://id.example.com",
		"HTTPS://ID.example.com//": "https://id.example.com",
		"http://127.0.0.1:8080":    "http://127.0.0.1:8080",
		"http://[::1]:8080":        "http://[::1]:8080",

		"":                            "",
		"id.example.com":              "",
		"ftp://id.example.com":        "",
		"https://":                    "",
		"https://u@id.example.com":    "",
		"https://id.example.com?y":    "",
		"https://id.example.com?":     "",
		"https://id.example.com#y":    "",
		"https://id.example.com/base": "",
		"https://id.example.com:x":    "",
		"https://id example.com":      "",
	} {
		u, err := Parse(in)
		switch {
		case (err != nil) != (want == ""):
			t.Errorf("%q: error %v", in, err)
		case err == nil && u.String() != want:
			t.Errorf("%q: %s, want %s", in, u, want)
		}
	}
}
