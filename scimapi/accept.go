package scimapi

import (
	"strconv"
	"strings"
)

// accepts returns the media type of the reply: SCIM's own, unless the client prefers plain JSON (RFC 7644 §3.8).
func accepts(header []string) string {
	const own = "application/scim+json"
	if len(header) == 0 {
		return own
	}
	best, bestQ := own, 0.0
	for part := range strings.SplitSeq(strings.Join(header, ","), ",") {
		typ, q := weighted(part)
		switch strings.ToLower(typ) {
		case own, "*/*", "application/*":
			if q > 0 && q >= bestQ {
				best, bestQ = own, q
			}
		case "application/json":
			if q > bestQ {
				best, bestQ = "application/json", q
			}
		}
	}
	return best
}

// acceptsGzip reports whether an Accept-Encoding header allows gzip.
func acceptsGzip(header []string) bool {
	for part := range strings.SplitSeq(strings.Join(header, ","), ",") {
		if name, q := weighted(part); strings.EqualFold(name, "gzip") {
			return q > 0
		}
	}
	return false
}

// weighted splits one element of an Accept or Accept-Encoding header into its name and quality (RFC 9110 §12.4.2).
func weighted(element string) (name string, q float64) {
	name, rest, _ := strings.Cut(element, ";")
	q = 1
	for p := range strings.SplitSeq(rest, ";") {
		k, v, _ := strings.Cut(strings.TrimSpace(p), "=")
		if strings.EqualFold(k, "q") {
			f, err := strconv.ParseFloat(v, 64)
			if err != nil || f < 0 || f > 1 {
				f = 0
			}
			q = f
		}
	}
	return strings.TrimSpace(name), q
}
