package conformance

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

const hidden = "[removed]"

// secretHeaders never reach a report, whatever they hold.
var secretHeaders = []string{"Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie"}

// secretMembers finds members of JSON bodies whose values are secret.
var secretMembers = regexp.MustCompile(
	`(?i)("[a-z0-9_]*(?:password|secret|token|privatekey|apikey)"\s*:\s*)"(?:[^"\\]|\\.)*"`)

// address finds e-mail addresses.
var address = regexp.MustCompile(`[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}`)

// plain makes a sentence that can be shown to anybody: without secrets, and
// without addresses that are not the suite's own.
func (s *suite) plain(v any) string {
	return address.ReplaceAllStringFunc(s.redact(fmt.Sprint(v)), func(a string) string {
		if strings.HasPrefix(strings.ToLower(a), s.target.Prefix) || strings.HasSuffix(strings.ToLower(a),
			"example.com") {
			return a
		}
		return hidden
	})
}

// redactBody is the body of an answer without secrets and without what other
// people's records say: of a resource that the run did not make, the names of
// its attributes stay, its id, schemas and type, but no value.
func (s *suite) redactBody(r *reply) string {
	if r.json == nil {
		return s.plain(string(r.body))
	}
	if !s.foreign(r.json) {
		return s.redact(string(r.body))
	}
	return s.redact(text(s.veiled(r.json)))
}

// others reports whether a JSON object is a resource that the run did not make.
func (s *suite) others(o obj) bool {
	id := str(o["id"])
	kind := str(at(o, "meta", "resourceType"))
	return id != "" && !s.owns(id) && kind != "Schema" && kind != "ResourceType" && kind != "ServiceProviderConfig" &&
		o["attributes"] == nil && o["endpoint"] == nil
}

// foreign reports whether a body shows such a resource.
func (s *suite) foreign(v any) bool {
	switch v := v.(type) {
	case obj:
		if s.others(v) {
			return true
		}
		for _, x := range v {
			if s.foreign(x) {
				return true
			}
		}
	case arr:
		return slices.ContainsFunc(v, s.foreign)
	}
	return false
}

// veiled is a body in which the values of other people's records are hidden.
func (s *suite) veiled(v any) any {
	switch v := v.(type) {
	case obj:
		out := obj{}
		for k, x := range v {
			if s.others(v) && !slices.Contains([]string{"id", "schemas"}, k) {
				out[k] = veil(x)
				continue
			}
			out[k] = s.veiled(x)
		}
		return out
	case arr:
		out := make(arr, len(v))
		for i, x := range v {
			out[i] = s.veiled(x)
		}
		return out
	}
	return v
}

// veil hides the texts and numbers in a value, but for the type's name.
func veil(v any) any {
	switch v := v.(type) {
	case obj:
		out := obj{}
		for k, x := range v {
			if k != "resourceType" {
				x = veil(x)
			}
			out[k] = x
		}
		return out
	case arr:
		out := make(arr, len(v))
		for i, x := range v {
			out[i] = veil(x)
		}
		return out
	case string, json.Number:
		return "\u2026"
	}
	return v
}

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
