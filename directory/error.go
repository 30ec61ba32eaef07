package directory

import (
	"errors"
	"fmt"
)

// Kind says what went wrong, in the directory's own terms; each edge maps it to its protocol once.
type Kind uint8

// The kinds of errors.
const (
	// NotFound: no such resource, or none in this scope.
	NotFound Kind = iota + 1
	// Exists: a unique value is held by another resource.
	Exists
	// VersionMismatch: the caller's precondition does not hold.
	VersionMismatch
	// Mutability: the attribute cannot be changed in this way.
	Mutability
	// Invalid: a value breaks a rule of the directory.
	Invalid
	// TooLarge: a limit is exceeded; the detail names it.
	TooLarge
	// Unavailable: etcd did not answer; where the detail says so, the outcome is unknown.
	Unavailable
	// Busy: other writers were faster too often; the call may be repeated.
	Busy
	// Full: etcd's quota is nearly used up; only deletion is accepted.
	Full
	// Forbidden: the credential does not allow it.
	Forbidden
	// Unauthenticated: no valid credential. Every cause gives the same error.
	Unauthenticated
)

var kindNames = [...]string{"", "not found", "exists", "version mismatch", "mutability", "invalid", "too large",
	"unavailable", "busy", "full", "forbidden", "unauthenticated"}

func (k Kind) String() string { return kindNames[k] }

// Error is every error that the directory makes itself. Attr (may be empty) and Detail are safe to show to the caller;
// Cause is for the log.
type Error struct {
	Kind   Kind
	Attr   string
	Detail string
	Cause  error
}

func (e *Error) Error() string {
	text := e.Detail
	if text == "" {
		text = e.Kind.String()
	}
	if e.Attr != "" {
		text = e.Attr + ": " + text
	}
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	return text
}

func (e *Error) Unwrap() error { return e.Cause }

// KindOf returns the kind of the first Error in err's chain, or 0.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return 0
}

func errorf(k Kind, attr, format string, args ...any) *Error {
	return &Error{Kind: k, Attr: attr, Detail: fmt.Sprintf(format, args...)}
}

func unavailable(cause error) *Error {
	return &Error{Kind: Unavailable, Detail: "the store does not answer; try again", Cause: cause}
}
