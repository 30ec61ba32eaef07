package directory_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/embedded"
	"rollcall/directory/heal"
	"rollcall/directory/schema"
)

// raiseAlarm fills etcd, past any node, until it refuses every put.
func raiseAlarm(t *testing.T, c *clientv3.Client) {
	t.Helper()
	for n := range 10_000 {
		_, err := c.Put(t.Context(), fmt.Sprintf("/filler/%d", n), strings.Repeat("x", 500<<10))
		if errors.Is(rpctypes.Error(err), rpctypes.ErrNoSpace) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("no alarm")
}

// endAlarm deletes what raiseAlarm put, and heals etcd.
func endAlarm(t *testing.T, c *clientv3.Client) {
	t.Helper()
	_, err := c.Delete(t.Context(), "/filler/", clientv3.WithPrefix())
	if err == nil {
		err = heal.Etcd(t.Context(), c, heal.Options{})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// person is somebody with everything that ends with a deletion or a deactivation.
type person struct {
	user           directory.ID
	session, token string
}

func createPerson(t *testing.T, d *directory.Directory, name string, connection directory.ID) (p person) {
	t.Helper()
	p.user = createUser(t, d, name).ID
	update(t, d, func(tx *directory.Tx) (err error) {
		tx.PutLink(directory.Link{Connection: connection, User: p.user, NameID: name})
		p.session, err = tx.CreateSession(p.user, connection, tx.Now().Add(time.Hour))
		return err
	})
	doc := scoped("read")
	doc["user"] = map[string]any{"value": p.user.String()}
	p.token, _ = token(t, d, doc)
	return p
}

// wantOut checks that neither the person's session nor the token is accepted.
func (p person) wantOut(t *testing.T, d *directory.Directory, where string) {
	t.Helper()
	for _, c := range []directory.Credential{{Session: p.session}, {Bearer: p.token}} {
		if _, err := d.Authenticate(t.Context(), c); directory.KindOf(err) != directory.Unauthenticated {
			t.Errorf("%s: %+v is accepted: %v", where, c, err)
		}
	}
}

// Under etcd's alarm a node starts; deletion, the end of sessions and of credentials, and deactivation take effect at
// once. What could not be put is put when there is room, also after a restart.
func TestUnderTheAlarm(t *testing.T) {
	for _, restart := range []bool{false, true} {
		t.Run(fmt.Sprintf("restart %v", restart), func(t *testing.T) {
			e, err := embedded.StartSmall(t.Context(), t.TempDir(), 16<<20)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(e.Close)
			o := directory.Options{Root: "/alarm"}
			s := directorytest.Open(t, e.Client, o)
			d := s.Organization("default")
			connection := create(t, d, "IdentityProvider", schema.Document{"displayName": "c"}).ID
			ann, bob, cid := createPerson(t, d, "ann", connection), createPerson(t, d, "Bob", connection),
				createPerson(t, d, "cid", connection)
			group := create(t, d, "Group", schema.Document{"displayName": "g"})
			update(t, d, add(group.ID, ann.user, bob.user, cid.user))
			secret, k := token(t, d, scoped("write"))
			raiseAlarm(t, e.Client)
			if restart {
				s.Close()
				s = directorytest.Open(t, e.NewClient(), o)
				d = s.Organization("default")
			}
			other := directorytest.Open(t, e.NewClient(), o).Organization("default")
			if err := directory.Look(t.Context(), s); err != nil {
				t.Fatal(err)
			}

			// Ann's and Bob's accounts are deleted, Cid's is deactivated, a token ends.
			update(t, d, remove("User", ann.user))
			for i, err := range other.UpdateEach(t.Context(), []func(*directory.Tx) error{remove("User", bob.user),
				remove("AccessToken", k)}) {
				if err != nil {
					t.Errorf("change %d: %v", i, err)
				}
			}
			_, err = d.Update(t.Context(), modify("User", cid.user, schema.Document{"active": false}))
			wantKind(t, err, directory.Full)
			if err == nil || !strings.Contains(err.Error(), "the sessions have ended") ||
				!strings.Contains(err.Error(), "access tokens of the User were deleted: 1") {
				t.Errorf("does not say what has happened: %v", err)
			}
			_, err = d.Update(t.Context(), modify("User", cid.user, schema.Document{"title": "x"}))
			wantKind(t, err, directory.Full)
			cid.wantOut(t, d, "the node that decided")

			// Every node, also one that starts now, knows it.
			late := directorytest.Open(t, e.NewClient(), o).Organization("default")
			for n, node := range []*directory.Directory{d, other, late} {
				ann.wantOut(t, node, fmt.Sprint("node ", n))
				bob.wantOut(t, node, fmt.Sprint("node ", n))
				cid.wantOut(t, node, fmt.Sprint("node ", n))
				if _, err := node.Authenticate(t.Context(), directory.Credential{Bearer: secret}); err == nil {
					t.Errorf("node %d: the token goes on", n)
				}
				now := snapshot(t, node)
				for name, p := range map[string]person{"ann": ann, "BOB": bob} {
					if stone := now.Tombstone(name); stone == nil || stone.ID != p.user {
						t.Errorf("node %d: the tombstone of %s: %v", n, name, stone)
					}
				}
				if l := now.Link(connection, "ann"); l == nil || now.TombstoneOf(l.User) == nil {
					t.Errorf("node %d: ann's link: %v", n, l)
				}
				if got := now.MemberCount(group.ID); got != 1 {
					t.Errorf("node %d: %d members, want 1", n, got)
				}
			}

			// With room everything is written that was left out.
			if restart { // what this node held is lost, but for what is stored
				s.Close()
			}
			endAlarm(t, e.Client)
			if restart {
				s = directorytest.Open(t, e.NewClient(), o)
				d = s.Organization("default")
			} else if err := directory.Look(t.Context(), s); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the tombstones are written", func() bool {
				if err := s.Sweep(t.Context()); err != nil {
					t.Log(err)
				}
				n, err := directory.BareTombstones(t.Context(), d)
				return err == nil && n == 0 && s.Writable() == nil
			})
			for name, p := range map[string]person{"ann": ann, "bob": bob} {
				stone, err := snapshot(t, d).Get("DeletedUser", p.user)
				if err != nil || !strings.EqualFold(stone.Text("userName"), name) || stone.Text("links.0.nameId") == "" && restart {
					t.Errorf("%s: %v, %v", name, stone, err)
				}
			}
			if !restart {
				eventually(t, "the decision is written", func() bool {
					return len(find(t, late, "User", `userName eq "cid" and active eq false`)) == 1
				})
				eventually(t, "the Events are written", func() bool {
					return len(find(t, d, "Event", `action eq "delete"`)) >= 2
				})
			}
			wantReloaded(t, s, e.Client)

			// A new User may have the name, and the tombstone may be deleted.
			createUser(t, d, "ann")
			update(t, d, remove("DeletedUser", bob.user))
			createUser(t, d, "bob")
		})
	}
}

// A bare tombstone is taken over, or deleted, before it is written.
func TestBareTombstone(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(directory.ID) func(*directory.Tx) error
		holds  bool
	}{
		{"taken over", func(directory.ID) func(*directory.Tx) error {
			return func(tx *directory.Tx) error {
				_, err := tx.Create("User", schema.Document{"userName": "ANN"})
				return err
			}
		}, false},
		{"deleted", func(id directory.ID) func(*directory.Tx) error { return remove("DeletedUser", id) }, false},
		{"left", func(directory.ID) func(*directory.Tx) error { return func(*directory.Tx) error { return nil } }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := directory.Options{Root: directorytest.Root()}
			s, etcd := openSized(t, o)
			d := s.Organization("default")
			watching := directorytest.Open(t, directorytest.Client(t), o)
			ann := createUser(t, d, "ann")
			etcd.tells(t, s, 0, true)
			update(t, d, remove("User", ann.ID))
			if n, err := directory.BareTombstones(t.Context(), d); n != 1 || err != nil {
				t.Fatalf("%d bare tombstones, %v", n, err)
			}
			wantReloaded(t, s, directorytest.Client(t))
			wantReloaded(t, watching, directorytest.Client(t))
			update(t, watching.Organization("default"), c.change(ann.ID))
			if stone := snapshot(t, d).Tombstone("ann"); (stone != nil) != c.holds {
				t.Errorf("the tombstone: %v", stone)
			}
			wantReloaded(t, s, directorytest.Client(t))
			wantReloaded(t, watching, directorytest.Client(t))
			createUser(t, watching.Organization("default"), map[bool]string{true: "ann", false: "someone else"}[c.holds])
			wantReloaded(t, watching, directorytest.Client(t))
		})
	}
}

