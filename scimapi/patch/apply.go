package patch

import (
	"errors"
	"maps"

	"rollcall/directory/schema"
)

// Result is what a change comes to.
type Result struct {
	// Document is the new document, a deep copy; if nothing changed, it is the one that was passed in.
	Document schema.Document

	// Members is what happens to the members of a Group.
	Members Delta

	// Changed reports whether Document differs from what was passed in. Whether Members changes anything is known only
	// to those who know the members.
	Changed bool
}

// Apply carries out the operations in order on doc and checks the result as a whole (schema.ResourceType.Check). doc is
// not changed. current tells of the members of a Group; it is asked only if an operation needs it, and nil stands for a
// Group without members.
//
// spend is called now and then with the work that follows, in values × comparisons; it may wait, and its error ends the
// request. nil counts nothing.
//
// The error is that of spend, or a *schema.Error of the type invalidPath, invalidFilter, invalidValue, invalidSyntax,
// noTarget, mutability or tooMany (RFC 7644 §3.12). Its Attr names the operation, unless the fault is in the result as
// a whole.
func (c *Change) Apply(doc schema.Document, current Members, spend func(units int) error) (Result, error) {
	e := c.engine(doc, spend)
	e.members.current = current
	for _, a := range c.actions {
		if err := e.apply(a); err != nil {
			return Result{}, c.locate(err, a.operation)
		}
	}

	// What the server says of a value that was written again stays with it.
	res := Result{Document: doc, Members: e.members.delta()}
	if !e.owned || e.doc.Equal(doc) {
		return res, nil
	}
	next := e.doc.Clone()
	if err := c.t.Carry(doc, next); err != nil {
		return Result{}, err
	}
	if next.Equal(doc) {
		return res, nil
	}
	if err := c.t.Check(next); err != nil {
		return Result{}, err
	}
	res.Document, res.Changed = next, true
	return res, nil
}

// Judge returns what is wrong with the request whatever the resource is, so that a client hears of it even where there
// is no resource: values that their attributes cannot have, and what no resource of the type allows. spend is that of
// Apply. Its errors are those of Apply but noTarget and tooMany.
func (c *Change) Judge(spend func(units int) error) error {
	e := c.engine(schema.Document{}, spend)
	for _, a := range c.actions {
		if a.readOnly > 0 { // whether a value is repeated depends on the resource
			continue
		}
		err := e.apply(a)
		se, _ := errors.AsType[*schema.Error](err)
		switch {
		case se != nil && (se.Type == schema.NoTarget || se.Type == schema.TooMany):
			continue
		case err != nil:
			return c.locate(err, a.operation)
		}
	}
	return nil
}

func (c *Change) engine(doc schema.Document, spend func(units int) error) *engine {
	return &engine{t: c.t, strict: c.strict, known: c.known, interop: c.interop, doc: doc, spend: spend}
}

// engine is the state between two actions.
type engine struct {
	t       *schema.ResourceType
	strict  bool
	known   bool
	interop bool
	doc     schema.Document
	owned   bool // doc is ours: its top level may be written to
	members membership
	visited int
	spend   func(units int) error
}

func (e *engine) mode() schema.Mode {
	return schema.Mode{Strict: e.strict, Known: e.known, Spend: e.work}
}

// MaxVisits bounds the work of one request: how many values its operations may look at together, a changed value
// counting as eight. It stops requests of many operations that each go through all values of a long list (tooMany).
const MaxVisits = 1 << 22

const costOfChange = 8

func (e *engine) visit(n int) error {
	if e.visited += n; e.visited > MaxVisits {
		return schema.Errorf(schema.TooMany, "", "the operations go through more than %d values in all", MaxVisits)
	}
	return e.work(n)
}

// work counts what is done with n values.
func (e *engine) work(n int) error {
	if e.spend == nil || n == 0 {
		return nil
	}
	return e.spend(n)
}

func (e *engine) apply(a action) error {
	if a.extension != nil {
		return e.removeExtension(a.extension)
	}
	if a.readOnly > 0 {
		return e.repeated(a)
	}
	top := a.steps[0].attr
	switch {
	case isSchemas(top):
		return e.schemas(a.op, a.steps, a.value)
	case isMembers(top) && top.URN == e.t.Schema.ID:
		return e.changeMembers(a.op, a.steps, a.value)
	}
	return e.within(top.URN, func(c map[string]any) error { return e.modify(a.op, c, a.steps, a.value) })
}

// within hands f the object that holds the attributes of a schema: the document or an extension in it. An extension is
// made when needed and dropped when empty (B-11).
func (e *engine) within(urn string, f func(map[string]any) error) error {
	if !e.owned {
		e.doc, e.owned = maps.Clone(e.doc), true
		if e.doc == nil {
			e.doc = schema.Document{}
		}
	}
	ext := e.t.Extension(urn)
	if ext == nil {
		return f(e.doc)
	}
	c := clone(e.doc[ext.ID])
	if err := f(c); err != nil {
		return err
	}
	if len(c) == 0 {
		delete(e.doc, ext.ID)
	} else {
		e.doc[ext.ID] = c
	}
	return nil
}

// container is the object that within would hand out, for reading only.
func (e *engine) container(urn string) map[string]any {
	if ext := e.t.Extension(urn); ext != nil {
		c, _ := e.doc[ext.ID].(map[string]any)
		return c
	}
	return e.doc
}

// clone is a copy of an object whose top level may be written to; below it, values are never changed in place.
func clone(v any) map[string]any {
	if m, _ := v.(map[string]any); m != nil {
		return maps.Clone(m)
	}
	return map[string]any{}
}
