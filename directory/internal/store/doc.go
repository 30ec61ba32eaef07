// Package store keeps one root of one etcd and its replica in memory: it commits transactions and settles their
// outcomes, follows the watch, reads at quorum, and erases. It knows keys, conditions and revisions, and no rules: what
// a write means, and whether it is allowed, is decided above.
//
// A [Node] is what one process has of the store. It alone holds the mutable [state.State]; readers get frozen ones.
//
// Every error is a [state.Error], but for what etcd says that means nothing to a caller, such as a refused certificate.
package store
