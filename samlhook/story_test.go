package samlhook

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"rollcall/directory"
	"rollcall/directory/schema"
	"rollcall/samlhook/saml"
)

// TestStory is the main job from the person's side: refused, admitted just in time, put into a group, deactivated,
// deleted, let in again.
func TestStory(t *testing.T) {
	s := newSite(t)
	connection := s.connect(nil)
	login := s.url + "/orgs/default/login"

	b := s.browser()
	page := b.signIn(login, "alice")
	wantPage(t, page, http.StatusForbidden, "refused")
	refused := s.lastSignIn(OutcomeRefused, ReasonJITDisabled)
	if id := refused.Text("correlationId"); id == "" || !strings.Contains(page.Body, id) {
		t.Errorf("the page does not show the correlation id %q", id)
	}
	if strings.Contains(page.Body, "jit") || strings.Contains(page.Body, "SCIM") {
		t.Errorf("the page tells internals:\n%s", page.Body)
	}
	if why := refused.Text("explanation"); !strings.Contains(why, "alice@example.com") ||
		!strings.Contains(why, "jit.enabled") {
		t.Errorf("explanation %q", why)
	}
	if b.session(s) != "" || len(s.users("alice@example.com")) != 0 {
		t.Fatal("a refused person has a session or a User")
	}

	s.mustModify(schema.IdentityProviderType, connection, changed("jit", map[string]any{"enabled": true}))
	page = b.signIn(login, "alice")
	wantPage(t, page, http.StatusOK, "me")
	if !strings.HasSuffix(page.URL.Path, "/orgs/default/me") || !strings.Contains(page.Body, "Alice Archer") {
		t.Errorf("landed at %s:\n%s", page.URL, page.Body)
	}
	s.lastSignIn(OutcomeCreated, ReasonCreated)
	users := s.users("alice@example.com")
	if len(users) != 1 {
		t.Fatalf("%d Users", len(users))
	}
	alice := users[0]
	for path, want := range map[string]string{
		"userName": "alice@example.com", "name.givenName": "Alice", "name.familyName": "Archer",
		"name.formatted": "Alice Archer",
		"displayName":    "Alice Archer", "active": "true", "emails.0.value": "alice@example.com",
		"emails.0.type":    "work",
		"emails.0.primary": "true", "password": "", "roles": "",
	} {
		if got := alice.Text(path); got != want {
			t.Errorf("%s = %q, want %q", path, got, want)
		}
	}
	origin := gjson.GetBytes(alice.JSON, gjson.Escape(schema.OriginURN))
	if origin.Get("source").String() != "jit" || origin.Get("by.value").String() != connection.String() ||
		origin.Get("links.0.nameId").String() != "alice@example.com" {
		t.Errorf("origin %s", origin)
	}
	secret := b.session(s)
	if s.signedInAs(secret) != alice.ID {
		t.Fatal("the session is not alice's")
	}

	var group directory.ID
	s.update(func(tx *directory.Tx) error {
		g, err := tx.Create(schema.GroupType, schema.Document{"displayName": "Editors"})
		if err != nil {
			return err
		}
		group = g.ID
		return tx.AddMembers(g, []directory.ID{alice.ID})
	})
	if !s.snapshot().IsMember(group, alice.ID) {
		t.Error("alice is not in the group")
	}
	wantPage(t, b.get(s.url+"/orgs/default/me"), http.StatusOK, "me", "Editors")

	for name, missing := range map[string]string{"carol": "lastName", "dora": "firstName"} {
		wantPage(t, s.browser().signIn(login, name), http.StatusForbidden, "refused")
		record := s.lastSignIn(OutcomeRefused, saml.ReasonMissingAttribute)
		if why := record.Text("explanation"); !strings.Contains(why, "lacks "+missing+";") ||
			!strings.Contains(why, "email") {
			t.Errorf("%s: explanation %q", name, why)
		}
		if !slices.Contains(textsAt(record, "received"), "email") || len(s.users(name+"@example.com")) != 0 {
			t.Errorf("%s: %s", name, record.JSON)
		}
	}

	setActive := func(active bool) {
		s.mustModify(schema.UserType, alice.ID, changed("active", active))
	}
	setActive(false)
	if !s.signedInAs(secret).IsZero() {
		t.Error("the session of a deactivated User is valid")
	}
	wantPage(t, b.signIn(login, "alice"), http.StatusForbidden, "refused")
	s.lastSignIn(OutcomeRefused, ReasonUserInactive)
	setActive(true)
	if !s.signedInAs(secret).IsZero() {
		t.Error("reactivation revived the session")
	}
	wantPage(t, b.get(s.url+"/orgs/default/me"), http.StatusForbidden, "notSignedIn")
	wantPage(t, b.signIn(login, "alice"), http.StatusOK, "me")
	s.lastSignIn(OutcomeSignedIn, ReasonSignedIn)
	secret = b.session(s)

	s.remove(schema.UserType, alice.ID)
	if !s.signedInAs(secret).IsZero() {
		t.Error("the session of a deleted User is valid")
	}
	for _, jit := range []bool{true, false} {
		s.mustModify(schema.IdentityProviderType, connection, changed("jit", map[string]any{"enabled": jit}))
		wantPage(t, b.signIn(login, "alice"), http.StatusForbidden, "refused")
		s.lastSignIn(OutcomeRefused, ReasonUserDeleted)
	}
	s.mustModify(schema.IdentityProviderType, connection, changed("jit", map[string]any{"enabled": true}))
	if _, _, err := s.org.Restore(t.Context(), alice.ID); err != nil {
		t.Fatal(err)
	}
	if !s.signedInAs(secret).IsZero() {
		t.Error("the restoration revived the session")
	}
	wantPage(t, b.signIn(login, "alice"), http.StatusOK, "me")
	s.lastSignIn(OutcomeSignedIn, ReasonSignedIn)
	if got := s.signedInAs(b.session(s)); got != alice.ID {
		t.Errorf("after the restoration %s signed in, want %s", got, alice.ID)
	}
	s.remove(schema.UserType, alice.ID)
	s.remove("DeletedUser", alice.ID)
	wantPage(t, b.signIn(login, "alice"), http.StatusOK, "me")
	s.lastSignIn(OutcomeCreated, ReasonCreated)
	again := s.users("alice@example.com")[0].ID
	if again == alice.ID {
		t.Error("a new User has an old id")
	}

	s.remove(schema.UserType, again)
	byHand := s.createUser(schema.Document{"userName": "ALICE@example.com"})
	wantPage(t, b.signIn(login, "alice"), http.StatusOK, "me")
	s.lastSignIn(OutcomeSignedIn, ReasonLinked)
	if s.signedInAs(b.session(s)) != byHand {
		t.Error("the User that SCIM made anew was not found")
	}

	s.remove(schema.UserType, byHand)
	s.mustModify(schema.IdentityProviderType, connection, func(doc schema.Document) {
		doc["jit"] = map[string]any{"enabled": true, "reviveDeleted": true}
	})
	wantPage(t, b.signIn(login, "alice"), http.StatusOK, "me")
	s.lastSignIn(OutcomeCreated, ReasonRevived)
}

