package patch

import (
	"errors"
	"strings"

	"rollcall/directory/filter"
	"rollcall/directory/schema"
)

// target is what a path or key names: an attribute or an extension. If both are empty, it is the resource as a whole,
// named by the URN of its schema.
type target struct {
	extension *schema.Schema
	steps     []step
}

// step is an attribute on the way from the top level to the one that a path names, with the filter that selects some of
// its values.
type step struct {
	attr  *schema.Attribute
	expr  filter.Expr
	match *filter.ElementQuery // nil: no filter
}

// resolve finds what a path names. A name that the schemas do not have is an invalidPath (B-12).
func (c *compiler) resolve(path string) (target, error) {
	if tg, ok := c.plainTarget(path); ok { // most paths: no need to read them by the grammar
		return tg, nil
	}
	o := filter.Options{Strict: c.strict}
	p, err := filter.ParsePath(path, o)
	if err != nil {
		return target{}, err
	}

	// The attribute. Entra ID leaves the URN out: "manager", for the enterprise extension's.
	name := p.Path.String()
	a := c.t.Lookup(name)
	if a == nil && p.Path.URN == "" && !c.strict {
		a = c.t.LookupBare(name)
	}
	if a == nil || c.strict && !a.Published() {
		return target{}, schema.Errorf(schema.InvalidPath, "", "%q is not an attribute of %s", name, c.t.Name)
	}
	steps := chain(a)

	// The filter after it.
	if p.Filter != nil {
		if !a.MultiValued {
			return target{}, schema.Errorf(schema.InvalidPath, a.Path,
				"is single-valued: a filter cannot select from it")
		}
		last := &steps[len(steps)-1]
		last.expr = p.Filter
		if last.match, err = filter.CompileElement(p.Filter, a, o); err != nil {
			return target{}, err
		}
	}
	return target{steps: steps}.below(p.Sub)
}

// plainTarget finds what a name without a filter stands for.
func (c *compiler) plainTarget(name string) (target, bool) {
	if ext := c.t.Extension(name); ext != nil {
		return target{extension: ext}, true
	}
	if strings.EqualFold(name, c.t.Schema.ID) {
		return target{}, true
	}
	if a := c.t.Lookup(name); a != nil && (a.Published() || !c.strict) {
		return target{steps: chain(a)}, true
	}
	return target{}, false
}

// below is the target with the sub-attributes that follow a filter.
func (tg target) below(path string) (target, error) {
	if path == "" {
		return tg, nil
	}
	a := tg.steps[len(tg.steps)-1].attr
	for name := range strings.SplitSeq(path, ".") {
		sub := a.Attribute(name)
		if sub == nil {
			return target{}, schema.Errorf(schema.InvalidPath, "", "%q is not a sub-attribute of %s", name, a.Path)
		}
		tg.steps = append(tg.steps, step{attr: sub})
		a = sub
	}
	return tg, nil
}

// chain lists a and what it is part of, outermost first.
func chain(a *schema.Attribute) []step {
	if a.Parent == nil {
		return []step{{attr: a}}
	}
	return append(chain(a.Parent), step{attr: a})
}

// resolveKey finds what a key of a pathless value names; known is false if nothing. By the RFC, keys are names of
// attributes and URNs; that a key may be any path ("name.givenName") is Entra ID's habit.
func (c *compiler) resolveKey(key string) (tg target, known bool, err error) {
	if tg, known = c.plainTarget(key); known && (len(tg.steps) <= 1 || !c.strict) {
		return tg, true, nil
	}
	if c.strict {
		return target{}, false, nil
	}
	tg, err = c.resolve(key)
	if se, ok := errors.AsType[*schema.Error](err); ok && se.Type == schema.InvalidPath {
		return target{}, false, nil
	}
	return tg, true, err
}