// A decision under the alarm is known to one node, so the tokens that end with a User's deactivation are deleted;
// others are not, nor are any where the store will have room in a moment.
func TestDeactivationDeletesTokens(t *testing.T) {
	for _, alarm := range []bool{true, false} {
		t.Run(fmt.Sprintf("alarm %v", alarm), func(t *testing.T) {
			o := directory.Options{Root: directorytest.Root()}
			s, etcd := openSized(t, o)
			d := s.Organization("default")
			other := directorytest.Open(t, directorytest.Client(t), o).Organization("default")

			// Cid's own token, those that Cid made, and somebody else's.
			cid := create(t, d, "User", schema.Document{"userName": "cid",
				"roles": []any{map[string]any{"value": "administrator"}}})
			of := func(u directory.ID) schema.Document {
				doc := scoped("read")
				doc["user"] = map[string]any{"value": u.String()}
				return doc
			}
			secrets, ends := map[string]string{}, map[string]bool{"own": true, "dependent": true}
			secrets["own"], _ = token(t, d, of(cid.ID))
			secrets["somebody else's"], _ = token(t, d, of(createUser(t, d, "dan").ID))
			made := session(t, d, cid.ID)
			secrets["dependent"], _ = token(t, made, scoped("admin"))
			secrets["provisioning"], _ = token(t, made, scoped("write"))
			var adopted directory.ID
			secrets["adopted"], adopted = token(t, made, scoped("admin"))
			update(t, d, modify("AccessToken", adopted, schema.Document{"adopted": true}))

			etcd.tells(t, s, 97, alarm)
			_, err := d.Update(t.Context(), modify("User", cid.ID, schema.Document{"active": false}))
			wantKind(t, err, directory.Full)
			if err == nil || strings.Contains(err.Error(), "access tokens of the User were deleted: 2") != alarm {
				t.Errorf("%v", err)
			}
			for node, at := range map[string]*directory.Directory{"the node": d, "the other node": other} {
				for name, secret := range secrets {
					_, err := at.Authenticate(t.Context(), directory.Credential{Bearer: secret})
					if want := !ends[name] || !alarm && at == other; (err == nil) != want {
						t.Errorf("%s accepts the token (%s): %v, want %v", node, name, err, want)
					}
				}
			}
		})
	}
}

// Definitions can be deleted while the store is nearly full. When nothing can be put, they cannot, because every writer
// must be told first: the error says so, and nothing is left half done.
func TestDefinitionsUnderTheAlarm(t *testing.T) {
	s, etcd := openSized(t, directory.Options{})
	d := s.Organization("default")
	first := create(t, d, "SchemaDefinition", schemaOf("urn:example:one", attribute("a", "string")))
	second := create(t, d, "SchemaDefinition", schemaOf("urn:example:two", attribute("a", "string")))
	etcd.tells(t, s, 85, false)
	update(t, d, remove("SchemaDefinition", first.ID))
	etcd.tells(t, s, 85, true)
	_, err := d.Update(t.Context(), remove("SchemaDefinition", second.ID))
	wantKind(t, err, directory.Full)
	if err == nil || !strings.Contains(err.Error(), "can be deleted only when there is room") {
		t.Errorf("does not say why: %v", err)
	}
	if _, err := snapshot(t, d).Get("SchemaDefinition", second.ID); err != nil {
		t.Error(err)
	}
	etcd.tells(t, s, 0, false)
	update(t, d, remove("SchemaDefinition", second.ID))
}
