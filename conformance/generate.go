package conformance

import (
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"hash/fnv"
	"math/big"
	"slices"
	"strings"
)

const (
	userURN       = "urn:ietf:params:scim:schemas:core:2.0:User"
	groupURN      = "urn:ietf:params:scim:schemas:core:2.0:Group"
	enterpriseURN = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	messageURN    = "urn:ietf:params:scim:api:messages:2.0:"
)

// generate makes a valid body for a type: the required attributes and, if
// full, every other one a client can set without knowing other resources.
// unique is a string no other resource of the run contains.
func (s *suite) generate(t *resourceType, unique string, full bool) obj {
	full = full && !t.bare
	if sample := s.target.Samples[t.name]; sample != nil {
		body, err := decode([]byte(text(sample(unique))))
		if m, ok := body.(obj); ok && err == nil {
			if m["schemas"] == nil {
				m["schemas"] = t.urns(m)
			}
			return m
		}
	}
	body := obj{}
	fill(body, t.base.attrs, unique, full)
	if t.name == "User" && t.base.id == userURN {
		dressUser(body, t, unique)
	}
	for _, e := range t.exts {
		part := obj{}
		fill(part, e.attrs, unique, full)
		if e.required || len(part) > 0 {
			body[e.id] = part
		}
	}
	for _, name := range t.avoid {
		delete(body, name)
	}
	if a := t.base.attr("externalId"); a == nil || a.mutability != "readOnly" {
		body["externalId"] = unique + "-External"
	}
	body["schemas"] = t.urns(body)
	return body
}

// urns returns the schemas of a body: the base schema and the extensions it
// has values of.
func (t *resourceType) urns(body obj) arr {
	out := arr{t.base.id}
	for _, e := range t.exts {
		if _, ok := body[e.id]; ok {
			out = append(out, e.id)
		}
	}
	return out
}

// dressUser adds what servers commonly want of a User although no schema
// requires it: names and a work address.
func dressUser(body obj, t *resourceType, unique string) {
	if t.has("name.givenName") && t.has("name.familyName") {
		body["name"] = obj{"givenName": "Grace", "familyName": "Hopper"}
	}
	if t.has("emails.value") && t.has("emails.type") {
		body["emails"] = arr{obj{"value": unique + "@example.com", "type": "work", "primary": true}}
	}
}

func fill(body obj, attrs []*attribute, unique string, full bool) {
	for _, a := range attrs {
		if a.mutability == "readOnly" || !a.required && (!full || a.returned == "never" || refersToResources(a)) {
			continue
		}
		if v := a.value(unique, full); v != nil {
			body[a.name] = v
		}
	}
}

// refersToResources tells attributes whose values name other resources.
func refersToResources(a *attribute) bool {
	internal := func(a *attribute) bool {
		return a.typ == "reference" && len(a.refs) > 0 && !slices.Contains(a.refs, "external") &&
			!slices.Contains(a.refs, "uri")
	}
	return internal(a) || slices.ContainsFunc(a.subs, internal)
}

// value makes a valid value for an attribute.
func (a *attribute) value(unique string, full bool) any {
	v := a.single(unique, full)
	if a.multi && v != nil {
		return arr{v}
	}
	return v
}

func (a *attribute) single(unique string, full bool) any {
	switch a.typ {
	case "boolean":
		return true
	case "integer":
		return json.Number(big.NewInt(int64(number(unique))).String())
	case "decimal":
		return json.Number("12.5")
	case "dateTime":
		return "2031-05-01T10:00:00Z"
	case "binary":
		if strings.EqualFold(a.name, "value") {
			return certificate()
		}
		return base64.StdEncoding.EncodeToString([]byte(unique))
	case "reference":
		return "https://example.com/" + unique
	case "complex":
		return a.complexValue(unique, full)
	}
	return a.text(unique)
}

func (a *attribute) complexValue(unique string, full bool) any {
	out := obj{}
	for _, s := range a.subs {
		if s.mutability == "readOnly" || !s.required && !full && !strings.EqualFold(s.name, "value") {
			continue
		}
		if strings.EqualFold(s.name, "primary") || strings.EqualFold(s.name, "type") && len(s.canonical) == 0 &&
			!s.required {
			continue // servers know more about these than their schemas tell
		}
		if strings.EqualFold(s.name, "country") {
			out[s.name] = "US"
			continue
		}
		if strings.EqualFold(a.name, "emails") && strings.EqualFold(s.name, "value") {
			out[s.name] = unique + "@example.com"
			continue
		}
		if strings.EqualFold(a.name, "phoneNumbers") && strings.EqualFold(s.name, "value") {
			out[s.name] = "+12015550123"
			continue
		}
		if v := s.value(unique, full); v != nil {
			out[s.name] = v
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// wellKnown are values for attributes whose form the RFC fixes in prose.
var wellKnown = map[string]string{"locale": "en-US", "preferredLanguage": "en-US", "timezone": "Europe/Berlin",
	"country": "US"}

func (a *attribute) text(unique string) string {
	if len(a.canonical) > 0 {
		return a.canonical[0]
	}
	if v := wellKnown[a.name]; v != "" {
		return v
	}
	return unique
}

// number derives a small positive number from a string.
func number(s string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(s))
	return h.Sum32()%1_000_000 + 1
}

// certificatesText holds three self-signed X.509 certificates in base64 DER, one
// a line; only the last needs padding. They are always the same, so that runs
// can be compared.
//
//go:embed certificates.txt
var certificatesText string

// certificate is an X.509 certificate in base64 DER.
func certificate() string { return strings.Fields(certificatesText)[0] }

// paddedCertificate is an X.509 certificate whose base64 ends in padding.
func paddedCertificate() string { return strings.Fields(certificatesText)[2] }

// twoCertificates is what one value must not hold: two certificates in a row.
func twoCertificates() string {
	var der []byte
	for _, c := range strings.Fields(certificatesText)[:2] {
		b, _ := base64.StdEncoding.DecodeString(c)
		der = append(der, b...)
	}
	return base64.StdEncoding.EncodeToString(der)
}
