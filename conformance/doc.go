// Package conformance judges a SCIM 2.0 server (RFC 7643, 7644, 9865, 9967)
// from the outside: it speaks HTTP to it and nothing else.
//
// Run reads what the server promises in ServiceProviderConfig, ResourceTypes
// and Schemas, makes resources of its own beside the existing data, observes
// the answers and deletes everything it made, also when its context is
// cancelled. Test does the same inside a Go test.
//
// The unit of judgement is the requirement, not the check. Requirements are
// data (requirements.txt, profiles.txt): an id such as R7644-3.3-01 (document,
// section, number), a level, an area, the feature that gates it and a text. A
// check is a function that observes one or more requirements; besides, every
// exchange of a run is looked at by passive observers (observers.go), so that
// an error body without "schemas" is found wherever it occurs.
//
// Verdicts: a requirement that was seen to be broken is failed (MUST, MUST*),
// warned (SHOULD, SHOULD*) or info (MAY, and the choices of Appendix B). One
// that was seen to hold is passed. One that could not be observed is skipped,
// with the reason; it is never a pass. A server that does not answer makes Run
// return an error.
package conformance
