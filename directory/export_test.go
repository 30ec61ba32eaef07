package directory

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// DumpReloaded writes down what the store holds in memory, and beside it a state loaded anew from etcd, both of one revision. Housekeeping may go on meanwhile.
func DumpReloaded(ctx context.Context, s *Store) (live, loaded string, err error) {
	for ctx.Err() == nil {
		st, err := load(ctx, s.client, s.keys)
		if err != nil {
			return "", "", err
		}
		if err := s.replica.wait(ctx, st.revision); err != nil {
			return "", "", err
		}
		f, err := s.replica.snapshot()
		if err != nil {
			return "", "", err
		}
		if f.revision == st.revision {
			return dump(f), dump(st.freeze()), nil
		}
	}
	return "", "", ctx.Err()
}

// Streams is how many watch streams the store has opened.
func Streams(s *Store) int64 { return s.streams.Load() }

// Leftovers counts what the sweeper has to do for grants.
func Leftovers(s *Store) int {
	s.replica.mu.Lock()
	defer s.replica.mu.Unlock()
	return len(s.replica.state.strays) + len(s.replica.state.graves)
}

// Remains counts the links and grants of a connection in memory.
func Remains(s *Store, connection ID) (n int) {
	s.replica.mu.Lock()
	defer s.replica.mu.Unlock()
	for _, sc := range s.replica.state.live {
		sc.links.Scan(func(_ string, l *link) bool {
			if l.Connection == connection {
				n++
			}
			return true
		})
		sc.members.Scan(func(e edge) bool {
			if sc.grantors[e.grantor].connection == connection {
				n++
			}
			return true
		})
	}
	return n
}

// SetFull makes the store believe its quota used up.
func SetFull(s *Store, full bool) { s.full.Store(full) }

// MaxAttempts is how often a change is run.
const MaxAttempts = maxAttempts

// dump writes down all that a state holds, without what differs from node to node (ordinals, interned grantors).
func dump(f *frozenState) string {
	var b strings.Builder
	f.scopes.Scan(func(fs frozenScope) bool {
		sc := fs.state
		if sc.ids.Len() == 0 && sc.control.revision == 0 {
			return true
		}
		fmt.Fprintf(&b, "scope %s %+v nest %d\n", fs.scope.org, sc.control, sc.nest)
		var names []string
		for n, t := range sc.tables {
			if t.list.Len() > 0 {
				names = append(names, n)
			}
		}
		slices.Sort(names)
		for _, n := range names {
			t := sc.tables[n]
			t.list.Scan(func(ord uint32, r *record) bool { // in order of creation
				v, at := sc.modified(r)
				fmt.Fprintf(&b, "%s %s created %d version %d at %s hash %x epoch %d released %v %s\n", n, r.ID, r.created, v, at, r.hash, r.epoch, r.released, r.JSON)
				if n == groupType {
					for m := range sc.membersOf(r) {
						fmt.Fprintf(&b, "  member %s by", m.ID)
						var by []string
						for g := range sc.grants(ord, m.ord) {
							by = append(by, sc.grantors[g].connection.String())
						}
						slices.Sort(by)
						fmt.Fprintln(&b, by)
					}
				}
				for g := range sc.directGroups(ord) {
					if _, ok := sc.grouped.Get(ord); !ok { // its count of grants may be higher until all are swept, never 0
						fmt.Fprintf(&b, "%s %s is in a group and not known to be (revision %d)\n", n, r.ID, f.revision)
						return true
					}
					fmt.Fprintf(&b, "  in %s\n", g.ID)
				}
				return true
			})
			for i := range t.indexes {
				t.indexes[i].tree.Scan(func(e indexEntry) bool {
					r, ok := t.list.Get(e.ord)
					if !ok {
						fmt.Fprintf(&b, "index %s %d: %q leads nowhere\n", n, i, e.key)
						return true
					}
					fmt.Fprintf(&b, "index %s %d: %q %s\n", n, i, e.key, r.ID)
					return true
				})
			}
		}
		sc.links.Scan(func(k string, l *link) bool { fmt.Fprintf(&b, "link %x %+v\n", k, *l); return true })
		sc.notes.Scan(func(k string, n note) bool { fmt.Fprintf(&b, "note %x %s\n", k, n.value); return true })
		sc.secrets.Scan(func(k string, v []byte) bool { fmt.Fprintf(&b, "secret %s %x\n", k, v); return true })
		sc.sessions.Scan(func(e sessionEntry) bool { fmt.Fprintf(&b, "session %v\n", e); return true })
		return true
	})
	return b.String()
}
