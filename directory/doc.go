// Package directory keeps organizations, their Users, Groups and configuration in etcd, and answers every question
// about them from memory. It knows no HTTP, no SAML and no status codes.
//
// # Shape
//
// A [Store] is everything under one root of one etcd. A [Directory] is one scope of it: an organization, or the system
// scope that holds the organizations themselves. A [Snapshot] is an immutable state at one etcd revision.
// [Directory.Update] is the only door for writes: it runs a change, which stages on a [Tx] what it reads and writes, on
// a snapshot, turns what was staged into one etcd transaction, and runs the change again on a newer snapshot when
// another writer came first. A change is pure: it asks etcd for nothing.
//
// # Rooms
//
// The package lies on two others, which only it can import:
//
//	directory                 what SCIM people change: kinds, rules, authorization, definitions, queries, housekeeping
//	directory/internal/store  etcd: conditions, commits and outcomes, the watch, the replica, pins, quorum, quota
//	directory/internal/state  the trees of one revision: keys, records, indexes, memberships, types; no etcd
//
// Within the package, a tour from below:
//
//   - kinds.go is the table of what is special about each resource type. To add a type, write its schema, its row and
//     its rules.
//   - store.go, directory.go, snapshot.go: what can be opened and read. members.go, access.go, link.go, claim.go,
//     note.go, secret.go, session.go, tombstone.go, restore.go: what a snapshot says about each thing, and how a change
//     writes it.
//   - rights.go, actor.go, authenticate.go: who acts, what they may do, and what a commit must compare so that a
//     revoked credential commits nothing. privileges.go, tuning.go: what those may do who may not administer.
//   - groupmembership.go, membershipquery.go: memberships as resources, which are made of grants and not stored.
//     rules_role.go: roles, of which some are built in.
//   - query.go, lookup.go, sort.go, log.go, view.go, pin.go, cursor.go: answers. follow.go: Events in the order of
//     their commits. ring.go, ringplan.go: SignIns that nobody vouches for. numbered.go: SignIns by the
//     number that a person tells. identity.go: what a SignIn keeps of the person.
//     draft.go: what a connection is to become once it has been tried.
//   - tx.go, writes.go, unique.go, membership.go, memberships.go, protected.go, once.go, event.go, eventclass.go,
//     changes.go: a change in the making. rules_*.go: what the directory demands of each type.
//   - update.go, batch.go: running changes and committing them.
//   - define.go, conform.go, loaddefinitions.go: an organization's own schemas and types.
//   - frees.go, takeaway.go, held.go, complete.go, budget.go: what a store that is full accepts, and what follows.
//   - housekeeping.go, sweeper.go, retention.go, usage.go, reseal.go, prepare.go: what the store does by
//     itself. activity.go, fillactivity.go: when people signed in.
//
// # Keys
//
// Spelt in internal/state/keys.go and nowhere else. {s} is "sys" or "org/" and the 16 raw bytes of the organization's
// ID; {id} is 16 raw bytes; {value} is folded by the attribute's case rule and hashed when long.
//
//	{root}/format                              version of the data and the fingerprint of the secret key
//	{root}/complete                            exists while every deleted User has its DeletedUser, or none is needed
//	{root}/activity                            how far SignIns from before are counted; empty when all are
//	{root}/{s}/leftover/{id}                   a deleted organization or connection whose keys are yet to be swept
//	{root}/{s}/scope                           state of the organization; compared by every write
//	{root}/{s}/nest                            moves when a group gets into a group, or its roles or protection change
//	{root}/{s}/r/{Type}/{id}                   a resource: what only the server knows, and its canonical JSON
//	{root}/{s}/u/{Type}/{attribute}/{value}    the ID that holds a unique value
//	{root}/{s}/m/{group}/{member}/{grantor}    one grant of a membership: when it was granted, in seconds; empty in
//	                                           grants from before that was kept
//	{root}/{s}/v/{group}                       when the members of a group changed last
//	{root}/{s}/l/{connection}/{hash}           link of a NameID to a User
//	{root}/{s}/n/{kind}/{id}                   a note outside every version
//	{root}/{s}/k/{kid}                         a secret, sealed under the secret key
//	{root}/{s}/once/{kind}/{minute}/{hash}     a used ID; the minute in the key says when it may go
//	{root}/{s}/pin/{id}                        a state that a walk over pages goes on seeing
//	{root}/{s}/e/{id}                          an Event; /e-access/{id} one that concerns access, /e-admin/{id} one
//	                                           that does and that an administrator left; IDs begin with the time
//	{root}/{s}/trimmed/{class}                 the last Event, by revision and ID, that a class no longer keeps; the
//	                                           class is as in the key of the Event
//	{root}/{s}/s/{id}                          a SignIn; its ID begins with the time
//	{root}/{s}/number/{day}/{hash}{id}         leads from a SignIn's correlation id to the SignIn
//	{root}/{s}/i/{id}                          what a SignIn keeps of the person
//	{root}/{s}/d/{id}                          what restores a deleted User: a line of JSON, and its record
//	{root}/{s}/ring/{connection}/{network}{n}  a SignIn that nobody vouches for, in one of the network's slots
//	{root}/operator/{lease}                    fingerprints of a running node's operator tokens, under its lease
//	{root}/job/{name}                          election of the node that does the housekeeping
//
// # Invariants
//
//   - A resource's ID is unique over all types of a scope and never used again; a DeletedUser keeps the ID of its User,
//     which has it again when it is restored.
//   - A unique value's key names the resource that holds it, live or deleted; it changes only together with that
//     resource. Only names that Groups had before an organization made them unique have no key: no writer can fail to
//     see those Groups.
//   - A membership counts while its group, its member and, where a connection granted it, that connection exist.
//   - The replica in memory is at every moment the state of exactly one revision, and every snapshot is one such state.
//     The compiler keeps it so: only internal/store has a state that can be changed, readers have frozen ones.
//   - Every resource that a committed change writes has an Event; the key of the first one is the fence that settles an
//     unknown outcome. Sessions and SignIns have one only where a change is about nothing else.
package directory
