package patch

import (
	"errors"
	"fmt"
	"maps"

	"rollcall/directory/schema"
)

// Options say how a request is read. The zero value is lenient.
type Options struct {
	// Strict switches every leniency towards real clients off.
	Strict bool

	// Derived gives the JSON of what the document does not hold because the
	// server computes it ("meta", "groups", an extension's URN), nil if
	// unassigned. It is asked only when a pathless value names such an attribute,
	// to tell an echo from an attempt to change it. nil: all are unassigned.
	Derived func(name string) []byte
}

// Result is what a request comes to.
type Result struct {
	// Document is the new document, a deep copy; if nothing changed it is the one
	// that was passed in.
	Document schema.Document

	// Members is what happens to the members of a Group.
	Members Delta

	// Changed reports whether Document differs from what was passed in. Whether
	// Members changes anything is known only to who knows the members.
	Changed bool
}

// Apply carries out the operations of r in order on doc, a resource of type t,
// and checks the result as a whole (schema.ResourceType.Check). doc is not
// changed. current tells of the members of a Group; it is asked only if an
// operation needs it, and nil stands for a Group without any.
//
// The error is a *schema.Error of type invalidPath, invalidFilter, invalidValue,
// invalidSyntax, noTarget or mutability (RFC 7644 §3.12). Its Attr names the
// operation, unless it is the result as a whole that is at fault.
func Apply(t *schema.ResourceType, doc schema.Document, current Members, r Request, o Options) (Result, error) {
	e := &engine{t: t, doc: doc, options: o, members: membership{current: current}}
	for i, op := range r.Operations {
		if err := e.apply(op); err != nil {
			return Result{}, locate(err, i, op)
		}
	}
	res := Result{Document: doc, Members: e.members.delta()}
	if !e.owned || e.doc.Equal(doc) {
		return res, nil
	}
	next := e.doc.Clone()
	// What the server says of a value that was written again stays with it.
	if err := t.Carry(doc, next); err != nil {
		return Result{}, err
	}
	if next.Equal(doc) {
		return res, nil
	}
	if err := t.Check(next); err != nil {
		return Result{}, err
	}
	res.Document, res.Changed = next, true
	return res, nil
}

// engine is the state between two operations.
type engine struct {
	t       *schema.ResourceType
	doc     schema.Document
	owned   bool // doc is ours: its top level may be written to
	options Options
	members membership
	visited int
}

// MaxVisits bounds the work of one request: how many values its operations may
// look at together, a changed one counting for eight. Many operations that each
// go through all values of a long list end here (tooMany).
const MaxVisits = 1 << 22

const costOfChange = 8

func (e *engine) visit(n int) error {
	if e.visited += n; e.visited > MaxVisits {
		return schema.Errorf(schema.TooMany, "", "the operations go through more than %d values together", MaxVisits)
	}
	return nil
}

func (e *engine) mode() schema.Mode { return schema.Mode{Strict: e.options.Strict} }

func (e *engine) apply(op Operation) error {
	if !op.HasPath {
		return e.object(op.Op, op.Value)
	}
	tg, err := e.resolve(op.Path)
	if err != nil {
		return err
	}
	return e.target(op.Op, tg, op.Value)
}

// target carries out an operation on what a path or key names.
func (e *engine) target(op Op, tg target, v any) error {
	switch {
	case tg.extension != nil:
		return e.extension(op, tg.extension, v)
	case len(tg.steps) > 0:
		return e.attribute(op, tg.steps, v)
	case op == Remove:
		return schema.Errorf(schema.MutabilityError, "", "a resource cannot be removed by PATCH")
	}
	return e.object(op, v)
}

// attribute carries out an operation on one attribute, its parts or some of its values.
func (e *engine) attribute(op Op, steps []step, v any) error {
	for _, s := range steps {
		if s.attr.Mutability == schema.ReadOnly {
			return schema.Errorf(schema.MutabilityError, s.attr.Path, "is readOnly")
		}
	}
	top := steps[0].attr
	switch {
	case top.URN == "" && top.Name == "schemas":
		return e.schemas(op, steps, v)
	case e.isMembers(top):
		return e.changeMembers(op, steps, v)
	}
	return e.within(top.URN, func(c map[string]any) error { return e.modify(op, c, steps, v) })
}

// within hands f the object that holds the attributes of a schema: the document
// or an extension in it. An extension is made when needed and dropped when empty (B-11).
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

// container is the object that within would hand out, to be read only.
func (e *engine) container(urn string) map[string]any {
	if ext := e.t.Extension(urn); ext != nil {
		c, _ := e.doc[ext.ID].(map[string]any)
		return c
	}
	return e.doc
}

// locate says in which operation an error arose.
func locate(err error, i int, op Operation) error {
	at := fmt.Sprintf("Operations[%d].value", i)
	var se *schema.Error
	if !errors.As(err, &se) {
		return fmt.Errorf("%s: %w", at, err)
	}
	if op.HasPath {
		switch se.Type {
		case schema.InvalidPath, schema.InvalidFilter, schema.NoTarget, schema.MutabilityError:
			at = fmt.Sprintf("Operations[%d].path", i)
		}
	}
	return &schema.Error{Type: se.Type, Attr: at, Detail: se.Error()}
}

// clone is a copy of an object that may be written to at its top level; values
// are never changed in place below it.
func clone(v any) map[string]any {
	if m, _ := v.(map[string]any); m != nil {
		return maps.Clone(m)
	}
	return map[string]any{}
}
