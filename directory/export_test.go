package directory

import (
	"context"
	"log/slog"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory/internal/state"
	"rollcall/directory/internal/store"
)

// DumpReloaded writes down what the store holds in memory, and beside it a state that was just loaded from etcd through
// c, both of one revision. Housekeeping may go on meanwhile.
func DumpReloaded(ctx context.Context, s *Store, c *clientv3.Client) (live, loaded string, err error) {
	for ctx.Err() == nil {
		// A lone node follows nothing: it keeps the state that it loaded.
		other, err := store.Open(ctx, c, store.Options{Keys: s.keys, Builtin: builtinCatalog(), Alone: true, Watcher: c,
			Now: time.Now, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			return "", "", err
		}
		there, err := other.Latest()
		other.Close()
		if err != nil {
			return "", "", err
		}
		if err := s.Ready(ctx); err != nil && KindOf(err) != Full { // it has seen all that the other has loaded
			return "", "", err
		}
		here, err := s.node.Latest()
		if err != nil {
			return "", "", err
		}
		if here.Revision() == there.Revision() {
			return dump(here), dump(there), nil
		}
	}
	return "", "", ctx.Err()
}

func dump(f *state.Frozen) string {
	var b strings.Builder
	f.Dump(&b)
	return b.String()
}

// Orphans counts the grants that the sweeper has to delete.
func Orphans(s *Store) int { return len(s.node.Orphans(1 << 20)) }

// Granted counts the memberships in memory that the connection granted.
func Granted(ctx context.Context, d *Directory, connection ID) (n int, err error) {
	s, err := d.fresh(ctx)
	if err != nil {
		return 0, err
	}
	for range s.scope.GrantedBy(connection) {
		n++
	}
	return n, nil
}

// Sweeps returns the sweep of a node that was just elected: call it once for each minute.
func Sweeps(s *Store) func(context.Context) error { return newRota(s).sweep }

// Look makes the store look at etcd's size now.
func Look(ctx context.Context, s *Store) error { return s.node.Quota.Look(ctx) }

// BareTombstones counts the DeletedUsers of which only the keys of their userNames are left.
func BareTombstones(ctx context.Context, d *Directory) (int, error) {
	s, err := d.fresh(ctx)
	if err != nil {
		return 0, err
	}
	return len(s.scope.BareTombstones()), nil
}

// MaxAttempts is how often a change is run.
const MaxAttempts = maxAttempts

// RightsOf are the rights that sessions of the User have.
func RightsOf(s *Snapshot, user ID) Rights {
	rights, _ := s.sessionRights(user)
	return rights
}

// GivesRole reports whether the User's role is one that an administrator gave.
func GivesRole(s *Snapshot, user ID, role string) bool { return gives(s.scope.Get(user), role) }

// WriteUsage writes down which tokens were used, as every node does once a minute.
func WriteUsage(ctx context.Context, s *Store) error { return s.usage.write(ctx) }

// Kinds are the names of the built-in types.
func Kinds() (names []string) {
	for _, k := range kinds {
		names = append(names, k.schema().Name)
	}
	return names
}

// StoreOf is the store of a directory.
func StoreOf(d *Directory) *Store { return d.store }

// Recorded are the paths of which Events of the built-in types have the values, by type.
func Recorded() map[string][]string {
	recorded := map[string][]string{}
	for _, k := range kinds {
		if k.recorded != nil {
			recorded[k.schema().Name] = k.recorded
		}
	}
	return recorded
}

// Restoring is the change that restores the deleted User, of whom what is kept was read.
func Restoring(ctx context.Context, d *Directory, id ID) (func(*Tx) error, error) {
	value, err := d.kept(ctx, id)
	return func(tx *Tx) error {
		_, err := tx.restore(id, value)
		return err
	}, err
}

// NotesPrefix is the prefix of the keys of the notes of a kind.
func NotesPrefix(s *Store, in *Snapshot, kind string) string {
	note := s.keys.Scope(in.id).Note(kind, ID{})
	return note[:len(note)-len(ID{})]
}

// FillSome counts the next SignIns from before sign-ins were counted.
func FillSome(ctx context.Context, s *Store) (done bool, err error) {
	return (&sweeper{store: s}).fillSome(ctx)
}
