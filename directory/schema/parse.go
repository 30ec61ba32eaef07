package schema

import (
	"slices"
	"sort"
	"strings"
)

// Mode says how a request is read.
type Mode struct {
	// Strict reads requests to the letter of the RFCs: no coercion of types, no unknown attributes, no unknown URNs, no
	// extension that "schemas" does not list, no null in a list.
	Strict bool
	// Known refuses what the schemas do not have and names what comes nearest, as Strict does beside more.
	Known bool
	// KeepReadOnly keeps readOnly values, which are dropped otherwise. It is for documents of our own.
	KeepReadOnly bool
	// Named keeps an extension that the body names without giving it values, in "schemas" or as a member that is null,
	// as an empty object. It is for a PUT, whose document is then completed by CarryUnnamed and Carry.
	Named bool
	// Warn hears of what was made up for the client: "schemas" that it left out. It may be nil.
	Warn func(problem string)
	// Spend is told of work as it is done, in units of about a microsecond: it may wait, and its error ends the reading.
	// nil is told nothing.
	Spend func(units int) error
}

// Parse turns the body of a POST or PUT into a Document. Names are taken in any case (RFC 7643 §2.1). Values are
// checked (§2.3) and, unless strict, coerced if clients are known to send another form. It drops readOnly values,
// writeOnly values (after checking them), null, [] and attributes that the schemas do not have (refused if strict). Of
// elements with the same type and value, the later ones are merged into the first. "schemas" must contain the type's
// schema; unless strict, it may be left out, the URN of an extension may be missing there, and unknown URNs are
// ignored.
//
// Check judges what is required, except that elements of Group.members need a value. The error is an *Error
// (invalidSyntax, invalidValue).
func (t *ResourceType) Parse(body []byte, m Mode) (Document, error) {
	v, err := m.Unmarshal(body)
	if err != nil {
		return nil, err
	}
	object, ok := v.(map[string]any)
	if !ok {
		return nil, Errorf(InvalidSyntax, "", "the body must be a JSON object")
	}
	keys := sortedKeys(object)
	if err := t.checkSchemas(object, keys, m); err != nil {
		return nil, err
	}
	doc, seen := Document{}, map[string]string{}
	for _, key := range keys {
		name, err := t.parseMember(doc, key, object[key], m)
		if err != nil {
			return nil, err
		}
		if other, twice := seen[name]; twice && name != "" {
			return nil, Errorf(InvalidSyntax, key, "is given twice, also as %s", other)
		}
		seen[name] = key
	}
	if m.Strict {
		if err := t.checkListed(object, keys); err != nil {
			return nil, err
		}
	}
	if m.Named {
		t.keepNamed(object, keys, doc)
	}
	return doc, nil
}

// keepNamed adds the extensions that the body names and gives no values.
func (t *ResourceType) keepNamed(object map[string]any, keys []string, doc Document) {
	for _, key := range keys {
		names := []any{key}
		if strings.EqualFold(key, "schemas") {
			names, _ = object[key].([]any)
		}
		for _, name := range names {
			urn, _ := name.(string)
			if e := t.Extension(urn); e != nil && doc[e.ID] == nil {
				doc[e.ID] = map[string]any{}
			}
		}
	}
}

// parseMember reads one member of the body into doc. It returns the name that the schemas have for it; "" if they have
// none.
func (t *ResourceType) parseMember(doc Document, key string, v any, m Mode) (string, error) {
	list := t.Schema.Attributes
	if a := findFold(t.common, key); a != nil {
		if a.Name == "schemas" || a.Name == "meta" {
			return a.Name, nil
		}
		list = t.common
	}
	if e := t.extensionForBody(key, m); e != nil {
		values, err := t.parseExtension(e, v, m)
		if len(values) > 0 {
			doc[e.ID] = values
		}
		return e.ID, err
	}
	a := findFold(list, key)
	if a == nil || a.unpublished && m.Strict {
		if m.Strict || m.Known {
			return "", Unknown(key, "", t.Name, t.Schema.Attributes)
		}
		return "", nil
	}
	return a.Name, parseInto(doc, a, a.Path, v, m)
}

// extensionForBody returns the extension that a member of the body is; nil if it is none.
func (t *ResourceType) extensionForBody(key string, m Mode) *Schema {
	if len(key) < 4 || !strings.EqualFold(key[:4], "urn:") {
		return nil
	}
	if e := t.Extension(key); e != nil {
		return e
	}
	if !m.Strict && strings.EqualFold(key, enterpriseUserURN11) {
		return t.Extension(EnterpriseUserURN)
	}
	return nil
}

