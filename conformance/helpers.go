package conformance

import (
	"cmp"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// absolute resolves a URL the server gave: relative ones against the service
// root (RFC 7643 §2.3.7).
func (s *suite) absolute(ref string) string {
	if ref == "" || strings.Contains(ref, "://") {
		return ref
	}
	base, err := url.Parse(s.target.URL + "/")
	if err != nil {
		return ref
	}
	u, err := base.Parse(ref)
	if err != nil {
		return ref
	}
	return u.String()
}

// other is the probe with the credentials of another tenant.
func (p *probe) other() *probe {
	o := *p
	o.auth = &p.s.target.Other.Auth
	o.base = strings.TrimRight(p.s.target.Other.URL, "/")
	return &o
}

// sorted walks a map in the order of its keys, so that a run sends its requests
// in one order every time.
func sorted[M ~map[K]V, K cmp.Ordered, V any](m M) iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			if !yield(k, m[k]) {
				return
			}
		}
	}
}

func sortedStrings(in []string) []string {
	out := slices.Clone(in)
	slices.Sort(out)
	return out
}

// marshalOrdered writes an object with its members in alphabetic order, or in
// the reverse of it, at every depth.
func marshalOrdered(v any, reverse bool) string {
	switch v := v.(type) {
	case obj:
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		if reverse {
			slices.Reverse(keys)
		}
		var parts []string
		for _, k := range keys {
			parts = append(parts, fmt.Sprintf("%q:%s", k, marshalOrdered(v[k], reverse)))
		}
		return "{" + strings.Join(parts, ",") + "}"
	case arr:
		var parts []string
		for _, x := range v {
			parts = append(parts, marshalOrdered(x, reverse))
		}
		return "[" + strings.Join(parts, ",") + "]"
	}
	b, _ := json.Marshal(v)
	return string(b)
}

func bulkRequest(ops ...any) obj {
	return obj{"schemas": arr{messageURN + "BulkRequest"}, "Operations": arr(ops)}
}

// statusText is the status of a bulk result, in its string form or in the
// object form some servers still use.
func statusText(v any) string {
	if o, ok := v.(obj); ok {
		v = o["code"]
	}
	if n, ok := v.(json.Number); ok {
		return n.String()
	}
	return str(v)
}
