package filter

import (
	"iter"
	"unsafe"

	"github.com/tidwall/gjson"

	"rollcall/directory/schema"
)

// Resource is a resource that filters can judge.
type Resource interface {
	// Document is the stored JSON, which never changes.
	Document() []byte
	// Derived is the JSON of an attribute that is not stored: "meta" (object), "groups", "members" (arrays), an
	// extension under its URN (object), and other attributes marked Derived under their name. nil: the value, if any,
	// is in the document. more are further elements of an array that is long, as arrays; nil for none. It may be ranged
	// over several times, and what it yields is good until the next.
	Derived(name string) (value []byte, more iter.Seq[[]byte])
	// Contains reports whether the list called name (members, groups) has an element of that value, which is a key of
	// the value attribute.
	Contains(name, value string) bool
}

// Query is a filter bound to a resource type. It is immutable and safe for concurrent use.
type Query struct {
	root     node
	lookups  []Lookup
	buffer   [1]Lookup
	compared int
}

// Comparisons is how many comparisons the filter has: what judging one resource costs at most.
func (q *Query) Comparisons() int { return q.compared }

// Match reports whether the filter holds for the resource.
//
// A comparison with a multi-valued attribute holds if it holds for any value. ne also holds for an unassigned
// attribute, and for a list of which any value differs; use not (x eq y) for "none equals".
func (q *Query) Match(r Resource) bool {
	return q.root.match(r, gjson.Result{Type: gjson.JSON, Raw: asString(r.Document())})
}

// Lookup is a comparison that an index of the attribute's keys can answer.
type Lookup struct {
	Attribute *schema.Attribute
	Op        Op     // Eq, Sw, Gt, Ge, Lt or Le
	Key       string // Attribute.Key of the value
}

// Lookups are the comparisons that every match satisfies and an index could answer, the most selective kind first: eq,
// then sw, then ranges. The slice belongs to the query.
func (q *Query) Lookups() []Lookup { return q.lookups }

// sortLookups is an insertion sort by kind: there are few lookups, and it is stable.
func sortLookups(list []Lookup) {
	for i := 1; i < len(list); i++ {
		for j := i; j > 0 && rank(list[j].Op) < rank(list[j-1].Op); j-- {
			list[j], list[j-1] = list[j-1], list[j]
		}
	}
}

func rank(o Op) int {
	switch o {
	case Eq:
		return 0
	case Sw:
		return 1
	}
	return 2
}

// ElementQuery is a value filter bound to a multi-valued attribute.
type ElementQuery struct {
	attr     *schema.Attribute
	root     node
	compared int
}

// Comparisons is how many comparisons the filter has: what judging one element costs at most.
func (q *ElementQuery) Comparisons() int { return q.compared }

// CompileElement binds a value filter, the inside of [], to the attribute whose elements it selects. Its errors are
// those of Compile.
func CompileElement(e Expr, a *schema.Attribute, o Options) (*ElementQuery, error) {
	q := &ElementQuery{attr: a}
	b := binder{element: a, strict: o.Strict, count: &q.compared}
	var err error
	if q.root, err = b.compile(e, false); err != nil {
		return nil, err
	}
	return q, nil
}

// Match reports whether the filter holds for an element in the form of a schema.Document. A value that is not an
// element of the attribute does not match.
func (q *ElementQuery) Match(element any) bool {
	var buffer [256]byte
	data, err := q.attr.AppendJSON(buffer[:0], element)
	return err == nil && q.root.match(nil, gjson.ParseBytes(data))
}

// asString views bytes that never change as a string.
func asString(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
