package web

import (
	"net/http"
	"strings"
)

// Secure sets what every answer to a browser has: nobody keeps it, guesses its type, frames it or learns its address.
// The referrer is not "no-referrer": with that, browsers send "Origin: null" with our own forms.
func Secure(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
}

// Policy is the Content-Security-Policy of one page. The zero value allows our style sheet, and forms that stay on our
// own site.
type Policy struct {
	// Scripts allows the scripts that are Assets.
	Scripts bool
	// FormTargets are the origins that a form may lead to beside our own, redirects included.
	FormTargets []string
	// AnyFormTarget is for a form that posts to another site, which may send it on anywhere.
	AnyFormTarget bool
}

// Set sets the header of the policy.
func (p Policy) Set(h http.Header) {
	directives := []string{"default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "style-src 'self'",
		"img-src 'self'"}
	if p.Scripts {
		directives = append(directives, "script-src 'self'")
	}
	if !p.AnyFormTarget {
		directives = append(directives, strings.Join(append([]string{"form-action 'self'"}, p.FormTargets...), " "))
	}
	h.Set("Content-Security-Policy", strings.Join(directives, "; "))
}
