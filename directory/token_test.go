package directory_test

import (
	"encoding/json"
	"testing"
	"time"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/schema"
)

// tokenValid reports whether the secret is accepted.
func tokenValid(t *testing.T, d *directory.Directory, secret string) bool {
	t.Helper()
	_, err := d.Authenticate(t.Context(), directory.Credential{Bearer: secret})
	if err != nil {
		wantKind(t, err, directory.Unauthenticated)
	}
	return err == nil
}

func derivedOf(t *testing.T, d *directory.Directory, id directory.ID, name string) string {
	t.Helper()
	s := snapshot(t, d)
	r, err := s.Get("AccessToken", id)
	if err != nil {
		t.Fatal(err)
	}
	value, _ := s.View(r, nil).Derived(name)
	return string(value)
}

// A token with the scope admin that a session made, or a token of that kind, depends on the administrator.
func TestTokenDependsOnItsMaker(t *testing.T) {
	endings := map[string]func(*testing.T, *directory.Directory, directory.ID){
		"deactivated": func(t *testing.T, d *directory.Directory, u directory.ID) {
			update(t, d, modify("User", u, schema.Document{"active": false}))
		},
		"deleted": func(t *testing.T, d *directory.Directory, u directory.ID) { update(t, d, remove("User", u)) },
		"no administrator any more": func(t *testing.T, d *directory.Directory, u directory.ID) {
			update(t, d, modify("User", u, schema.Document{"roles": roles("manager", "auditor")}))
		},
	}
	for name, end := range endings {
		t.Run(name, func(t *testing.T) {
			d := home(t)
			u := create(t, d, "User", schema.Document{"userName": "u", "displayName": "Ulla", "roles": roles("administrator")})
			s := session(t, d, u.ID)
			admin, adminID := token(t, s, scoped("admin"))
			second, _ := token(t, bearer(t, d, admin), scoped("admin"))
			write, writeID := token(t, s, scoped("write"))
			adopted, adoptedID := token(t, s, scoped("admin"))
			later, laterID := token(t, s, scoped("read"))
			update(t, withScope(t, d, "admin"), modify("AccessToken", adoptedID, schema.Document{"adopted": true}))
			update(t, withScope(t, d, "admin"), modify("AccessToken", adoptedID, schema.Document{"displayName": "x", "adopted": nil}))
			update(t, s, modify("AccessToken", laterID, schema.Document{"scopes": []any{"admin"}}))
			byOther, _ := token(t, bearer(t, d, adopted), scoped("admin"))
			r, _ := snapshot(t, d).Get("AccessToken", adminID)
			if r.Text("createdBy.type") != "User" || r.Text("createdBy.value") != u.ID.String() || r.Text("createdBy.display") != "Ulla" {
				t.Errorf("made by %s", r.Text("createdBy"))
			}
			all := map[string]string{"admin": admin, "second": second, "write": write, "adopted": adopted, "later": later, "byOther": byOther}
			for name, secret := range all {
				if !tokenValid(t, d, secret) {
					t.Errorf("%s is not valid", name)
				}
			}
			end(t, d, u.ID)
			for name, secret := range all {
				if want := name == "write" || name == "adopted" || name == "byOther"; tokenValid(t, d, secret) != want {
					t.Errorf("%s is valid: %v", name, !want)
				}
			}
			want := "true"
			if name == "no administrator any more" {
				want = ""
			}
			if got := derivedOf(t, d, writeID, "orphaned"); got != want {
				t.Errorf("orphaned: %q, want %q", got, want)
			}
		})
	}
}

// The maker's rights end between the decision and the commit of a request with the token.
func TestMakerDemotedWhileWriting(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, d *directory.Directory, user, group directory.ID){
		"deactivated": func(t *testing.T, d *directory.Directory, user, _ directory.ID) {
			update(t, d, modify("User", user, schema.Document{"active": false}))
		},
		"out of the group": func(t *testing.T, d *directory.Directory, user, group directory.ID) { update(t, d, take(group, user)) },
		"role taken": func(t *testing.T, d *directory.Directory, _, group directory.ID) {
			update(t, d, modify("Group", group, giving("g", "auditor")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := home(t)
			u, g := createUser(t, d, "u"), create(t, d, "Group", giving("g", "administrator"))
			update(t, d, add(g.ID, u.ID))
			secret, _ := token(t, session(t, d, u.ID), scoped("admin"))
			runs := 0
			_, err := bearer(t, d, secret).Update(t.Context(), func(tx *directory.Tx) error {
				if runs++; runs == 1 {
					defer end(t, d, u.ID, g.ID)
				}
				_, err := tx.Create("User", schema.Document{"userName": "made"})
				return err
			})
			wantKind(t, err, directory.Unauthenticated)
		})
	}
}

