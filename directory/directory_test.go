package directory_test

import (
	"errors"
	"testing"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/filter"
	"rollcall/directory/schema"
)

// change is what Update runs.
type change = func(*directory.Tx) error

func TestMain(m *testing.M) { directorytest.Main(m) }

// home is the organization that every new store has.
func home(t testing.TB) *directory.Directory {
	t.Helper()
	return directorytest.New(t).Organization(directory.DefaultOrganization)
}

func createUser(t testing.TB, d *directory.Directory, userName string) *directory.Resource {
	t.Helper()
	return create(t, d, "User", schema.Document{"userName": userName})
}

func createGroup(t testing.TB, d *directory.Directory, name string) *directory.Resource {
	t.Helper()
	return create(t, d, "Group", schema.Document{"displayName": name})
}

func create(t testing.TB, d *directory.Directory, typ string, doc schema.Document) *directory.Resource {
	t.Helper()
	var r *directory.Resource
	update(t, d, func(tx *directory.Tx) (err error) {
		r, err = tx.Create(typ, doc)
		return err
	})
	return r
}

func update(t testing.TB, d *directory.Directory, change func(*directory.Tx) error) *directory.Snapshot {
	t.Helper()
	s, err := d.Update(t.Context(), change)
	if err != nil {
		t.Fatalf("update: %v", err)
	}
	return s
}

// modify is a change that sets attributes of a resource.
func modify(typ string, id directory.ID, set schema.Document) func(*directory.Tx) error {
	return func(tx *directory.Tx) error {
		r, err := tx.Get(typ, id)
		if err != nil {
			return err
		}
		doc, err := tx.Snapshot().Type(typ).Decode(r.JSON)
		if err != nil {
			return err
		}
		for k, v := range set {
			if doc[k] = v; v == nil {
				delete(doc, k)
			}
		}
		_, err = tx.Replace(r, doc)
		return err
	}
}

func remove(typ string, id directory.ID) func(*directory.Tx) error {
	return func(tx *directory.Tx) error {
		r, err := tx.Get(typ, id)
		if err != nil {
			return err
		}
		return tx.Delete(r)
	}
}

func members(op func(*directory.Tx, *directory.Resource, []directory.ID) error, group directory.ID,
	ids ...directory.ID) func(*directory.Tx) error {
	return func(tx *directory.Tx) error {
		g, err := tx.Get("Group", group)
		if err != nil {
			return err
		}
		return op(tx, g, ids)
	}
}

func add(group directory.ID, ids ...directory.ID) func(*directory.Tx) error {
	return members((*directory.Tx).AddMembers, group, ids...)
}

// addUnprivileged adds to the group while that gives membership and no more.
func addUnprivileged(group, id directory.ID) func(*directory.Tx) error {
	return func(tx *directory.Tx) error {
		g, err := tx.Get("Group", group)
		if err != nil {
			return err
		}
		if tx.Snapshot().PrivilegedGroup(group) {
			return errStop
		}
		tx.GuardPrivileges(g)
		return tx.AddMembers(g, []directory.ID{id})
	}
}

func take(group directory.ID, ids ...directory.ID) func(*directory.Tx) error {
	return members((*directory.Tx).RemoveMembers, group, ids...)
}

func set(group directory.ID, ids ...directory.ID) func(*directory.Tx) error {
	return members((*directory.Tx).SetMembers, group, ids...)
}

func snapshot(t testing.TB, d *directory.Directory) *directory.Snapshot {
	t.Helper()
	s, err := d.Snapshot(t.Context())
	if err != nil {
		t.Fatalf("snapshot: %v", err)
	}
	return s
}

// find are the ids of the resources that match, as text.
func find(t testing.TB, d *directory.Directory, typ, expr string) []string {
	t.Helper()
	e, err := filter.Parse(expr, filter.Options{})
	if err != nil {
		t.Fatalf("filter %s: %v", expr, err)
	}
	page, err := d.Query(t.Context(), directory.Query{Type: typ, Filter: e, Limit: 1000})
	if err != nil {
		t.Fatalf("query %s: %v", expr, err)
	}
	var ids []string
	for _, r := range page.Resources {
		ids = append(ids, r.ID.String())
	}
	if len(ids) != page.Total {
		t.Fatalf("query %s: %d resources, total %d", expr, len(ids), page.Total)
	}
	return ids
}

func wantKind(t testing.TB, err error, k directory.Kind) {
	t.Helper()
	if directory.KindOf(err) != k {
		t.Fatalf("error %v, want one of the kind %q", err, k)
	}
}

func memberIDs(s *directory.Snapshot, group directory.ID) []directory.ID {
	var ids []directory.ID
	for m := range s.Members(group) {
		ids = append(ids, m.ID)
	}
	return ids
}

var errStop = errors.New("stop")
