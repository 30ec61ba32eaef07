package schema

import "strings"

// Kind is the data type of an attribute's values (RFC 7643 §2.3).
type Kind uint8

// The data types of RFC 7643 §2.3.
const (
	String Kind = iota
	Boolean
	Decimal
	Integer
	DateTime
	Binary
	Reference
	Complex
)

// String is the keyword of RFC 7643 §7.
func (k Kind) String() string {
	return [...]string{"string", "boolean", "decimal", "integer", "dateTime", "binary", "reference", "complex"}[k]
}

// Mutability says when a value may be (re)defined (RFC 7643 §7).
type Mutability uint8

// The values of mutability.
const (
	ReadWrite Mutability = iota
	ReadOnly
	Immutable
	WriteOnly
)

// String is the keyword of RFC 7643 §7.
func (m Mutability) String() string {
	return [...]string{"readWrite", "readOnly", "immutable", "writeOnly"}[m]
}

// Returned says when a value is part of a reply (RFC 7643 §7).
type Returned uint8

// The values of returned.
const (
	ReturnedDefault Returned = iota
	ReturnedAlways
	ReturnedNever
	ReturnedRequest
)

// String is the keyword of RFC 7643 §7.
func (r Returned) String() string {
	return [...]string{"default", "always", "never", "request"}[r]
}

// Uniqueness says among which resources a value occurs once (RFC 7643 §7).
type Uniqueness uint8

// The values of uniqueness.
const (
	UniqueNone Uniqueness = iota
	UniqueServer
	UniqueGlobal
)

// String is the keyword of RFC 7643 §7.
func (u Uniqueness) String() string {
	return [...]string{"none", "server", "global"}[u]
}

// Attribute is one compiled attribute or sub-attribute. It is immutable.
type Attribute struct {
	Name     string // as the schema spells it: "givenName"
	URN      string // the schema it belongs to; "" for the common attributes: schemas, id, externalId, meta
	Path     string // canonical full name: "name.givenName"; in an extension "urn:…:User:manager.value"
	JSONPath string // gjson path in a stored document, escaped; below a multi-valued attribute "emails.#.value"

	Kind        Kind
	MultiValued bool
	Required    bool
	CaseExact   bool
	Mutability  Mutability
	Returned    Returned
	Uniqueness  Uniqueness
	Description string

	CanonicalValues []string // expected values; our own schemas accept no others
	ReferenceTypes  []string // "User", "external", "uri" …

	// Derived values are not in the stored document; the server computes them for each reply: meta, User.groups,
	// Group.members.
	Derived bool

	Parent *Attribute // nil at top level
	Sub    []*Attribute

	closed      bool   // CanonicalValues are the only values
	needValue   bool   // an element without a value is refused
	unpublished bool   // /Schemas does not show it; clients may send it unless strict
	format      format // rules beyond the type; nil if there are none
}

// Attribute returns the sub-attribute of that name, in any case; nil if there is none.
func (a *Attribute) Attribute(name string) *Attribute {
	for _, s := range a.Sub {
		if strings.EqualFold(s.Name, name) {
			return s
		}
	}
	return nil
}

// Published reports whether /Schemas shows the attribute.
func (a *Attribute) Published() bool { return !a.unpublished }

// Root returns the top-level attribute that a belongs to, which is a itself at the top level.
func (a *Attribute) Root() *Attribute {
	for a.Parent != nil {
		a = a.Parent
	}
	return a
}

// Key returns what a value is compared and indexed by: the value itself if case is exact, otherwise its Fold; for a
// dateTime the TimeKey of its instant, so that keys sort chronologically.
func (a *Attribute) Key(v string) string {
	switch {
	case a.Kind == DateTime:
		if t, ok := ParseTime(v); ok {
			return TimeKey(t)
		}
		return v
	case a.CaseExact:
		return v
	}
	return Fold(v)
}

// find returns the attribute of exactly that name; nil if there is none.
func find(list []*Attribute, name string) *Attribute {
	for _, a := range list {
		if a.Name == name {
			return a
		}
	}
	return nil
}

// findFold returns the attribute of that name in any case; nil if there is none.
func findFold(list []*Attribute, name string) *Attribute {
	if a := find(list, name); a != nil {
		return a
	}
	for _, a := range list {
		if strings.EqualFold(a.Name, name) {
			return a
		}
	}
	return nil
}
