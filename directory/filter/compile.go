package filter

import (
	"github.com/tidwall/gjson"

	"rollcall/directory/schema"
)

// Compile binds a filter to a resource type. It returns a *schema.Error (invalidFilter) for an unknown attribute, for
// an operator that does not fit the type of its attribute, and for an attribute that is never returned.
func Compile(e Expr, t *schema.ResourceType, o Options) (*Query, error) {
	return compileQuery(e, binder{t: t, strict: o.Strict})
}

// CompileAny is Compile for a query over several types (RFC 7644 §3.4.2.1): an attribute that the type does not have
// has no value.
func CompileAny(e Expr, t *schema.ResourceType, o Options) (*Query, error) {
	return compileQuery(e, binder{t: t, strict: o.Strict, lax: true})
}

func compileQuery(e Expr, b binder) (*Query, error) {
	q := &Query{}
	q.lookups = q.buffer[:0]
	b.query, b.count = q, &q.compared
	var err error
	if q.root, err = b.compile(e, true); err != nil {
		return nil, err
	}
	sortLookups(q.lookups)
	return q, nil
}

// binder compiles expressions on a resource, or on one element of a multi-valued attribute.
type binder struct {
	t       *schema.ResourceType
	element *schema.Attribute // nil on a resource
	strict  bool
	lax     bool   // unknown attributes have no value
	query   *Query // gets the lookups; nil if they are not wanted
	count   *int   // counts the comparisons
}

// compile makes the node of an expression. Every match of the filter satisfies a conjunct, so a conjunct may become a
// lookup.
func (b *binder) compile(e Expr, conjunct bool) (node, error) {
	switch e := e.(type) {
	case *And:
		return b.both(e.Left, e.Right, conjunct, func(l, r node) node { return &and{l, r} })
	case *Or:
		return b.both(e.Left, e.Right, false, func(l, r node) node { return &or{l, r} })
	case *Not:
		n, err := b.compile(e.Expr, false)
		if err != nil {
			return nil, err
		}
		return &not{n}, nil
	case *Compare:
		*b.count++
		return b.compare(e, conjunct)
	case *Present:
		*b.count++
		return b.present(e.Path)
	case *ValuePath:
		return b.valuePath(e, conjunct)
	}
	return nil, schema.Errorf(schema.InvalidFilter, "", "unknown expression %T", e)
}

func (b *binder) both(left, right Expr, conjunct bool, join func(l, r node) node) (node, error) {
	l, err := b.compile(left, conjunct)
	if err != nil {
		return nil, err
	}
	r, err := b.compile(right, conjunct)
	if err != nil {
		return nil, err
	}
	return join(l, r), nil
}

// lookup finds the attribute a path names; nil if there is none.
func (b *binder) lookup(p Path) *schema.Attribute {
	if b.element != nil {
		return lookupElement(b.element, p)
	}
	name := p.String()
	if a := b.t.Lookup(name); a != nil || b.strict {
		return a
	}
	return b.t.LookupBare(name)
}

// lookupElement finds a sub-attribute; the elements of a simple attribute are their own value (erratum 7122).
func lookupElement(a *schema.Attribute, p Path) *schema.Attribute {
	if p.URN != "" {
		return nil
	}
	if a.Kind != schema.Complex {
		if p.Sub == "" && schema.Fold(p.Name) == "value" {
			return a
		}
		return nil
	}
	found := a.Attribute(p.Name)
	for rest := p.Sub; found != nil && rest != ""; {
		next := splitPath(rest)
		found, rest = found.Attribute(next.Name), next.Sub
	}
	return found
}

func (b *binder) unknown(p Path) error {
	if b.element != nil {
		return schema.Errorf(schema.InvalidFilter, b.element.Path, "has no sub-attribute %q", p.String())
	}
	return schema.Errorf(schema.InvalidFilter, "", "%s has no attribute %q", b.t.Name, p.String())
}

// refuseHidden refuses an attribute that is never returned: a filter would tell its value.
func refuseHidden(a *schema.Attribute) error {
	for p := a; p != nil; p = p.Parent {
		if p.Returned == schema.ReturnedNever {
			return schema.Errorf(schema.InvalidFilter, a.Path, "is never returned, so a filter cannot use it")
		}
	}
	return nil
}

