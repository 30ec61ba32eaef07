package patch

import (
	"strings"

	"rollcall/directory/schema"
)

// schemas carries out an operation on the attribute "schemas" by its path. It is
// derived from which extensions hold something: naming an extension holds for
// the operations that follow anyhow (RFC 7644 §3.5.2), leaving one out or
// removing it takes its attributes away.
func (e *engine) schemas(op Op, steps []step, v any) error {
	at := steps[0]
	switch {
	case len(steps) > 1:
		return schema.Errorf(schema.InvalidPath, at.attr.Path, "has no sub-attributes")
	case op != Remove && at.match != nil:
		return schema.Errorf(schema.MutabilityError, at.attr.Path, "can be added to, removed from or replaced as a whole")
	case op == Remove:
		if at.match == nil && v == nil {
			return schema.Errorf(schema.MutabilityError, at.attr.Path, "is required")
		}
		listed, err := e.urns(v)
		if err != nil {
			return err
		}
		return e.keepSchemas(func(urn string) bool {
			if at.match != nil {
				return !at.match.Match(urn)
			}
			return !listed[strings.ToLower(urn)]
		})
	}
	listed, err := e.urns(v)
	if err != nil || op == Add {
		return err
	}
	return e.keepSchemas(func(urn string) bool { return listed[strings.ToLower(urn)] })
}

// echoSchemas is for "schemas" in a pathless value. Clients repeat there the
// schemas they know of (authentik); that is no wish to remove the rest.
func (e *engine) echoSchemas(op Op, v any) error {
	if !e.options.Strict {
		if v == nil {
			return nil
		}
		op = Add
	}
	return e.schemas(op, []step{{attr: e.t.Lookup("schemas")}}, v)
}

// urns reads a list of schema URNs, in lower case. Unknown ones are no fault
// unless strict.
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
		if e.options.Strict && e.t.Extension(urn) == nil && !strings.EqualFold(urn, e.t.Schema.ID) {
			return nil, schema.Errorf(schema.InvalidValue, "schemas", "%q is no schema of %s", urn, e.t.Name)
		}
		out[strings.ToLower(urn)] = true
	}
	return out, nil
}

// keepSchemas removes the extensions that are not kept. What only the server
// writes stays in any case.
func (e *engine) keepSchemas(keep func(urn string) bool) error {
	if !keep(e.t.Schema.ID) {
		return schema.Errorf(schema.MutabilityError, "schemas", "must hold %q", e.t.Schema.ID)
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

func readOnly(s *schema.Schema) bool {
	for _, a := range s.Attributes {
		if a.Mutability != schema.ReadOnly {
			return false
		}
	}
	return true
}
