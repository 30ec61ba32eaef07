package directory

import "rollcall/directory/internal/state"

// Error is every error that the directory itself makes. Attr (may be empty) and Detail are safe to show to the caller;
// Cause is for the log.
//
// Its way from etcd to the client:
//
//   - internal/store meets the errors of etcd. What etcd surely refused becomes TooLarge or Busy. What has no answer,
//     and NOSPACE, is first settled by the fence of the change: it happened, or it becomes Full or runs again; if even
//     that has no answer, it becomes Unavailable, whose detail says that the outcome is unknown. A condition that does
//     not hold is not an error: the change runs again, 16 times at most, and then is Busy. Errors of etcd that mean
//     nothing to a caller, such as a refused certificate, pass as they are.
//   - This package, and internal/state for definitions, make the other kinds where they know the fact.
//     A document that breaks its schema is a *schema.Error, which passes as it is.
//   - Update returns the change's own error as it is, so whoever wrote the change finds it with errors.As. Wrapping on
//     the way up uses %w, so Kind, Attr and Detail survive; text that is put before them reaches the log only.
//   - scimapi/errors.go and samlhook/errors.go translate once, at the edge: Kind to a status and a scimType, or to the
//     reason of a refused sign-in, and show Attr and Detail. What is neither an Error nor a *schema.Error is a bare 500
//     with the request's ID; its text, like every Cause, goes to the log and never to a client.
type Error = state.Error

// Kind says what went wrong, in the directory's own terms; each edge maps it to its protocol once.
type Kind = state.Kind

// The kinds of errors.
const (
	// NotFound means that there is no such resource, or none in this scope.
	NotFound = state.NotFound
	// Exists means that another resource holds a unique value.
	Exists = state.Exists
	// VersionMismatch means that the caller's precondition does not hold.
	VersionMismatch = state.VersionMismatch
	// Mutability means that the attribute cannot be changed in this way.
	Mutability = state.Mutability
	// Invalid means that a value breaks a rule of the directory.
	Invalid = state.Invalid
	// TooLarge means that a limit is exceeded; the detail names it.
	TooLarge = state.TooLarge
	// Unavailable means that etcd did not answer; where the detail says so, the outcome is unknown.
	Unavailable = state.Unavailable
	// Busy means that concurrent writers won too often; the call may be repeated.
	Busy = state.Busy
	// Full means that etcd's quota is nearly used up; only what takes away is accepted.
	Full = state.Full
	// Forbidden means that the credential does not allow it.
	Forbidden = state.Forbidden
	// Unauthenticated means that there is no valid credential. Every cause gives the same error.
	Unauthenticated = state.Unauthenticated
)

// KindOf returns the kind of the first Error in err's chain, or 0.
func KindOf(err error) Kind { return state.KindOf(err) }

// errorf returns an Error whose detail is formatted; attr may be empty.
func errorf(k Kind, attr, format string, args ...any) *Error {
	return state.Errorf(k, attr, format, args...)
}

func notFound(typ string, id ID) error { return errorf(NotFound, "", "%s %s not found", typ, id) }
