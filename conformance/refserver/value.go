package refserver

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"regexp"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"
)

var dateTimeForm = regexp.MustCompile(`^\d{4,}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$`)

func parseTime(s string) (time.Time, bool) {
	if !dateTimeForm.MatchString(s) {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	return t, err == nil
}

func none(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case arr:
		return len(v) == 0
	case obj:
		return len(v) == 0
	}
	return false
}

func copyOf(v any) any {
	switch v := v.(type) {
	case obj:
		out := make(obj, len(v))
		for k, x := range v {
			out[k] = copyOf(x)
		}
		return out
	case arr:
		out := make(arr, len(v))
		for i, x := range v {
			out[i] = copyOf(x)
		}
		return out
	}
	return v
}

// get reads a member by name without regard to case.
func get(o obj, name string) (any, bool) {
	if v, ok := o[name]; ok {
		return v, true
	}
	for k, v := range o {
		if strings.EqualFold(k, name) {
			return v, true
		}
	}
	return nil, false
}

func fold(s string) string { return strings.ToLower(norm.NFC.String(s)) }

// coerce takes a value for an attribute, as real clients send it: strings for
// booleans, a string for a complex attribute that has a value, one object for
// an array and an array of one for a single value.
func (a *attr) coerce(v any, path string) (any, error) {
	if none(v) {
		return nil, nil
	}
	if !a.multi {
		if l, ok := v.(arr); ok && len(l) == 1 && a.typ == "complex" {
			v = l[0]
		}
		return a.single(v, path)
	}
	l, ok := v.(arr)
	if !ok {
		if _, isObj := v.(obj); !isObj {
			return nil, fail(400, "invalidValue", "%s: must be an array", path)
		}
		l = arr{v}
	}
	out := arr{}
	for _, e := range l {
		x, err := a.single(e, path)
		if err != nil {
			return nil, err
		}
		if !none(x) && !contains(out, x) {
			out = append(out, x)
		}
	}
	if len(out) == 0 {
		return nil, nil
	}
	return out, a.onePrimary(out, path)
}

func (a *attr) onePrimary(l arr, path string) error {
	n := 0
	for _, e := range l {
		if o, ok := e.(obj); ok && o["primary"] == true {
			n++
		}
	}
	if n > 1 {
		return fail(400, "invalidValue", "%s: more than one value is primary", path)
	}
	return nil
}

func contains(l arr, v any) bool {
	b, _ := json.Marshal(v)
	for _, e := range l {
		if x, _ := json.Marshal(e); string(x) == string(b) {
			return true
		}
	}
	return false
}

func (a *attr) single(v any, path string) (any, error) {
	bad := func() (any, error) { return nil, fail(400, "invalidValue", "%s: must be a %s", path, a.typ) }
	switch a.typ {
	case "complex":
		if s, ok := v.(string); ok && findAttr(a.subs, "value") != nil {
			v = obj{"value": s}
		}
		o, ok := v.(obj)
		if !ok {
			return bad()
		}
		return a.complexValue(o, path)
	case "boolean":
		switch x := v.(type) {
		case bool:
			return x, nil
		case string:
			if strings.EqualFold(x, "true") || strings.EqualFold(x, "false") {
				return strings.EqualFold(x, "true"), nil
			}
		}
		return bad()
	case "integer", "decimal":
		n, ok := v.(json.Number)
		if !ok || a.typ == "integer" && strings.ContainsAny(n.String(), ".eE") {
			return bad()
		}
		return n, nil
	}
	s, ok := v.(string)
	if !ok {
		return bad()
	}
	switch a.typ {
	case "dateTime":
		if _, ok := parseTime(s); !ok {
			return bad()
		}
	case "binary":
		_, err := base64.StdEncoding.DecodeString(s)
		_, raw := base64.RawStdEncoding.DecodeString(s)
		if err != nil && raw != nil {
			return bad()
		}
		if strings.HasPrefix(path, "x509Certificates") {
			der, _ := base64.StdEncoding.DecodeString(s)
			if _, err := x509.ParseCertificate(der); err != nil {
				return nil, fail(400, "invalidValue", "%s: must be one DER certificate", path)
			}
		}
	}
	return s, nil
}

func (a *attr) complexValue(o obj, path string) (any, error) {
	out := obj{}
	for k, v := range o {
		s := findAttr(a.subs, k)
		if s == nil || s.mutability == "readOnly" {
			continue
		}
		x, err := s.coerce(v, path+"."+s.name)
		if err != nil {
			return nil, err
		}
		if !none(x) {
			out[s.name] = x
		}
	}
	return out, nil
}
