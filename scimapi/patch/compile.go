package patch

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"rollcall/directory/schema"
)

// Options say how a request is read. The zero value is lenient.
type Options struct {
	// Strict turns off every leniency towards real clients.
	Strict bool

	// Known refuses attributes that the schemas do not have and names what comes nearest, as Strict does beside more.
	Known bool

	// Interop reads the request by draft-zollner-scim-interop-profile, beside Strict: every operation has a path, a
	// filter at the end of a path is only for remove, and replace replaces all of a complex value.
	Interop bool

	// Derived returns the JSON of a readOnly top-level attribute that the stored document does not hold because the
	// server derives it ("meta", "groups"); nil if it has no value. Compile asks for it when a pathless value names
	// such an attribute, to tell a repetition of the value from an attempt to change it. If Derived is nil, none has a
	// value.
	Derived func(a *schema.Attribute) []byte

	// Spend is told of the work of reading and binding operations, as schema.Mode has it. nil is told nothing.
	Spend func(units int) error
}

// Change is a request bound to a resource type. It is immutable: it can be applied any number of times.
type Change struct {
	t          *schema.ResourceType
	strict     bool
	known      bool
	interop    bool
	operations []Operation
	actions    []action
}

// action is what an operation does to one attribute or extension.
type action struct {
	operation int // its place in the request
	op        Op
	value     any

	extension *schema.Schema // is removed as a whole; else
	steps     []step         // lead to the attribute
	// the value must repeat the current one, because the attribute at this step is readOnly; else 0
	readOnly int
	derived  any // of steps[0], where the document holds no value
}

// Compile binds a request to the type of the resources that it is about. The error is a *schema.Error that names the
// operation: a path or key that names nothing, or what must not be changed in any resource.
func Compile(t *schema.ResourceType, r Request, o Options) (*Change, error) {
	c := &compiler{derived: o.Derived,
		Change: &Change{t: t, strict: o.Strict, known: o.Known, interop: o.Interop, operations: r.Operations}}
	for i, op := range r.Operations {
		c.operation = i
		err := o.spend(1 + len(op.Path)/bytesPerUnit)
		if err == nil {
			err = c.compile(op)
		}
		if err != nil {
			return nil, c.locate(err, i)
		}
	}
	return c.Change, nil
}

// bytesPerUnit is how many bytes of a path are parsed with a unit of work.
const bytesPerUnit = 16

func (o Options) spend(units int) error {
	if o.Spend == nil {
		return nil
	}
	return o.Spend(units)
}

// Specifies reports whether an operation is about the attribute, what contains it or a part of it.
func (c *Change) Specifies(a *schema.Attribute) bool {
	return slices.ContainsFunc(c.actions, func(act action) bool {
		if len(act.steps) == 0 || act.readOnly > 0 {
			return false
		}
		named := act.steps[len(act.steps)-1].attr
		return isPart(named, a) || isPart(a, named)
	})
}

// isPart reports whether a is part of whole, or whole itself.
func isPart(a, whole *schema.Attribute) bool {
	for a != nil && a != whole {
		a = a.Parent
	}
	return a != nil
}

// locate says in which operation an error arose.
func (c *Change) locate(err error, operation int) error {
	at := fmt.Sprintf("Operations[%d].value", operation)
	se, ok := errors.AsType[*schema.Error](err)
	if !ok {
		return fmt.Errorf("%s: %w", at, err)
	}
	if c.operations[operation].HasPath {
		switch se.Type {
		case schema.InvalidPath, schema.InvalidFilter, schema.NoTarget, schema.MutabilityError:
			at = fmt.Sprintf("Operations[%d].path", operation)
		}
	}
	return &schema.Error{Type: se.Type, Attr: at, Detail: se.Error()}
}

// compiler is Compile under way.
type compiler struct {
	*Change
	derived   func(*schema.Attribute) []byte
	operation int
}

func (c *compiler) add(a action) {
	a.operation = c.operation
	c.actions = append(c.actions, a)
}

func (c *compiler) compile(op Operation) error {
	if !op.HasPath {
		return c.object(op.Op, op.Value)
	}
	tg, err := c.resolve(op.Path)
	if err != nil {
		return err
	}
	for _, s := range tg.steps {
		if s.attr.Mutability == schema.ReadOnly {
			return schema.Errorf(schema.MutabilityError, s.attr.Path, "is readOnly")
		}
	}
	if n := len(tg.steps); c.interop && op.Op != Remove && n > 0 && tg.steps[n-1].match != nil {
		return schema.Errorf(schema.InvalidPath, "", "a sub-attribute must follow the filter")
	}
	if op.Op == Remove && op.HasValue {
		if err := listsSomething(tg, op.Value); err != nil {
			return err
		}
	}
	return c.target(op.Op, tg, op.Value)
}

// listsSomething refuses a removal from a list that lists nothing to remove. A removal without a value removes all, and
// a client that computes an empty list does not mean that. For members not even null is no value: in some languages it
// is how an empty list is written.
func listsSomething(tg target, v any) error {
	if len(tg.steps) != 1 || !tg.steps[0].attr.MultiValued || tg.steps[0].match != nil || isSchemas(tg.steps[0].attr) {
		return nil
	}
	a := tg.steps[0].attr
	if v == nil && !isMembers(a) || !empty(v) {
		return nil
	}
	return schema.Errorf(schema.InvalidValue, a.Path, "lists nothing to remove; leave the value out to remove all")
}

