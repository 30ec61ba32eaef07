package directory_test

import (
	"testing"
	"time"

	"rollcall/directory"
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
