package directory_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/schema"
)

// An organization has a bounded number of connections; whoever deletes one may have another.
func TestMaxConnections(t *testing.T) {
	d := directorytest.New(t).Organization("default")
	var changes []func(*directory.Tx) error
	for i := range directory.MaxConnections {
		changes = append(changes, func(tx *directory.Tx) error {
			_, err := tx.Create("IdentityProvider", schema.Document{"displayName": fmt.Sprint("idp ", i)})
			return err
		})
	}
	if err := errors.Join(d.UpdateEach(t.Context(), changes)...); err != nil {
		t.Fatal(err)
	}
	one := func(tx *directory.Tx) error {
		_, err := tx.Create("IdentityProvider", schema.Document{"displayName": "more"})
		return err
	}
	_, err := d.Update(t.Context(), one)
	if directory.KindOf(err) != directory.TooLarge || !strings.Contains(err.Error(), "200 connections") {
		t.Fatalf("one too many: %v", err)
	}
	update(t, d, func(tx *directory.Tx) error {
		for r := range tx.Snapshot().All("IdentityProvider") {
			return tx.Delete(r)
		}
		return nil
	})
	_, err = d.Update(t.Context(), func(tx *directory.Tx) error { return errors.Join(one(tx), one(tx)) })
	if directory.KindOf(err) != directory.TooLarge {
		t.Errorf("two at once where there is room for one: %v", err)
	}
	s := update(t, d, one)

	// What is derived of all of them is made once for each state.
	made := 0
	for range 3 {
		s.Once("key", func() any { made++; return made })
	}
	if made != 1 {
		t.Errorf("made %d times", made)
	}
}

// An organization has so many Roles of its own, and one change can't make more of them.
func TestMaxRoles(t *testing.T) {
	d := directorytest.New(t).Organization("default")
	role := func(i int) change {
		return func(tx *directory.Tx) error {
			_, err := tx.Create("Role", schema.Document{"value": fmt.Sprint("role ", i)})
			return err
		}
	}
	var changes []func(*directory.Tx) error
	for i := range directory.MaxRoles - 1 {
		changes = append(changes, role(i))
	}
	if err := errors.Join(d.UpdateEach(t.Context(), changes)...); err != nil {
		t.Fatal(err)
	}
	_, err := d.Update(t.Context(), func(tx *directory.Tx) error { return errors.Join(role(-1)(tx), role(-2)(tx)) })
	wantKind(t, err, directory.TooLarge)
	update(t, d, role(-1))
	_, err = d.Update(t.Context(), role(-2))
	if wantKind(t, err, directory.TooLarge); !strings.Contains(err.Error(), "500 roles") {
		t.Errorf("the limit is not named: %v", err)
	}
}
