package refserver

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// modify applies a PatchOp to a copy of the data and stores it if every
// operation succeeded.
func (c *call) modify(r *rec, body obj) error {
	if v, _ := get(body, "schemas"); !slices.Contains(asList(v), any(messages+"PatchOp")) {
		return fail(400, "invalidSyntax", "schemas: must contain %sPatchOp", messages)
	}
	v, _ := get(body, "Operations")
	ops := asList(v)
	if len(ops) == 0 {
		return fail(400, "invalidSyntax", "Operations: must be an array of one or more")
	}
	data := copyOf(r.data).(obj)
	for _, o := range ops {
		m, ok := o.(obj)
		if !ok {
			return fail(400, "invalidSyntax", "Operations: must hold objects")
		}
		name, _ := get(m, "op")
		value, hasValue := get(m, "value")
		path, hasPath := get(m, "path")
		p := &patch{c: c, r: r, data: data, op: strings.ToLower(str(name)), value: value, hasValue: hasValue}
		if p.op != "add" && p.op != "remove" && p.op != "replace" {
			return fail(400, "invalidSyntax", "op: must be add, remove or replace")
		}
		if p.op != "remove" && !hasValue {
			return fail(400, "invalidValue", "value: is required for %s", p.op)
		}
		if err := p.apply(path, hasPath && path != nil); err != nil {
			return err
		}
	}
	if err := c.check(r.typ, data, r.id); err != nil {
		return err
	}
	c.commit(r, data, "patch", body)
	return nil
}

// patch is one operation.
type patch struct {
	c        *call
	r        *rec
	data     obj
	op       string
	value    any
	hasValue bool
}

func (p *patch) apply(path any, hasPath bool) error {
	if hasPath {
		s, ok := path.(string)
		if !ok {
			return fail(400, "invalidPath", "path: must be a string")
		}
		return p.at(s, p.value)
	}
	if p.op == "remove" {
		return fail(400, "noTarget", "remove needs a path")
	}
	o, ok := p.value.(obj)
	if !ok {
		return fail(400, "invalidValue", "value: must be an object where there is no path")
	}
	whole := p.c.render(p.r)
	for k, v := range o {
		ref, known := p.r.typ.resolve(strings.SplitN(k, "[", 2)[0])
		switch {
		case !known:
			continue // unknown names are ignored in values, as on creation
		case ref.attr == nil:
			part, _ := v.(obj)
			for name, x := range part {
				if err := p.at(k+":"+name, x); err != nil {
					return err
				}
			}
			continue
		case ref.leaf().mutability == "readOnly" && reflect.DeepEqual(whole[ref.attr.name], v):
			continue // clients echo what they read
		}
		if err := p.at(k, v); err != nil {
			return err
		}
	}
	return nil
}

var pathForm = regexp.MustCompile(`^([A-Za-z$][A-Za-z0-9_.:$-]*)(\[(.*)\](?:\.([A-Za-z$][A-Za-z0-9_$-]*))?)?$`)

func badPath(path string) error { return fail(400, "invalidPath", "path %q is malformed", path) }

// at applies the operation at a path.
func (p *patch) at(path string, value any) error {
	m := pathForm.FindStringSubmatch(path)
	if m == nil {
		return badPath(path)
	}
	r, ok := p.r.typ.resolve(m[1])
	if !ok {
		return fail(400, "invalidPath", "path %q: %s has no such attribute", path, p.r.typ.name)
	}
	if r.attr == nil {
		return p.extension(r.urn, value)
	}
	if r.attr.name == "schemas" {
		return nil // follows from the data
	}
	if r.attr.mutability == "readOnly" || r.leaf().mutability == "readOnly" {
		return fail(400, "mutability", "%s: is readOnly", path)
	}
	into := p.data
	if r.urn != "" {
		part, _ := p.data[r.urn].(obj)
		if part == nil {
			part = obj{}
		}
		p.data[r.urn], into = part, part
		defer func() {
			if len(part) == 0 {
				delete(p.data, r.urn)
			}
		}()
	}
	switch {
	case m[2] != "":
		return p.filtered(into, r.attr, m[3], m[4], value, path)
	case r.sub != nil:
		return p.subAttribute(into, r.attr, r.sub, value, path)
	}
	return p.whole(into, r.attr, value, path)
}

func (p *patch) extension(urn string, value any) error {
	if p.op == "remove" {
		delete(p.data, urn)
		return nil
	}
	part, ok := value.(obj)
	if !ok {
		return fail(400, "invalidValue", "%s: must be an object", urn)
	}
	for k, v := range part {
		if err := p.at(urn+":"+k, v); err != nil {
			return err
		}
	}
	return nil
}

