package patch

import (
	"strings"

	"rollcall/directory/schema"
)

func isSchemas(a *schema.Attribute) bool {
	return a.URN == "" && a.Parent == nil && a.Name == "schemas"
}

// schemas carries out an operation on the attribute "schemas". Its value follows from the extensions that hold
// something: an extension that is added is there as soon as an operation puts an attribute into it (RFC 7644 §3.5.2),
// and one that is removed or left out loses its attributes.
func (e *engine) schemas(op Op, steps []step, v any) error {
	at := steps[0]
	switch {
	case len(steps) > 1:
		return schema.Errorf(schema.InvalidPath, at.attr.Path, "has no sub-attributes")
	case op != Remove && at.match != nil:
		return schema.Errorf(schema.MutabilityError, at.attr.Path, "takes no filter for %s", op)
	case op == Remove && at.match == nil && v == nil:
		return schema.Errorf(schema.MutabilityError, at.attr.Path, "is required")
	}
	listed, err := e.urns(v)
	switch {
	case err != nil:
		return err
	case op == Add:
		return nil
	case at.match != nil:
		return e.keepSchemas(func(urn string) bool { return !at.match.Match(urn) })
	}
	return e.keepSchemas(func(urn string) bool {
		ext := e.t.Extension(urn)
		unseen := op == Replace && ext != nil && ext.OnRequest() // the client did not leave it out: it was not shown it
		return unseen || listed[strings.ToLower(urn)] == (op == Replace)
	})
}

// urns reads a list of schema URNs, in lower case. Unknown ones are refused only if strict.
func (e *engine) urns(v any) (map[string]bool, error) {
	list, ok := v.([]any)
	if !ok && v != nil {
		list = []any{v}
	}
	out := make(map[string]bool, len(list))
	for _, x := range list {
		urn, ok := x.(string)
		if !ok {
			return nil, schema.Errorf(schema.InvalidValue, "schemas", "must be an array of strings")
		}
		if e.strict && e.t.Extension(urn) == nil && !strings.EqualFold(urn, e.t.Schema.ID) {
			return nil, schema.Errorf(schema.InvalidValue, "schemas", "%q is not a schema of %s", urn, e.t.Name)
		}
		out[strings.ToLower(urn)] = true
	}
	return out, nil
}

// keepSchemas removes the extensions that are not kept. Those that only the server writes stay in any case.
func (e *engine) keepSchemas(keep func(urn string) bool) error {
	if !keep(e.t.Schema.ID) {
		return schema.Errorf(schema.MutabilityError, "schemas", "must contain %q", e.t.Schema.ID)
	}
	for _, x := range e.t.Extensions {
		if _, held := e.doc[x.Schema.ID]; !held || keep(x.Schema.ID) || readOnly(x.Schema) {
			continue
		}
		if err := e.removeExtension(x.Schema); err != nil {
			return err
		}
	}
	return nil
}
