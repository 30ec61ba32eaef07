package directory

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"rollcall/directory/internal/state"
	"rollcall/directory/schema"
)

// sortKey is what a resource is ordered by: a number or a text, by the attribute's type and case rule.
type sortKey struct {
	missing bool
	integer int64 // exact where a float64 is not
	number  float64
	text    string
}

func (a sortKey) compare(b sortKey) int {
	switch {
	case a.missing != b.missing:
		if a.missing {
			return 1
		}
		return -1
	case a.integer != b.integer:
		return cmp.Compare(a.integer, b.integer)
	case a.number != b.number:
		return cmp.Compare(a.number, b.number)
	}
	return strings.Compare(a.text, b.text)
}

// sort orders records by the query's attribute (RFC 7644 §3.4.2.3); equal ones stay in the order they came in, so the
// order is the same for every page. Errors: *schema.Error (invalidValue) where no type has the attribute or it has no
// order; that of the context.
func (s *search) sort(found []*state.Record, types []*schema.ResourceType) ([]*state.Record, error) {
	by, err := s.sortAttributes(types)
	if err != nil {
		return nil, err
	}
	type keyed struct {
		sortKey
		place int // in found: equal ones stay in order
		rec   *state.Record
	}
	list := make([]keyed, len(found))
	for i, r := range found {
		if !s.spend(1) {
			return nil, s.err
		}
		list[i] = keyed{s.sortKey(r, by[r.Type]), i, r}
	}

	// Once the sort is to be given up, all are equal, so it ends soon. Its comparisons are reserved (sorting).
	compared := 0
	slices.SortFunc(list, func(a, b keyed) int {
		if compared++; compared%StepsPerUnit == 0 && !s.spend(1) || s.err != nil {
			return 0
		}
		order := a.compare(b.sortKey)
		if s.Descending {
			order = -order
		}
		return cmp.Or(order, cmp.Compare(a.place, b.place))
	})
	for i, k := range list {
		found[i] = k.rec
	}
	return found, s.err
}

// sortAttributes are the attributes to sort by, by type. Error: as sort.
func (s *search) sortAttributes(types []*schema.ResourceType) (map[string]*schema.Attribute, error) {
	by := map[string]*schema.Attribute{}
	for _, t := range types {
		a := t.Lookup(s.SortBy)
		if a == nil {
			continue
		}
		if a.Kind == schema.Complex {
			whole := a
			if a = whole.Attribute("value"); a == nil {
				return nil, schema.Errorf(schema.InvalidValue, "sortBy",
					"%s is complex: name one of its sub-attributes", whole.Path)
			}
		}
		if a.Returned == schema.ReturnedNever {
			return nil, schema.Errorf(schema.InvalidValue, "sortBy", "%s is never returned", a.Path)
		}
		by[t.Name] = a
	}
	if len(by) == 0 && len(types) > 0 {
		return nil, schema.Errorf(schema.InvalidValue, "sortBy",
			"%q is not an attribute of %s", s.SortBy, typeNames(types))
	}
	return by, nil
}

func typeNames(types []*schema.ResourceType) string {
	var names []string
	for _, t := range types {
		names = append(names, t.Name)
	}
	return strings.Join(names, ", ")
}

func (s *search) sortKey(r *state.Record, a *schema.Attribute) sortKey {
	if a == nil {
		return sortKey{missing: true}
	}
	switch a.Path {
	case "meta.created":
		return sortKey{text: schema.TimeKey(r.Created)}
	case "meta.lastModified":
		_, at := s.snap.scope.Modified(r)
		return sortKey{text: schema.TimeKey(at)}
	}
	v := s.sortValue(r, a)
	switch {
	case !v.Exists() || v.Type == gjson.Null || (v.Type == gjson.String && v.Str == ""):
		return sortKey{missing: true}
	case a.Kind == schema.Integer:
		return sortKey{integer: v.Int()}
	case a.Kind == schema.Decimal:
		return sortKey{number: v.Num}
	case a.Kind == schema.Boolean && v.Bool():
		return sortKey{number: 1}
	case a.Kind == schema.Boolean:
		return sortKey{}
	}
	return sortKey{text: a.Key(v.String())}
}

// sortValue is the attribute's value, of a multi-valued one the primary, else the first.
func (s *search) sortValue(r *state.Record, a *schema.Attribute) gjson.Result {
	root := a.Root()
	holder := gjson.GetBytes(r.JSON, root.JSONPath)
	if root.Derived {
		name, inExtension := root.Name, root.Path != root.Name
		if inExtension {
			name = root.URN
		}
		value, _ := View{s.snap, r, s.Meta, s}.Derived(name) // the first of a list is in its first part
		if holder = gjson.ParseBytes(value); inExtension {
			holder = holder.Get(gjson.Escape(root.Name))
		}
	}
	if holder.IsArray() {
		holder = primary(holder)
	}
	if a == root {
		return holder
	}
	v := holder.Get(gjson.Escape(a.Name))
	if v.IsArray() {
		return v.Get("0")
	}
	return v
}

func primary(list gjson.Result) gjson.Result {
	var first, found gjson.Result
	list.ForEach(func(_, e gjson.Result) bool {
		if !first.Exists() {
			first = e
		}
		if e.IsObject() && e.Get("primary").Bool() {
			found = e
		}
		return !found.Exists()
	})
	if found.Exists() {
		return found
	}
	return first
}
