package conformance

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

type obj = map[string]any
type arr = []any

// decode parses one JSON value, keeping numbers as they were written.
func decode(data []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("something stands after the JSON value")
	}
	return v, nil
}

// at walks v by keys: names (matched without case if no exact one is there),
// array indexes, or dotted names such as "name.givenName"; a key that starts
// with "urn:" is taken whole. It returns nil where a step does not exist.
func at(v any, keys ...string) any {
	for _, key := range keys {
		steps := []string{key}
		if !strings.HasPrefix(key, "urn:") {
			steps = strings.Split(key, ".")
		}
		for _, step := range steps {
			v = member(v, step)
		}
	}
	return v
}

func member(v any, name string) any {
	switch v := v.(type) {
	case obj:
		if x, ok := v[name]; ok {
			return x
		}
		for k, x := range v {
			if strings.EqualFold(k, name) {
				return x
			}
		}
	case arr:
		if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(v) {
			return v[i]
		}
	}
	return nil
}

func str(v any) string { s, _ := v.(string); return s }

func list(v any) arr { a, _ := v.(arr); return a }

func isTrue(v any) bool { b, ok := v.(bool); return ok && b }

// integer returns v as an int if it is a JSON number without fraction.
func integer(v any) (int, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	i, err := strconv.Atoi(n.String())
	return i, err == nil
}

// isInt reports whether v is a JSON number without fraction and exponent, of
// whatever size.
func isInt(v any) bool {
	n, ok := v.(json.Number)
	return ok && !strings.ContainsAny(n.String(), ".eE")
}

// unassigned reports whether v is one of the forms of "no value"
// (RFC 7643 §2.5).
func unassigned(v any) bool {
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

func hasString(v any, want string) bool {
	return slices.ContainsFunc(list(v), func(x any) bool { return strings.EqualFold(str(x), want) })
}

// element returns the first object of the array v in which key is want.
func element(v any, key string, want any) obj {
	for _, e := range list(v) {
		if o, ok := e.(obj); ok && same(at(o, key), want) {
			return o
		}
	}
	return nil
}

// same compares JSON values; objects without regard to unassigned members.
func same(a, b any) bool {
	switch x := a.(type) {
	case obj:
		y, ok := b.(obj)
		if !ok {
			return false
		}
		for k := range x {
			if !same(x[k], y[k]) && !(unassigned(x[k]) && unassigned(y[k])) {
				return false
			}
		}
		for k := range y {
			if _, ok := x[k]; !ok && !unassigned(y[k]) {
				return false
			}
		}
		return true
	case arr:
		y, ok := b.(arr)
		return ok && slices.EqualFunc(x, y, same)
	}
	return reflect.DeepEqual(plain(a), plain(b))
}

// plain makes numbers comparable whatever Go type they have.
func plain(v any) any {
	switch n := v.(type) {
	case int:
		return float64(n)
	case json.Number:
		f, _ := n.Float64()
		return f
	}
	return v
}

func text(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}

// clone copies JSON values deeply.
func clone(v any) any {
	switch v := v.(type) {
	case obj:
		out := make(obj, len(v))
		for k, x := range v {
			out[k] = clone(x)
		}
		return out
	case arr:
		out := make(arr, len(v))
		for i, x := range v {
			out[i] = clone(x)
		}
		return out
	}
	return v
}

// with returns a copy of m with the given members set; nil deletes nothing.
func with(m obj, pairs ...any) obj {
	out := clone(m).(obj)
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i].(string)] = pairs[i+1]
	}
	return out
}

func without(m obj, names ...string) obj {
	out := clone(m).(obj)
	for k := range out {
		if slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, k) }) {
			delete(out, k)
		}
	}
	return out
}
