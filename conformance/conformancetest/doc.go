// Package conformancetest runs the conformance suite inside a Go test. It is a
// package of its own so that programs that use package conformance do not link
// package testing.
package conformancetest