func (b *binder) compare(e *Compare, conjunct bool) (node, error) {
	// The attribute.
	a := b.lookup(e.Path)
	if a == nil {
		if b.lax {
			return always(e.Op == Ne && e.Value.Kind != Null || e.Op == Eq && e.Value.Kind == Null), nil
		}
		return nil, b.unknown(e.Path)
	}
	if err := refuseHidden(a); err != nil {
		return nil, err
	}
	if e.Value.Kind == Null {
		return b.compareNull(a, e.Op)
	}
	if a.Kind == schema.Complex {
		// emails co "x" (an example of RFC 7644) means emails.value. For a single value, as in manager eq "x", only the
		// habit of clients speaks.
		v := a.Attribute("value")
		if v == nil || !a.MultiValued && b.strict {
			return nil, schema.Errorf(schema.InvalidFilter, a.Path, "is complex; compare one of its sub-attributes")
		}
		a = v
	}

	// The test of its values.
	t, err := newTest(a, e.Op, e.Value, b.strict)
	if err != nil {
		return nil, err
	}
	n := &compare{source: b.source(a), test: t}
	if conjunct && b.query != nil && t.indexable() {
		b.query.lookups = append(b.query.lookups, Lookup{Attribute: a, Op: e.Op, Key: t.key})
	}
	if name, ok := b.membership(a); ok && e.Op == Eq {
		return &contains{name: name, value: t.key}, nil
	}
	return n, nil
}

// compareNull is x eq null, which means not (x pr), or x ne null.
func (b *binder) compareNull(a *schema.Attribute, op Op) (node, error) {
	n := &present{source: b.source(a)}
	switch op {
	case Eq:
		return &not{n}, nil
	case Ne:
		return n, nil
	}
	return nil, schema.Errorf(schema.InvalidFilter, a.Path, "cannot be compared with null by %s; use eq or ne", op)
}

// membership is the name of the derived list (members, groups) whose value a is.
func (b *binder) membership(a *schema.Attribute) (string, bool) {
	p := a.Parent
	if b.element == nil && p != nil && p.Parent == nil && p.MultiValued && p.Derived && a.Name == "value" {
		return p.Name, true
	}
	return "", false
}

func (b *binder) present(p Path) (node, error) {
	a := b.lookup(p)
	if a == nil {
		if b.element == nil {
			if e := b.t.Extension(p.String()); e != nil {
				return &present{source: extensionSource(e)}, nil
			}
		}
		if b.lax {
			return always(false), nil
		}
		return nil, b.unknown(p)
	}
	if err := refuseHidden(a); err != nil {
		return nil, err
	}
	return &present{source: b.source(a)}, nil
}

func (b *binder) valuePath(e *ValuePath, conjunct bool) (node, error) {
	// The attribute.
	a := b.lookup(e.Path)
	if a == nil {
		if b.lax {
			return always(false), nil
		}
		return nil, b.unknown(e.Path)
	}
	if err := refuseHidden(a); err != nil {
		return nil, err
	}
	if a.Kind != schema.Complex && !a.MultiValued {
		return nil, schema.Errorf(schema.InvalidFilter, a.Path, "is a single simple value; brackets do not apply to it")
	}

	// The filter on its elements.
	inner := *b
	inner.element = a
	n, err := inner.compile(e.Filter, conjunct)
	if err != nil {
		return nil, err
	}
	// members[value eq "x"] is members.value eq "x".
	if c, ok := n.(*compare); ok && c.test.op == Eq && b.element == nil {
		if name, ok := b.membership(c.test.attr); ok {
			return &contains{name: name, value: c.test.key}, nil
		}
	}
	return &valuePath{source: b.source(a), filter: n}, nil
}

// source says where a's values are: below the resource, or below the element.
func (b *binder) source(a *schema.Attribute) source {
	if b.element == nil {
		return resourceSource(a)
	}
	if a == b.element {
		return source{}
	}
	return source{path: segmentsBelow(b.element, a)}
}

func resourceSource(a *schema.Attribute) source {
	root := a.Root()
	below := segmentsBelow(root, a)
	s := source{path: prepend(segment{root.JSONPath, root.MultiValued}, below)}
	if root.Derived {
		if urn, inExtension := extensionOf(root); inExtension {
			s.derived, s.derivedPath = urn, prepend(segment{gjson.Escape(root.Name), root.MultiValued}, below)
		} else {
			s.derived, s.derivedPath = root.Name, prepend(segment{"", root.MultiValued}, below)
		}
	}
	return s
}

// extensionOf is the URN under which the attribute is stored.
func extensionOf(root *schema.Attribute) (string, bool) {
	return root.URN, root.Path != root.Name
}

func extensionSource(e *schema.Schema) source {
	s := source{path: []segment{{gjson.Escape(e.ID), false}}}
	for _, a := range e.Attributes {
		if a.Derived {
			s.derived = e.ID
		}
	}
	return s
}

// segmentsBelow is the way from a value of top down to a.
func segmentsBelow(top, a *schema.Attribute) []segment {
	if a == top {
		return nil
	}
	return append(segmentsBelow(top, a.Parent), segment{gjson.Escape(a.Name), a.MultiValued})
}

// prepend puts s before the others, as one segment with the first if both are single-valued: gjson follows such a path
// by itself.
func prepend(s segment, others []segment) []segment {
	if len(others) > 0 && !s.multi && s.path != "" {
		merged := segment{s.path + "." + others[0].path, others[0].multi}
		return append([]segment{merged}, others[1:]...)
	}
	return append([]segment{s}, others...)
}