// A User whom SCIM created first is found, not created twice, with JIT on or off.
func TestFound(t *testing.T) {
	for name, jit := range map[string]bool{"JIT on": true, "JIT off": false} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			connection := s.connect(schema.Document{"jit": map[string]any{"enabled": jit}})
			bob := s.createUser(schema.Document{"userName": "Bob@Example.com",
				"name": map[string]any{"givenName": "Robert"}})
			b := s.browser()
			wantPage(t, b.signIn(s.loginURL(connection), "bob"), http.StatusOK, "me")
			s.lastSignIn(OutcomeSignedIn, ReasonLinked)
			users := s.users("bob@example.com")
			if len(users) != 1 || users[0].ID != bob || s.signedInAs(b.session(s)) != bob {
				t.Fatalf("Users %v", users)
			}
			if given, family := users[0].Text("name.givenName"), users[0].Text("name.familyName"); given != "Robert" ||
				family != "Baker" {
				t.Errorf("the name is %s %s: what SCIM set must stay, what was empty is filled", given, family)
			}
			version := users[0].Version
			wantPage(t, b.signIn(s.loginURL(connection), "bob"), http.StatusOK, "me")
			s.lastSignIn(OutcomeSignedIn, ReasonSignedIn)
			if again := s.users("bob@example.com")[0]; again.Version != version {
				t.Error("a sign-in that changes nothing made a new version of the User")
			}
		})
	}
}

func TestDefaultGroups(t *testing.T) {
	s := newSite(t)
	var groups []any
	for _, name := range []string{"Everybody", "Gone"} {
		s.update(func(tx *directory.Tx) error {
			g, err := tx.Create(schema.GroupType, schema.Document{"displayName": name})
			if err == nil {
				groups = append(groups, map[string]any{"value": g.ID.String()})
			}
			return err
		})
	}
	connection := s.connect(schema.Document{"jit": map[string]any{"enabled": true, "defaultGroups": groups}})
	id := func(i int) directory.ID {
		id, _ := directory.ParseID(groups[i].(map[string]any)["value"].(string))
		return id
	}
	s.remove(schema.GroupType, id(1))
	wantPage(t, s.browser().signIn(s.loginURL(connection), "alice"), http.StatusOK, "me", "Everybody")
	record := s.lastSignIn(OutcomeCreated, ReasonCreated)
	if record.Text("groups.added.0") != id(0).String() || record.Text("groups.unknown.0") != id(1).String() {
		t.Errorf("record %s", record.JSON)
	}
	alice := s.users("alice@example.com")[0].ID
	if !s.snapshot().IsMember(id(0), alice) {
		t.Error("not in the default group")
	}
	s.remove(schema.IdentityProviderType, connection)
	if s.snapshot().IsMember(id(0), alice) {
		t.Error("a membership that a connection granted outlives the connection")
	}
}

// The names that SCIM gave a person are not contradicted by those of the assertion.
func TestNamesOfSCIM(t *testing.T) {
	s := newSite(t)
	connection := s.connect(nil)
	s.createUser(schema.Document{"userName": "bob@example.com",
		"name": map[string]any{"givenName": "Robert", "familyName": "Baker"}})
	wantPage(t, s.browser().signIn(s.loginURL(connection), "bob"), http.StatusOK, "me")
	s.lastSignIn(OutcomeSignedIn, ReasonLinked)
	bob := s.users("bob@example.com")[0]
	for path, want := range map[string]string{"name.givenName": "Robert", "name.familyName": "Baker",
		"name.formatted": "", "displayName": "", "emails.0.value": "bob@example.com"} {
		if got := bob.Text(path); got != want {
			t.Errorf("%s = %q, want %q", path, got, want)
		}
	}
}
