// Package patch applies SCIM PATCH requests (RFC 7644 §3.5.2).
//
// It is pure, and works in three steps. [Parse] reads the PatchOp message. [Compile] binds it to a resource type: what
// paths and keys name is found there. [Change.Apply] takes a document and returns the one that results. Nothing that is
// passed in is changed, so a change that lost a race is applied again, to another document.
//
// The members of a Group are not in its document and may be very many, so they are never loaded: what the operations do
// to them is reduced to a [Delta]. Only an operation that cannot be understood without them (a filter on anything but
// members.value, a change of a member's sub-attribute) asks for them through [Members].
//
// Compiling: compile.go takes an operation apart into actions, each on one attribute or extension; target.go finds what
// a path or key names. Applying: apply.go runs the actions; value.go works out the new value of an attribute,
// elements.go that of the elements a filter selects, list.go adds elements, identity.go tells which of them are the
// same, mutability.go refuses what must not change and echo.go compares what a client repeats. schemas.go and
// extension.go have what is special about those two, members.go, membership.go and delta.go what is special about
// members.
//
// Where the RFC is silent, or real clients differ from it, the lenient reading is the default and Options.Strict turns
// it off:
//
//   - booleans as strings, a string or an array of one for a single complex value
//   - remove with a list of values removes only these
//   - add on a value path that selects nothing creates the value from the filter's eq conditions; replace does so for a
//     part of the value of a canonical type (emails[type eq "work"].value)
//   - keys of a pathless value may be whole paths
//   - an extension's attribute may be named without its URN in a path
//   - unknown keys of a value and unknown URNs in schemas are ignored
//
// Options.Interop, beside Strict, is what draft-zollner-scim-interop-profile leaves of the RFC. In every mode, a
// removal that lists nothing is refused; docs/clients.md has the table of values.
package patch
