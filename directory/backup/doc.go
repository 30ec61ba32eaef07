// Package backup verifies and restores snapshots of an etcd that holds a directory.
//
// A snapshot is what etcd itself makes of one: its file at one moment, with the SHA-256 of it behind. Etcd's own tools
// read it, too. Whose secret key it needs is in it: the data has the key's fingerprint.
//
// A restore keeps every key, with the revisions at which it was created and changed, so versions (ETags) stay as they
// were. It raises the revision of the whole by [Bump] and forgets the history before: nodes notice, and a version that
// was given out after the snapshot is never given out again.
package backup
