package directory_test

import (
	"strings"
	"testing"
	"time"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/schema"
)

// A User who begins one session after the other keeps the latest; those of others are not touched.
func TestSessionsOfAUserAreBounded(t *testing.T) {
	d := home(t)
	connection := create(t, d, "IdentityProvider", schema.Document{"displayName": "idp", "enabled": true})
	many, other := createUser(t, d, "many"), createUser(t, d, "other")
	begin := func(user *directory.Resource) (secret string) {
		if _, err := d.Update(t.Context(), func(tx *directory.Tx) (err error) {
			secret, err = tx.CreateSession(user.ID, connection.ID, tx.Now().Add(time.Hour))
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return secret
	}
	theirs := begin(other)
	var secrets []string
	for range directory.MaxSessionsOfUser + 5 {
		secrets = append(secrets, begin(many))
	}
	valid := func(secret string) bool {
		_, err := d.Authenticate(t.Context(), directory.Credential{Session: secret})
		return err == nil
	}
	for i, secret := range secrets {
		if want := i >= 5; valid(secret) != want {
			t.Errorf("session %d of %d is valid: %t", i, len(secrets), !want)
		}
	}
	if !valid(theirs) {
		t.Error("another User's session has ended")
	}
}

// An organization at its bound begins no more sessions, whoever signs in, until some have ended; another one does.
func TestSessionsOfAnOrganizationAreBounded(t *testing.T) {
	c := newClock()
	s := directorytest.Open(t, directorytest.Client(t), directory.Options{Root: directorytest.Root(), MaxSessions: 3,
		Now: c.Now})
	create(t, s.System(), "Organization", schema.Document{"name": "other"})
	begin := func(d *directory.Directory, user, connection *directory.Resource) (secret string, err error) {
		_, err = d.Update(t.Context(), func(tx *directory.Tx) (err error) {
			secret, err = tx.CreateSession(user.ID, connection.ID, tx.Now().Add(time.Hour))
			return err
		})
		return secret, err
	}
	d, other := s.Organization("default"), s.Organization("other")
	connection := create(t, d, "IdentityProvider", schema.Document{"displayName": "idp"})
	ann, bob := createUser(t, d, "ann"), createUser(t, d, "bob")
	var secrets []string
	for _, user := range []*directory.Resource{ann, ann, bob} {
		secret, err := begin(d, user, connection)
		if err != nil {
			t.Fatal(err)
		}
		secrets = append(secrets, secret)
	}
	for _, user := range []*directory.Resource{ann, bob} {
		_, err := begin(d, user, connection)
		if wantKind(t, err, directory.Full); !strings.Contains(err.Error(), "3 sessions") {
			t.Errorf("the limit is not named: %v", err)
		}
	}
	if _, err := begin(other, createUser(t, other, "u"),
		create(t, other, "IdentityProvider", schema.Document{"displayName": "idp"})); err != nil {
		t.Errorf("in another organization: %v", err)
	}

	// One ends, and the next begins; the others went on meanwhile.
	if err := withSession(t, d, secrets[0]).SignOut(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := begin(d, bob, connection); err != nil {
		t.Errorf("after a sign-out: %v", err)
	}
	withSession(t, d, secrets[1])
	withSession(t, d, secrets[2])

	// Those that expire make room with the next sweep.
	c.advance(2 * time.Hour)
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := begin(d, ann, connection); err != nil {
			t.Errorf("after the others expired: %v", err)
		}
	}
}

// withSession acts with a session.
func withSession(t *testing.T, d *directory.Directory, secret string) *directory.Directory {
	t.Helper()
	bound, err := d.Authenticate(t.Context(), directory.Credential{Session: secret})
	if err != nil {
		t.Fatal(err)
	}
	return bound
}