func (t *ResourceType) parseExtension(e *Schema, v any, m Mode) (map[string]any, error) {
	if list, ok := v.([]any); v == nil || ok && len(list) == 0 {
		return nil, nil
	}
	object, ok := v.(map[string]any)
	if !ok {
		return nil, Errorf(InvalidValue, e.ID, "must be an object")
	}
	return parseMembers(e.Attributes, object, e.ID, e.ID+":", m)
}

// named is an attribute and the name that a body has for it.
type named struct {
	attribute *Attribute
	as        string
}

// parseMembers reads an object whose members are attributes of the list.
func parseMembers(list []*Attribute, object map[string]any, of, at string, m Mode) (map[string]any, error) {
	values := make(map[string]any, len(object))
	var seen []named // few: no map is needed
	for _, key := range sortedKeys(object) {
		a := findFold(list, key)
		if a == nil {
			if m.Strict || m.Known {
				return nil, Unknown(key, at, of, list)
			}
			continue
		}
		if i := slices.IndexFunc(seen, func(n named) bool { return n.attribute == a }); i >= 0 {
			return nil, Errorf(InvalidSyntax, at+key, "is given twice, also as %s", seen[i].as)
		}
		seen = append(seen, named{a, key})
		if err := parseInto(values, a, at+a.Name, object[key], m); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// parseInto reads a value of a into values, unless only the server writes it.
func parseInto(values map[string]any, a *Attribute, at string, v any, m Mode) error {
	if a.Mutability == ReadOnly && !m.KeepReadOnly {
		return nil
	}
	parsed, err := parseValue(a, at, v, m)
	if err != nil || parsed == nil || a.Mutability == WriteOnly {
		return err
	}
	values[a.Name] = parsed
	return nil
}

// ParseValue is Parse for the value of one attribute, as Unmarshal returns it. For a multi-valued attribute, v may be
// the list or one element, and the result is a list. The attribute itself is read whatever its mutability, its
// sub-attributes as by Parse. (nil, nil) is an unassigned value. The error is an *Error.
func (t *ResourceType) ParseValue(a *Attribute, v any, m Mode) (any, error) {
	if _, single := v.(map[string]any); single && a.MultiValued {
		v = []any{v}
	}
	return parseValue(a, a.Path, v, m)
}

// checkSchemas judges the "schemas" of a body (RFC 7643 §3, Appendix B-02, client-quirks Q-14).
func (t *ResourceType) checkSchemas(object map[string]any, keys []string, m Mode) error {
	// The value, under a name in any case.
	var given string
	for _, key := range keys {
		if !strings.EqualFold(key, "schemas") {
			continue
		}
		if given != "" {
			return Errorf(InvalidSyntax, key, "is given twice, also as %s", given)
		}
		given = key
	}

	// The schemas that it names.
	var value any
	if given != "" {
		value = object[given]
	}
	list, ok := value.([]any)
	if value == nil && !m.Strict {
		if m.Warn != nil {
			m.Warn("schemas is missing and was taken as " + t.Schema.ID)
		}
		return nil
	}
	if !ok || len(list) == 0 {
		return Errorf(InvalidSyntax, "schemas", "must be an array that contains %s", t.Schema.ID)
	}
	base := false
	for i, e := range list {
		urn, ok := e.(string)
		switch {
		case !ok:
			return Errorf(InvalidSyntax, indexed("schemas", i), "must be a string")
		case strings.EqualFold(urn, t.Schema.ID), !m.Strict && strings.EqualFold(urn, coreURN11):
			base = true
		case m.Strict && t.Extension(urn) == nil:
			return Errorf(InvalidSyntax, indexed("schemas", i), "%s is not a schema of %s", urn, t.Name)
		}
	}
	if !base {
		return Errorf(InvalidSyntax, "schemas", "must contain %s", t.Schema.ID)
	}
	return nil
}

// checkListed refuses values of an extension that "schemas" does not list (RFC 7643 §3).
func (t *ResourceType) checkListed(object map[string]any, keys []string) error {
	listed := map[string]bool{}
	for _, key := range keys {
		list, _ := object[key].([]any)
		for _, e := range list {
			if urn, ok := e.(string); ok && strings.EqualFold(key, "schemas") {
				listed[strings.ToLower(urn)] = true
			}
		}
	}
	for _, key := range keys {
		if e := t.Extension(key); e != nil && object[key] != nil && !listed[strings.ToLower(key)] {
			return Errorf(InvalidSyntax, "schemas", "must contain %s, which has values here", e.ID)
		}
	}
	return nil
}

// sortedKeys puts keys in order, so that every run reports the same error.
func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
