package scimapi

import (
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"rollcall/directory/filter"
)

// sentQuery is a query as it was sent, in the URL or in the body of a .search; nil stands for what was not given. What
// else was sent is ignored (R7644-3.4.2-06).
type sentQuery struct {
	filter, sortBy, sortOrder, startIndex, count, cursor *string
	attributes, excludedAttributes                       []string // each may be a comma-separated list
}

// each calls f with every parameter that has one value, the cursor first, and the scimType of what is wrong with it.
func (a *sentQuery) each(f func(name, scimType string, value **string) error) error {
	for _, p := range [...]struct {
		name, scimType string
		value          **string
	}{
		{"cursor", "invalidCursor", &a.cursor}, {"filter", "invalidFilter", &a.filter},
		{"sortBy", "invalidValue", &a.sortBy},
		{"sortOrder", "invalidValue", &a.sortOrder}, {"startIndex", "invalidValue", &a.startIndex},
		{"count", "invalidValue", &a.count},
	} {
		if err := f(p.name, p.scimType, p.value); err != nil {
			return err
		}
	}
	return nil
}

// params are the query parameters of RFC 7644 §3.4.2 and §3.9 and of RFC 9865 §2.
type params struct {
	filter             filter.Expr // nil: all
	filterText         string      // as sent
	sortBy             string      // "": by creation
	descending         bool
	startIndex, count  int  // startIndex from 1
	counted            bool // count was given
	paged              bool // by cursor
	cursor             string
	attributes         []string
	excludedAttributes []string
}

// readParams reads the URL's query. An unreadable one is refused: dropping a filter would answer with everything.
func (x *exchange) readParams() (*params, error) {
	if x.r.URL.RawQuery == "" {
		return x.parseParams(&sentQuery{})
	}
	values, err := url.ParseQuery(x.r.URL.RawQuery)
	if err != nil {
		return nil, fail(http.StatusBadRequest, "invalidValue", "the query is malformed: %v", err)
	}
	a := &sentQuery{attributes: values["attributes"], excludedAttributes: values["excludedAttributes"]}
	if err := a.each(func(name, scimType string, value **string) error {
		given := values[name]
		if len(given) > 1 {
			return fail(http.StatusBadRequest, scimType, "%s is given %d times", name, len(given))
		}
		if len(given) == 1 {
			*value = &given[0]
		}
		return nil
	}); err != nil {
		return nil, err
	}
	return x.parseParams(a)
}

// parseParams checks a query and fills in what it leaves out.
func (x *exchange) parseParams(a *sentQuery) (*params, error) {
	p := &params{startIndex: 1, count: x.o.Limits.PageSize, attributes: names(a.attributes),
		excludedAttributes: names(a.excludedAttributes)}
	number := "invalidValue"
	if a.cursor != nil {
		if a.startIndex != nil { // Appendix B-28
			return nil, fail(http.StatusBadRequest, "invalidValue", "cursor and startIndex exclude each other")
		}
		p.paged, p.cursor, number = true, *a.cursor, "invalidCount"
	}
	var err error
	if a.startIndex != nil {
		if p.startIndex, err = integer("startIndex", "invalidValue", *a.startIndex); err != nil {
			return nil, err
		}
	}
	if a.count != nil {
		p.counted = true
		if p.count, err = integer("count", number, *a.count); err != nil {
			return nil, err
		}
	}
	p.startIndex, p.count = max(p.startIndex, 1), min(max(p.count, 0), x.o.Limits.MaxPageSize) // Appendix B-25, B-26
	if p.sortBy, p.descending, err = x.order(a); err != nil {
		return nil, err
	}
	if a.filter != nil {
		p.filterText = *a.filter
		p.filter, err = filter.Parse(p.filterText, x.filterOptions())
	}
	return p, err
}

// order reads sortBy and sortOrder (RFC 7644 §3.4.2.3). Empty ones are taken for not given: forms send them.
func (x *exchange) order(a *sentQuery) (by string, descending bool, err error) {
	if a.sortBy != nil {
		by = strings.TrimSpace(*a.sortBy)
	}
	if a.sortOrder == nil || *a.sortOrder == "" {
		return by, false, nil
	}
	switch order := *a.sortOrder; {
	case order == "ascending" || !x.actor.Strict && strings.EqualFold(order, "ascending"):
		return by, false, nil
	case order == "descending" || !x.actor.Strict && strings.EqualFold(order, "descending"):
		return by, true, nil
	}
	return "", false, fail(http.StatusBadRequest, "invalidValue", "sortOrder: %s is neither ascending nor descending",
		quote(*a.sortOrder))
}

func (x *exchange) filterOptions() filter.Options {
	return filter.Options{Strict: x.actor.Strict, Limits: x.o.Limits.Filter}
}

// integer reads a number; one too large for an int is as good as the largest.
func integer(name, scimType, text string) (int, error) {
	s := strings.TrimSpace(text)
	n, err := strconv.Atoi(s)
	if e, ok := err.(*strconv.NumError); ok && e.Err == strconv.ErrRange {
		if strings.HasPrefix(s, "-") {
			return math.MinInt, nil
		}
		return math.MaxInt, nil
	}
	if err != nil {
		return 0, fail(http.StatusBadRequest, scimType, "%s: %s is not an integer", name, quote(text))
	}
	return n, nil
}

// names splits comma-separated lists of attribute names. A filter in brackets behind a name selects nothing here
// (Microsoft's own samples send attributes=emails[type eq "work"]).
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
