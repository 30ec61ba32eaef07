package refserver

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// query is a list request, from the URL or from a SearchRequest.
type query struct {
	filter, sortBy, sortOrder string
	hasFilter, hasCursor      bool
	start, count              int // count -1: not given
	hasStart                  bool
	cursor                    string
	attributes, excluded      string
}

func (c *call) list(t *typ) (*answer, error) {
	v := c.r.URL.Query()
	q := query{filter: v.Get("filter"), hasFilter: v.Has("filter"), sortBy: v.Get("sortBy"),
		sortOrder: v.Get("sortOrder"),
		cursor:    v.Get("cursor"), hasCursor: v.Has("cursor"), attributes: v.Get("attributes"),
		excluded: v.Get("excludedAttributes"), start: 1, count: -1}
	var err error
	if v.Has("startIndex") {
		q.hasStart = true
		if q.start, err = strconv.Atoi(v.Get("startIndex")); err != nil {
			return nil, fail(400, "invalidValue", "startIndex: must be an integer")
		}
	}
	if v.Has("count") {
		if q.count, err = strconv.Atoi(v.Get("count")); err != nil {
			return nil, fail(400, c.countError(q), "count: must be an integer")
		}
		q.count = max(q.count, 0)
	}
	return c.query(t, q)
}

func (c *call) countError(q query) string {
	if q.hasCursor {
		return "invalidCount"
	}
	return "invalidValue"
}

// searchPost is POST .search.
func (c *call) searchPost(t *typ) (*answer, error) {
	if c.r.Method != http.MethodPost {
		return allow("POST")
	}
	if c.s.opts.Minimal {
		return nil, fail(501, "", ".search is not supported")
	}
	body, err := c.body(maxBodyBytes)
	if err != nil {
		return nil, err
	}
	if v, _ := get(body, "schemas"); !slices.Contains(asList(v), any(messages+"SearchRequest")) {
		return nil, fail(400, "invalidSyntax", "schemas: must contain %sSearchRequest", messages)
	}
	q := query{start: 1, count: -1}
	for k, v := range body {
		s, isString := v.(string)
		n, isNumber := v.(json.Number)
		i, _ := strconv.Atoi(n.String())
		ok := isString
		switch strings.ToLower(k) {
		case "filter":
			q.filter, q.hasFilter = s, true
		case "sortby":
			q.sortBy = s
		case "sortorder":
			q.sortOrder = s
		case "cursor":
			q.cursor, q.hasCursor = s, true
		case "attributes", "excludedattributes":
			var all []string
			for _, e := range asList(v) {
				all = append(all, str(e))
			}
			_, ok = v.(arr)
			if strings.EqualFold(k, "attributes") {
				q.attributes = strings.Join(all, ",")
			} else {
				q.excluded = strings.Join(all, ",")
			}
		case "startindex":
			q.start, q.hasStart, ok = i, true, isNumber
		case "count":
			q.count, ok = max(i, 0), isNumber
		default:
			ok = true
		}
		if !ok {
			return nil, fail(400, "invalidValue", "%s: has the wrong type", k)
		}
	}
	return c.query(t, q)
}

// item is a resource in a result.
type item struct {
	c   *call
	rec *rec
}

func (it item) whole() obj { return it.c.render(it.rec) }

func (c *call) query(t *typ, q query) (*answer, error) {
	p, err := projectionOf(q.attributes, q.excluded)
	if err != nil {
		return nil, err
	}
	items, err := c.matching(t, q)
	if err != nil {
		return nil, err
	}
	size := pageSize
	if q.count >= 0 {
		size = min(q.count, maxResults)
	}
	out := obj{"schemas": arr{messages + "ListResponse"}, "totalResults": len(items)}
	first := max(q.start, 1) - 1
	if c.byCursor(q) {
		if first, err = c.cursorStart(t, q, out); err != nil {
			return nil, err
		}
	}
	first = min(first, len(items))
	page := items[first:min(first+size, len(items))]
	list := arr{}
	for _, it := range page {
		list = append(list, p.show(it.rec.typ, it.whole()))
	}
	out["Resources"], out["itemsPerPage"] = list, len(list)
	if c.byCursor(q) {
		c.cursorLinks(t, q, out, first, size, len(items))
	} else {
		out["startIndex"] = max(q.start, 1)
	}
	return &answer{status: 200, body: out, header: http.Header{}}, nil
}

// matching are the resources a query finds, in its order.
func (c *call) matching(t *typ, q query) ([]item, error) {
	match := func(*typ, obj) bool { return true }
	if q.hasFilter && !c.s.opts.Minimal {
		var err error
		if match, err = c.parseFilter(q.filter, t); err != nil {
			return nil, err
		}
	}
	if q.sortOrder != "" && q.sortOrder != "ascending" && q.sortOrder != "descending" {
		return nil, fail(400, "invalidValue", "sortOrder: must be ascending or descending")
	}
	var items []item
	for _, r := range c.t.recs {
		if t != nil && r.typ != t {
			continue
		}
		if q.hasFilter && !match(r.typ, c.render(r)) {
			continue
		}
		items = append(items, item{c, r})
	}
	if q.sortBy == "" || c.s.opts.Minimal {
		return items, nil
	}
	return items, c.sort(t, q, items)
}

func (c *call) sort(t *typ, q query, items []item) error {
	if t != nil {
		r, ok := t.resolve(q.sortBy)
		if !ok || r.attr == nil || r.leaf().typ == "complex" && findAttr(r.leaf().subs, "value") == nil {
			return fail(400, "invalidValue", "sortBy: %q cannot be sorted by", q.sortBy)
		}
	}
	slices.SortStableFunc(items, func(a, b item) int {
		x, y := sortKey(a, q.sortBy), sortKey(b, q.sortBy)
		cmp := 0
		switch {
		case x == nil && y == nil:
		case x == nil:
			cmp = 1
		case y == nil:
			cmp = -1
		default:
			cmp = x.compare(y)
		}
		if q.sortOrder == "descending" {
			return -cmp
		}
		return cmp
	})
	return nil
}

// sorted is a value with its attribute.
type sorted struct {
	a *attr
	v any
}

// sortKey is the value of the primary element, else of the first.
func sortKey(it item, name string) *sorted {
	r, ok := it.rec.typ.resolve(name)
	if !ok || r.attr == nil {
		return nil
	}
	v := container(it.whole(), r.urn)[r.attr.name]
	if l, ok := v.(arr); ok && len(l) > 0 {
		v = l[0]
		for _, e := range l {
			if o, ok := e.(obj); ok && o["primary"] == true {
				v = e
			}
		}
	}
	leaf := r.leaf()
	if o, ok := v.(obj); ok {
		if r.sub == nil {
			leaf = findAttr(r.attr.subs, "value")
		}
		v = o[leaf.name]
	}
	if none(v) {
		return nil
	}
	return &sorted{leaf, v}
}

func (x *sorted) compare(y *sorted) int {
	for _, op := range []string{"lt", "gt"} {
		operand := y.v
		test, err := x.a.test(op, operand)
		if err != nil {
			continue
		}
		if test(x.v) {
			return map[string]int{"lt": -1, "gt": 1}[op]
		}
	}
	if b, ok := x.v.(bool); ok && x.v != y.v {
		return map[bool]int{false: -1, true: 1}[b]
	}
	return 0
}
