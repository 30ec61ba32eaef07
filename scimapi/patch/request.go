package patch

import (
	"fmt"
	"slices"
	"strings"

	"rollcall/directory/schema"
)

// Message is the schema of the request (RFC 7644 §3.5.2).
const Message = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

// MaxOperations is how many operations one request may hold. It equals the number of memberships that one request may
// change, because some clients send an operation for each.
const MaxOperations = 10_000

// Op is what an operation does.
type Op string

// The operations of RFC 7644 §3.5.2.
const (
	Add     Op = "add"
	Remove  Op = "remove"
	Replace Op = "replace"
)

// Request is a PatchOp message: one or more operations, to be applied in order, all or none.
type Request struct{ Operations []Operation }

// Operation is one change. Value is as schema.Unmarshal returns it and is never changed.
type Operation struct {
	Op       Op
	Path     string
	HasPath  bool // false: the value names the attributes
	Value    any
	HasValue bool // false: there was none, which differs from null
}

// Parse reads a PatchOp message. Member names and op are taken in any case (RFC 7643 §2.1); unknown members are
// ignored, or refused if o.Strict. The error is a *schema.Error that names the place ("Operations[2].op"), or that of
// o.Spend.
func Parse(body []byte, o Options) (Request, error) {
	// The message.
	v, err := schema.Mode{Spend: o.Spend}.Unmarshal(body)
	if err != nil {
		return Request{}, err
	}
	m, ok := v.(map[string]any)
	if !ok {
		return Request{}, schema.Errorf(schema.InvalidSyntax, "", "the body must be a JSON object")
	}
	message, err := fields(m, "", o, "schemas", "Operations")
	if err != nil {
		return Request{}, err
	}
	if !hasURN(message["schemas"], Message) {
		return Request{}, schema.Errorf(schema.InvalidSyntax, "schemas", "must be an array that contains %q", Message)
	}

	// Its operations.
	list, ok := message["Operations"].([]any)
	if !ok || len(list) == 0 {
		return Request{}, schema.Errorf(schema.InvalidSyntax, "Operations",
			"must be an array of one or more operations")
	}
	if len(list) > MaxOperations {
		return Request{}, schema.Errorf(schema.InvalidValue, "Operations",
			"has %d operations; at most %d are allowed", len(list), MaxOperations)
	}
	r := Request{Operations: make([]Operation, len(list))}
	for i, v := range list {
		if r.Operations[i], err = parseOperation(v, fmt.Sprintf("Operations[%d]", i), o); err != nil {
			return Request{}, err
		}
	}
	return r, nil
}

func parseOperation(v any, at string, o Options) (op Operation, err error) {
	m, ok := v.(map[string]any)
	if !ok {
		return op, schema.Errorf(schema.InvalidSyntax, at, "must be an object")
	}
	f, err := fields(m, at+".", o, "op", "path", "value")
	if err != nil {
		return op, err
	}
	if op.Op, err = parseOp(f["op"], at+".op"); err != nil {
		return op, err
	}
	if p := f["path"]; p != nil { // null is the same as none (RFC 7643 §2.5)
		if op.Path, op.HasPath = p.(string); !op.HasPath {
			return op, schema.Errorf(schema.InvalidPath, at+".path", "must be a string")
		}
	}
	op.Value, op.HasValue = f["value"]
	switch {
	case o.Interop && !op.HasPath:
		return op, schema.Errorf(schema.InvalidSyntax, at+".path", "is required")
	case op.Op != Remove && !op.HasValue:
		return op, schema.Errorf(schema.InvalidValue, at+".value", "is required for %s", op.Op)
	case op.Op == Remove && !op.HasPath:
		return op, schema.Errorf(schema.NoTarget, at+".path", "is required for remove")
	case op.Op == Remove && op.Value != nil && o.Strict:
		return op, schema.Errorf(schema.InvalidValue, at+".value",
			"must be left out for remove; select values by a filter in the path")
	}
	return op, nil
}

func parseOp(v any, at string) (Op, error) {
	name, ok := v.(string)
	switch op := Op(strings.ToLower(name)); {
	case op == Add, op == Remove, op == Replace:
		return op, nil
	case !ok:
		return "", schema.Errorf(schema.InvalidSyntax, at, `must be "add", "remove" or "replace"`)
	}
	return "", schema.Errorf(schema.InvalidSyntax, at, `must be "add", "remove" or "replace", not %q`, name)
}

// fields returns the known members of m under their proper names. Of several errors it returns the first by name, so
// that the order of the map does not matter.
func fields(m map[string]any, at string, o Options, known ...string) (map[string]any, error) {
	out := make(map[string]any, len(known))
	var wrong *schema.Error
	refuse := func(name, problem string) {
		if wrong == nil || at+name < wrong.Attr {
			wrong = schema.Errorf(schema.InvalidSyntax, at+name, "%s", problem)
		}
	}
	for key, v := range m {
		i := slices.IndexFunc(known, func(name string) bool { return strings.EqualFold(key, name) })
		if i < 0 {
			if o.Strict {
				refuse(key, "is unknown")
			}
			continue
		}
		if _, twice := out[known[i]]; twice {
			refuse(known[i], "is given twice")
		}
		out[known[i]] = v
	}
	if wrong != nil {
		return nil, wrong
	}
	return out, nil
}

// hasURN reports whether v is an array of strings that contains urn.
func hasURN(v any, urn string) bool {
	list, _ := v.([]any)
	found := false
	for _, e := range list {
		s, ok := e.(string)
		if !ok {
			return false
		}
		found = found || strings.EqualFold(s, urn)
	}
	return found
}
