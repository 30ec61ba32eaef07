// Package rfc7643 holds the schemas of RFC 7643 (User, Group, Enterprise
// User) with the RFC Editor's errata applied, and a small notation for
// attribute definitions that the suite and its reference server share.
//
// One attribute is one line, sub-attributes are indented by one blank:
//
//	userName string R u=server
//	emails complex*
//	 value string
//
// The type is followed by "*" for multi-valued attributes. Flags: R
// (required), CX (caseExact), ro, im, wo (mutability other than readWrite),
// ra, rn, rr (returned always, never, request; default otherwise),
// u=server|global, c=a,b (canonicalValues) and ref=A,B (referenceTypes).
package rfc7643
