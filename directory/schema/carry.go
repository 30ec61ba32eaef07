package schema

// Carry completes the document of a PUT from the stored one (RFC 7644 §3.5.1): readOnly values are copied from old to
// next, which is changed in place, and, if the client left them out, so are writeOnly and immutable values and parts of
// values that are shown on request only. In a list, two elements are the same if their values are; without values, if
// everything that the client may write is the same. It returns an *Error (mutability) for an immutable value that
// differs from the stored one.
func (t *ResourceType) Carry(old, next Document) error {
	for _, list := range [][]*Attribute{t.common, t.Schema.Attributes} {
		if err := carryMembers(list, old, next, ""); err != nil {
			return err
		}
	}
	for _, e := range t.Extensions {
		before, _ := old[e.Schema.ID].(map[string]any)
		after, ok := next[e.Schema.ID].(map[string]any)
		if !ok {
			after = map[string]any{}
		}
		if err := carryMembers(e.Schema.Attributes, before, after, e.Schema.ID+":"); err != nil {
			return err
		}
		if len(after) > 0 {
			next[e.Schema.ID] = after
		} else {
			delete(next, e.Schema.ID)
		}
	}
	return nil
}

// CarryUnnamed completes the document of a PUT with the extensions that are returned on request only and that next does
// not have, not even as an empty object (see Mode.Named): a client that was not shown them does not mean to remove
// them.
func (t *ResourceType) CarryUnnamed(old, next Document) {
	for _, e := range t.Extensions {
		before, had := old[e.Schema.ID]
		if _, named := next[e.Schema.ID]; had && !named && e.Schema.OnRequest() {
			next[e.Schema.ID] = CloneValue(before)
		}
	}
}

func carryMembers(list []*Attribute, old, next map[string]any, at string) error {
	for _, a := range list {
		if err := carryMember(a, old, next, at+a.Name); err != nil {
			return err
		}
	}
	return nil
}

func carryMember(a *Attribute, old, next map[string]any, at string) error {
	before, had := old[a.Name]
	after, has := next[a.Name]
	switch {
	case a.Mutability == ReadOnly:
		delete(next, a.Name)
		if had {
			next[a.Name] = CloneValue(before)
		}
		return nil
	case had && !has && (a.Mutability == WriteOnly || a.Mutability == Immutable || hidden(a)):
		next[a.Name] = CloneValue(before)
		return nil
	case had && !has:
		if kept := immutablePart(a, before); kept != nil {
			next[a.Name] = kept
		}
		return nil
	case !has:
		return nil
	}
	if a.Kind == Complex {
		if err := carryComplex(a, before, after, at); err != nil {
			return err
		}
	}
	if a.Mutability == Immutable && had && !sameValue(a, before, next[a.Name]) {
		return Errorf(MutabilityError, at, "is immutable and cannot change")
	}
	return nil
}

// hidden reports whether a part of a value is shown on request only: who leaves it out was not shown it.
func hidden(a *Attribute) bool { return a.Parent != nil && a.Returned == ReturnedRequest }

// carryComplex carries the sub-attributes of a complex value.
func carryComplex(a *Attribute, before, after any, at string) error {
	if values, ok := after.(map[string]any); ok {
		stored, _ := before.(map[string]any)
		return carryMembers(a.Sub, stored, values, at+".")
	}
	stored, _ := before.([]any)
	list, _ := after.([]any)
	if !carries(a) {
		return nil
	}
	for _, e := range list {
		values, ok := e.(map[string]any)
		if !ok {
			continue
		}
		same := sameElement(a, stored, values)
		for _, s := range a.Sub {
			if s.Mutability != ReadOnly {
				continue
			}
			delete(values, s.Name)
			if v, ok := same[s.Name]; ok {
				values[s.Name] = CloneValue(v)
			}
		}
	}
	return nil
}

// carries reports whether elements have parts that only the server writes.
func carries(a *Attribute) bool {
	for _, s := range a.Sub {
		if s.Mutability == ReadOnly {
			return true
		}
	}
	return false
}

// sameElement returns the stored element that is the same as the one given; nil if there is none.
func sameElement(a *Attribute, stored []any, given map[string]any) map[string]any {
	value := find(a.Sub, "value")
	for _, e := range stored {
		object, _ := e.(map[string]any)
		if value != nil {
			if v, ok := given["value"]; ok && sameValue(value, object["value"], v) {
				return object
			}
			continue
		}
		if sameWritable(a, object, given) {
			return object
		}
	}
	return nil
}

func sameWritable(a *Attribute, x, y map[string]any) bool {
	for _, s := range a.Sub {
		if s.Mutability != ReadOnly && !sameValue(s, x[s.Name], y[s.Name]) {
			return false
		}
	}
	return true
}

// sameValue compares by the case rule of a.
func sameValue(a *Attribute, x, y any) bool {
	if s, ok := x.(string); ok {
		t, ok := y.(string)
		return ok && a.Key(s) == a.Key(t)
	}
	if object, ok := x.(map[string]any); ok {
		other, ok := y.(map[string]any)
		if !ok || len(object) != len(other) {
			return false
		}
		for _, s := range a.Sub {
			if !sameValue(s, object[s.Name], other[s.Name]) {
				return false
			}
		}
		return true
	}
	if list, ok := x.([]any); ok {
		other, ok := y.([]any)
		if !ok || len(list) != len(other) {
			return false
		}
		for i := range list {
			if !sameValue(a, list[i], other[i]) {
				return false
			}
		}
		return true
	}
	return EqualValues(x, y)
}

// immutablePart returns what stays of a single complex value that the client left out; nil if nothing.
func immutablePart(a *Attribute, before any) any {
	stored, ok := before.(map[string]any)
	if !ok {
		return nil
	}
	kept := map[string]any{}
	for _, s := range a.Sub {
		if v, ok := stored[s.Name]; ok && s.Mutability == Immutable {
			kept[s.Name] = CloneValue(v)
		}
	}
	if len(kept) == 0 {
		return nil
	}
	return kept
}
