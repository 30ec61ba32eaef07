package filter

import "strings"

// Op is a comparison operator of RFC 7644 §3.4.2.2, Table 3; pr is Present.
type Op uint8

// The operators of RFC 7644 §3.4.2.2.
const (
	Eq Op = iota
	Ne
	Co
	Sw
	Ew
	Gt
	Ge
	Lt
	Le
)

var opNames = [...]string{"eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"}

// String is the operator as filters spell it.
func (o Op) String() string { return opNames[o] }

// ValueKind is the JSON type of a comparison value.
type ValueKind uint8

// The JSON types of comparison values.
const (
	Null ValueKind = iota
	Bool
	Number
	String
)

// Value is the value that an attribute is compared with.
type Value struct {
	Kind ValueKind
	Text string // of a String decoded, of a Number as written
	Bool bool
}

// Expr is a parsed filter: *And, *Or, *Not, *Compare, *Present or *ValuePath.
type Expr interface{ expr() }

// And holds if both sides hold.
type And struct{ Left, Right Expr }

// Or holds if at least one side holds.
type Or struct{ Left, Right Expr }

// Not holds if the expression does not.
type Not struct{ Expr Expr }

// Compare is: path op value.
type Compare struct {
	Path  Path
	Op    Op
	Value Value
}

// Present is: path pr.
type Present struct{ Path Path }

// ValuePath holds if one element satisfies the filter, whose paths are sub-attributes: emails[type eq "work"]. What
// Entra ID sends, emails[type eq "work"].value eq "x", is read as emails[type eq "work" and value eq "x"].
type ValuePath struct {
	Path   Path
	Filter Expr
}

func (*And) expr()       {}
func (*Or) expr()        {}
func (*Not) expr()       {}
func (*Compare) expr()   {}
func (*Present) expr()   {}
func (*ValuePath) expr() {}

// Path is an attribute path as written: URN ":" Name "." Sub. Without a type, the URN of an extension cannot be told
// from an attribute of a schema, so a bare URN is split at its last colon as well; String joins it again.
type Path struct {
	URN  string // "" when the path is not qualified
	Name string
	Sub  string // everything after the first dot: "givenName", "update.default"
}

// String is the path as it was written.
func (p Path) String() string {
	s := p.Name
	if p.URN != "" {
		s = p.URN + ":" + s
	}
	if p.Sub != "" {
		s += "." + p.Sub
	}
	return s
}

// splitPath splits a text that has only the characters of a path.
func splitPath(s string) Path {
	var p Path
	if isURN(s) {
		i := strings.LastIndexByte(s, ':')
		p.URN, s = s[:i], s[i+1:]
	}
	p.Name, p.Sub, _ = strings.Cut(s, ".")
	return p
}

func isURN(s string) bool { return len(s) > 4 && strings.EqualFold(s[:4], "urn:") }
