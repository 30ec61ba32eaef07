package patch

import (
	"strings"

	"rollcall/directory/filter"
	"rollcall/directory/schema"
)

// target is what a path names: an attribute, or an extension, or (both empty)
// the resource as a whole, by the URN of its schema.
type target struct {
	extension *schema.Schema
	steps     []step
}

// step is an attribute on the way from the top level to the one that a path
// names, with the filter that selects some of its values.
type step struct {
	attr  *schema.Attribute
	expr  filter.Expr
	match *filter.ElementQuery // nil: no filter
}

// resolve finds what a path names. Names that the schemas do not have are
// invalidPath (B-12).
func (e *engine) resolve(path string) (target, error) {
	if ext := e.t.Extension(path); ext != nil {
		return target{extension: ext}, nil
	}
	if strings.EqualFold(path, e.t.Schema.ID) {
		return target{}, nil
	}
	if a := e.t.Lookup(path); a != nil { // most paths: no need to read them by the grammar
		return target{steps: chain(a)}, nil
	}
	fo := filter.Options{Strict: e.options.Strict}
	p, err := filter.ParsePath(path, fo)
	if err != nil {
		return target{}, err
	}
	name := p.Path.String()
	a := e.t.Lookup(name)
	if a == nil && p.Path.URN == "" && !e.options.Strict {
		// Entra leaves the URN out: "manager", for the enterprise extension's.
		a = e.t.LookupBare(name)
	}
	if a == nil {
		return target{}, schema.Errorf(schema.InvalidPath, "", "%q is no attribute of %s", name, e.t.Name)
	}
	steps := chain(a)
	if p.Filter != nil {
		if !a.MultiValued {
			return target{}, schema.Errorf(schema.InvalidPath, a.Path, "has a single value, a filter cannot select from it")
		}
		q, err := filter.CompileElement(p.Filter, a, fo)
		if err != nil {
			return target{}, err
		}
		last := &steps[len(steps)-1]
		last.expr, last.match = p.Filter, q
	}
	if p.Sub == "" {
		return target{steps: steps}, nil
	}
	for name := range strings.SplitSeq(p.Sub, ".") {
		sub := a.Attribute(name)
		if sub == nil {
			return target{}, schema.Errorf(schema.InvalidPath, "", "%q is no sub-attribute of %s", name, a.Path)
		}
		steps = append(steps, step{attr: sub})
		a = sub
	}
	return target{steps: steps}, nil
}

// chain lists a and what it is part of, outermost first.
func chain(a *schema.Attribute) []step {
	if a.Parent == nil {
		return []step{{attr: a}}
	}
	return append(chain(a.Parent), step{attr: a})
}
