package rfc7643

import (
	_ "embed"
	"fmt"
	"strings"
)

// URNs of the schemas in this package.
const (
	User       = "urn:ietf:params:scim:schemas:core:2.0:User"
	Group      = "urn:ietf:params:scim:schemas:core:2.0:Group"
	Enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
)

//go:embed schemas.txt
var schemas string

// Schemas returns the schemas of RFC 7643 in their JSON form (section 7),
// fresh on each call.
func Schemas() []map[string]any { return Parse(schemas) }

// Parse reads definitions in the notation of the package comment; a line
// "schema URN Name" starts a schema. It panics on a malformed definition:
// definitions are part of the program.
func Parse(text string) []map[string]any {
	var out []map[string]any
	var lastAttr map[string]any
	for line := range strings.SplitSeq(text, "\n") {
		if strings.TrimSpace(line) == "" {
			continue
		}
		if urn, ok := strings.CutPrefix(line, "schema "); ok {
			urn, name, _ := strings.Cut(urn, " ")
			out = append(out, map[string]any{
				"schemas":     []any{"urn:ietf:params:scim:schemas:core:2.0:Schema"},
				"id":          urn,
				"name":        name,
				"description": name,
				"attributes":  []any{},
				"meta":        map[string]any{"resourceType": "Schema"},
			})
			continue
		}
		a := parseAttribute(strings.TrimSpace(line))
		if strings.HasPrefix(line, " ") {
			subs, _ := lastAttr["subAttributes"].([]any)
			lastAttr["subAttributes"] = append(subs, a)
			continue
		}
		schema := out[len(out)-1]
		schema["attributes"] = append(schema["attributes"].([]any), a)
		lastAttr = a
	}
	return out
}

func parseAttribute(line string) map[string]any {
	f := strings.Fields(line)
	if len(f) < 2 {
		panic(fmt.Sprintf("rfc7643: malformed attribute %q", line))
	}
	typ, multi := strings.CutSuffix(f[1], "*")
	a := map[string]any{
		"name":        f[0],
		"type":        typ,
		"multiValued": multi,
		"description": "The " + f[0] + ".",
		"required":    false,
		"mutability":  "readWrite",
		"returned":    "default",
	}
	if typ != "complex" {
		a["caseExact"] = typ == "reference" || typ == "binary"
		a["uniqueness"] = "none"
	}
	for _, flag := range f[2:] {
		key, val, _ := strings.Cut(flag, "=")
		switch key {
		case "R":
			a["required"] = true
		case "CX":
			a["caseExact"] = true
		case "ro", "im", "wo":
			a["mutability"] = map[string]string{"ro": "readOnly", "im": "immutable", "wo": "writeOnly"}[key]
		case "ra", "rn", "rr":
			a["returned"] = map[string]string{"ra": "always", "rn": "never", "rr": "request"}[key]
		case "u":
			a["uniqueness"] = val
		case "c":
			a["canonicalValues"] = list(val)
		case "ref":
			a["referenceTypes"] = list(val)
		default:
			panic(fmt.Sprintf("rfc7643: unknown flag %q in %q", flag, line))
		}
	}
	return a
}

func list(s string) []any {
	var out []any
	for v := range strings.SplitSeq(s, ",") {
		out = append(out, v)
	}
	return out
}
