// Package conformance judges a SCIM 2.0 server (RFC 7643, 7644, 9865, 9967) from
// the outside: it speaks HTTP to it and nothing else.
//
// A run (run.go) has these steps:
//
//  1. discover reads ServiceProviderConfig, ResourceTypes and Schemas.
//     preflight.go ends the run here, with one sentence, where there is nothing
//     to judge.
//  2. trial.go makes one resource of each type in the plainest way. What fails
//     here is the cause of what would fail in many checks: it is reported once,
//     and what rests on it is skipped with its name. What the credentials may not
//     do, or the suite cannot make, is left out with a reason.
//  3. The checks (check_*.go, profile_*.go) make resources of their own beside
//     the existing data and look at the answers. Observers (observe_*.go,
//     states.go) look at every exchange, whichever check it belongs to.
//  4. Checks that found something are repeated; what does not come back is called
//     unstable.
//  5. Everything the run made is deleted, also when its context is cancelled.
//
// The unit of judgement is the requirement, not the check. Requirements are data
// (requirements.txt, profiles.txt): an id such as R7644-3.3-01 (document, section,
// number), a level, an area, the feature that gates it and a text. basis.txt says
// which sentences of an RFC each rests on; what rests on none is never called
// MUST. hints.txt has the usual causes, causes.txt what follows from what.
//
// A requirement that was seen broken is failed, warned or for information,
// depending on its level. It is passed only if every part of it that should have
// run did run and held. What could not be observed is skipped, with the reason;
// it is never a pass. A request without an answer is a failure of its own.
//
// Run returns a Report, which writes itself as text, HTML, JSON, JUnit XML and a
// badge; Publish puts reports side by side. Package conformancetest runs the
// suite inside a Go test.
package conformance