// empty reports whether a JSON value holds nothing.
func empty(v any) bool {
	list, ok := v.([]any)
	if !ok {
		return unassigned(v) || v == ""
	}
	return !slices.ContainsFunc(list, func(e any) bool { return !empty(e) })
}

// target adds an operation on what a path or key names.
func (c *compiler) target(op Op, tg target, v any) error {
	switch {
	case tg.extension != nil:
		return c.extension(op, tg.extension, v)
	case len(tg.steps) > 0:
		c.add(action{op: op, steps: tg.steps, value: v})
		return nil
	case op == Remove:
		return schema.Errorf(schema.MutabilityError, "", "PATCH cannot remove a whole resource; use DELETE")
	}
	return c.object(op, v)
}

// object adds an operation without a path: each key of the value names an attribute (RFC 7644 §3.5.2.1, §3.5.2.3). Keys
// are taken in the order of their code points, so that the result does not depend on a map's order.
func (c *compiler) object(op Op, v any) error {
	m, ok := v.(map[string]any)
	if !ok || op == Remove {
		return schema.Errorf(schema.InvalidValue, "", "must be an object of attributes when there is no path")
	}
	seen := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		tg, known, err := c.resolveKey(key)
		if err != nil {
			return err
		}
		if !known {
			switch {
			case c.strict:
				return schema.Errorf(schema.InvalidSyntax, "", "%q is not an attribute of %s", key, c.t.Name)
			case c.known:
				return schema.Unknown(key, "", c.t.Name, c.t.Schema.Attributes)
			}
			continue // B-03
		}
		if err := once(seen, tg, key); err != nil {
			return err
		}
		if err := c.member(op, tg, m[key]); err != nil {
			return err
		}
	}
	return nil
}

// Given are the values that operations set whole attributes to, as the client sent them. They may hold readOnly
// sub-attributes, which are not applied.
func (c *Change) Given() iter.Seq2[*schema.Attribute, any] {
	return func(yield func(*schema.Attribute, any) bool) {
		for _, a := range c.actions {
			whole := a.extension == nil && a.readOnly == 0 && len(a.steps) == 1 && a.steps[0].match == nil
			if whole && a.op != Remove && a.value != nil && !yield(a.steps[0].attr, a.value) {
				return
			}
		}
	}
}

// once refuses two keys that name the same attribute in different spellings: chance would decide which one counts.
func once(seen map[string]string, tg target, key string) error {
	name := ""
	switch {
	case tg.extension != nil:
		name = tg.extension.ID
	case slices.ContainsFunc(tg.steps, func(s step) bool { return s.match != nil }):
		return nil // a value path: what it selects is not known yet
	case len(tg.steps) > 0:
		name = tg.steps[len(tg.steps)-1].attr.Path
	}
	if other, twice := seen[name]; twice {
		return schema.Errorf(schema.InvalidSyntax, "", "%q and %q name the same attribute", other, key)
	}
	seen[name] = key
	return nil
}

// member adds the part of a pathless operation that one key asks for. What is readOnly may be repeated, not changed
// (B-16).
func (c *compiler) member(op Op, tg target, v any) error {
	for i, s := range tg.steps {
		if s.attr.Mutability != schema.ReadOnly {
			continue
		}
		if v == nil && !c.strict {
			return nil // says nothing about it
		}
		derived, err := c.derivedValue(tg.steps[0].attr)
		if err == nil {
			c.add(action{op: op, steps: tg.steps, value: v, readOnly: i + 1, derived: derived})
		}
		return err
	}
	if len(tg.steps) == 1 && isSchemas(tg.steps[0].attr) {
		return c.repeatedSchemas(op, tg.steps[0].attr, v)
	}
	return c.target(op, tg, v)
}

// repeatedSchemas adds an operation on "schemas" by a key, in which a filter means nothing. Clients repeat the schemas
// they know of there (authentik); unless strict, that removes no others.
func (c *compiler) repeatedSchemas(op Op, schemas *schema.Attribute, v any) error {
	if !c.strict {
		if v == nil {
			return nil
		}
		op = Add
	}
	c.add(action{op: op, steps: chain(schemas), value: v})
	return nil
}

// derivedValue is the value of a top-level attribute that is not stored; nil if it has none.
func (c *compiler) derivedValue(a *schema.Attribute) (any, error) {
	if c.derived == nil {
		return nil, nil
	}
	if value := c.derived(a); len(value) > 0 {
		return schema.Unmarshal(value)
	}
	return nil, nil
}

// extension adds an operation on an extension as a whole.
func (c *compiler) extension(op Op, ext *schema.Schema, v any) error {
	if list, ok := v.([]any); v == nil || ok && len(list) == 0 {
		if op == Add {
			return nil
		}
		op = Remove
	}
	if op == Remove {
		c.add(action{op: op, extension: ext})
		return nil
	}
	m, ok := v.(map[string]any)
	if !ok {
		return schema.Errorf(schema.InvalidValue, ext.ID, "must be an object of attributes")
	}
	qualified := make(map[string]any, len(m))
	for key, v := range m {
		qualified[ext.ID+":"+key] = v
	}
	return c.object(op, qualified)
}
