package directory_test

import (
	"strings"
	"sync"
	"testing"

	"rollcall/directory"
	"rollcall/directory/schema"
)

// A dry run that another change overtakes is judged again on what that left.
func TestDryRunLosesARace(t *testing.T) {
	d := home(t)
	for _, c := range []struct {
		name string
		mine func(u *directory.Resource) change
		meet func(u *directory.Resource) change
		kind directory.Kind // 0: none
	}{
		{"deleted meanwhile", func(u *directory.Resource) change {
			return modify("User", u.ID, schema.Document{"title": "a"})
		}, func(u *directory.Resource) change { return remove("User", u.ID) }, directory.NotFound},
		{"changed meanwhile", func(u *directory.Resource) change {
			return modify("User", u.ID, schema.Document{"title": "a"})
		}, func(u *directory.Resource) change { return modify("User", u.ID, schema.Document{"nickName": "b"}) }, 0},
		{"the name taken meanwhile", func(*directory.Resource) change {
			return func(tx *directory.Tx) error {
				_, err := tx.Create("User", schema.Document{"userName": "wanted"})
				return err
			}
		}, func(u *directory.Resource) change {
			return modify("User", u.ID, schema.Document{"userName": "wanted"})
		}, directory.Exists},
	} {
		t.Run(c.name, func(t *testing.T) {
			u, runs := createUser(t, d, strings.ReplaceAll(c.name, " ", "-")), 0
			mine := c.mine(u)
			s, err := d.DryRun().Update(t.Context(), func(tx *directory.Tx) error {
				if runs++; runs == 1 {
					if err := mine(tx); err != nil {
						return err
					}
					update(t, d, c.meet(u)) // after it was read
					return nil
				}
				return mine(tx)
			})
			if c.kind != 0 {
				wantKind(t, err, c.kind)
			} else if r, err := s.Get("User", u.ID); err != nil || r.Text("title") != "a" || r.Text("nickName") != "b" {
				t.Errorf("the answer is %s, %v", r.JSON, err)
			}
			if runs != 2 {
				t.Errorf("it ran %d times", runs)
			}
			if r, err := snapshot(t, d).Get("User", u.ID); err == nil && r.Text("title") != "" {
				t.Errorf("it was carried out: %s", r.JSON)
			}
		})
	}
}

// Dry runs beside changes share nothing with them: each sees what it does itself, and the store only what was done.
func TestDryRunsBesideChanges(t *testing.T) {
	d := home(t)
	g, u, v := createGroup(t, d, "g"), createUser(t, d, "u"), createUser(t, d, "v")
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 50 {
				s, err := d.DryRun().Update(t.Context(), add(g.ID, v.ID))
				if err != nil || !s.IsMember(g.ID, v.ID) {
					t.Errorf("the dry run has no member: %v", err)
					return
				}
			}
		})
		all.Go(func() {
			for range 50 {
				for _, c := range []change{add(g.ID, u.ID), take(g.ID, u.ID)} {
					if _, err := d.Update(t.Context(), c); err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	all.Wait()
	if s := snapshot(t, d); s.IsMember(g.ID, v.ID) || s.MemberCount(g.ID) != 0 {
		t.Error("a dry run added a member")
	}
}

// What a transaction could not carry is refused by the dry run as by the change.
func TestDryRunKnowsLimits(t *testing.T) {
	d := home(t)
	large := strings.Repeat("x", directory.MaxDocument*9/10)
	two := func(tx *directory.Tx) error {
		for _, name := range []string{"a", "b"} {
			if _, err := tx.Create("User", schema.Document{"userName": name, "title": large}); err != nil {
				return err
			}
		}
		return nil
	}
	_, dry := d.DryRun().Update(t.Context(), two)
	_, real := d.Update(t.Context(), two)
	wantKind(t, dry, directory.TooLarge)
	if real == nil || !strings.HasPrefix(real.Error(), dry.Error()) { // etcd's words follow
		t.Errorf("the dry run says %q, the change %q", dry, real)
	}
}
