// Package filter parses SCIM filters and PATCH paths (RFC 7644 §3.4.2.2, §3.5.2), binds them to a resource type and
// evaluates them on stored JSON.
//
// [Parse] and [ParsePath] know the grammar only. [Compile] resolves names and checks operators against attribute types.
// The [Query] it returns lists the comparisons that an index can answer, and matches single resources without decoding
// them.
package filter
