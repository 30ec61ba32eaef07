// Package state holds the trees of one revision: every organization's resources, indexes, memberships, links, notes and
// secrets in memory, and how each key of the store changes them. It knows no etcd, no context and no goroutines.
//
// A [State] is mutable and belongs to whoever applies revisions, which is [rollcall/directory/internal/store] alone.
// [State.Freeze] returns a [Frozen], which never changes and whose types have no method that could change it: that the
// applier alone changes the state is checked by the compiler.
package state