// Nobody adopts what he made himself, by whatever credential.
func TestAdoptingOnesOwnToken(t *testing.T) {
	d := home(t)
	u := create(t, d, "User", schema.Document{"userName": "u", "roles": roles("administrator")})
	other := create(t, d, "User", schema.Document{"userName": "o", "roles": roles("administrator")})
	s := session(t, d, u.ID)
	secret, id := token(t, s, scoped("admin"))
	adopt := modify("AccessToken", id, schema.Document{"adopted": true})
	for name, self := range map[string]*directory.Directory{"session": s, "another session": session(t, d, u.ID), "the token": bearer(t, d, secret)} {
		_, err := self.Update(t.Context(), adopt)
		if directory.KindOf(err) != directory.Forbidden {
			t.Errorf("adopted by %s: %v", name, err)
		}
	}
	_, err := s.Update(t.Context(), func(tx *directory.Tx) error {
		doc := scoped("admin")
		doc["adopted"] = true
		_, err := tx.Create("AccessToken", doc)
		return err
	})
	wantKind(t, err, directory.Forbidden)
	forged := modify("AccessToken", id, schema.Document{"createdBy": map[string]any{"type": "User", "value": other.ID.String()}, "displayName": "f"})
	update(t, s, forged)
	if r, _ := snapshot(t, d).Get("AccessToken", id); r.Text("createdBy.value") != u.ID.String() {
		t.Error("the maker was changed")
	}
	update(t, session(t, d, other.ID), adopt)
	update(t, d, modify("User", u.ID, schema.Document{"active": false}))
	if !tokenValid(t, d, secret) {
		t.Error("an adopted token ended with its maker")
	}
}

// A token with the scope admin lasts no longer than the organization allows.
func TestLongestLifetime(t *testing.T) {
	c := newClock()
	s := directorytest.Open(t, directorytest.Client(t), directory.Options{Root: directorytest.Root(), Now: c.Now})
	d := s.Organization("default")
	u := create(t, d, "User", schema.Document{"userName": "u", "roles": roles("administrator")})
	person, admin := session(t, d, u.ID), withScope(t, d, "admin")
	try := func(as *directory.Directory, scope string, days int) error {
		doc := scoped(scope)
		if days > 0 {
			doc["expiresAt"] = c.Now().Add(time.Duration(days) * 24 * time.Hour).Format(time.RFC3339)
		}
		_, err := as.Update(t.Context(), func(tx *directory.Tx) error { _, err := tx.Create("AccessToken", doc); return err })
		return err
	}
	for _, step := range []struct {
		setting string // adminTokenDays
		cases   []struct {
			as    *directory.Directory
			scope string
			days  int // 0: as the server chooses
			ok    bool
		}
	}{
		{"", []struct {
			as    *directory.Directory
			scope string
			days  int
			ok    bool
		}{{person, "admin", 0, true}, {person, "admin", 365, true}, {person, "admin", 366, false}, {person, "write", 3000, true},
			{admin, "admin", 3000, true}, {d, "admin", 3000, true}}},
		{"30", []struct {
			as    *directory.Directory
			scope string
			days  int
			ok    bool
		}{{person, "admin", 0, true}, {person, "admin", 30, true}, {person, "admin", 31, false}, {person, "write", 3000, true},
			{admin, "admin", 31, false}, {admin, "admin", 0, true}, {d, "admin", 3000, true}}},
	} {
		if step.setting != "" {
			org := snapshot(t, d).Organization()
			update(t, d, modify("Organization", org.ID, schema.Document{"adminTokenDays": json.Number(step.setting)}))
		}
		for i, c := range step.cases {
			if err := try(c.as, c.scope, c.days); (err == nil) != c.ok || err != nil && directory.KindOf(err) != directory.Invalid {
				t.Errorf("limit %q, case %d: %v", step.setting, i, err)
			}
		}
	}

	// The end moves, or the scope widens, within the same limit; what is stored stays.
	_, id := token(t, person, scoped("read"))
	far := c.Now().Add(100 * 24 * time.Hour).Format(time.RFC3339)
	update(t, person, modify("AccessToken", id, schema.Document{"expiresAt": far}))
	_, err := person.Update(t.Context(), modify("AccessToken", id, schema.Document{"scopes": []any{"admin"}}))
	wantKind(t, err, directory.Invalid)
	_, id = token(t, d, schema.Document{"displayName": "t", "scopes": []any{"admin"}, "expiresAt": far})
	update(t, person, modify("AccessToken", id, schema.Document{"displayName": "renamed"}))
	_, err = person.Update(t.Context(), modify("AccessToken", id, schema.Document{"expiresAt": c.Now().Add(99 * 24 * time.Hour).Format(time.RFC3339)}))
	wantKind(t, err, directory.Invalid)
}

