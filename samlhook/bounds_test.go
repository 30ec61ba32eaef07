package samlhook

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tidwall/gjson"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/schema"
)

// Where the organization has no room for another session, the person reads that the service is not available, and the
// very same sign-in goes on once there is room.
func TestNoRoomForSessions(t *testing.T) {
	s := newSiteOn(t, directorytest.Client(t), directory.Options{Root: directorytest.Root(), MaxSessions: 2}, "",
		new(atomic.Int64))
	connection := s.own(jitOn)
	first, second, third := s.browser(), s.browser(), s.browser()
	for _, b := range []*browser{first, second} {
		landed := s.post(b, connection, "ann@x")
		wantStatus(t, b.step(landed.Header.Get("Location"), nil), http.StatusSeeOther)
	}
	landed := s.post(third, connection, "bob@x")
	wantStatus(t, landed, http.StatusSeeOther)
	finish := landed.Header.Get("Location")
	for range 2 {
		wantPage(t, third.get(finish), http.StatusServiceUnavailable, "unavailable")
	}
	if third.session(s) != "" || s.signedInAs(first.session(s)).IsZero() {
		t.Error("somebody got a session, or lost one")
	}
	id := s.users("ann@x")[0].ID
	s.update(func(tx *directory.Tx) error { return tx.EndSessions(id) })
	wantStatus(t, third.step(finish, nil), http.StatusSeeOther)
	if got := s.signedInAs(third.session(s)); got != s.users("bob@x")[0].ID {
		t.Errorf("signed in as %s", got)
	}
}

// A person in more groups than are shown, nested as deep as groups may be, signs in with all that these give.
func TestSignInThroughNestedGroups(t *testing.T) {
	s := newSite(t)
	connection := s.own(jitOn)
	b := s.browser()
	signIn := func() *directory.Directory {
		t.Helper()
		landed := s.post(b, connection, "ann@x")
		wantStatus(t, landed, http.StatusSeeOther)
		wantStatus(t, b.step(landed.Header.Get("Location"), nil), http.StatusSeeOther)
		d, err := s.org.Authenticate(t.Context(), directory.Credential{Session: b.session(s)})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	if got := signIn().Actor().Rights; got != directory.ScopeSelf {
		t.Fatalf("nobody special has the rights %b", got)
	}
	ann := s.users("ann@x")[0].ID

	// 300 groups; the last of them is at the bottom of the deepest chain, whose top gives the role.
	for i := range 300 {
		s.createGroup(fmt.Sprint("g", i), nil, ann)
	}
	inner := s.createGroup("bottom", nil, ann)
	for i := range directory.MaxNesting - 1 {
		var access map[string]any
		if i == directory.MaxNesting-2 {
			access = administrators
		}
		inner = s.createGroup(fmt.Sprint("around", i), access, inner)
	}
	d := signIn()
	if d.Actor().Rights != directory.ScopeAdmin || d.Actor().User != ann {
		t.Fatalf("the session has the rights %b", d.Actor().Rights)
	}
	if _, err := d.Update(t.Context(), func(tx *directory.Tx) error { // all that gives the role is compared
		_, err := tx.Create(schema.UserType, schema.Document{"userName": "made"})
		return err
	}); err != nil {
		t.Errorf("the session's change: %v", err)
	}
	page := b.get(s.url + "/orgs/default/me")
	if page.Status != http.StatusOK || strings.Count(page.Body, ">g") > maxShownGroups {
		t.Errorf("the page: %d\n%s", page.Status, page.Body)
	}

	// Leaving the group in the middle ends what it gave, at once.
	s.update(func(tx *directory.Tx) error {
		for g := range tx.Snapshot().All(schema.GroupType) {
			if g.Text("displayName") == "around7" {
				return tx.Delete(g)
			}
		}
		return nil
	})
	if got := signIn().Actor().Rights; got != directory.ScopeSelf {
		t.Errorf("after the chain was cut the session has the rights %b", got)
	}
}

// As many default groups as a connection may have take a new User in, in one transaction; more are refused when the
// connection is saved, not when people sign in.
func TestManyDefaultGroups(t *testing.T) {
	s := newSite(t)
	var refs []any
	for i := range maxDefaultGroups + 1 {
		refs = append(refs, map[string]any{"value": s.createGroup(fmt.Sprint("g", i), nil).String()})
	}
	if _, err := s.configure(jit("defaultGroups", refs)); err == nil || !strings.Contains(err.Error(), "100") {
		t.Errorf("%d default groups: %v", len(refs), err)
	}
	connection := s.own(jit("defaultGroups", refs[:maxDefaultGroups]))
	wantStatus(t, s.post(s.browser(), connection, "ann@x"), http.StatusSeeOther)
	record := s.lastSignIn(OutcomeCreated, ReasonCreated)
	n := 0
	for range s.snapshot().GroupsOf(s.users("ann@x")[0]) {
		n++
	}
	if n != maxDefaultGroups || len(texts(gjson.GetBytes(record.JSON, "groups.added"))) != maxDefaultGroups {
		t.Errorf("in %d groups: %s", n, record.JSON)
	}
}
