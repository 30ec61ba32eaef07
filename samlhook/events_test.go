package samlhook

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/schema"
	"rollcall/samlhook/saml/samltest"
)

// Whatever a sign-in changes has its Event: the User that it creates, with its memberships, or updates, or links, and
// the tombstone that it releases. One that changes nothing leaves its SignIn alone.
func TestEverySignInHasItsEvents(t *testing.T) {
	etcd := directorytest.Client(t)
	s := newNode(t, etcd, directorytest.Root(), "", new(atomic.Int64))
	staff := s.createGroup("Staff", nil)
	s.createGroup("Everybody", nil, staff)
	settings := jit("defaultGroups", []any{map[string]any{"value": staff.String()},
		map[string]any{"value": s.createGroup("Others", nil).String()}}, "reviveDeleted", true)
	settings["linkBy"] = []any{"userName", "email"}
	connection := s.own(settings)
	ann := s.createUser(schema.Document{"userName": "ann@x"})
	attributes := func(last string) []string {
		return []string{samltest.Attribute("firstName", "Ann"), samltest.Attribute("lastName", last),
			samltest.Attribute("groups", "a", "b")}
	}

	// Each sign-in, and what its Events tell.
	b := s.browser()
	about := func(of string, did func()) {
		t.Helper()
		before := s.told()
		did()
		after := s.told()
		got := strings.TrimPrefix(after, before)
		if got != of {
			t.Errorf("the Events tell of %q, want %q", got, of)
		}
	}
	signIn := func(name string, attributes ...string) {
		t.Helper()
		landed := s.post(b, connection, name, attributes...)
		wantStatus(t, landed, http.StatusSeeOther)
		wantStatus(t, b.step(landed.Header.Get("Location"), nil), http.StatusSeeOther)
	}
	about(" create User update Group update Group create Session", func() { signIn("bob@x") })
	about(" signIn SignIn create Session", func() { signIn("bob@x") }) // the browser's earlier session ends
	about(" update User create Session", func() { signIn("ann@x", attributes("Archer")...) })
	about(" update User create Session", func() { signIn("ann@x", attributes("Baker")...) })
	bob := s.users("bob@x")[0].ID
	about(" delete User", func() { s.remove(schema.UserType, bob) })
	about(" release DeletedUser create User update Group update Group create Session", func() { signIn("bob@x") })
	about(" update User signIn SignIn", func() {
		s.mustModify(schema.UserType, ann, changed("active", false))
		wantStatus(t, s.post(b, connection, "ann@x"), http.StatusForbidden)
	})
	if changed := directorytest.CheckEvents(t, etcd, s.root); changed["User"] < 6 || changed["DeletedUser"] < 1 {
		t.Errorf("changed: %v", changed)
	}
}

// told is what the Events tell, the oldest first: action and type.
func (s *site) told() string {
	s.t.Helper()
	page, err := s.org.Query(s.t.Context(), directory.Query{Type: "Event", Limit: 1000})
	if err != nil {
		s.t.Fatal(err)
	}
	told := ""
	for _, e := range page.Resources {
		told = " " + e.Text("action") + " " + e.Text("resource.type") + told
	}
	return told
}
