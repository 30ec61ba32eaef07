package scimapi

import (
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"rollcall/directory/filter"
)

// params are the query parameters of RFC 7644 §3.4.2 and §3.9 that the server knows; others are ignored.
type params struct {
	filter             filter.Expr // nil: all
	startIndex, count  int         // startIndex from 1
	attributes         []string
	excludedAttributes []string
}

// readParams reads the URL's query. An unreadable one is refused: dropping a filter would answer with everything.
func (x *exchange) readParams() (*params, error) {
	p := &params{startIndex: 1, count: x.o.Limits.PageSize}
	if x.r.URL.RawQuery == "" {
		return p, nil
	}
	values, err := url.ParseQuery(x.r.URL.RawQuery)
	if err != nil {
		return nil, fail(http.StatusBadRequest, "invalidValue", "the query is malformed: %v", err)
	}
	if p.startIndex, err = number(values, "startIndex", 1); err != nil {
		return nil, err
	}
	if p.count, err = number(values, "count", x.o.Limits.PageSize); err != nil {
		return nil, err
	}
	p.startIndex, p.count = max(p.startIndex, 1), min(max(p.count, 0), x.o.Limits.MaxPageSize)
	p.attributes, p.excludedAttributes = names(values["attributes"]), names(values["excludedAttributes"])
	if text, ok := values["filter"]; ok {
		if len(text) > 1 {
			return nil, fail(http.StatusBadRequest, "invalidFilter", "filter is given %d times", len(text))
		}
		p.filter, err = filter.Parse(text[0], x.filterOptions())
	}
	return p, err
}

func (x *exchange) filterOptions() filter.Options {
	return filter.Options{Strict: x.actor.Strict, Limits: x.o.Limits.Filter}
}

// number reads an integer parameter; one too large for an int is as good as the largest.
func number(values url.Values, name string, otherwise int) (int, error) {
	text, ok := values[name]
	if !ok {
		return otherwise, nil
	}
	s := strings.TrimSpace(text[0])
	n, err := strconv.Atoi(s)
	if e, ok := err.(*strconv.NumError); ok && e.Err == strconv.ErrRange {
		if strings.HasPrefix(s, "-") {
			return math.MinInt, nil
		}
		return math.MaxInt, nil
	}
	if err != nil {
		return 0, fail(http.StatusBadRequest, "invalidValue", "%s: %q is not an integer", name, text[0])
	}
	return n, nil
}

// names splits a comma-separated list of attribute names, given once or more than once. A filter in brackets behind a
// name selects nothing here (Microsoft's own samples send attributes=emails[type eq "work"]).
func names(lists []string) []string {
	var all []string
	for _, list := range lists {
		for name := range strings.SplitSeq(list, ",") {
			name, _, _ = strings.Cut(name, "[")
			if name = strings.TrimSpace(name); name != "" {
				all = append(all, name)
			}
		}
	}
	return all
}
