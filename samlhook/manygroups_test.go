package samlhook

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"rollcall/directory"
	"rollcall/directory/filter"
	"rollcall/directory/schema"
)

// join makes the Users members of n ordinary groups and then of one that gives the role administrator, each directly.
func (s *site) join(n int, users ...directory.ID) (last directory.ID) {
	s.t.Helper()
	var changes []func(*directory.Tx) error
	for i := range n {
		changes = append(changes, func(tx *directory.Tx) error {
			g, err := tx.Create(schema.GroupType, schema.Document{"displayName": fmt.Sprint("team ", i)})
			if err != nil {
				return err
			}
			return tx.AddMembers(g, users)
		})
	}
	if err := errors.Join(s.org.UpdateEach(s.t.Context(), changes)...); err != nil {
		s.t.Fatal(err)
	}
	return s.createGroup("Administrators", administrators, users...)
}

// All groups of a person in 3,000 count for sign-in, for its rights and in filters, however few of them are shown.
func TestSignInWithManyGroups(t *testing.T) {
	s := newSite(t)
	connection := s.own(jit())
	wantStatus(t, s.post(s.browser(), connection, "person@x"), http.StatusSeeOther)
	person := s.users("person@x")[0].ID
	stranger := s.createUser(schema.Document{"userName": "stranger@x"})
	last := s.join(3000, person, stranger)

	// Who is linked signs in, and has the rights that the last group gives.
	b := s.browser()
	landed := s.post(b, connection, "person@x")
	wantStatus(t, landed, http.StatusSeeOther)
	wantStatus(t, b.step(landed.Header.Get("Location"), nil), http.StatusSeeOther)
	s.lastSignIn(OutcomeSignedIn, ReasonSignedIn)
	d, err := s.org.Authenticate(t.Context(), directory.Credential{Session: b.session(s)})
	if err != nil || d.Actor().User != person || !d.Actor().Rights.Has(directory.ScopeAdmin) {
		t.Errorf("the session: %v, %v", d, err)
	}

	// Who would be linked is refused, because the last group means more than membership.
	s.post(s.browser(), connection, "stranger@x")
	s.lastSignIn(OutcomeRefused, ReasonPrivilegedUser)

	// A filter finds both by it.
	e, err := filter.Parse(`groups.value eq "`+last.String()+`"`, filter.Options{})
	if err != nil {
		t.Fatal(err)
	}
	page, err := s.org.Query(t.Context(), directory.Query{Type: schema.UserType, Filter: e, Limit: 3})
	if err != nil || page.Total != 2 {
		t.Errorf("%d Users are in the last group, %v", page.Total, err)
	}

	// Without it, they have no more rights than others.
	s.remove(schema.GroupType, last)
	if d, err = s.org.Authenticate(t.Context(), directory.Credential{Session: b.session(s)}); err != nil ||
		d.Actor().Rights != directory.ScopeSelf {
		t.Errorf("the session without the group: %v, %v", d, err)
	}
	s.post(s.browser(), connection, "stranger@x")
	s.lastSignIn(OutcomeSignedIn, ReasonLinked)
}
