package filter

import (
	"iter"

	"github.com/tidwall/gjson"
)

// node is a compiled expression. v is the stored document, or one element of a list; then r is nil.
type node interface {
	match(r Resource, v gjson.Result) bool
}

type and struct{ left, right node }

func (n *and) match(r Resource, v gjson.Result) bool {
	return n.left.match(r, v) && n.right.match(r, v)
}

type or struct{ left, right node }

func (n *or) match(r Resource, v gjson.Result) bool { return n.left.match(r, v) || n.right.match(r, v) }

type not struct{ node node }

func (n *not) match(r Resource, v gjson.Result) bool { return !n.node.match(r, v) }

// always is the answer for an attribute that a type does not have.
type always bool

func (n always) match(Resource, gjson.Result) bool { return bool(n) }

// contains asks for a membership without building the list.
type contains struct{ name, value string }

func (n *contains) match(r Resource, _ gjson.Result) bool { return r.Contains(n.name, n.value) }

type compare struct {
	source source
	test   test
}

func (n *compare) match(r Resource, v gjson.Result) bool { return n.source.any(r, v, &n.test) }

type present struct{ source source }

func (n *present) match(r Resource, v gjson.Result) bool { return n.source.any(r, v, isPresent{}) }

type valuePath struct {
	source source
	filter node
}

func (n *valuePath) match(r Resource, v gjson.Result) bool {
	return n.source.any(r, v, elementOf{n.filter})
}

// predicate judges one value; a value that does not exist is unassigned.
type predicate interface{ holds(v gjson.Result) bool }

type elementOf struct{ filter node }

func (e elementOf) holds(v gjson.Result) bool { return v.Exists() && e.filter.match(nil, v) }

type isPresent struct{}

// holds is pr: a value that is not empty, or a complex value that contains one (RFC 7644 §3.4.2.2).
func (p isPresent) holds(v gjson.Result) bool {
	switch v.Type {
	case gjson.String:
		return v.Str != ""
	case gjson.JSON:
		found := false
		v.ForEach(func(_, e gjson.Result) bool {
			found = p.holds(e)
			return !found
		})
		return found
	}
	return v.Exists() && v.Type != gjson.Null
}

// source says where the values of an attribute are.
type source struct {
	derived     string // Resource.Derived has them if it has anything under this name
	derivedPath []segment
	path        []segment // in the document, or in the element; none: the element itself
}

// segment is a step: a gjson path, "" for the value itself, and whether a list is there.
type segment struct {
	path  string
	multi bool
}

// any reports whether the predicate holds for any value. If there is no value at all, and for an element that lacks the
// sub-attribute, the predicate judges an unassigned value once.
func (s *source) any(r Resource, v gjson.Result, p predicate) bool {
	if s.derived != "" && r != nil {
		if d, more := r.Derived(s.derived); d != nil {
			return s.anyDerived(d, more, p)
		}
	}
	return walk(v, s.path, p)
}

// anyDerived is any for what is derived. A list in several parts has a value for which the predicate holds if one of
// them has.
func (s *source) anyDerived(first []byte, more iter.Seq[[]byte], p predicate) bool {
	if walk(gjson.Parse(asString(first)), s.derivedPath, p) {
		return true
	}
	if more == nil {
		return false
	}
	for part := range more {
		if walk(gjson.Parse(asString(part)), s.derivedPath, p) {
			return true
		}
	}
	return false
}

func walk(v gjson.Result, path []segment, p predicate) bool {
	if len(path) == 0 {
		return p.holds(v)
	}
	step := path[0]
	if step.path != "" {
		v = v.Get(step.path)
	}
	if !v.Exists() {
		return p.holds(gjson.Result{})
	}
	if !step.multi {
		return walk(v, path[1:], p)
	}
	empty, found := true, false
	v.ForEach(func(_, e gjson.Result) bool {
		empty = false
		found = walk(e, path[1:], p)
		return !found
	})
	if empty {
		return p.holds(gjson.Result{})
	}
	return found
}
