package conformance

import (
	"net/http"
	"regexp"
	"strings"
)

const hidden = "[removed]"

// secretHeaders never reach a report, whatever they hold.
var secretHeaders = []string{"Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie"}

// secretMembers finds members of JSON bodies whose values are secret.
var secretMembers = regexp.MustCompile(`(?i)("[a-z0-9_]*(?:password|secret|token|privatekey|apikey)"\s*:\s*)"(?:[^"\\]|\\.)*"`)

func (s *suite) redact(text string) string {
	text = secretMembers.ReplaceAllString(text, `${1}"`+hidden+`"`)
	for _, secret := range s.secrets() {
		text = strings.ReplaceAll(text, secret, hidden)
	}
	return text
}

// secrets are the values of all credentials of the target.
func (s *suite) secrets() []string {
	t := s.target
	all := t.Auth.secrets()
	for _, c := range []*Credentials{t.Reader, t.Expired} {
		if c != nil {
			all = append(all, c.secrets()...)
		}
	}
	if t.Other != nil {
		all = append(all, t.Other.Auth.secrets()...)
	}
	out := all[:0]
	for _, secret := range all {
		if len(secret) >= 4 { // shorter ones would only blacken the report
			out = append(out, secret)
		}
	}
	return out
}

func (s *suite) redactHeader(h http.Header) http.Header {
	out := http.Header{}
	for k, vs := range h {
		for _, v := range vs {
			out[k] = append(out[k], s.redact(v))
		}
	}
	for _, k := range secretHeaders {
		if out.Get(k) != "" {
			out.Set(k, hidden)
		}
	}
	for k := range s.target.Auth.Header {
		out.Set(k, hidden)
	}
	return out
}
