// Package filter reads SCIM filters and PATCH paths (RFC 7644 §3.4.2.2, §3.5.2),
// binds them to a resource type and evaluates them on stored JSON.
//
// [Parse] and [ParsePath] know the grammar only. [Compile] resolves names, checks
// operators against attribute types and gives a [Query], which lists the
// comparisons that an index can answer and judges single resources without
// decoding them.
package filter
