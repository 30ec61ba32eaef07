package state

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"rollcall/directory/schema"
)

// Dump writes down all that the state holds, without what differs from node to node (ordinals, interned grantors): for
// comparing what a node has in memory with what it would load.
func (f *Frozen) Dump(w io.Writer) {
	for id, sc := range f.Scopes() {
		if sc.byID.Len() == 0 && !sc.Exists() {
			continue
		}
		fmt.Fprintf(w, "scope %s %+v nest %d\n", id.Organization, sc.control, sc.nest)
		for _, name := range slices.Sorted(maps.Keys(sc.tables)) {
			sc.dumpTable(w, name, sc.tables[name])
		}
		fmt.Fprintf(w, "%d records of %d bytes\n", sc.byID.Len(), sc.bytes)
		sc.links.Scan(func(k string, l *Link) bool { fmt.Fprintf(w, "link %x %+v\n", k, *l); return true })
		sc.notes.Scan(func(k string, n Note) bool { fmt.Fprintf(w, "note %x %s\n", k, n.Value); return true })
		sc.secrets.Scan(func(k string, v []byte) bool { fmt.Fprintf(w, "secret %s %x\n", k, v); return true })
		for _, c := range EventClasses {
			fmt.Fprintf(w, "trimmed %d to %v\n", c, sc.trimmed[c].Place)
		}
		sc.sessions.Scan(func(e sessionEntry) bool { fmt.Fprintf(w, "session %v\n", e); return true })
		sc.hashes.Scan(func(h string, r *Record) bool { fmt.Fprintf(w, "hash %x %s\n", h, r.ID); return true })
	}
}

func (s *Scope) dumpTable(w io.Writer, name string, t *table) {
	t.list.Scan(func(ord uint32, r *Record) bool { // in order of creation
		version, at := s.Modified(r)
		var granted []string
		if r.Granted != nil {
			granted = *r.Granted
		}
		fmt.Fprintf(w, "%s %s created %d version %d at %s hash %x epoch %d released %v granted %q suspended %v %s\n",
			name, r.ID, r.CreateRevision, version, at, r.Hash, r.Epoch, r.Released, granted, r.Suspended, r.JSON)
		s.dumpMembers(w, r)
		for g := range s.ParentGroups(r) {
			fmt.Fprintf(w, "  in %s\n", g.ID)
			if !s.MayHaveGroups(&r.Resource) { // its count of grants may be higher until all are swept, never 0
				fmt.Fprintf(w, "  in a group and not known to be (scope %p)\n", s)
			}
		}
		return true
	})
	for i, x := range t.indexes {
		x.tree.Scan(func(e indexEntry) bool {
			r, ok := t.list.Get(e.ord)
			if !ok {
				fmt.Fprintf(w, "index %s %d: %q leads nowhere\n", name, i, e.key)
				return true
			}
			fmt.Fprintf(w, "index %s %d: %q %s\n", name, i, e.key, r.ID)
			return true
		})
	}
}

func (s *Scope) dumpMembers(w io.Writer, group *Record) {
	if group.Type != schema.GroupType {
		return
	}
	n := 0
	for m := range s.Members(group) {
		n++
		var by []string
		s.grantsOf(group.ord, m.ord, func(e edge) bool {
			by = append(by, fmt.Sprintf("%s since %d", s.grantors[e.grantor].Connection, e.since))
			return true
		})
		slices.Sort(by)
		fmt.Fprintf(w, "  member %s by %v\n", m.ID, by)
	}
	if counted := s.CountMembers(group); counted != n {
		fmt.Fprintf(w, "  counted %d members (scope %p)\n", counted, s)
	}
}
