package scimapi

import (
	"errors"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"rollcall/directory/filter"
	"rollcall/directory/schema"
)

// sentQuery is a query as the client sent it, in the URL or in the body of a .search; nil stands for a parameter that
// is not given. Unknown parameters are ignored (R7644-3.4.2-06).
type sentQuery struct {
	filter, sortBy, sortOrder, startIndex, count, cursor *string
	effective, after, wait, follow                       *string  // of our own
	attributes, excludedAttributes                       []string // each may be a comma-separated list
}

// each calls f with every parameter that has a single value, the cursor first, and with the scimType for an error in
// it.
func (q *sentQuery) each(f func(name, scimType string, value **string) error) error {
	for _, p := range [...]struct {
		name, scimType string
		value          **string
	}{
		{"cursor", invalidCursor, &q.cursor},
		{"filter", schema.InvalidFilter, &q.filter},
		{"sortBy", schema.InvalidValue, &q.sortBy},
		{"sortOrder", schema.InvalidValue, &q.sortOrder},
		{"startIndex", schema.InvalidValue, &q.startIndex},
		{"count", schema.InvalidValue, &q.count},
		{"effective", schema.InvalidValue, &q.effective},
		{"after", invalidCursor, &q.after},
		{"wait", schema.InvalidValue, &q.wait},
		{"follow", schema.InvalidValue, &q.follow},
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
	startIndex, count  int  // startIndex counts from 1
	counted            bool // count was given
	paged              bool // by cursor
	cursor             string
	attributes         []string
	excludedAttributes []string
	effective          bool // members.value means members of groups in the group, too
	following               // of Events

	specified func(*schema.Attribute) bool // reports what the client's change specifies; nil for a query
}

// readParams reads the URL's query. It refuses a query that it cannot read: if it dropped a filter, the reply would
// have everything.
func (x *exchange) readParams() (*params, error) {
	if x.r.URL.RawQuery == "" {
		return x.parseParams(&sentQuery{})
	}
	values, err := url.ParseQuery(x.r.URL.RawQuery)
	if err != nil {
		return nil, fail(http.StatusBadRequest, schema.InvalidValue, "the query string is malformed: %v", err)
	}
	q := &sentQuery{attributes: values["attributes"], excludedAttributes: values["excludedAttributes"]}
	if err := q.each(func(name, scimType string, value **string) error {
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
	return x.parseParams(q)
}

// parseParams checks a query and fills in what it leaves out.
func (x *exchange) parseParams(q *sentQuery) (p *params, err error) {
	p = &params{attributes: names(q.attributes), excludedAttributes: names(q.excludedAttributes)}
	if err := x.page(p, q); err != nil {
		return nil, err
	}
	if p.sortBy, p.descending, err = x.order(q); err != nil {
		return nil, err
	}
	if p.effective, err = boolean("effective", q.effective); err != nil {
		return nil, err
	}
	if err := p.following.parse(p, q); err != nil {
		return nil, err
	}
	if q.filter != nil {
		p.filterText = *q.filter
		p.filter, err = filter.Parse(p.filterText, x.filterOptions())
	}
	return p, err
}

// page reads the parameters of paging: by index (RFC 7644 §3.4.2.4) or by cursor (RFC 9865 §2).
func (x *exchange) page(p *params, q *sentQuery) (err error) {
	// By cursor or by index.
	badCount := schema.InvalidValue
	if q.cursor != nil {
		if q.startIndex != nil { // Appendix B-28
			return fail(http.StatusBadRequest, schema.InvalidValue, "cursor and startIndex cannot be combined")
		}
		p.paged, p.cursor, badCount = true, *q.cursor, invalidCount
	}

	// Where the page begins and how long it is. Numbers out of range count as the nearest one (Appendix B-25, B-26).
	p.startIndex, p.count = 1, x.o.Limits.PageSize
	if q.startIndex != nil {
		if p.startIndex, err = integer("startIndex", schema.InvalidValue, *q.startIndex); err != nil {
			return err
		}
	}
	if q.count != nil {
		p.counted = true
		if p.count, err = integer("count", badCount, *q.count); err != nil {
			return err
		}
	}
	p.startIndex, p.count = max(p.startIndex, 1), min(max(p.count, 0), x.o.Limits.MaxPageSize)
	return nil
}

// order reads sortBy and sortOrder (RFC 7644 §3.4.2.3). Empty ones count as not given, because forms send them.
func (x *exchange) order(q *sentQuery) (by string, descending bool, err error) {
	if q.sortBy != nil {
		by = strings.TrimSpace(*q.sortBy)
	}
	if q.sortOrder == nil || *q.sortOrder == "" {
		return by, false, nil
	}
	switch order := *q.sortOrder; {
	case order == "ascending" || !x.actor.Profile.Strict() && strings.EqualFold(order, "ascending"):
		return by, false, nil
	case order == "descending" || !x.actor.Profile.Strict() && strings.EqualFold(order, "descending"):
		return by, true, nil
	}
	return "", false, fail(http.StatusBadRequest, schema.InvalidValue,
		"sortOrder: must be ascending or descending, not %s", quote(*q.sortOrder))
}

func (x *exchange) filterOptions() filter.Options {
	return filter.Options{Strict: x.actor.Profile.Strict(), Limits: x.o.Limits.Filter}
}

// integer parses a number. A number that does not fit an int counts as the largest or smallest one.
func integer(name, scimType, text string) (int, error) {
	s := strings.TrimSpace(text)
	n, err := strconv.Atoi(s)
	if errors.Is(err, strconv.ErrRange) {
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

// boolean parses true or false; false where it is not given.
func boolean(name string, text *string) (bool, error) {
	if text == nil {
		return false, nil
	}
	b, err := strconv.ParseBool(*text)
	if err != nil {
		err = fail(http.StatusBadRequest, schema.InvalidValue, "%s: must be true or false, not %s", name, quote(*text))
	}
	return b, err
}

// names splits comma-separated lists of attribute names. A filter in brackets after a name is ignored (Microsoft's own
// samples send attributes=emails[type eq "work"]).
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
