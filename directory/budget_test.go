package directory_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"rollcall/directory"
	"rollcall/directory/directorytest"
	"rollcall/directory/schema"
)

// An organization stores no more than its budget; the error names it. What only takes away is always possible, and
// other organizations are not concerned.
func TestBudget(t *testing.T) {
	for _, c := range []struct {
		name   string
		budget map[string]any
		grow   func(n int) func(*directory.Tx) error
		says   string
	}{
		{"resources", map[string]any{"resources": json.Number("10")}, func(n int) func(*directory.Tx) error {
			return func(tx *directory.Tx) error {
				_, err := tx.Create("User", schema.Document{"userName": fmt.Sprint(n)})
				return err
			}
		}, "budget.resources: the organization may have 10 and would have 11"},
		{"bytes of documents", map[string]any{"bytes": json.Number("1048576")}, func(n int) func(*directory.Tx) error {
			return func(tx *directory.Tx) error {
				_, err := tx.Create("User", schema.Document{"userName": fmt.Sprint(n), "title": strings.Repeat("x", 100<<10)})
				return err
			}
		}, "budget.bytes: the organization may have 1048576"},
		{"bytes of one document", map[string]any{"bytes": json.Number("1048576")}, func(n int) func(*directory.Tx) error {
			return func(tx *directory.Tx) error {
				for u := range tx.Snapshot().Find("User", "userName", "first") {
					return modify("User", u.ID, schema.Document{"title": strings.Repeat("x", n*200<<10)})(tx)
				}
				return nil
			}
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := directorytest.New(t)
			d := s.Organization("default")
			first, org := createUser(t, d, "first"), snapshot(t, d).Organization()
			update(t, s.System(), modify("Organization", org.ID, schema.Document{"budget": c.budget}))
			var err error
			n := 1
			for ; err == nil && n < 100; n++ {
				_, err = d.Update(t.Context(), c.grow(n))
			}
			wantBudget(t, err, c.says)
			wantReloaded(t, s, directorytest.Client(t))

			// Others go on, and this one after a deletion.
			update(t, s.System(), func(tx *directory.Tx) error {
				_, err := tx.Create("Organization", schema.Document{"name": "other"})
				return err
			})
			createUser(t, s.Organization("other"), "x")
			update(t, d, modify("User", first.ID, schema.Document{"active": false}))
			for u := range snapshot(t, d).All("User") {
				update(t, d, remove("User", u.ID))
			}
			for stone := range snapshot(t, d).All("DeletedUser") {
				update(t, d, remove("DeletedUser", stone.ID))
			}
			createUser(t, d, "afterwards")
		})
	}
}

func wantBudget(t *testing.T, err error, says string) {
	t.Helper()
	if says == "" { // the document's own limit may come first
		if k := directory.KindOf(err); k != directory.Full && k != directory.TooLarge {
			t.Errorf("%v", err)
		}
		return
	}
	wantKind(t, err, directory.Full)
	if err != nil && !strings.Contains(err.Error(), says) {
		t.Errorf("%v, want %q", err, says)
	}
}

// A credential of the organization cannot change its budget.
func TestBudgetIsTheSystems(t *testing.T) {
	d := home(t)
	secret, _ := token(t, d, scoped("admin"))
	org := snapshot(t, d).Organization()
	_, err := bearer(t, d, secret).Update(t.Context(), modify("Organization", org.ID,
		schema.Document{"budget": map[string]any{"resources": json.Number("5")}}))
	wantKind(t, err, directory.Forbidden)
}
