package directory_test

import (
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/schema"
)

// A group that is made while names become unique is seen.
func TestUniqueGroupNamesRace(t *testing.T) {
	s := directorytest.New(t)
	d, sys := s.Organization("default"), s.System()
	org := snapshot(t, d).Organization()
	createGroup(t, d, "x")
	runs := 0
	_, err := sys.Update(t.Context(), func(tx *directory.Tx) error {
		if runs++; runs == 1 {
			defer createGroup(t, d, "X")
		}
		return modify("Organization", org.ID, schema.Document{"uniqueGroupNames": true})(tx)
	})
	if err == nil || runs != 2 {
		t.Errorf("two groups of one name: %v after %d runs", err, runs)
	}
}

// What groups claimed in an earlier time keeps nobody from a name.
func TestUniqueGroupNamesAgain(t *testing.T) {
	s := directorytest.New(t)
	d, sys := s.Organization("default"), s.System()
	org := snapshot(t, d).Organization()
	g := createGroup(t, d, "x")
	onOff := func(v bool) func(*directory.Tx) error {
		return modify("Organization", org.ID, schema.Document{"uniqueGroupNames": v})
	}
	update(t, sys, onOff(true))
	wantKind(t, tryCreate(t, d, "Group", schema.Document{"displayName": "X"}), directory.Exists)
	runs := 0
	update(t, sys, func(tx *directory.Tx) error {
		if runs++; runs == 1 {
			defer update(t, d, modify("Group", g.ID, schema.Document{"displayName": "y"}))
		}
		return onOff(false)(tx)
	})
	update(t, d, modify("Group", g.ID, schema.Document{"displayName": "z"}))
	update(t, sys, onOff(true))
	for _, n := range []string{"x", "y"} {
		createGroup(t, d, n)
	}
	wantKind(t, tryCreate(t, d, "Group", schema.Document{"displayName": "Z"}), directory.Exists)
}

// What an organization's own administrator may change of it.
func TestOrganizationsOwnAdmin(t *testing.T) {
	s := directorytest.New(t)
	d := s.Organization("default")
	org := snapshot(t, d).Organization()
	secret, _ := token(t, d, scoped("admin"))
	for name, set := range map[string]schema.Document{
		"retention":        {"retention": map[string]any{"days": 1}},
		"uniqueGroupNames": {"uniqueGroupNames": true},
		"active":           {"active": false},
	} {
		_, err := bearer(t, d, secret).Update(t.Context(), modify("Organization", org.ID, set))
		if directory.KindOf(err) != directory.Forbidden {
			t.Errorf("%s: %v", name, err)
		}
	}
	shown := func(name string) map[string]any { return map[string]any{"value": name, "verified": true} }
	update(t, s.System(), modify("Organization", org.ID, schema.Document{"domains": []any{shown("example.org")}}))
	update(t, bearer(t, d, secret), modify("Organization", org.ID, schema.Document{"displayName": "Ours",
		"domains": []any{shown("example.com"), shown("Example.ORG")}}))
	for name, want := range map[string]string{"domains.0.verified": "", "domains.1.verified": "true",
		"displayName": "Ours"} {
		if got := snapshot(t, d).Organization().Text(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

// What a deleted organization held is swept, also by a node that was started since.
func TestDeletedOrganizationIsSwept(t *testing.T) {
	root, c := directorytest.Root(), directorytest.Client(t)
	s := directorytest.Open(t, c, directory.Options{Root: root})
	create(t, s.System(), "Organization", schema.Document{"name": "acme"})
	d := s.Organization("acme")
	createGroup(t, d, "g")
	id := snapshot(t, d).Organization().ID
	update(t, s.System(), remove("Organization", id))
	later := directorytest.Open(t, c, directory.Options{Root: root})
	if err := later.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, prefix := range []string{root + "/org/" + string(id[:]), root + "/sys/leftover/"} {
		resp, err := c.Get(t.Context(), prefix, clientv3.WithPrefix(), clientv3.WithCountOnly())
		if err != nil || resp.Count != 0 {
			t.Errorf("%d keys are left below %q: %v", resp.Count, prefix, err)
		}
	}
}