// immutable refuses to change a value that is there.
func immutable(a *attr, old, now any, path string) error {
	if a.mutability == "immutable" && !none(old) && !reflect.DeepEqual(old, now) {
		return fail(400, "mutability", "%s: is immutable", path)
	}
	return nil
}

func (p *patch) whole(into obj, a *attr, value any, path string) error {
	old := into[a.name]
	if p.op == "remove" {
		if a.required {
			return fail(400, "mutability", "%s: is required", path)
		}
		if err := immutable(a, old, nil, path); err != nil {
			return err
		}
		if p.hasValue && a.multi && !none(p.value) {
			return p.removeListed(into, a)
		}
		delete(into, a.name)
		return nil
	}
	v, err := a.coerce(value, path)
	if err != nil {
		return err
	}
	if err := immutable(a, old, v, path); err != nil {
		return err
	}
	switch {
	case none(v) && (p.op == "replace" || !a.multi):
		delete(into, a.name)
	case a.multi && p.op == "add":
		into[a.name] = appendNew(asList(old), asList(v))
	case a.multi, a.typ != "complex":
		into[a.name] = v
	default:
		o, _ := old.(obj)
		merged := copyOf(o).(obj)
		raw, _ := value.(obj)
		for k := range raw {
			if s := findAttr(a.subs, k); s != nil {
				delete(merged, s.name)
			}
		}
		for k, x := range v.(obj) {
			merged[k] = x
		}
		into[a.name] = merged
	}
	return nil
}

// removeListed removes the values listed in the operation, as Entra asks for
// members.
func (p *patch) removeListed(into obj, a *attr) error {
	listed := asList(p.value)
	if o, ok := p.value.(obj); ok {
		listed = arr{o}
	}
	left := slices.DeleteFunc(slices.Clone(asList(into[a.name])), func(e any) bool {
		return slices.ContainsFunc(listed, func(l any) bool { return key(l) == key(e) })
	})
	if into[a.name] = left; len(left) == 0 {
		delete(into, a.name)
	}
	return nil
}

// key is what identifies an element.
func key(e any) any {
	if o, ok := e.(obj); ok {
		v, _ := get(o, "value")
		return v
	}
	return e
}

func appendNew(old, more arr) arr {
	out := slices.Clone(old)
	for _, e := range more {
		o, isObj := e.(obj)
		if isObj && o["$ref"] != nil || isObj && o["display"] == nil {
			// a member is the same member whatever else is said about it
			if slices.ContainsFunc(out, func(x any) bool { return reflect.DeepEqual(x, e) || isMember(x, o) }) {
				continue
			}
		}
		if contains(out, e) {
			continue
		}
		if isObj && o["primary"] == true {
			out = demote(out)
		}
		out = append(out, e)
	}
	return out
}

func isMember(x any, o obj) bool {
	m, ok := x.(obj)
	return ok && m["value"] == o["value"] && o["value"] != nil && m["primary"] == nil && m["type"] == o["type"]
}

// demote makes no element primary.
func demote(l arr) arr {
	out := copyOf(l).(arr)
	for _, e := range out {
		if o, ok := e.(obj); ok && o["primary"] == true {
			o["primary"] = false
		}
	}
	return out
}

func (p *patch) subAttribute(into obj, a, s *attr, value any, path string) error {
	if a.multi {
		l := copyOf(asList(into[a.name])).(arr)
		for _, e := range l {
			if err := p.set(e.(obj), s, value, path); err != nil {
				return err
			}
		}
		into[a.name] = l
		return nil
	}
	o, _ := copyOf(into[a.name]).(obj)
	if o == nil {
		o = obj{}
	}
	if err := p.set(o, s, value, path); err != nil {
		return err
	}
	if into[a.name] = o; len(o) == 0 {
		delete(into, a.name)
	}
	return nil
}

// set writes or removes one sub-attribute of an element.
func (p *patch) set(e obj, s *attr, value any, path string) error {
	if p.op == "remove" {
		if err := immutable(s, e[s.name], nil, path); err != nil {
			return err
		}
		delete(e, s.name)
		return nil
	}
	v, err := s.coerce(value, path)
	if err != nil {
		return err
	}
	if err := immutable(s, e[s.name], v, path); err != nil {
		return err
	}
	if e[s.name] = v; none(v) {
		delete(e, s.name)
	}
	return nil
}
