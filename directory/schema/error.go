package schema

import (
	"fmt"
	"strconv"
)

// The detail error keywords of RFC 7644 §3.12, Table 9.
const (
	InvalidFilter   = "invalidFilter"
	TooMany         = "tooMany"
	UniquenessError = "uniqueness"
	MutabilityError = "mutability"
	InvalidSyntax   = "invalidSyntax"
	InvalidPath     = "invalidPath"
	NoTarget        = "noTarget"
	InvalidValue    = "invalidValue"
	InvalidVersion  = "invalidVers"
	Sensitive       = "sensitive"
)

// Error is the refusal of a document, value, filter or path. It is safe to show to the client.
type Error struct {
	Type   string // a keyword of RFC 7644 Table 9: InvalidValue, InvalidSyntax, …
	Attr   string // where: "emails[1].value"; "" if it is about the whole
	Detail string // what is wrong: "must be a string"
}

// Error is "emails[1].value: must be a string".
func (e *Error) Error() string {
	if e.Attr == "" {
		return e.Detail
	}
	return e.Attr + ": " + e.Detail
}

// Errorf returns an Error whose detail is formatted from the arguments.
func Errorf(typ, attr, format string, args ...any) *Error {
	return &Error{Type: typ, Attr: attr, Detail: fmt.Sprintf(format, args...)}
}

// indexed is the place of an element: "emails[1]".
func indexed(name string, i int) string { return name + "[" + strconv.Itoa(i) + "]" }
