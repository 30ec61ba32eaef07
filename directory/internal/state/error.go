package state

import (
	"errors"
	"fmt"
)

// Kind says what went wrong, in the directory's own terms; each edge maps it to its protocol once.
type Kind uint8

// The kinds of errors.
const (
	// NotFound means that there is no such resource, or none in this scope.
	NotFound Kind = iota + 1
	// Exists means that another resource holds a unique value.
	Exists
	// VersionMismatch means that the caller's precondition does not hold.
	VersionMismatch
	// Mutability means that the attribute cannot be changed in this way.
	Mutability
	// Invalid means that a value breaks a rule of the directory.
	Invalid
	// TooLarge means that a limit is exceeded; the detail names it.
	TooLarge
	// Unavailable means that etcd did not answer; where the detail says so, the outcome is unknown.
	Unavailable
	// Busy means that concurrent writers won too often; the call may be repeated.
	Busy
	// Full means that etcd's quota is nearly used up; only what takes away is accepted.
	Full
	// Forbidden means that the credential does not allow it.
	Forbidden
	// Unauthenticated means that there is no valid credential. Every cause gives the same error.
	Unauthenticated
)

var kindNames = [...]string{"", "not found", "exists", "version mismatch", "mutability", "invalid", "too large",
	"unavailable", "busy", "full", "forbidden", "unauthenticated"}

// String returns the kind's name.
func (k Kind) String() string { return kindNames[k] }

// Error is every error that the directory itself makes; directory.Error tells its whole way.
type Error struct {
	Kind   Kind
	Attr   string // the attribute it is about; may be empty
	Detail string // safe to show to the caller, as Attr is
	Cause  error  // for the log only
}

// Error returns the detail with the attribute before it and the cause behind it.
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

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// KindOf returns the kind of the first Error in err's chain, or 0.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return 0
}

// Errorf returns an Error whose detail is formatted; attr may be empty.
func Errorf(k Kind, attr, format string, args ...any) *Error {
	return &Error{Kind: k, Attr: attr, Detail: fmt.Sprintf(format, args...)}
}

// Unanswered returns the Error for an etcd that does not answer.
func Unanswered(cause error) *Error {
	return &Error{Kind: Unavailable, Detail: "the store does not answer; try again", Cause: cause}
}