// A token that gets the scope admin depends on whoever gave it that, whoever made it and whoever adopted it before;
// other changes leave that as it is.
func TestWidenedTokenDependsOnWhoWidenedIt(t *testing.T) {
	d := home(t)
	administrator := func(name string) (*directory.Directory, directory.ID) {
		u := create(t, d, "User", schema.Document{"userName": name, "roles": roles("administrator")})
		return session(t, d, u.ID), u.ID
	}
	plain, plainID := token(t, d, scoped("read"))
	adopted, adoptedID := token(t, d, scoped("read"))
	_, readID := token(t, d, scoped("read"))
	ulla, ullaID := administrator("ulla")
	vera, veraID := administrator("vera")
	maker := func(id directory.ID) string {
		r, err := snapshot(t, d).Get("AccessToken", id)
		if err != nil {
			t.Fatal(err)
		}
		return r.Text("createdBy.value")
	}
	before := maker(readID)
	update(t, vera, modify("AccessToken", adoptedID, schema.Document{"adopted": true}))
	for _, id := range []directory.ID{plainID, adoptedID} {
		update(t, ulla, modify("AccessToken", id, schema.Document{"scopes": []any{"admin"}}))
		update(t, vera, modify("AccessToken", id, schema.Document{"displayName": "renamed"}))
		if maker(id) != ullaID.String() {
			t.Errorf("the token depends on %s", maker(id))
		}
	}
	update(t, vera, modify("AccessToken", readID, schema.Document{"displayName": "renamed"}))
	if maker(readID) != before {
		t.Errorf("renaming made %s the maker", maker(readID))
	}
	update(t, vera, modify("AccessToken", plainID, schema.Document{"adopted": true}))
	update(t, ulla, modify("AccessToken", plainID, schema.Document{"displayName": "adopted"})) // which it stays

	update(t, d, modify("User", veraID, schema.Document{"active": false}))
	if !tokenValid(t, d, plain) || !tokenValid(t, d, adopted) {
		t.Error("a token depends on who renamed it")
	}
	update(t, d, modify("User", ullaID, schema.Document{"active": false}))
	if tokenValid(t, d, adopted) || !tokenValid(t, d, plain) {
		t.Error("a token that was widened outlives who widened it, or one that was adopted since does not")
	}
}

// The organization shortens the lifetime between the decision on a token and its commit.
func TestLifetimeShortenedWhileCreating(t *testing.T) {
	s := directorytest.New(t)
	d := s.Organization("default")
	doc := scoped("admin")
	doc["expiresAt"] = schema.FormatTime(d.Now().Add(100 * 24 * time.Hour))
	runs := 0
	_, err := withScope(t, d, "admin").Update(t.Context(), func(tx *directory.Tx) error {
		if runs++; runs == 1 {
			defer update(t, d, modify("Organization", snapshot(t, d).Organization().ID,
				schema.Document{"adminTokenDays": json.Number("30")}))
		}
		_, err := tx.Create("AccessToken", doc)
		return err
	})
	if wantKind(t, err, directory.Invalid); runs != 2 {
		t.Errorf("the change ran %d times", runs)
	}
}
