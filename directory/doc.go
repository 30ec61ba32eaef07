// Package directory keeps organizations, their Users, Groups and configuration in etcd, and answers every question about
// them from memory. It knows no HTTP, no SAML and no status codes.
//
// # Shape
//
// A [Store] is everything under one root of one etcd. A [Directory] is one scope of it: an organization, or the system
// scope that holds the organizations themselves. A [Snapshot] is an immutable state at one etcd revision; [Directory.Update]
// is the only door for writes: it runs a change on a snapshot, turns what the change read and wrote into one etcd
// transaction, and runs it again on a newer snapshot when somebody else was faster.
//
// # Keys
//
// Spelt in keys.go and nowhere else. {s} is "sys" or "org/" and the 16 raw bytes of the organization's id; {id} is 16 raw
// bytes; {value} is folded by the attribute's case rule and hashed when long.
//
//	{root}/format                              version of the data and the fingerprint of the secret key
//	{root}/{s}/leftover/{id}                   a deleted organization or connection whose keys are yet to be swept
//	{root}/{s}/scope                           state of the organization; compared by every write
//	{root}/{s}/nest                            serializes changes of nested groups
//	{root}/{s}/r/{Type}/{id}                   a resource: what only the server knows, and its canonical JSON
//	{root}/{s}/u/{Type}/{attribute}/{value}    the id that holds a unique value
//	{root}/{s}/m/{group}/{member}/{grantor}    one grant of a membership
//	{root}/{s}/v/{group}                       when the members of a group changed last
//	{root}/{s}/l/{connection}/{hash}           link of a NameID to a User
//	{root}/{s}/n/{kind}/{id}                   a note outside every version
//	{root}/{s}/k/{kid}                         a secret, sealed under the secret key
//	{root}/{s}/once/{kind}/{minute}/{hash}     a used id; the minute in the key says when it may go
//	{root}/{s}/pin/{id}                        a state that a walk over pages goes on seeing
//	{root}/{s}/e/{id}                          an Event, {root}/{s}/s/{id} a SignIn; their ids begin with the time
//	{root}/operator/{lease}                    fingerprints of a running node's operator tokens, under its lease
//	{root}/job/{name}                          election of the node that does the housekeeping
//
// # Invariants
//
//   - A resource's id is unique over all types of a scope and never used again; a DeletedUser keeps the id of its User.
//   - A unique value's key names the resource that holds it, live or deleted; it changes only together with that resource.
//     Only names that Groups had before an organization made them unique have no key: no writer can fail to see those Groups.
//   - A membership counts while its group, its member and, where a connection granted it, that connection exist.
//   - The in-memory replica is at every moment the state of exactly one revision, and every snapshot is one such state.
//   - Every committed change has exactly one Event, whose key is the fence that settles an unknown outcome.
package directory
