package directory_test

import (
	"testing"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/schema"
)

// What was decided while nothing could be put stays decided whatever is decided next, and is all written when there is
// room, also onto a resource that another node has changed since.
func TestHeldDecisionsAdd(t *testing.T) {
	for _, moved := range []bool{false, true} {
		for _, first := range []string{"deactivated", "role taken"} {
			t.Run(first+map[bool]string{true: ", moved"}[moved], func(t *testing.T) {
				o := directory.Options{Root: directorytest.Root()}
				s, etcd := openSized(t, o)
				d := s.Organization("default")
				other := directorytest.Open(t, directorytest.Client(t), o).Organization("default")
				secret, _ := token(t, d, scoped("write"))
				u := create(t, d, "User", schema.Document{"userName": "u", "roles": roles("administrator", "x")})
				k := create(t, d, "AccessToken", schema.Document{"displayName": "k", "scopes": []any{"read", "write"}})
				etcd.tells(t, s, 97, false)
				decide := func(d *directory.Directory, typ string, id directory.ID, set schema.Document) {
					t.Helper()
					_, err := d.Update(t.Context(), modify(typ, id, set))
					wantKind(t, err, directory.Full)
				}
				off := func() { decide(bearer(t, d, secret), "User", u.ID, schema.Document{"active": false}) }
				take := func() { decide(d, "User", u.ID, schema.Document{"roles": roles("x")}) }
				if first == "deactivated" {
					off()
					take()
				} else {
					take()
					off()
				}
				decide(d, "AccessToken", k.ID, schema.Document{"scopes": []any{"read"}})
				decide(d, "AccessToken", k.ID, schema.Document{"expiresAt": "2001-01-01T00:00:00Z"})
				if moved {
					given := roles("administrator", "x", "y")
					update(t, other, modify("User", u.ID, schema.Document{"title": "other", "roles": given}))
					update(t, other, modify("AccessToken", k.ID, schema.Document{"displayName": "other"}))
				}
				etcd.tells(t, s, 0, false)
				eventually(t, "all is written", func() bool {
					return len(find(t, other, "User", `active eq false and not (roles.value eq "administrator")`)) == 1 &&
						len(find(t, other, "User", `roles.value eq "x"`)) == 1 &&
						(!moved || len(find(t, other, "User", `roles.value eq "y"`)) == 1) && // given since
						len(find(t, other, "AccessToken", `displayName sw "`+map[bool]string{true: "other", false: "k"}[moved]+
							`" and not (scopes eq "write") and expiresAt lt "2002-01-01T00:00:00Z"`)) == 1
				})
			})
		}
	}
}

// A role that was taken gives no rights on the node that decided, whether it is written or not.
func TestHeldRoleRemovalCounts(t *testing.T) {
	s, etcd := openSized(t, directory.Options{})
	d := s.Organization("default")
	u := create(t, d, "User", schema.Document{"userName": "u", "roles": roles("administrator", "x")})
	secret := sessionOf(t, d, u.ID)
	rights := func() directory.Rights { return withSession(t, d, secret).Actor().Rights }
	if !rights().Has(directory.ScopeAdmin) {
		t.Fatal("no administrator")
	}
	etcd.tells(t, s, 97, false)
	_, err := d.Update(t.Context(), modify("User", u.ID, schema.Document{"roles": roles("x")}))
	wantKind(t, err, directory.Full)
	if rights().Has(directory.ScopeAdmin) {
		t.Error("the session is an administrator's still")
	}
}
