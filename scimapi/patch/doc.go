// Package patch applies SCIM PATCH requests (RFC 7644 §3.5.2).
//
// It is pure: [Parse] reads the PatchOp message, [Apply] takes a resource type,
// a document and the operations, and gives the document that results. Nothing
// that was passed in is changed, and the request can be applied again to
// another document when the first one lost a race.
//
// The members of a Group are not in its document and may be very many, so they
// are never loaded: what the operations do to them is reduced to a [Delta].
// Only an operation that cannot be understood without them (a filter on
// anything but members.value, a change of a member's sub-attribute) asks for
// them, by [Members].
//
// An operation is carried out in four steps, each in a file of its own: the path
// or key is resolved to a target (target.go), a pathless value is taken apart
// into its targets (object.go), the target's value is worked out (value.go,
// elements.go), and the result is held against mutability (mutability.go).
//
// Where the RFC is silent, or real clients differ from it, the lenient reading
// is the default and Options.Strict switches it off:
//
//   - booleans as strings, a string or an array of one for a single complex value
//   - remove with a list of values takes away only these
//   - add on a value path that selects nothing creates the value from the
//     filter's eq conditions; replace does for a canonical type
//   - keys of a pathless value may be whole paths
//   - an extension's attribute may be named without its URN in a path
//   - unknown keys of a value and unknown URNs in schemas are ignored
package patch
